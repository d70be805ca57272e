"""What stands around a value and says of it: that it is none, or that it is an example."""

import re
from typing import Final

from tokenward.leaks.detectors.assignments.languages import Kind
from tokenward.leaks.text import Text

_WINDOW: Final = 2000  # bytes before a value, in which a template may have begun
_LINES: Final = 2  # on either side, in which what belongs together stands
_NO_ADDRESS: Final = b"\"'`<>()[] \t\r\n\f\v"
_PARTED: Final = bytes.maketrans(_NO_ADDRESS, b" " * len(_NO_ADDRESS))
_PICTURE: Final = re.compile(rb"(?:\.svg|/badge)\b")
_SEALED: Final = re.compile(
    rb"(?i)\b\w{0,24}(?:encrypted|localized\w{0,8})[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?:true|yes)\b"
)
_INDEX: Final = re.compile(rb"(?i)\bindex_?name[\"']?\s{0,4}[:=]")
_COLUMN: Final = re.compile(rb"(?i)\bvalues\s?\([\"']?$")
_SEARCH_KEY: Final = re.compile(rb"[0-9a-f]{32}")
_REMARK: Final = re.compile(rb"[ \t]*(?:#(?!define)|//|/\*|\*|--|;|<!--|(?i:rem)[ \t])")


def none(text: Text, start: int, value: bytes) -> str:
    """Why the value that begins there is no secret, or "".

    Args:
        text: in which it stands.
        start: its offset.
        value: without its quotes.
    """
    data = text.data
    if data[start - 1 : start] not in {b'"', b"'", b"`"} and _templated(data, start):
        return "an expression of a template"
    address = data[max(0, start - _WINDOW // 4) : start].translate(_PARTED).rpartition(b" ")[2]
    if _PICTURE.search(address):
        return "for a picture that everybody sees"
    if _COLUMN.search(data, max(0, start - 12), start):
        return "the first column of a row, and not of its table's kind"
    around = _around(data, start, start + len(value))
    if _sealed(around):
        return "encrypted, as is said beside it"
    if _SEARCH_KEY.fullmatch(value) and _INDEX.search(around):
        return "a key that may only search, made to be public"
    return ""


def remark(text: Text, kind: Kind, name: int, between: bytes) -> bool:
    """Whether an assignment stands in a comment or in documentation, for people to read.

    Args:
        text: in which it stands.
        kind: of file.
        name: offset of the name.
        between: what stands between name and value.
    """
    if kind is Kind.PROSE:
        return False
    data = text.data
    if text.suffix == ".py" and between.startswith(b":") and b"=" not in between:
        return True  # no assignment in Python: YAML in a string, as documentation shows it
    return _REMARK.match(data, data.rfind(b"\n", 0, name) + 1, name) is not None


def _templated(data: bytes, at: int) -> bool:
    """Whether `{{` or `{%` began before it and has not ended."""
    first = max(0, at - _WINDOW)
    return any(
        data.rfind(begin, first, at) > data.rfind(end, first, at)
        for begin, end in ((b"{{", b"}}"), (b"{%", b"%}"))
    )


def _sealed(around: bytes) -> bool:
    lower = around.lower()  # some ten times as fast to search as the expression
    return (b"encrypted" in lower or b"localized" in lower) and _SEALED.search(around) is not None


def _around(data: bytes, start: int, end: int) -> bytes:
    """The lines before and after."""
    for _ in range(_LINES + 1):
        start = max(data.rfind(b"\n", max(0, start - _WINDOW), start), 0)
        end = data.find(b"\n", end + 1, end + _WINDOW) if end >= 0 else end
    return data[start : end if end >= 0 else start + 2 * _WINDOW]
