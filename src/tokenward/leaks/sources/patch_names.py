"""File names as a unified diff writes them."""

import re

from tokenward.leaks.sources.git import text

_NOTHING = "/dev/null"
_PREFIX = re.compile(r"\A[abciow12]/")  # "a/" and "b/", and what `diff.mnemonicPrefix` writes instead
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)")
_LETTERS = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def name(raw: bytes) -> str | None:
    """The name in a line of "--- " or "+++ ", less these; None for no file.

    `git diff` puts strange names in quotes, and a tab after names with spaces; `diff -u` a tab and the time.
    """
    plain = bare_name(raw)
    return None if plain == _NOTHING else _PREFIX.sub("", plain, count=1)


def bare_name(raw: bytes) -> str:
    """A name without "a/" or "b/" before it, in quotes where it needs them."""
    raw = raw.rstrip(b"\r\n")
    return _unquoted(raw) if raw.startswith(b'"') else text(raw.partition(b"\t")[0])


def new_name(raw: bytes) -> str:
    """The second name in a line of "diff --git ", less that: a guess, for names may have spaces."""
    raw = raw.rstrip(b"\r\n")
    if raw.endswith(b'"'):
        start = raw.rfind(b' "')
        return name(raw[start + 1 :]) or ""
    middle = len(raw) // 2  # both are as long, but for renames, which say their names again
    if raw[middle : middle + 1] == b" ":
        return name(raw[middle + 1 :]) or ""
    return name(raw.rpartition(b" ")[2]) or ""


def _unquoted(raw: bytes) -> str:
    end = raw.rfind(b'"')
    return text(_ESCAPE.sub(_unescaped, raw[1 : end if end > 0 else len(raw)]))


def _unescaped(match: re.Match[bytes]) -> bytes:
    letter = match[1]
    return bytes([int(letter, 8) & 255]) if len(letter) == 3 else _LETTERS.get(letter, letter)
