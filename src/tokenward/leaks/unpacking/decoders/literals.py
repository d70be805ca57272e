"""Values cut into several string literals: `"tkw_" + "at_…"`, `["tkw_", "at_…"].join("")`, and backwards.

Whatever the language: it is joints that are taken out, a closing quote, what joins, and an opening quote.
A joint counts where a value could go on over it, not where a sentence is broken after a word.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from tokenward.leaks.compiling import over_bytes
from tokenward.leaks.text import Text
from tokenward.leaks.unpacking.decoders.decoder import Decoder, Joined

_VALUE = r"[A-Za-z0-9_+/=.:@%$-]"
_QUOTE = "[\"'`]"
_SPACE = r"(?:\s|[\\_]\r?\n)*"  # Basic and shells say that a line goes on
# `+` of most languages, `.` of PHP and Perl, `..` of Lua, `&` of Basic, `<>` of Elixir, `||` of SQL, and
# pieces of a template. Literals may have a prefix, as `b"…"` or `L"…"`.
_JOINED = (
    rf"{_VALUE}({_QUOTE}{_SPACE}(?:\+|\.{{1,2}}|&|<>|\|\||\}}\$\{{){_SPACE}[A-Za-z]{{0,2}}{_QUOTE}){_VALUE}"
)
# Python, C: nothing but a line's end between them. On one line it could be anything. Two characters before
# it, as catalogues of messages end their lines with `\n"`.
_ADJACENT = rf"{_VALUE}{{2}}([\"'][ \t]*\\?\r?\n[ \t]*[A-Za-z]{{0,2}}[\"']){_VALUE}"
_JOINT = over_bytes(f"{_JOINED}|{_ADJACENT}")
_REACH = 512  # bytes: longer than any match of these
_AROUND = 300  # bytes before the first joint and after the last, as far as their lines go
_MOST_APART = 300  # bytes between two joints of one value
_LONGEST_CHAIN = 20_000  # joints of one value, so that a file full of them takes no more memory than others


def _undo_joints(text: Text, start: int) -> Iterator[Text]:
    joined = Joined(text, "concatenation")
    chain: list[tuple[int, int]] = []
    at = max(0, start - _REACH)
    while match := _JOINT.search(text.data, at):
        begin, end = match.span(match.lastindex)
        at = end  # what follows a joint may stand before the next one
        if chain and (begin - chain[-1][1] > _MOST_APART or len(chain) == _LONGEST_CHAIN):
            _add_chain(joined, text.data, chain)
            yield from joined.full()
            chain = []
        chain.append((begin, end))
    if chain:
        _add_chain(joined, text.data, chain)
    yield from joined.text()


def _add_chain(joined: Joined, data: bytes, chain: list[tuple[int, int]]) -> None:
    """What stands before, between and after the joints, joined."""
    first, last = chain[0][0], chain[-1][1]
    begin = max(data.rfind(b"\n", 0, first) + 1, first - _AROUND)
    line_end = data.find(b"\n", last, last + _AROUND)
    end = min(last + _AROUND, len(data)) if line_end < 0 else line_end
    for (_, start), (stop, _) in pairwise([(0, begin), *chain, (end, 0)]):
        joined.add(data[start:stop], start, stop - start)
    joined.part()


_LITERALS = re.compile(rb"\"([^\"\\\n]*)\"|'([^'\\\n]*)'|`([^`\\\n]*)`")
_ARRAYS = over_bytes(
    r"\[([^\[\]]*)\]\s*\.join\(\s*(?:\"\"|''|``)\s*\)|(?:\"\"|'')\.join\(\s*[\[(]([^\[\]()]*)[\])]"
    r"|implode\(\s*(?:\"\"|'')\s*,\s*(?:\[|array\()([^\[\]()]*)[\])]"
)
_ARRAY_TRIGGERS = (
    r"\.join\(\s*(?:\"\"|''|``)",
    r"(?:\"\"|'')\.join\(\s*[\[(]\s*[\"']",
    r"implode\(\s*(?:\"\"|''),",
)
_FARTHEST = 64 * 1024  # bytes before a `join` where its array may begin


def _undo_arrays(text: Text, start: int) -> Iterator[Text]:
    joined = Joined(text, "concatenation")
    for match in _ARRAYS.finditer(text.data, max(0, start - _FARTHEST)):
        inside = match[1] or match[2] or match[3] or b""
        value = bytearray()
        for literal in _LITERALS.finditer(inside):
            value += literal[literal.lastindex or 0]
        if value:
            joined.add(bytes(value), match.start(), len(match[0]))
            joined.part()
            yield from joined.full()
    yield from joined.text()


_REVERSES = over_bytes(r"\[::-1\]|\.reverse\(\)|strrev\(|\.reversed\(\)")
_REVERSE_TRIGGERS = (r"\[::-1\]", r"\.reverse\(\)", r"strrev\(", r"\.reversed\(\)")
_LONGEST_LITERAL = 500
_LONG_LITERAL = re.compile(
    rb"\"([^\"\\\n]{16,%d})\"|'([^'\\\n]{16,%d})'" % (_LONGEST_LITERAL, _LONGEST_LITERAL)
)
_NEAR = 1024  # bytes around the word


def _undo_reversal(text: Text, start: int) -> Iterator[Text]:
    """Every long literal near a word that turns around, turned around."""
    joined, done = Joined(text, "reversal"), 0
    for word in _REVERSES.finditer(text.data, max(0, start - 16)):
        begin, end = max(done, word.start() - _NEAR), word.end() + _NEAR
        done = max(done, end - _LONGEST_LITERAL - 2)  # what is looked at now; a literal may go over its end
        for literal in _LONG_LITERAL.finditer(text.data, begin, end):
            joined.add((literal[1] or literal[2])[::-1], literal.start(), len(literal[0]))
            joined.part()
            done = max(done, literal.end())
    yield from joined.text()


DECODERS = (
    Decoder("joined literals", (_JOINED, _ADJACENT), _undo_joints),
    Decoder("joined arrays", _ARRAY_TRIGGERS, _undo_arrays),
    Decoder("reversed literals", _REVERSE_TRIGGERS, _undo_reversal),
)
