"""What a running Envoy reads: one file for each kind of thing, replaced as a whole (`path_config_source`)."""

import hashlib
import json
from pathlib import Path

from tokenward.app.engines.envoy_listener import CERTIFICATE, listener
from tokenward.app.engines.envoy_routes import routes
from tokenward.app.engines.envoy_types import Json, address
from tokenward.app.engines.envoy_upstreams import clusters
from tokenward.app.engines.plan import EnginePlan, Place, Tls

ADMIN = "admin.sock"
CLUSTERS, LISTENERS, ROUTES, SECRETS = "clusters.json", "listeners.json", "routes.json", "secrets.json"

_TYPES = {
    CLUSTERS: "envoy.config.cluster.v3.Cluster",
    LISTENERS: "envoy.config.listener.v3.Listener",
    ROUTES: "envoy.config.route.v3.RouteConfiguration",
    SECRETS: "envoy.extensions.transport_sockets.tls.v3.Secret",
}


def source(directory: Path, name: str) -> Json:
    """Where Envoy finds a kind of thing."""
    return {"path_config_source": {"path": str(directory / name)}, "resource_api_version": "V3"}


def start(directory: Path) -> Json:
    """The bootstrap's part that names the files, and where Envoy tells how it is: to us alone."""
    return {
        "node": {"id": "tokenward", "cluster": "tokenward"},
        "admin": {"address": address(Place(socket=directory / ADMIN))},
        "dynamic_resources": {
            "lds_config": source(directory, LISTENERS),
            "cds_config": source(directory, CLUSTERS),
        },
    }


def contents(plan: EnginePlan, directory: Path, *, also: tuple[Json, ...] = ()) -> dict[str, list[Json]]:
    """File → what it holds. `also` are clusters of before, which some requests may still need."""
    tables: list[Json] = []

    def named(scheme: str, certificate: str) -> Json:
        table = routes(plan, scheme=scheme, certificate=certificate)
        table["name"] = f"public-{len(tables)}"
        tables.append(table)
        return {"rds": {"route_config_name": table["name"], "config_source": source(directory, ROUTES)}}

    listens = listener(plan, named, secrets=source(directory, SECRETS))
    known = clusters(plan)
    names = {it["name"] for it in known}
    return {
        CLUSTERS: [*known, *(it for it in also if it["name"] not in names)],
        ROUTES: tables,
        LISTENERS: [listens],
        SECRETS: [] if plan.tls is None else [_secret(plan.tls, directory)],
    }


def put(directory: Path, name: str, resources: list[Json]) -> str:
    """Replace a file as a whole; the version by which Envoy names what it holds."""
    told = [{"@type": f"type.googleapis.com/{_TYPES[name]}", **it} for it in resources]
    version = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]
    fresh = directory / f".{name}"
    fresh.write_text(json.dumps({"version_info": version, "resources": told}), encoding="utf-8")
    fresh.replace(directory / name)
    return version


def stamp(tls: Tls) -> str:
    """Another one whenever the files of the certificate are."""
    stats = [path.stat() for path in (tls.certificate, tls.key)]
    said = repr([(it.st_ino, it.st_mtime_ns, it.st_size) for it in stats])
    return hashlib.sha256(said.encode()).hexdigest()[:12]


def _secret(tls: Tls, directory: Path) -> Json:
    """The certificate by a name of its own for each of its versions: Envoy reads what has a new name."""
    places = {}
    for part, path in (("certificate_chain", tls.certificate), ("private_key", tls.key)):
        link = directory / f"{part}-{stamp(tls)}.pem"
        if not link.is_symlink():
            link.symlink_to(path)
        places[part] = {"filename": str(link)}
    return {"name": CERTIFICATE, "tls_certificate": places}
