"""`tokenward up --engine nginx` beside nginx alone, and how long a revoked token is still good there.

With kept decisions the peer is nginx that only proxies; without them, nginx that asks somebody who says yes
to everything (`auth_request`).
"""

from collections.abc import Iterator

import revoked
from cases import FEW
from load import Request, Target
from nginx import nginx, program
from revoked import Felt
from servers import Ours, python_server, tokenward

PATH = "/weather/forecast/lisbon"
KEPT = 2  # seconds


def comparisons(backend: str) -> Iterator[tuple[str, str, Target, Target]]:
    """Title, name of the peer, the peer, and ours; each runs until the next is asked for."""
    found = program()
    if found is None:
        return
    with tokenward(backend, engine="nginx") as ours, python_server("backend.py", "yes") as authorizer:
        target = _target(ours)
        with nginx(found, backend, authorizer) as url:
            yield "up --engine nginx", "nginx, auth_request yes", _like(target, url), target
    with tokenward(backend, engine="nginx", kept=KEPT) as ours, nginx(found, backend) as url:
        target = _target(ours)
        yield f"up --engine nginx, kept {KEPT}s", "nginx, proxying alone", _like(target, url), target


def revocations(backend: str, *, count: int) -> Iterator[tuple[str, int, Felt]]:
    """How long so many revoked tokens were still good under load, by the seconds that decisions were kept."""
    if program() is None:
        return
    for kept in (0, 1, KEPT):
        with tokenward(backend, engine="nginx", kept=kept) as ours:
            yield (
                f"nginx{f', kept {kept}s' if kept else ''}",
                kept,
                revoked.measure(ours, PATH, count=count, kept=bool(kept)),
            )


def _target(ours: Ours) -> Target:
    requests = [Request(authorization=f"Bearer {token}") for token in ours.issuer.mint("tokens", FEW)]
    return Target(ours.gateway + PATH, lambda: requests)


def _like(target: Target, url: str) -> Target:
    return Target(url + PATH, target.requests)
