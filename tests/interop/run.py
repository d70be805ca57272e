"""Drives our issuer and gateway with clients that we did not write, over TLS on loopback.

And our gateway with the tokens of an issuer that we did not write, our sign-in and our library with the
people of one. It fails if a flow fails that a library has. `--write` writes docs/interop.md.
"""

import argparse
import platform
import shutil
import subprocess
import sys

from interop import agents, apache, audited, described, library, signing_in, strangers, vouched
from interop.house import House, running_house
from interop.installed import WORK, node, python
from interop.page import PAGE, Result, document, versions
from interop.visiting import VISITORS, visited


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
            results[visitor.library] = visited(visitor, house)
        beside = servers(house)
    as_described = apis_are_as_described()
    issued, signed_in, applied, used_there = issuers()
    command = node()
    said = audited.said_of(command) if command is not None else []
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
    if (
        arguments.write
        and as_described
        and not failures
        and len(results) == len(VISITORS)
        and len(beside) == 2
        and issued
    ):
        PAGE.write_text(page, encoding="utf-8")
        print(f"written: {PAGE}", file=sys.stderr)
    return 1 if failures or not as_described else 0


def apis_are_as_described() -> bool:
    """Whether each API does what its document says, as far as schemathesis can tell."""
    command = python()
    if command is None:
        print(f"{described.LIBRARY} is not installed, and left out", file=sys.stderr)
        return True
    shutil.rmtree(WORK / "described", ignore_errors=True)
    with described.running(WORK / "described") as house:
        found = [_is_as_described(command, house, api) for api in described.APIS]
    return all(found)


def _is_as_described(command: str, house: described.Described, api: str) -> bool:
    print(f"{described.LIBRARY} calls {api}", file=sys.stderr)
    done = described.held_against_document(command, house, api, examples=100)
    if done.returncode != 0:
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
    return done.returncode == 0


def issuers() -> tuple[dict[str, list[Result]], ...]:
    """What becomes of the tokens and of the people of the one issuer that we have, if it is installed.

    Of tokens at our gateway, of people at our issuer, of people at an application of our library, and of the
    library itself.
    """
    command = node()
    if command is None:
        print(f"{strangers.LIBRARY} is not installed, and left out", file=sys.stderr)
        return {}, {}, {}, {}
    print(f"{strangers.LIBRARY} issues", file=sys.stderr)
    issued = {strangers.LIBRARY: strangers.visited(command, WORK / "stranger")}
    print(f"{vouched.LIBRARY} signs people in", file=sys.stderr)
    signed_in = {vouched.LIBRARY: vouched.visited(command, WORK / "vouched")}
    print(f"{signing_in.LIBRARY} signs people in to an application of the library", file=sys.stderr)
    applied = {signing_in.LIBRARY: signing_in.visited(command, WORK / "signing-in")}
    print(f"{library.LIBRARY} gives tokens to the library", file=sys.stderr)
    return issued, signed_in, applied, {library.LIBRARY: library.visited(command, WORK / "library")}


def servers(house: House) -> dict[str, list[Result]]:
    """What becomes of servers of others that stand beside ours: a web server, and one of tools for agents."""
    found = {}
    if apache.version() is None:
        print(f"{apache.MODULE} is not installed, and left out", file=sys.stderr)
    else:
        print(f"{apache.MODULE} visits", file=sys.stderr)
        found[apache.MODULE] = apache.visited(house)
    command = python()
    if command is None:
        print(f"{agents.LIBRARY} is not installed, and left out", file=sys.stderr)
    else:
        print(f"{agents.LIBRARY} visits", file=sys.stderr)
        found[agents.LIBRARY] = agents.visited(house, command)
    return found


def node_version() -> str:
    command = node()
    if command is None:
        return "none"
    return subprocess.run([command, "--version"], capture_output=True, text=True, check=True).stdout.strip()[
        1:
    ]


if __name__ == "__main__":
    sys.exit(main())
