"""Takes the armour off a key: from text as it stands in source code or configuration to the bytes within.

Keys are pasted into string literals of every language, into one line with written-out line breaks, into JSON
and YAML, behind comment marks. What is left of each line after its decoration must be base64; anything else
shows that it is no key but a placeholder or a piece of documentation.
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from tokenward.leaks.detectors.compiling import compiled

_LONGEST: Final = 65_536
_LONGEST_OPEN: Final = 4096  # where the last line is missing
_BREAKS: Final = (
    b"\\r\\n",
    b"\\\\n",
    b"\\n",
    b"\\r",
    b"&#10;",
    b"&#13;",
    b"&#xA;",
    b"&#xD;",
    b"&#xa;",
    b"<br>",
)
_QUOTES: Final = b"\"'`"
_BASE64: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
_LETTERS: Final = _BASE64 - frozenset(b"+/=")


@dataclass(frozen=True, slots=True)
class Armored:
    """One block from BEGIN to END.

    Attributes:
        label: what stands after BEGIN, such as b"RSA PRIVATE KEY".
        start: offset of the block in the text.
        end: offset after it.
        headers: the lines before the body (RFC 1421 §4.6), names in lower case.
        body: the base64 text, joined.
        data: what it decodes to; b"" where it is no base64.
        closed: whether the END line is there.
    """

    label: bytes
    start: int
    end: int
    headers: dict[bytes, bytes]
    body: bytes = field(repr=False)
    data: bytes = field(repr=False)
    closed: bool


@cache
def _begin() -> Any:  # noqa: ANN401 - re2 has no types
    return compiled(rb"-----BEGIN ((?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?)-----")


def blocks(data: bytes, start: int) -> Iterator[Armored]:
    """The armoured private keys of the text whose bodies are plausible, in order."""
    for match in _begin().finditer(data, start):
        label: bytes = match.group(1)
        inside = match.end()
        end_line = b"-----END " + label + b"-----"
        end = data.find(end_line, inside, inside + _LONGEST)
        following = data.find(b"-----BEGIN ", inside, inside + _LONGEST)
        closed = end >= 0 and not 0 <= following < end
        if not closed:
            # Without its last line, the body ends with the paragraph.
            last = inside + _LONGEST_OPEN
            end = min(at for at in (following, data.find(b"\n\n", inside, last), last) if at >= 0)
        undressed = _undress(data[inside:end])
        if undressed is None:
            continue
        headers, body = undressed
        stop = end + len(end_line) if closed else min(end, len(data))
        yield Armored(label, match.start(), stop, headers, body, _decode(body), closed)


def _undress(inside: bytes) -> tuple[dict[bytes, bytes], bytes] | None:
    """Headers and body of a block; None where a line is neither."""
    for written in _BREAKS:
        if written in inside:
            inside = inside.replace(written, b"\n")
    headers: dict[bytes, bytes] = {}
    body: list[bytes] = []
    for line in inside.split(b"\n"):
        bare = _bare(line)
        name, colon, value = bare.partition(b":")
        if colon and not body:
            headers[name.strip().lower()] = value.strip()
        elif all(byte in _BASE64 for word in bare.split() for byte in word):
            body += bare.split()
        else:
            return None
    return headers, b"".join(body)


def _bare(line: bytes) -> bytes:
    """A line of armour without the source code around it."""
    line = line.strip()
    if all(byte in _BASE64 for byte in line):
        return line  # most: and a body's line may begin with "+" or "/", as comments and sums do
    for quote in _QUOTES:
        if (at := line.find(quote)) >= 0:
            head, tail = line[:at], line[at + 1 :]
            closing = tail.find(quote)
            if closing >= 0:
                return tail[:closing].strip()
            # The rest of the literal in which the key begins or ends; "+" may belong to it, or to the code.
            part = head if any(byte in _LETTERS for byte in head) else tail
            return part.strip(b" \\") if any(byte in _LETTERS for byte in part) else b""
    return line.lstrip(b"#*>|; \t").removeprefix(b"//").rstrip(b"\\,; \t").strip()


def _decode(body: bytes) -> bytes:
    # PGP's checksum (RFC 9580 §6.1) follows after "=": it is no part of the data.
    main = body
    if (at := body.rfind(b"=")) == len(body) - 5 and at >= 0:
        main = body[:at]
    try:
        return base64.b64decode(main + b"=" * (-len(main) % 4), validate=True)
    except binascii.Error:
        return b""
