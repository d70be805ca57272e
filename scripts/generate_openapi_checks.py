"""Writes `docs/reference/openapi-checks.md` from the tables of checks.

`tests/docs/test_generated.py` fails when the page and the tables disagree.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

from generate_reference import REFERENCE, code, page, table, write

from tokenward.auditor.findings import Check
from tokenward.auditor.openapi import score
from tokenward.auditor.openapi.profiles import PROFILES, Profile
from tokenward.auditor.openapi.score import PARTS, POINTS
from tokenward.auditor.openapi.table import CHECKS

PAGE = REFERENCE / "openapi-checks.md"


def generated() -> dict[Path, str]:
    """The page as it should be."""
    sections = []
    for category in dict.fromkeys(category for _, category in CHECKS):
        mine = [check for check, its in CHECKS if its == category]
        points = f"{POINTS[category]} points" if category in POINTS else "no points"
        sections.append(f"## {category.capitalize()} ({points})")
        sections += [explained(check) for check in mine]
    profiles = [
        (code(each.name), each.says, ", ".join(_differences(each)) or "nothing") for each in PROFILES.values()
    ]
    parts = [(severity.name.lower(), f"{part:g}") for severity, part in PARTS.items()]
    return {
        PAGE: page(
            "Checks of OpenAPI documents",
            """
What `tokenward audit openapi` looks for, in OpenAPI 2.0, 3.0, 3.1 and 3.2. How to use it:
[audit an OpenAPI document](../how-to/audit-an-openapi-document.md). What was measured:
[beside others](../openapi-audit.md).
""",
            "## Profiles",
            table(("profile", "for", "what differs"), profiles),
            "## Score",
            _prose(score.__doc__ or ""),
            table(("severity", "part"), parts),
            *sections,
        )
    }


def explained(check: Check) -> str:
    """A check with its heading, and all that a report tells of it."""
    parts = (
        f"### `{check.id}`",
        f"{check.title} ({check.severity.name.lower()}). {check.why}",
        f"Attack: {check.attack}",
        f"Fix: {check.fix}",
        f"See: {', '.join(check.references)}",
    )
    return "\n\n".join(parts)


def _differences(profile: Profile) -> Iterator[str]:
    for check, severity in profile.severities.items():
        yield f"{code(check)} {'does not count' if severity is None else severity.name.lower()}"


def _prose(docstring: str) -> str:
    """A docstring without its first paragraph, as Markdown: what is indented is code."""
    paragraphs = docstring.strip().split("\n\n")[1:]
    return "\n\n".join(
        f"```\n{dedent(each)}\n```" if each.startswith("    ") else each for each in paragraphs
    )


if __name__ == "__main__":
    sys.exit(write(generated()))
