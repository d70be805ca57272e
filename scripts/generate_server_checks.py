"""Writes `docs/reference/server-checks.md` from the tables of checks.

`tests/docs/test_generated.py` fails when the page and the tables disagree.
"""

import sys
from pathlib import Path

from generate_reference import REFERENCE, code, page, table, write

from tokenward.auditor.findings import Check
from tokenward.auditor.servers.audit import ACTS, PUBLISHED

PAGE = REFERENCE / "server-checks.md"

_INTRODUCTION = """
What `tokenward audit server` looks for ([how to](../how-to/audit-an-authorization-server.md)). A report tells
of each finding besides what an attacker does with it. Ids are stable.
"""


_TRIED = """
The checks that follow are made with `--active` only, by requests that should be refused. What follows from
how answers look, and is not seen itself, has a confidence beside it.
"""

_HEADS = ("check", "what is wrong", "severity", "why", "remedy", "written in")


def section(title: str, checks: list[Check]) -> str:
    """A table of checks under a title."""
    rows = [
        (
            code(each.id),
            each.title,
            each.severity.name.lower(),
            each.why,
            each.fix,
            ", ".join(each.references),
        )
        for each in checks
    ]
    return f"## {title}\n\n" + table(
        ("check", "what is wrong", "severity", "why", "remedy", "written in"), rows
    )


def generated() -> dict[Path, str]:
    """The page as it should be."""
    published = [
        section(f"What is published: {part}", [rule.check for rule in rules])
        for part, rules in PUBLISHED.items()
    ]
    tried = [section(f"Tried: {part}", [act.check for act in acts]) for part, acts in ACTS.items()]
    return {PAGE: page("Checks of an authorization server", _INTRODUCTION, *published, _TRIED, *tried)}


if __name__ == "__main__":
    sys.exit(write(generated()))
