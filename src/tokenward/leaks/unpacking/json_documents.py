"""Sources inside JSON: source maps (ECMA-426) and Jupyter notebooks (nbformat 4).

In both, whole files stand as JSON strings, with every quote and line feed escaped.
"""

import json
from collections.abc import Iterator
from typing import Any

from tokenward.leaks.unpacking.limits import Budget
from tokenward.leaks.unpacking.member import Flaw, Member

_AGAINST_INCLUSION = b")]}'"  # may stand before a source map (ECMA-426 §8)


def source_map_members(data: bytes, _name: str, budget: Budget) -> Iterator[Member | Flaw]:
    """See `kinds.Reader`. Each source by the name that the map gives it."""
    if data.startswith(_AGAINST_INCLUSION):
        data = data[data.find(b"\n") + 1 :]
    document = _object(data)
    if document is None:
        yield Flaw("a source map that is no JSON")
        return
    sections = document.get("sections")
    maps: list[Any] = [document]
    if isinstance(sections, list):
        maps += [section.get("map") for section in sections if isinstance(section, dict)]
    for each in maps:
        if isinstance(each, dict):
            yield from _sources(each, budget)


def _sources(document: dict[str, Any], budget: Budget) -> Iterator[Member]:
    names, contents = document.get("sources"), document.get("sourcesContent")
    if not isinstance(contents, list):
        return
    for at, content in enumerate(contents):
        if not isinstance(content, str):
            continue
        name = names[at] if isinstance(names, list) and at < len(names) else None
        yield _member(name if isinstance(name, str) else f"source {at}", content, budget)


def notebook_members(data: bytes, _name: str, budget: Budget) -> Iterator[Member | Flaw]:
    """See `kinds.Reader`. Each cell's source and its outputs."""
    document = _object(data)
    if document is None:
        yield Flaw("a notebook that is no JSON")
        return
    cells = document.get("cells")
    if not isinstance(cells, list):  # nbformat 3
        worksheets = document.get("worksheets")
        cells = [
            cell
            for sheet in (worksheets if isinstance(worksheets, list) else [])
            if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list)
            for cell in sheet["cells"]
        ]
    for number, cell in enumerate(cells, 1):
        if not isinstance(cell, dict):
            continue
        if source := _joined(cell.get("source", cell.get("input"))):
            yield _member(f"cell {number}", source, budget)
        outputs = list(_texts(cell.get("outputs"))) + list(_texts(cell.get("attachments")))
        if outputs:
            yield _member(f"output of cell {number}", "\n".join(outputs), budget)


def _member(name: str, text: str, budget: Budget) -> Member:
    budget.count_member()
    data = text.encode("utf-8", "surrogatepass")
    budget.take(len(data))
    return Member(name, data)


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(data.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _joined(value: object) -> str:
    """A text that may be a list of its lines."""
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""


def _texts(value: object) -> Iterator[str]:
    """All texts in there; lists of texts are lines of one."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if text := _joined(value):
            yield text
        elif isinstance(value, dict):
            waiting.extend(reversed(value.values()))
        elif isinstance(value, list):
            waiting.extend(reversed(value))
