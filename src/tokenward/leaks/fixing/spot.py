"""A file's text as it is edited, and the place of a secret in it.

Texts are bytes seen as Latin-1: one character a byte, so that offsets are those of the file and whatever is
not touched comes out as it went in, line endings and odd bytes included. What is put in is ASCII. UTF-16 and
UTF-32 are seen as UTF-8 meanwhile, as the scan sees them.
"""

import codecs
from dataclasses import dataclass, field

_WIDE = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class ByHand(Exception):  # noqa: N818 - says what is left to do
    """No edit can be proposed.

    Attributes:
        why: in a sentence.
        write: what to write in the secret's place; "" where that depends.
    """

    def __init__(self, why: str, write: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.write = write


@dataclass(frozen=True, slots=True)
class Source:
    """A file's text, and how it is put back.

    Attributes:
        text: see above.
        encoding: of the file, if it is one of wide characters; "" for any other.
        mark: the byte order mark before those.
    """

    text: str = field(repr=False)
    encoding: str = ""
    mark: bytes = b""

    def content(self, text: str) -> bytes:
        """The bytes of the file with this text in it.

        Raises:
            ByHand: they cannot be made.
        """
        raw = text.encode("latin-1")
        if not self.encoding:
            return raw
        return self.mark + raw.decode("utf-8").encode(self.encoding)


def read(content: bytes) -> Source:
    """A file's content as it is edited.

    Raises:
        ByHand: it is no text.
    """
    for mark, encoding in _WIDE:
        if content.startswith(mark):
            try:
                text = content[len(mark) :].decode(encoding)
            except UnicodeError:
                break
            return Source(text.encode().decode("latin-1"), encoding, mark)
    if b"\0" in content:
        raise ByHand("It is no text, or one without a byte order mark.")
    return Source(content.decode("latin-1"))


@dataclass(frozen=True, slots=True)
class Spot:
    """A secret in a text.

    Attributes:
        path: of the file; its name says which language it is in.
        text: of the file, as in `Source`.
        start: offset at which the secret begins.
        end: offset just after it.
    """

    path: str
    text: str = field(repr=False)
    start: int
    end: int

    @property
    def name(self) -> str:
        """The last part of the path, in lower case."""
        return self.path.rsplit("/", 1)[-1].lower()

    @property
    def line(self) -> tuple[int, int]:
        """Offsets of the secret's line, without its end."""
        begin = self.text.rfind("\n", 0, self.start) + 1
        stop = self.text.find("\n", self.end)
        stop = len(self.text) if stop < 0 else stop
        return begin, stop - (self.text[stop - 1 : stop] == "\r")

    @property
    def before(self) -> str:
        """What stands before it on its line."""
        return self.text[self.line[0] : self.start]

    @property
    def after(self) -> str:
        """What stands after it on its line."""
        return self.text[self.end : self.line[1]]

    @property
    def ending(self) -> str:
        """How lines end in this text."""
        return "\r\n" if "\r\n" in self.text else "\n"

    def replaced(self, start: int, end: int, new: str) -> str:
        """The text with something else between those offsets."""
        return self.text[:start] + ascii_only(new) + self.text[end:]


def ascii_only(text: str) -> str:
    """Text of ours, as it stands in a `Source`."""
    return text.encode().decode("latin-1")


def locate(path: str, source: Source, line: int, column: int, secret: bytes) -> Spot:
    """The secret that a scan saw at that line and column, both from 1.

    Raises:
        ByHand: it does not stand there as it is: it was written with escapes, or in another encoding.
    """
    text, wanted = source.text, secret.decode("latin-1")
    begin = 0
    for _ in range(line - 1):
        begin = text.find("\n", begin) + 1
    stop = text.find("\n", begin)
    at = text.find(wanted, begin)
    while at >= 0 and (stop < 0 or at < stop):
        before = text[begin:at].encode("latin-1").decode("utf-8", "replace")
        if len(before) == column - 1:
            if "\n" in wanted:
                raise ByHand(
                    "It goes over several lines. Move it to a file of its own outside of the repository, "
                    "mode 600, and name that file here."
                )
            return Spot(path, text, at, at + len(wanted))
        at = text.find(wanted, at + 1)
    raise ByHand("It is written with escapes or in an encoding, and has to be taken out by hand.")
