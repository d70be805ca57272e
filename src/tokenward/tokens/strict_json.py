"""JSON objects read so that no two parsers can disagree about them (RFC 8259 and the advice of RFC 7493).

UTF-8 without a byte order mark, no name twice, no NaN or Infinity, no lone surrogates, bounded depth and
bounded numbers. A claim that one program reads and another overlooks is how checks are passed by.
"""

# ruff: noqa: TRY004 - JSON of the wrong type is a bad value from outside, not a wrong call

import json
import math
import re
from json.scanner import make_scanner
from typing import Any, NoReturn

MAX_DEPTH = 8
MAX_INTEGER = 2**53 - 1  # beyond it programs disagree about integers (RFC 7493 §2.2)
_MAX_DIGITS = len(str(-MAX_INTEGER))
_MAX_WIDE_DIGITS = len(str(-(2**63)))

_STRINGS = re.compile(
    r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL
)  # the closing quote is optional so that it stays linear

_ALIKE = bytes.maketrans(b"[]{}", b"()()")
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def read_object(data: bytes) -> dict[str, Any]:
    """The object that `data` holds.

    Raises:
        ValueError: it is anything but one strict JSON object.
    """
    text = data.decode("utf-8")  # UnicodeDecodeError is a ValueError
    # Most tokens are flat, and have nothing escaped: telling so by single characters costs next to nothing.
    if (text.find("{", 1) >= 0 or "[" in text) and _too_deep(text):
        raise ValueError(f"deeper than {MAX_DEPTH} levels")
    try:
        value, end = _SCAN(text, 0)  # decode() would look for white space at both ends as well
    except StopIteration:
        value, end = None, 0
    if end != len(text):
        value = _DECODER.decode(text)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    if "\\" in text:
        _refuse_lone_surrogates(value)
    return value


def read_value(text: str) -> Any:  # noqa: ANN401 - any JSON
    """The value that `text` holds, with integers of up to 64 bits. Its extent is the caller's to bound.

    Raises:
        ValueError: it is anything but one strict JSON value.
    """
    value = _WIDE_DECODER.decode(text)
    if "\\" in text:
        _refuse_lone_surrogates(value)
    return value


def extent(text: str, most: int) -> tuple[int, int]:
    """How many levels the JSON `text` has, and at most how many values: told before parsing, which recurses.

    Exact for up to `most` levels, and more than `most` for more.

    Raises:
        ValueError: the brackets do not match, so that it is no JSON.
    """
    bare = "".join(text.split('"')[::2]) if "\\" not in text else _STRINGS.sub("", text)
    values = 1 + bare.count(",") + bare.count("{") + bare.count("[")
    brackets = bare.encode("ascii", "replace").translate(_ALIKE, _NO_BRACKETS)
    levels = 0
    while brackets and levels <= most:
        inner = brackets.replace(b"()", b"")
        if len(inner) == len(brackets):
            raise ValueError("brackets that do not match")
        brackets = inner
        levels += 1
    return levels, values


def _too_deep(text: str) -> bool:
    return extent(text, MAX_DEPTH)[0] > MAX_DEPTH


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name is there twice")
    return members


def _integer(digits: str) -> int:
    # The length first: reading thousands of digits takes time, and Python refuses them in its own words.
    if len(digits) > _MAX_DIGITS or abs(number := int(digits)) > MAX_INTEGER:
        raise ValueError("an integer beyond 2⁵³ - 1")
    return number


def _wide_integer(digits: str) -> int:
    if len(digits) > _MAX_WIDE_DIGITS or not -(2**63) <= (number := int(digits)) < 2**64:
        raise ValueError("an integer of more than 64 bits")
    return number


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number out of range")
    return number


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _refuse_lone_surrogates(value: object) -> None:
    json.dumps(value, ensure_ascii=False).encode("utf-8")  # UnicodeEncodeError is a ValueError


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)
_WIDE_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_wide_integer, parse_float=_float, parse_constant=_constant
)
_SCAN = make_scanner(_DECODER)  # type: ignore[arg-type]  # the stubs name the wrong class
