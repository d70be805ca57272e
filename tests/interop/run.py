"""Drives our issuer and gateway with clients that we did not write, over TLS on loopback.

And our gateway with the tokens of an issuer that we did not write, our sign-in and our library with the
people of one. It fails if a flow fails that a library has. `--write` writes docs/interop.md.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from interop import agents, apache, audited, library, signing_in, strangers, vouched
from interop.house import House, running_house
from interop.page import PAGE, Result, document, versions

HERE = Path(__file__).parent
WORK = Path(__file__).parents[2] / ".cache" / "interop"


@dataclass(frozen=True)
class Visitor:
    """A library, and the program that uses it."""

    library: str
    program: str
    packages: tuple[str, ...]

    @property
    def command(self) -> str | None:
        """What runs the program, None where it is not installed."""
        if self.program.endswith(".py"):
            return str(WORK / "venv" / "bin" / "python")
        return shutil.which("node") if (WORK / "node_modules" / "openid-client").is_dir() else None


VISITORS = (
    Visitor("openid-client", "openid_client.mjs", ("openid-client", "undici")),
    Visitor("oauth4webapi", "oauth4webapi.mjs", ("oauth4webapi", "jose", "undici")),
    Visitor("Authlib", "authlib_client.py", ("authlib", "joserfc")),
    Visitor("requests-oauthlib", "requests_oauthlib_client.py", ("requests-oauthlib", "pyjwt")),
    Visitor("requests_oauth2client", "requests_oauth2client_client.py", ("requests-oauth2client", "jwskate")),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make interop", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/interop.md")
    arguments = parser.parse_args()
    results: dict[str, list[Result]] = {}
    with running_house(WORK / "house") as house:
        for visitor in VISITORS:
            if visitor.command is None:
                print(f"{visitor.library} is not installed, and left out", file=sys.stderr)
                continue
            print(f"{visitor.library} visits", file=sys.stderr)
            results[visitor.library] = visited(visitor, visitor.command, house.directory)
        beside = servers(house)
    issued, signed_in, applied, used_there = issuers()
    node = strangers.command(WORK)
    said = audited.said_of(node) if node is not None else []
    results_of_all = [
        *results.items(),
        *beside.items(),
        *issued.items(),
        *signed_in.items(),
        *applied.items(),
        *used_there.items(),
    ]
    failures = [row for _, rows in results_of_all for row in rows if row.works is False]
    used = {visitor.library: versions(visitor.packages) for visitor in VISITORS if visitor.library in results}
    used |= {name: versions((name,)) for name in issued}
    if apache.MODULE in beside:
        used[apache.MODULE] = f"{apache.PACKAGE} {apache.version()}"
    if agents.LIBRARY in beside:
        used[agents.LIBRARY] = versions(agents.PACKAGES)
    page = document(
        results, issued, signed_in, applied, used_there, beside, said, used,
        node=node_version(), python=platform.python_version(),
    )  # fmt: skip
    print(page[page.index("| flow") :])
    for name, rows in results_of_all:
        for row in rows:
            if row.works is False:
                print(f"FAILS: {name}, {row.flow}: {row.note}", file=sys.stderr)
    if arguments.write and not failures and len(results) == len(VISITORS) and len(beside) == 2 and issued:
        PAGE.write_text(page, encoding="utf-8")
        print(f"written: {PAGE}", file=sys.stderr)
    return 1 if failures else 0


def issuers() -> tuple[dict[str, list[Result]], ...]:
    """What becomes of the tokens and of the people of the one issuer that we have, if it is installed.

    Of tokens at our gateway, of people at our issuer, of people at an application of our library, and of the
    library itself.
    """
    node = strangers.command(WORK)
    if node is None:
        print(f"{strangers.LIBRARY} is not installed, and left out", file=sys.stderr)
        return {}, {}, {}, {}
    print(f"{strangers.LIBRARY} issues", file=sys.stderr)
    issued = {strangers.LIBRARY: strangers.visited(node, WORK / "stranger")}
    print(f"{vouched.LIBRARY} signs people in", file=sys.stderr)
    signed_in = {vouched.LIBRARY: vouched.visited(node, WORK / "vouched")}
    print(f"{signing_in.LIBRARY} signs people in to an application of the library", file=sys.stderr)
    applied = {signing_in.LIBRARY: signing_in.visited(node, WORK / "signing-in")}
    print(f"{library.LIBRARY} gives tokens to the library", file=sys.stderr)
    return issued, signed_in, applied, {library.LIBRARY: library.visited(node, WORK / "library")}


def servers(house: House) -> dict[str, list[Result]]:
    """What becomes of servers of others that stand beside ours: a web server, and one of tools for agents."""
    found = {}
    if apache.version() is None:
        print(f"{apache.MODULE} is not installed, and left out", file=sys.stderr)
    else:
        print(f"{apache.MODULE} visits", file=sys.stderr)
        found[apache.MODULE] = apache.visited(house)
    print(f"{agents.LIBRARY} visits", file=sys.stderr)
    found[agents.LIBRARY] = agents.visited(
        house, WORK / "venv" / "bin" / "python", environment(house.directory)
    )
    return found


def visited(visitor: Visitor, command: str, directory: Path) -> list[Result]:
    """Each row that the program prints; one that fails if it ended early."""
    ran = subprocess.run(
        [command, str(HERE / "clients" / visitor.program), str(directory / "place.json")],
        capture_output=True, text=True, timeout=300, check=False, env=environment(directory),
    )  # fmt: skip
    rows = [Result(**json.loads(line)) for line in ran.stdout.splitlines()]
    if ran.returncode != 0:
        rows.append(Result("the whole visit", works=False, note=ran.stderr.strip().splitlines()[-1]))
    return rows


def environment(directory: Path) -> Mapping[str, str]:
    """Without proxies, and with the house's certificate among those that are trusted."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    certificate = str(directory / "server.pem")
    return {**kept, "NODE_EXTRA_CA_CERTS": certificate, "REQUESTS_CA_BUNDLE": certificate}


def node_version() -> str:
    node = shutil.which("node")
    if node is None:
        return "none"
    return subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()[1:]


if __name__ == "__main__":
    sys.exit(main())
