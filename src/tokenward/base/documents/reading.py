"""From bytes to a `Source`: strictly for what we are configured by, leniently for what we are to judge."""

from pathlib import Path

from tokenward.base.documents import json_text
from tokenward.base.documents.building import Builder
from tokenward.base.documents.source import Bounds, Lines, Source, SourceError

CONFIGURATION = Bounds(size=5_000_000, depth=100, values=500_000)
"""Of a file that we are configured by."""


def parse(content: bytes, path: Path, bounds: Bounds = CONFIGURATION) -> Source:
    """Read a file's content: JSON where the name ends in `.json`, YAML otherwise.

    Args:
        content: the bytes.
        path: only names it.
        bounds: how much is read.

    Raises:
        SourceError: it goes beyond the bounds, is no UTF-8, no YAML or JSON, says a key twice, or uses what
            JSON cannot say.
    """
    text = _text(content, bounds)
    lines = Lines(text)
    builder = Builder(lines, bounds, None)
    _build(text, lines, builder, as_json=path.suffix.lower() == ".json", lenient=False)
    if builder.empty:
        raise _empty()
    return Source(path, builder.root, lines, builder.start_at, builder.marks)


def parse_leniently(content: bytes, path: Path, bounds: Bounds) -> Source:
    """Read as much as can be read of what somebody else wrote.

    It is read as JSON where the name ends in `.json` or the first character opens an object, unless only
    YAML can read it. Of a key that is there twice the last value counts, tags mean nothing, merge keys are
    followed, and nothing after the first document is read; `remarks` tells of each.

    Raises:
        SourceError: it is too large, no UTF-8, or there is nothing before where it stops being data.
    """
    text = _text(content, bounds)
    lines = Lines(text)
    as_json = path.suffix.lower() == ".json" or text.lstrip()[:1] == "{"
    source = _tolerant(text, lines, path, bounds, as_json=as_json)
    if as_json and source.broken is not None and source.broken.code == "syntax":
        as_yaml = _tolerant(text, lines, path, bounds, as_json=False)
        if as_yaml.broken is None:
            source = as_yaml
    if source.data is None:
        raise source.broken or _empty()
    return source


def _tolerant(text: str, lines: Lines, path: Path, bounds: Bounds, *, as_json: bool) -> Source:
    remarks: list[SourceError] = []
    builder = Builder(lines, bounds, remarks)
    broken: SourceError | None = None
    try:
        _build(text, lines, builder, as_json=as_json, lenient=True)
    except SourceError as error:
        broken = error
        builder.abandon()
    root = None if builder.empty else builder.root
    return Source(path, root, lines, builder.start_at, builder.marks, tuple(remarks), broken)


def _build(text: str, lines: Lines, builder: Builder, *, as_json: bool, lenient: bool) -> None:
    if as_json:
        json_text.build(text, lines, builder, lenient=lenient)
        return
    from tokenward.base.documents import yaml_text  # noqa: PLC0415 - most of what reads JSON needs no YAML

    yaml_text.build(text, lines, builder, lenient=lenient)


def _text(content: bytes, bounds: Bounds) -> str:
    if len(content) > bounds.size:
        raise SourceError("file-too-large", f"the file is larger than {bounds.size} bytes", "split it")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SourceError("not-utf-8", "the file is not UTF-8", "save it as UTF-8", line) from None


def _empty() -> SourceError:
    return SourceError("empty", "the file is empty", "write something into it")
