"""What engines in front cost, each beside itself without our decisions. Each engine is a module of its own.

Whatever answers is on one core and whatever asks, with the backend, on another: on two cores, `wrk` would
otherwise take from whichever server is the faster one.
"""

import contextlib
import os
from collections.abc import Iterator

import door_envoy
import door_nginx
from load import Comparison, compare
from revoked import Felt
from servers import python_server

CONNECTIONS = (16, 64)
DOORS = (door_envoy, door_nginx)
ROUNDS, ROUNDS_QUICKLY = 9, 2


def cores() -> tuple[set[int], set[int]]:
    """For servers, and for who loads them; the same ones where there is but one."""
    first, *others = sorted(os.sched_getaffinity(0))
    return {first}, set(others[:1] or [first])


def placed() -> str:
    """Where everything runs, in a line."""
    servers, clients = (",".join(map(str, each)) for each in cores())
    return f"engine and gateway on core {servers}, wrk and backend on core {clients}"


@contextlib.contextmanager
def on(chosen: set[int]) -> Iterator[None]:
    """What is started meanwhile runs there, as by taskset(1)."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, chosen)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def measure(*, quick: bool) -> Iterator[Comparison]:
    """Rounds of all of them."""
    servers, clients = cores()
    rounds = ROUNDS_QUICKLY if quick else ROUNDS
    with on(clients), python_server("backend.py") as backend:
        for door in DOORS:
            with on(servers):
                for title, name, peer, ours in door.comparisons(backend):
                    with on(clients):
                        for connections in CONNECTIONS:
                            yield compare(
                                title, name, peer, ours, connections=connections, rounds=rounds, seconds=1
                            )


def revocations(*, quick: bool) -> Iterator[tuple[str, int, Felt]]:
    """How long revoked tokens were still good: the door, the seconds that it keeps decisions, and that."""
    servers, clients = cores()
    with on(clients), python_server("backend.py") as backend, on(servers):
        for door in DOORS:
            yield from door.revocations(backend, count=40 if quick else 1000)
