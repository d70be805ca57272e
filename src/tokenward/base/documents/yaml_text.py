"""YAML, from the events of libyaml (a C library) where it is there, otherwise of PyYAML's own parser."""

import math
import re
from itertools import islice
from typing import Any

import yaml

from tokenward.base.documents.building import Builder
from tokenward.base.documents.source import Lines

MAX_DIGITS = 300

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT_TAG = "tag:yaml.org,2002:str"
_CONSTANTS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED_INTEGER = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NUMBER_STARTS = frozenset("+-.0123456789")
_FOREIGN = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Ends of lines in YAML 1.1, which libyaml reads, and none in 1.2 (§5.4).
_BREAKS = "\x85\u2028\u2029"


def build(text: str, lines: Lines, builder: Builder, *, lenient: bool) -> None:
    """Give `builder` all that `text` holds.

    Raises:
        SourceError: it is no YAML, has a second document, or what the builder refuses.
    """
    foreign = _FOREIGN.search(text, 1 if text.startswith("\ufeff") else 0)
    if foreign is not None:
        told = "not YAML: a character that YAML does not allow"
        builder.remark("syntax", told, "remove control characters", foreign.start())
        text = _FOREIGN.sub("\ufffd", text)
    stand_ins = _stand_ins(text)
    meant = str.maketrans(stand_ins, _BREAKS if stand_ins else "")
    if stand_ins:
        text = text.translate(str.maketrans(_BREAKS, stand_ins))
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if stand_ins and isinstance(event, yaml.ScalarEvent):
                event.value = event.value.translate(meant)
            if _take(event, lines, builder, lenient=lenient):
                return
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        told = f"not YAML: {error.problem or error.context}"
        at = min(mark.index, len(text)) if mark else 0
        raise lines.error("syntax", told, "check indentation and quotes", at) from None
    except (yaml.YAMLError, ValueError, OverflowError):
        raise lines.error("syntax", "not YAML", "check the characters in it", 0) from None


def _stand_ins(text: str) -> str:
    """Characters that `text` does not hold, in the place of those that libyaml would take for line ends."""
    if text.isascii() or not any(each in text for each in _BREAKS):
        return ""
    held = set(text)
    free = (chr(code) for code in range(0xE000, 0x10FFFE) if chr(code) not in held)
    return "".join(islice(free, len(_BREAKS)))


def _take(event: Any, lines: Lines, builder: Builder, *, lenient: bool) -> bool:  # noqa: ANN401 - untyped library
    """Account for one event; True if that was the last one wanted."""
    kind = type(event)
    if kind is yaml.ScalarEvent:
        _scalar(event, lines, builder, lenient=lenient)
    elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
        builder.end()
    elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
        if event.tag is not None:
            _tagged(event, builder)
        builder.start({} if kind is yaml.MappingStartEvent else [], event.start_mark.index, event.anchor)
    elif kind is yaml.AliasEvent:
        builder.alias(event.anchor, event.start_mark.index)
    elif kind is yaml.DocumentStartEvent and not builder.empty:
        told = "a second document starts here"
        builder.remark("several-documents", told, "keep one document a file", event.start_mark.index)
        return True
    return False


def _scalar(event: Any, lines: Lines, builder: Builder, *, lenient: bool) -> None:  # noqa: ANN401 - as above
    text, at = event.value, event.start_mark.index
    plain = event.implicit[0] and event.tag is None
    if builder.expects_key():
        if text == "<<" and plain:
            builder.merge(at)
        else:
            builder.key(text, at)
        return
    if event.tag is not None and event.tag != _TEXT_TAG:
        _tagged(event, builder)
    builder.value(_plain(text, at, lines, lenient=lenient) if plain else text, at, event.anchor)


def _tagged(event: Any, builder: Builder) -> None:  # noqa: ANN401 - as above
    told = "YAML tags are not used here"
    builder.remark("tag", told, "remove the word that starts with !", event.start_mark.index)


def _plain(text: str, at: int, lines: Lines, *, lenient: bool) -> str | int | float | bool | None:
    """The value of an unquoted scalar (YAML 1.2 §10.3.2)."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if len(text) <= MAX_DIGITS:
        if _INTEGER.fullmatch(text):
            return int(text)
        if _BASED_INTEGER.fullmatch(text):
            return int(text, 0)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if math.isfinite(number):
                return number
            if not lenient:
                raise lines.error("number", "a number too large to compute with", "quote it", at)
    elif not lenient and (
        _INTEGER.fullmatch(text) or _BASED_INTEGER.fullmatch(text) or _FLOAT.fullmatch(text)
    ):
        raise lines.error("number", f"a number of more than {MAX_DIGITS} digits", "quote it", at)
    return text
