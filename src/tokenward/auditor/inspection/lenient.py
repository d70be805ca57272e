"""Reading what no validator would read, and noting why it would not: text in base64url, and JSON.

Everything is bounded before it is parsed: whoever wrote the token may have written it against its reader.
"""

import base64
import json
import math
import re
from binascii import Error
from dataclasses import dataclass
from typing import Any

from tokenward.tokens import base64url, strict_json

MAX_LEVELS = 64
MAX_VALUES = 20_000
MAX_DIGITS = 40  # of an integer: beyond it no program keeps one exactly that is not made for it

_SPACE = re.compile(r"\s+")
_ALPHABET = re.compile(r"[0-9A-Za-z_-]*")


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON text, read as far as it can be.

    Attributes:
        value: what it holds; None where it cannot be read (and where it is `null`).
        why: why it cannot be read; "" if it can.
        twice: names that stand twice in one object; the last one counted.
        odd: in words, what strict readers refuse and others read in different ways.
    """

    value: Any
    why: str = ""
    twice: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()


def octets(text: str) -> tuple[bytes | None, str]:
    """What base64url means, and in words what is wrong with the spelling.

    Returns:
        The octets, or None where it is no base64 of any sort; and "" where the spelling is the canonical one.
    """
    try:
        return base64url.decode(text), ""
    except ValueError:
        pass
    bare = _SPACE.sub("", text)
    wrong = ["white space"] if bare != text else []
    if "=" in bare:
        wrong.append("padding (=)")
        bare = bare.rstrip("=")
    if "+" in bare or "/" in bare:
        wrong.append("characters of the other alphabet (+ or /)")
        bare = bare.translate({ord("+"): "-", ord("/"): "_"})
    if not _ALPHABET.fullmatch(bare):
        return None, "characters that no base64 has"
    try:
        data = base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except Error:
        return None, "a length that no base64 has"
    if base64url.encode(data) != bare:
        wrong.append("stray bits in its last character")
    return data, ", ".join(wrong)


def read(data: bytes) -> Document:
    """The JSON text in `data`, if it is one of a size that a token can have."""
    odd: list[str] = []
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
        odd.append("octets that are no UTF-8")
    if text.startswith("\ufeff"):
        odd.append("a byte order mark")
        text = text[1:]
    try:
        levels, values = strict_json.extent(text, MAX_LEVELS)
    except ValueError:
        return Document(None, "its brackets do not match, so it is no JSON")
    if levels > MAX_LEVELS:
        return Document(None, f"it is nested deeper than {MAX_LEVELS} levels")
    if values > MAX_VALUES:
        return Document(None, f"it has more than {MAX_VALUES:,} values")
    reader = _Reader(odd)
    try:
        value = reader.decoder.decode(text)
    except ValueError:
        return Document(None, "it is no JSON")
    return Document(value, "", tuple(dict.fromkeys(reader.twice)), tuple(dict.fromkeys(odd)))


class _Reader:
    """A decoder that notes what it meets."""

    def __init__(self, odd: list[str]) -> None:
        self.odd = odd
        self.twice: list[str] = []
        self.decoder = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_int=self._integer,
            parse_float=self._float,
            parse_constant=self._constant,
        )

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) != len(pairs):
            seen: set[str] = set()
            for name, _ in pairs:
                if name in seen:
                    self.twice.append(name)
                seen.add(name)
        return members

    def _integer(self, digits: str) -> int | str:
        if len(digits) > MAX_DIGITS:
            self.odd.append(f"an integer of {len(digits):,} digits")
            return f"(an integer of {len(digits):,} digits)"
        number = int(digits)
        if abs(number) > strict_json.MAX_INTEGER:
            self.odd.append("an integer beyond 2⁵³ - 1, which programs read as different numbers")
        return number

    def _float(self, digits: str) -> float | str:
        number = float(digits)
        if math.isfinite(number):
            return number
        self.odd.append("a number out of range")
        return "(a number out of range)"

    def _constant(self, name: str) -> str:
        self.odd.append(f"{name}, which is not JSON")
        return f"({name})"
