"""A target whose tokens Envoy's `jwt_authn` verifies, configured as its documentation says."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from e2e.bank import until

_ROOT = Path(__file__).parents[2]
_FILTERS = "type.googleapis.com/envoy.extensions.filters"
_MANAGER = f"{_FILTERS}.network.http_connection_manager.v3.HttpConnectionManager"


def program() -> str:
    """Where Envoy is. The test is skipped where it is not installed."""
    places = [_ROOT / kept / "envoy" / "bin" / "envoy" for kept in (".cache", "benchmarks/.cache")]
    found = next((str(place) for place in places if place.exists()), shutil.which("envoy"))
    if found is None and os.environ.get("CI") == "true":
        pytest.fail("Envoy is missing")
    if found is None:
        pytest.skip("Envoy is not installed: scripts/test-tools.sh does it")
    return found


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def _cluster(name: str, port: int) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": _address(port)}}
    return {
        "name": name,
        "type": "STATIC",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _bootstrap(port: int, backend: int, issuer: int, audience: str) -> dict[str, Any]:
    url = f"http://127.0.0.1:{issuer}"
    keys = {"http_uri": {"uri": f"{url}/jwks.json", "cluster": "issuer", "timeout": "5s"}}
    provider = {"issuer": url, "audiences": [audience], "remote_jwks": keys}
    authentication = {
        "@type": f"{_FILTERS}.http.jwt_authn.v3.JwtAuthentication",
        "providers": {"test": provider},
        "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "test"}}],
    }
    route = {"match": {"prefix": "/"}, "route": {"cluster": "backend"}}
    manager = {
        "@type": _MANAGER,
        "stat_prefix": "probed",
        "http_filters": [
            {"name": "envoy.filters.http.jwt_authn", "typed_config": authentication},
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_FILTERS}.http.router.v3.Router"},
            },
        ],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {
        "static_resources": {
            "listeners": [{"address": _address(port), "filter_chains": [chain]}],
            "clusters": [_cluster("backend", backend), _cluster("issuer", issuer)],
        }
    }


@contextlib.contextmanager
def envoy(directory: Path, backend: int, audience: str) -> Generator[tuple[str, int]]:
    """Its origin, and the port at which it looks for the test issuer."""
    found, port, issuer = program(), _free(), _free()
    path = directory / "envoy.json"
    path.write_text(json.dumps(_bootstrap(port, backend, issuer, audience)))
    command = [found, "--concurrency", "1", "--log-level", "off", "--disable-hot-restart"]
    with subprocess.Popen([*command, "--config-path", str(path)], stderr=subprocess.DEVNULL) as process:
        try:
            assert until(lambda: _listens(port), 30)
            yield f"http://127.0.0.1:{port}", issuer
        finally:
            process.terminate()
            process.wait(30)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False
