"""The world of the gateway's tests behind a real nginx."""

import asyncio
import contextlib
import os

import pytest

from engines.behind import behind, started
from tokenward.app.engines import nginx
from tokenward.app.engines.program import EngineMissing
from tokenward.gateway.doors.limits import Limits


def program():
    """nginx with its Lua module; without it the test is skipped, but not where everything is to be there."""
    try:
        return nginx.found()
    except EngineMissing as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))


@contextlib.contextmanager
def running(plan, directory):
    """nginx with that plan, from the moment that it listens."""
    program()
    nginx.write(plan, directory)
    # One worker has one set of connections to upstreams, which tests count.
    configured = directory / nginx.CONFIGURATION
    configured.write_text(configured.read_text().replace("worker_processes auto;", "worker_processes 1;"))
    with started(nginx.command(directory), plan, directory / "log") as process:
        yield process


def through(scenario, *, answering=None, keeps=0, more=None, **limits):
    """Run `scenario(gateway)` against a fresh one; `answering` makes of its decisions something else."""
    program()

    async def run():
        given = {"keeps": keeps, **(more or {})}
        async with behind(running, Limits(**limits), answering, **given) as gateway:
            await asyncio.wait_for(scenario(gateway), 20)

    asyncio.run(run())
