"""Clients that we did not write, each a program around a library, and what comes of their visits."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from interop import installed
from interop.house import House
from interop.page import CLIENTS, Result

PATIENCE = 300  # seconds for a visit


@dataclass(frozen=True)
class Visitor:
    """A library, and the program that uses it."""

    library: str
    program: str
    packages: tuple[str, ...]

    @property
    def command(self) -> str | None:
        """What runs the program, None where it is not installed."""
        return installed.python() if self.program.endswith(".py") else installed.node()


VISITORS = (
    Visitor("openid-client", "openid_client.mjs", ("openid-client", "undici")),
    Visitor("oauth4webapi", "oauth4webapi.mjs", ("oauth4webapi", "jose", "undici")),
    Visitor("Authlib", "authlib_client.py", ("authlib", "joserfc")),
    Visitor("requests-oauthlib", "requests_oauthlib_client.py", ("requests-oauthlib", "pyjwt")),
    Visitor("requests_oauth2client", "requests_oauth2client_client.py", ("requests-oauth2client", "jwskate")),
)


def visited(visitor: Visitor, house: House, flows: Sequence[str] = ()) -> list[Result]:
    """What came of a visitor that is installed.

    Args:
        visitor: who.
        house: where.
        flows: the rows that are wanted; all of them unless it is said.
    """
    assert visitor.command is not None
    return rows_of(visitor.command, visitor.program, house, flows)


def rows_of(command: str, program: str, house: House, flows: Sequence[str] = ()) -> list[Result]:
    """Each row that the program prints; one that fails if it ended early."""
    ran = subprocess.run(
        [command, str(CLIENTS / program), str(house.directory / "place.json"), *flows],
        capture_output=True, text=True, timeout=PATIENCE, check=False, env=environment(house.directory),
    )  # fmt: skip
    rows = [Result(**json.loads(line)) for line in ran.stdout.splitlines()]
    if ran.returncode != 0:
        said = ran.stderr.strip().splitlines() or ["it said nothing"]
        rows.append(Result("the whole visit", works=False, note=said[-1]))
    return rows


def environment(directory: Path) -> Mapping[str, str]:
    """Without proxies, and with the house's certificate among those that are trusted."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    certificate = str(directory / "server.pem")
    return {**kept, "NODE_EXTRA_CA_CERTS": certificate, "REQUESTS_CA_BUNDLE": certificate}
