"""Writes what came of the visits: one table, a flow a row, a library a column."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

CLIENTS = Path(__file__).parent / "clients"
PAGE = Path(__file__).parents[2] / "docs" / "interop.md"
TEMPLATE = (Path(__file__).parent / "template.md").read_text(encoding="utf-8")
SIGNS = {True: "works", None: "–", False: "**fails**"}


@dataclass(frozen=True)
class Result:
    """What came of one flow; `works` is None where the library has no such flow."""

    flow: str
    works: bool | None
    note: str


def pins() -> Mapping[str, str]:
    """Package → version, as the manifests pin them."""
    node = json.loads((CLIENTS / "package.json").read_text(encoding="utf-8"))["dependencies"]
    python = (CLIENTS / "requirements.txt").read_text(encoding="utf-8")
    return {**node, **dict(re.findall(r"^([\w-]+)==(\S+)$", python, re.MULTILINE))}


def versions(packages: Iterable[str]) -> str:
    return ", ".join(f"{name} {pins()[name]}" for name in packages)


def document(
    results: Mapping[str, Sequence[Result]],
    issued: Mapping[str, Sequence[Result]],
    signed_in: Mapping[str, Sequence[Result]],
    applied: Mapping[str, Sequence[Result]],
    used_there: Mapping[str, Sequence[Result]],
    beside: Mapping[str, Sequence[Result]],
    audited: Sequence[str],
    used: Mapping[str, str],
    *,
    node: str,
    python: str,
) -> str:
    """The page, in Markdown.

    Args:
        results: what came of clients, by library.
        issued: of tokens of another issuer.
        signed_in: of its people at our issuer.
        applied: of its people at an application of our library.
        used_there: of our library at that issuer.
        beside: of servers of others that stand beside ours, by their names.
        audited: the lines of an audit of that issuer.
        used: the versions of all of them.
        node: the version of Node.
        python: of Python.
    """
    flows = list(dict.fromkeys(row.flow for rows in results.values() for row in rows))
    by_flow = {library: {row.flow: row for row in rows} for library, rows in results.items()}
    notes: list[str] = []

    def cell(row: Result | None) -> str:
        if row is None:
            return ""
        if not row.note or row.works is False:
            return SIGNS[row.works]
        if row.note not in notes:
            notes.append(row.note)
        return f"{SIGNS[row.works]} <sup>{notes.index(row.note) + 1}</sup>"

    lines = [" | ".join([flow, *(cell(rows.get(flow)) for rows in by_flow.values())]) for flow in flows]
    table = [f"| flow | {' | '.join(results)} |", f"| --- |{' --- |' * len(results)}"]
    table += [f"| {line} |" for line in lines]
    packages = "\n".join(f"- {library}: {said}" for library, said in used.items())
    numbered = "\n".join(f"{number}. {note}" for number, note in enumerate(notes, 1))
    return TEMPLATE.format(
        date=datetime.now(UTC).date(), node=node, python=python, packages=packages,
        table="\n".join(table), notes=numbered,
        issued=_listed(issued), signed_in=_listed(signed_in), applied=_listed(applied),
        used_there=_listed(used_there),
        apache=_listed_of(beside, "mod_auth_openidc"), mcp=_listed_of(beside, "mcp"),
        audited="\n".join(audited),
    )  # fmt: skip


def _listed_of(results: Mapping[str, Sequence[Result]], name: str) -> str:
    return _listed({name: results[name]}) if name in results else "It was not installed."


def _listed(results: Mapping[str, Sequence[Result]]) -> str:
    return "\n".join(f"- {row.flow}: {_said(row)}" for rows in results.values() for row in rows)


def _said(row: Result) -> str:
    return f"{SIGNS[None]} {row.note}" if row.works is None else SIGNS[row.works]
