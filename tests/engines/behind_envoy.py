"""The world of the gateway's tests behind a real Envoy."""

import asyncio
import contextlib

from engines import behind as engine
from targets.envoy import program
from tokenward.app.engines import envoy
from tokenward.gateway.doors.limits import DEFAULT_LIMITS, Limits

ALLOW = ((b"tokenward-decision", b"allow"), (b"tokenward-api", b"bank"))
"""The least that lets a request to the gateway's API `bank` pass."""


@contextlib.contextmanager
def running(plan, directory):
    """Envoy with that plan, from the moment that it listens."""
    found = program()
    for name, text in envoy.render(plan).items():
        (directory / name).write_text(text)
    command = [found, "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"]
    command += ["--config-path", str(directory / "envoy.yaml")]
    with engine.started(command, plan, directory / "envoy.log") as process:
        yield process


def behind(answering=None, limits=DEFAULT_LIMITS, **more):
    """A gateway behind Envoy; `answering` stands for its decisions."""
    program()
    return engine.behind(running, limits, (lambda _own: answering) if answering else None, **more)


def through(scenario, **limits):
    """Run `scenario(gateway)` against a fresh one."""

    async def run():
        async with behind(limits=Limits(**limits)) as running:
            await asyncio.wait_for(scenario(running), 20)

    asyncio.run(run())
