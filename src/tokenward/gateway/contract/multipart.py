"""Fields of a `multipart/form-data` body (RFC 7578) in which no part is a file.

The framing is read by python-multipart. Beyond what it refuses, whatever another program could read in
another way is refused here: text before the first boundary or behind the last, a boundary that is none, and
headers in any spelling but that of browsers.
"""

import logging
import re
from typing import NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

MAX_FIELDS = 1000
_MAX_HEADERS, _MAX_HEADER = 8, 1024

_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=?-]{1,70}")  # RFC 2046 §5.1.1, without the space
# RFC 7578 §4.2, with the escapes of browsers; no backslash, at which programs differ, and no `filename`.
_DISPOSITION = re.compile(rb'form-data; ?name="([^"\\\r\n]*)"', re.IGNORECASE)
_FILE = re.compile(rb"[;\s]filename", re.IGNORECASE)
_ESCAPES = ((b"%22", b'"'), (b"%0D", b"\r"), (b"%0A", b"\n"))


_silence = logging.getLogger(f"{__name__}.silence")
_silence.addFilter(lambda _record: False)  # unlike `disabled`, it outlives whoever configures logging later


class FormTrouble(Exception):  # noqa: N818 - says what it is
    """The form cannot be read.

    Attributes:
        kind: `form`, `json`, or `size` where it holds too much.
        name: a pointer to the documented field, or "".
        rule: which rule it breaks.
    """

    def __init__(self, kind: str, name: str, rule: str) -> None:
        super().__init__(rule)
        self.kind = kind
        self.name = name
        self.rule = rule


class _Part(NamedTuple):
    headers: list[tuple[bytearray, bytearray]]
    data: bytearray


class _Parts:
    """Gathers what the parser tells."""

    def __init__(self) -> None:
        self.found: list[_Part] = []
        self.ended = False

    def begin(self) -> None:
        if len(self.found) >= MAX_FIELDS:
            raise FormTrouble("size", "", "fields")
        self.found.append(_Part([], bytearray()))

    def header(self) -> None:
        self.found[-1].headers.append((bytearray(), bytearray()))

    def name(self, data: bytes, start: int, end: int) -> None:
        self.found[-1].headers[-1][0].extend(data[start:end])

    def value(self, data: bytes, start: int, end: int) -> None:
        self.found[-1].headers[-1][1].extend(data[start:end])

    def data(self, data: bytes, start: int, end: int) -> None:
        self.found[-1].data.extend(data[start:end])

    def end(self) -> None:
        self.ended = True


def multipart_fields(data: bytes, boundary: str) -> dict[str, list[bytes]]:
    """The texts of each field.

    Raises:
        FormTrouble: it cannot be read, or in more than one way; or a part is a file.
    """
    if _BOUNDARY.fullmatch(boundary) is None:
        raise FormTrouble("form", "", "boundary")
    mark = b"--" + boundary.encode()
    parts = _Parts()
    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": parts.begin,
            "on_header_begin": parts.header,
            "on_header_field": parts.name,
            "on_header_value": parts.value,
            "on_part_data": parts.data,
            "on_end": parts.end,
        },
        max_header_count=_MAX_HEADERS,
        max_header_size=_MAX_HEADER,
    )
    parser.logger = _silence  # it writes down octets that a caller sent
    try:
        parser.write(data)
        parser.finalize()
    except FormParserError:
        raise FormTrouble("form", "", "syntax") from None
    whole = data.startswith(mark) and data.removesuffix(b"\r\n").endswith(b"\r\n" + mark + b"--")
    if not (parts.ended and whole) or data.count(mark) != len(parts.found) + 1:
        raise FormTrouble("form", "", "boundary")
    sent: dict[str, list[bytes]] = {}
    for part in parts.found:
        sent.setdefault(_name(part), []).append(bytes(part.data))
    return sent


def _name(part: _Part) -> str:
    headers = [(bytes(name).lower(), bytes(value).strip(b" \t")) for name, value in part.headers]
    said = [value for name, value in headers if name == b"content-disposition"]
    if any(_FILE.search(value) for value in said):
        raise FormTrouble("form", "", "file")
    found = _DISPOSITION.fullmatch(said[0]) if len(said) == 1 else None
    if found is None or any(name == b"content-transfer-encoding" for name, _ in headers):  # RFC 7578 §4.7
        raise FormTrouble("form", "", "header")
    name = found[1]
    for escape, character in _ESCAPES:
        name = name.replace(escape, character)
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        raise FormTrouble("form", "", "encoding") from None
