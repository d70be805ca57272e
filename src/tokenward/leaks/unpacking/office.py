"""Documents of office programs: the text of their XML, put together again from the runs it is split into.

Where a word changed its looks, or was only looked at by the spelling checker, it is cut:
`<w:t>tkw_at_</w:t></w:r><w:r><w:t>3f9a</w:t>`.
"""

import html
import re
from collections.abc import Iterator

from tokenward.leaks.unpacking.limits import Budget
from tokenward.leaks.unpacking.member import Flaw, Member

# Paragraphs, cells, table cells and shared strings end a line; tabs and breaks are a space.
_LINE_ENDS = re.compile(rb"</(?:\w+:)?(?:p|h|c|si|is|tc|row|table-cell|comment|v|f)>")
_SPACES = re.compile(rb"<(?:\w+:)?(?:tab|br|cr|s|line-break)(?:\s[^<>]*)?/>")
_ATTRIBUTES = re.compile(rb"""=(?:"([^"<>]{16,})"|'([^'<>]{16,})')""")
_TAGS = re.compile(rb"<[^<>]*>")


def members(data: bytes, _name: str, budget: Budget) -> Iterator[Member | Flaw]:
    """See `kinds.Reader`. One text: what is written, then what attributes and comments hold."""
    budget.count_member()
    lines = _SPACES.sub(b" ", _LINE_ENDS.sub(b"\n", data))
    attributes = {first or second for first, second in _ATTRIBUTES.findall(data)}
    text = b"\n".join([_TAGS.sub(b"", lines), *sorted(attributes), *_comments(data)])
    budget.take(len(text))
    if b"&" in text:
        text = html.unescape(text.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogatepass")
    yield Member("", text)


def _comments(data: bytes) -> Iterator[bytes]:
    start = data.find(b"<!--")
    while start >= 0 and (end := data.find(b"-->", start)) >= 0:
        yield data[start + 4 : end]
        start = data.find(b"<!--", end)
