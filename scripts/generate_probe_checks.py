"""Writes `docs/reference/probe-checks.md` from the tables of checks.

`tests/docs/test_generated.py` fails when the page and the tables disagree.
"""

import sys
from pathlib import Path

from generate_reference import REFERENCE, page, write
from generate_server_checks import section

from tokenward.auditor.probing.request_checks import REQUEST_CHECKS
from tokenward.auditor.probing.token_checks import token_checks

PAGE = REFERENCE / "probe-checks.md"

_INTRODUCTION = """
What `tokenward probe` looks for ([how to](../how-to/probe-an-api.md)). A report tells of each finding besides
what was sent, and what an attacker does with it. Ids are stable.

A check on tokens is fired as many rows of the [attack table](../attacks.md), by the names that stand there.
Rows that the specifications allow to accept are not fired.
"""


def generated() -> dict[Path, str]:
    """The page as it should be."""
    sections = [
        section("What a token says, and who signed it", list(token_checks())),
        section("How it is presented, refused and kept", list(REQUEST_CHECKS)),
    ]
    return {PAGE: page("Checks of a probe", _INTRODUCTION, *sections)}


if __name__ == "__main__":
    sys.exit(write(generated()))
