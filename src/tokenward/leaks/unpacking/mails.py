"""Mails and other MIME: the parts that are encoded, base64 or quoted-printable (RFC 2045 §6)."""

import email
import re
from collections.abc import Iterator
from email.message import Message

from tokenward.leaks.unpacking.limits import MIB, Budget
from tokenward.leaks.unpacking.member import Flaw, Member

ENCODED = re.compile(rb"(?i)\ncontent-transfer-encoding:[ \t]*(?:base64|quoted-printable)")
_NEXT_MAIL = re.compile(rb"\r?\n\r?\n(?=From [^\n]{5,}\n[A-Z][A-Za-z-]+:)")
_LARGEST = 64 * MIB
_BOUNDARY = re.compile(rb"(?i)boundary=")
_MOST_BOUNDARIES = 100  # of one mail; the parser looks at each line once for every level that it is in


def members(data: bytes, _name: str, budget: Budget) -> Iterator[Member | Flaw]:
    """See `kinds.Reader`. Of an mbox, the parts of all mails."""
    if len(data) > _LARGEST:
        yield Flaw(f"mails of more than {_LARGEST:,} bytes are not taken apart")
        return
    number = 0
    for mail in _NEXT_MAIL.split(data):
        if not ENCODED.search(mail):
            continue
        if len(_BOUNDARY.findall(mail)) > _MOST_BOUNDARIES:
            yield Flaw(f"a mail with more than {_MOST_BOUNDARIES} boundaries")
            continue
        try:
            parts = [part for part in email.message_from_bytes(mail).walk() if not part.is_multipart()]
        except (RecursionError, ValueError, LookupError, TypeError, AttributeError, IndexError):
            yield Flaw("broken mail")
            continue
        for part in parts:
            number += 1
            yield from _part(part, number, budget)


def _part(part: "Message[str, str]", number: int, budget: Budget) -> Iterator[Member | Flaw]:
    if str(part.get("content-transfer-encoding", "")).strip().lower() not in {"base64", "quoted-printable"}:
        return
    budget.count_member()
    try:
        content = part.get_payload(decode=True)
        name = part.get_filename()
    except (ValueError, LookupError, TypeError, AttributeError, IndexError):
        yield Flaw("broken part of a mail", f"part {number}")
        return
    if isinstance(content, bytes):
        budget.take(len(content))
        yield Member(name if isinstance(name, str) and name else f"part {number}", content)
