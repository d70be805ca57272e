"""`docs/libraries.md` from what each library did with each row of the table."""

import platform
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tokenward.auditor.libraries.beside.python_libraries import ADAPTERS
from tokenward.auditor.libraries.judging import FAMILIES

TEMPLATE = Path(__file__).with_name("template.md")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "libraries.md"


def document(rows: Sequence[Any], results: Sequence[Any], table_digest: str) -> str:
    """The whole page.

    Args:
        rows: the table of attacks and of key sets.
        results: for each library what it did (`Outcomes`).
        table_digest: of the table that was measured, so that a test can tell when the page is out of date.
    """
    counted = [row for row in rows if row.verdict == "reject"]
    return TEMPLATE.read_text(encoding="utf-8").format(
        digest=table_digest,
        counted=len(counted),
        entries=len({row.entry for row in counted}),
        python=platform.python_version(),
        cryptography=version("cryptography"),
        totals=_totals(counted, results),
        families=_families(counted, results),
        through=_through(counted, results),
        exceptions=_exceptions(counted, results),
        controls=_controls(rows, results),
        notes=_families([row for row in rows if row.verdict == "note"], results),
        uses="\n".join(f"- **{each.name}**: {ADAPTERS[each.name].use}" for each in results),
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _name(result: Any) -> str:
    return result.name


def _totals(rows: Sequence[Any], results: Sequence[Any]) -> str:
    def line(result: Any) -> tuple[str, ...]:
        through = [row for row in rows if result.by_row[row.id] == "accepted"]
        strange = [row for row in rows if result.by_row[row.id] not in {"accepted", "refused"}]
        release = "this one" if _name(result) == "tokenward" else result.release
        entries = len({row.entry for row in through})
        return _name(result), release, f"**{len(through)}**", str(entries), str(len(strange))

    heads = (
        "library",
        "version",
        "rows let through",
        "in so many entries",
        "refused by an unnamed exception",
    )
    return _table(heads, [line(result) for result in results])


def _families(rows: Sequence[Any], results: Sequence[Any]) -> str:
    def line(family: str) -> list[str]:
        of_family = [row for row in rows if row.entry[0] == family]
        counts = [sum(each.by_row[row.id] == "accepted" for row in of_family) for each in results]
        return [f"{family} {FAMILIES[family]}", str(len(of_family)), *map(str, counts)]

    families = [family for family in FAMILIES if any(row.entry[0] == family for row in rows)]
    return _table(["family", "rows", *map(_name, results)], [line(family) for family in families])


def _through(rows: Sequence[Any], results: Sequence[Any]) -> str:
    peers = [each for each in results if any(each.by_row[row.id] == "accepted" for row in rows)]
    lines = [
        [
            f"{row.entry} {row.title}: {row.name}".replace("|", "\\|"),
            *["accepts" if each.by_row[row.id] == "accepted" else "" for each in peers],
        ]
        for row in sorted(rows, key=lambda row: row.entry)
        if any(each.by_row[row.id] == "accepted" for each in peers)
    ]
    return _table(["row", *map(_name, peers)], lines)


def _exceptions(rows: Sequence[Any], results: Sequence[Any]) -> str:
    return _lists(rows, results, lambda outcome: outcome not in {"accepted", "refused"})


def _controls(rows: Sequence[Any], results: Sequence[Any]) -> str:
    controls = [row for row in rows if row.verdict == "accept"]
    return _lists(controls, results, lambda outcome: outcome != "accepted")


def _lists(rows: Sequence[Any], results: Sequence[Any], wanted: Callable[[str], bool]) -> str:
    lines = []
    for each in results:
        found = [
            f"{row.entry} {row.name}" + (f" (`{outcome}`)" if outcome != "refused" else "")
            for row in rows
            if wanted(outcome := each.by_row[row.id])
        ]
        if found:
            lines.append(f"- **{_name(each)}**: {'; '.join(found)}.")
    return "\n".join(lines)
