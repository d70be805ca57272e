"""Inline comments by which people say that a secret is none: `tokenward:allow reason=made up for the tests`.

It may stand in a comment of any language, on the line of the secret or alone on the line above. Behind other
text on the line above it belongs to that line: a comment lets exactly the secrets pass that it stands beside.
In a string literal it is no comment: what a program says of itself is not what somebody says of it.
Without a reason it lets nothing pass. Markers of other scanners are none of ours: they give no reason.
"""

import re
from dataclasses import dataclass

from tokenward.leaks.text import Text

REACH = 400
"""Bytes around the secret in which the comment is looked for: in generated files a line may be megabytes."""

MOST_REASON = 200
"""Characters of a reason that are kept."""

_LONG_WORD = re.compile(r"\S{20,}")
_MARKER = re.compile(rb"(?<![\w:.-])tokenward:allow(?![\w:.-])(?:[ \t]+reason=(?P<reason>[^\r\n]*))?")
_QUOTED = re.compile(rb"\\?([\"'])(?P<inner>.*?)\\?\1")
_CLOSERS = re.compile(rb"\*/|-->|--%>|%>|#}|}}|\*\)|\]\]|\"\"\"|'''")
# Nothing but what opens a comment: no letter or digit, or a word that opens one.
_OPENER = re.compile(rb"[^\w\x80-\xff]*(?:(?:rem|dnl)[ \t]+)?", re.IGNORECASE)


_QUOTES = (b'"', b"'", b"`")
_COMMENT = re.compile(rb"#|//|/?\*|<!--|--|;|%|\(\*|\{#|!|(?i:\b(?:rem|dnl)\b)")
_LITERAL = re.compile(rb"[\s\[({,]*(?P<quote>[\"'`]){1,3}\s*")


@dataclass(frozen=True, slots=True)
class Allowance:
    """A comment that was found.

    Attributes:
        reason: as it is written; "" where there is none, and then the comment does not count.
    """

    reason: str

    @property
    def counts(self) -> bool:
        """Whether it lets the secret pass."""
        return bool(self.reason)


def allowed(text: Text, start: int, end: int) -> Allowance | None:
    """The comment beside the secret at those offsets of `text`; None where there is none.

    Of two comments the one with a reason.
    """
    data = text.data
    line = max(data.rfind(b"\n", max(0, start - REACH), start) + 1, start - REACH, 0)
    after = data.find(b"\n", end, end + REACH)
    # The secret itself is left out: what it holds is no comment. Nor does it pass as part of a reason.
    whole = data[line : after if after >= 0 else end + REACH]
    first, last = start - line, end - line
    marks = [match for match in _MARKER.finditer(whole[:first]) if _closed(match)]
    marks += _MARKER.finditer(whole, last)
    found = [_allowance(match) for match in marks if _commented(whole, match.start(), first, last)]
    above = _above(data, line) if line > 0 and data[line - 1 : line] == b"\n" else None
    if above is not None:
        found.append(above)
    return max(found, key=lambda each: each.counts, default=None)


def _above(data: bytes, line: int) -> Allowance | None:
    """The comment on the line before the one that begins at `line`, if it stands there alone."""
    begin = data.rfind(b"\n", max(0, line - 1 - 2 * REACH), line - 1) + 1
    if begin == 0 and line - 1 > 2 * REACH:
        return None  # a line that long is no comment
    whole = data[begin : line - 1]
    match = _MARKER.search(whole)
    if match is None or not _OPENER.fullmatch(whole, 0, match.start()):
        return None
    literal = _LITERAL.fullmatch(whole, 0, match.start())
    if literal and whole.count(literal["quote"], match.start()) % 2:
        return None
    return _allowance(match)


def _commented(line: bytes, mark: int, start: int, end: int) -> bool:
    """Whether a comment begins before the mark, outside of literals and of the secret at these offsets."""
    at, quote = 0, b""
    while at < mark:
        if start <= at < end:
            at = end
            continue
        byte = line[at : at + 1]
        if quote:
            at += byte == b"\\"
            quote = b"" if byte == quote else quote
        elif _COMMENT.match(line, at, mark):
            return True
        elif byte in _QUOTES and not (byte == b"'" and line[max(at - 1, 0) : at].isalnum()):
            if line[at + 1 : mark].isspace() and not line.count(byte, mark) % 2:
                return True  # of Basic, of Vim
            quote = byte
        at += 1
    return False


def _closed(match: re.Match[bytes]) -> bool:
    """Whether the reason ends before what follows it on the line."""
    raw = match["reason"] or b""
    return _QUOTED.match(raw) is not None or _CLOSERS.search(raw) is not None


def _allowance(match: re.Match[bytes]) -> Allowance:
    raw = match["reason"] or b""
    quoted = _QUOTED.match(raw)
    written = quoted["inner"] if quoted else _CLOSERS.split(raw, maxsplit=1)[0]
    reason = written.decode("utf-8", "replace").strip().rstrip("\"',;\\").strip()[:MOST_REASON]
    # `reason=…` was copied from a message and says nothing.
    # Long words are not shown: one of them may be a secret.
    return Allowance(_LONG_WORD.sub("…", reason) if any(map(str.isalnum, reason)) else "")
