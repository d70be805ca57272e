"""Writes `docs/reference/inspection-checks.md` from the tables of checks and of meanings.

`tests/docs/test_generated.py` fails when the page and the tables disagree.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from generate_openapi_checks import explained
from generate_reference import REFERENCE, code, page, table, write

from tokenward.auditor.inspection.checks.table import FAMILIES
from tokenward.auditor.inspection.meanings import ALGORITHMS, CLAIMS, HEADERS, Meaning

PAGE = REFERENCE / "inspection-checks.md"

_INTRODUCTION = """
What `tokenward inspect` looks for: {} checks ([how to](../how-to/inspect-a-token.md)). The severity is that
of the check as a rule; a finding may say otherwise, such as of a token that lives an hour or a month. `info`
is worth knowing, and does not change the exit code. Ids are stable.
"""

_MEANINGS = """
## What is explained

Header parameters, claims and algorithms that are explained, and where they are defined. What is in none of
these tables is said to be private, or is explained as a large issuer uses it.
"""


def _meanings(title: str, rows: Mapping[str, Meaning]) -> str:
    ordered = sorted(rows.items(), key=lambda it: it[0].lower())
    cells = [(code(name), meaning.words, meaning.source) for name, meaning in ordered]
    return f"### {title}\n\n" + table(("name", "meaning", "source"), cells)


def generated() -> dict[Path, str]:
    """The page as it should be."""
    number = sum(map(len, FAMILIES.values()))
    families = [
        "\n\n".join([f"## {family}", *(explained(lint.check) for lint in lints)])
        for family, lints in FAMILIES.items()
    ]
    meanings = [
        _meanings(title, rows)
        for title, rows in (("Header parameters", HEADERS), ("Claims", CLAIMS), ("Algorithms", ALGORITHMS))
    ]
    introduction = _INTRODUCTION.format(number)
    return {PAGE: page("Checks of a credential", introduction, *families, _MEANINGS, *meanings)}


if __name__ == "__main__":
    sys.exit(write(generated()))
