"""Words of a POSIX shell command, as far as a command that people paste has them.

Nothing is expanded and nothing run: a variable or a command in it is noted by its name.
"""

import re
from dataclasses import dataclass

MAX_WORDS = 2_000

_UNEXPANDED = re.compile(r"\$(?:\{(\w+)[^}]{0,100}\}|(\w+)|(\())")
_PLAIN = re.compile(r"[^\s'\"\\$`;|&<>()#]+")
_QUOTED = re.compile(r"[^\"\\$`]+")
# What $'…' knows (POSIX.1-2024 §2.2.4), which browsers write where a value holds a quote.
_ESCAPE = re.compile(
    r"\\(?:u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|(.))", re.DOTALL
)
_NAMED = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b"}


class BadCommand(ValueError):  # noqa: N818 - says what it is
    """The text is no shell command; the message says why."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of the first command.

    Attributes:
        words: unquoted.
        variables: names of variables whose values are not known here; "(" for the output of a command.
    """

    words: tuple[str, ...]
    variables: tuple[str, ...]


def words(command: str) -> Words:
    """The words of the first command in a text; what follows `;`, `|` or `&` is left out.

    Raises:
        BadCommand: a quote is not closed, or there are more words than anybody pastes.
    """
    return _Reader(command).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._found: list[str] = []
        self._word: list[str] | None = None
        self._variables: dict[str, None] = {}

    def read(self) -> Words:
        while self._at < len(self._text) and self._step():
            if len(self._found) > MAX_WORDS:
                raise BadCommand(f"it has more than {MAX_WORDS:,} words")
        self._end()
        return Words(tuple(self._found), tuple(self._variables))

    def _step(self) -> bool:
        """Read on; False at the end of the command."""
        character = self._text[self._at]
        if character in " \t\r":
            self._end()
            self._at += 1
        elif character in "\n;|&()" or (character == "#" and self._word is None):
            return not self._found and self._word is None and self._skip()
        elif character in "<>":  # a redirection names a file and no argument
            self._end()
            self._at += 1
        elif character == "\\":
            self._escaped()
        elif character == "'":
            self._take(self._until("'", self._at + 1))
        elif self._text.startswith("$'", self._at):
            self._ansi()
        elif character == '"':
            self._double()
        elif character in "$`":
            self._variable()
        else:
            plain = _PLAIN.match(self._text, self._at)
            found = plain[0] if plain else character
            self._add(found, len(found))
        return True

    def _skip(self) -> bool:
        end = self._text.find("\n", self._at) if self._text[self._at] == "#" else self._at
        self._at = len(self._text) if end < 0 else end + 1
        return True

    def _end(self) -> None:
        if self._word is not None:
            self._found.append("".join(self._word))
        self._word = None

    def _add(self, text: str, length: int) -> None:
        self._word = [] if self._word is None else self._word
        self._word.append(text)
        self._at += length

    def _take(self, end: int) -> None:
        self._add(self._text[self._at + 1 : end], end + 1 - self._at)

    def _until(self, quote: str, start: int) -> int:
        end = self._text.find(quote, start)
        if end < 0:
            raise BadCommand("a quote is not closed")
        return end

    def _escaped(self) -> None:
        following = self._text[self._at + 1 : self._at + 3]
        if following.startswith("\n"):  # a line goes on
            self._at += 2
        elif following == "\r\n":
            self._at += 3
        else:
            self._add(following[:1], 2)

    def _double(self) -> None:
        self._add("", 1)
        while True:
            if self._at >= len(self._text):
                raise BadCommand("a quote is not closed")
            character = self._text[self._at]
            if character == '"':
                self._at += 1
                return
            if character == "\\":
                following = self._text[self._at + 1 : self._at + 2]
                kept = "" if following == "\n" else following if following in '"\\$`' else f"\\{following}"
                self._add(kept, 2)
            elif character in "$`":
                self._variable()
            else:
                plain = _QUOTED.match(self._text, self._at)
                assert plain is not None  # noqa: S101 - every other character has its branch
                self._add(plain[0], len(plain[0]))

    def _ansi(self) -> None:
        end = self._at + 2
        while end < len(self._text) and self._text[end] != "'":
            end += 2 if self._text[end] == "\\" else 1
        if end >= len(self._text):
            raise BadCommand("a quote is not closed")
        inside = self._text[self._at + 2 : end]
        self._add(_ESCAPE.sub(_escape, inside), end + 1 - self._at)

    def _variable(self) -> None:
        found = _UNEXPANDED.match(self._text, self._at)
        if self._text[self._at] == "`" or (found and found[3]):
            self._variables["("] = None
        elif found:
            self._variables[found[1] or found[2]] = None
        length = len(found[0]) if found else 1
        self._add(self._text[self._at : self._at + length], length)


def _escape(match: re.Match[str]) -> str:
    for group, base in ((1, 16), (2, 16), (3, 16), (4, 8)):
        if match[group]:
            code = int(match[group], base)
            return chr(code) if code < 0x110000 else "\ufffd"
    return _NAMED.get(match[5], match[5])
