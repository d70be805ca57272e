"""Hidden fields of the issuer's own forms: sealed, for one session and ten minutes.

No other site can have one for this session, and nobody can change what it says (CSRF, session fixation).
"""

import hashlib
import json
from typing import Any

from tokenward.base.problems import ANSWERED_FORM, EXPIRED_FORM, Refusal
from tokenward.issuer.context import Issuer
from tokenward.issuer.ports import SignedIn
from tokenward.tokens import base64url
from tokenward.tokens.sealing import SealBroken

LIFETIME = 600.0
"""Seconds that a page may stay open before its form is refused."""


def sealed_form(issuer: Issuer, form: str, person: SignedIn, **content: object) -> str:
    """The value of the hidden field of the form of that name, which holds `content` (JSON)."""
    whole = {**content, "session": person.session_id, "end": issuer.clock.time() + LIFETIME}
    return base64url.encode(issuer.sealer.seal(json.dumps(whole).encode(), context=_context(form)))


def opened_form(issuer: Issuer, form: str, person: SignedIn, field: str) -> dict[str, Any]:
    """What `sealed_form` sealed for the form of that name and this session.

    Raises:
        Refusal: EXPIRED_FORM.
    """
    content = known_form(issuer, form, person, field)
    if content["end"] <= issuer.clock.time():
        raise Refusal(EXPIRED_FORM, "the form is old")
    return content


def known_form(issuer: Issuer, form: str, person: SignedIn, field: str) -> dict[str, Any]:
    """The same of a form of any age: for showing its page again, and for nothing else.

    Raises:
        Refusal: EXPIRED_FORM.
    """
    try:
        content = json.loads(issuer.sealer.open(base64url.decode(field), context=_context(form)))
    except (SealBroken, ValueError):
        raise Refusal(EXPIRED_FORM, "the form's seal is broken") from None
    if content["session"] != person.session_id:
        raise Refusal(EXPIRED_FORM, "the form is of another session")
    return dict(content)


async def use_form(issuer: Issuer, form: str, field: str) -> None:
    """Use up what `opened_form` has opened: of any number of times that it is sent, one counts.

    Raises:
        Refusal: ANSWERED_FORM.
    """
    key = hashlib.sha256(_context(form) + base64url.decode(field)).digest()
    now = issuer.clock.time()
    if not await issuer.store.first_use(key, now + LIFETIME, at=now):
        raise Refusal(ANSWERED_FORM, "the form was sent before")


def _context(form: str) -> bytes:
    return f"tokenward/{form}".encode()
