"""The commits that diffs belong to: as `git log -p` prints them, or as `git format-patch` mails them."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, tzinfo
from email.errors import MessageError
from email.header import decode_header, make_header
from email.utils import parsedate_to_datetime

from tokenward.leaks.blob import Blob, Origin
from tokenward.leaks.naming import names_of

LOG = re.compile(rb"commit ([0-9a-f]{40}(?:[0-9a-f]{24})?)(?:\s|$)")
MAIL = re.compile(rb"From ([0-9a-f]{40}(?:[0-9a-f]{24})?) [A-Z][a-z]{2} ")

_FIELD = re.compile(rb"(From|Author|author|Date|AuthorDate|Subject):?\s+(.*?)\s*$")
_RAW = re.compile(rb"(.*>) (\d{1,11}) ([+-]\d{4})$")  # "author" of `git log --format=raw`


class Head:
    """The lines before the first diff of a commit, as they come.

    Args:
        object_id: of the commit.
        mailed: it is a mail; otherwise of `git log`, which indents messages.
    """

    def __init__(self, object_id: str, *, mailed: bool) -> None:
        self._id = object_id
        self._mailed = mailed
        self._author = ""
        self._date = ""
        self._subject = b""
        self._message: list[bytes] = []
        self._in_fields = True
        self._ended = False

    def take(self, line: bytes) -> None:
        """Read the next line."""
        if self._in_fields:
            self._field(line)
        elif self._mailed:
            # What follows a line of three dashes is a summary of the diff.
            self._ended = self._ended or line.rstrip() == b"---"
            if not self._message and line.startswith(b"From: "):
                self._author = _decoded(line[6:].strip())  # of the commit, where somebody else sent the mail
            elif not self._ended and (self._message or line.strip()):
                self._message.append(line)
        else:
            self._message.append(line.removeprefix(b"    "))

    def _field(self, line: bytes) -> None:
        if not line.strip():
            self._in_fields = False
            return
        match = _FIELD.match(line)
        if match is None:
            if self._mailed and self._subject and line[:1] in b" \t":
                self._subject += b" " + line.strip()
            return
        field, value = match[1].lower(), match[2]
        if field in {b"from", b"author"}:
            self._author = _decoded(value)
            if raw := _RAW.match(value):
                self._author = _decoded(raw[1])
                self._date = _rfc3339(lambda: datetime.fromtimestamp(int(raw[2]), _zone(raw[3])))
        elif field == b"subject":
            self._subject = value
        else:
            self._date = _date(value.decode("ascii", "replace"))

    def origin(self, path: str) -> Origin:
        """Who brought in what stands at that path."""
        return Origin(path, self._id, self._author, self._date)

    def made_by(self) -> Blob:
        """The author, as a name: it is shown wherever the commit is, and is content as names of files are."""
        path = f"commit {self._id} by {self._author}"
        return replace(names_of([path]), origin=self.origin(path))

    def message(self) -> Blob | None:
        """What was written about it; None if nothing was."""
        lines = ([_decoded(self._subject).encode() + b"\n\n"] if self._subject else []) + self._message
        data = b"".join(lines).strip(b"\n")
        path = f"commit {self._id}"
        return Blob(path, data, origin=self.origin(path)) if data else None


def _decoded(value: bytes) -> str:
    """A field of a mail, which may be encoded words (RFC 2047)."""
    plain = value.decode("utf-8", "replace")
    if "=?" not in plain:
        return plain
    try:
        return str(make_header(decode_header(plain)))
    except (MessageError, LookupError, ValueError):
        return plain


def _date(value: str) -> str:
    """RFC 3339, from the forms that git writes unless it is told otherwise; "" from others."""
    return (
        _rfc3339(lambda: datetime.strptime(value, "%a %b %d %H:%M:%S %Y %z"))
        or _rfc3339(lambda: parsedate_to_datetime(value))
        or _rfc3339(lambda: datetime.fromisoformat(value))
    )


def _rfc3339(parse: Callable[[], datetime]) -> str:
    try:
        return parse().isoformat()
    except (ValueError, TypeError, OverflowError, OSError):
        return ""


def _zone(offset: bytes) -> tzinfo | None:
    return datetime.strptime(offset.decode(), "%z").tzinfo
