"""Envoy as a peer of the gateway: it asks an authorizer about each request (`ext_authz` over HTTP).

The authorizer is a bare socket, as the backend is: it says yes to everything. So Envoy decides
nothing here, and pays for asking alone.
"""

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from servers import CACHE, running

from tokenward.app.listener import bind

_TYPE = "type.googleapis.com/envoy.extensions"
_MANAGER = f"{_TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager"


def program() -> Path | None:
    """Where `scripts/bench-tools.sh` put it; None where it could not."""
    path = CACHE / "envoy" / "bin" / "envoy"
    return path if path.exists() else None


@contextlib.contextmanager
def envoy(envoy_program: Path, backend: str, authorizer: str) -> Iterator[str]:
    """Envoy with one worker thread, as our gateway has one; its URL."""
    with started(envoy_program, lambda port: _bootstrap(port, backend, authorizer)) as url:
        yield url


@contextlib.contextmanager
def started(envoy_program: Path, configured: Callable[[int], dict[str, Any]]) -> Iterator[str]:
    """Envoy with what is configured for a port; its URL."""
    with bind("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(configured(port), file)
        file.flush()
        command = [
            str(envoy_program),
            "--concurrency",
            "1",
            "--log-level",
            "error",
            "--config-path",
            file.name,
        ]
        with running([*command, "--disable-hot-restart"], port, stderr=subprocess.DEVNULL):
            yield f"http://127.0.0.1:{port}"


def _bootstrap(port: int, backend: str, authorizer: str) -> dict[str, Any]:
    clusters = [cluster("backend", backend), cluster("authorizer", authorizer)]
    return bootstrap(port, _authorize(authorizer), clusters)


def _authorize(authorizer: str) -> dict[str, Any]:
    return {
        "name": "envoy.filters.http.ext_authz",
        "typed_config": {
            "@type": f"{_TYPE}.filters.http.ext_authz.v3.ExtAuthz",
            "http_service": {
                "server_uri": {"uri": authorizer, "cluster": "authorizer", "timeout": "5s"},
                "authorization_request": {
                    "allowed_headers": {"patterns": [{"exact": "authorization", "ignore_case": True}]}
                },
            },
        },
    }


def bootstrap(port: int, filtering: dict[str, Any], clusters: list[dict[str, Any]]) -> dict[str, Any]:
    """One filter before the router, to the cluster `backend`."""
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": f"{_TYPE}.filters.http.router.v3.Router"},
    }
    manager = {
        "@type": _MANAGER,
        "stat_prefix": "bench",
        "http_filters": [filtering, router],
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "backend", "timeout": "30s"}}],
                }
            ]
        },
    }
    listener = {
        "address": _address("127.0.0.1", port),
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    }
    return {
        "static_resources": {
            "listeners": [listener],
            "clusters": clusters,
        }
    }


def cluster(name: str, url: str) -> dict[str, Any]:
    place = urlsplit(url)
    endpoint = {"endpoint": {"address": _address(place.hostname or "", place.port or 80)}}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}
