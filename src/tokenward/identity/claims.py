"""What is known of a person beside the name: claims by the names of OpenID Connect Core §5.1, or others.

Nothing of it goes anywhere by being known. Where a policy releases a claim, it goes there.
"""

import json
import re
from collections.abc import Mapping

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import INVALID_INPUT, NOT_FOUND, Refusal
from tokenward.store.people_port import People
from tokenward.tokens import strict_json
from tokenward.tokens.credential_guard import CredentialInClaim, check_claims
from tokenward.tokens.release import MAY_ACT, SCOPE_CLAIMS, why_no_attribute

MAX_CLAIMS = 50
MAX_BYTES = 2048  # of a value, as JSON

# Name, then `=` and a text, or `:=` and JSON. A name may be a URI and hold a colon.
_ASSIGNMENT = re.compile(r"([^=]*?)(:?=)(.*)", re.DOTALL)

# OpenID Connect Core §5.1: what is no text.
_TYPES: Mapping[str, tuple[type, str]] = {
    "email_verified": (bool, "true or false"),
    "phone_number_verified": (bool, "true or false"),
    "updated_at": (int, "a number of seconds since 1970"),
    MAY_ACT: (dict, 'an object such as {"sub": "a client_id"} (RFC 8693 §4.4)'),
    "address": (dict, 'an object such as {"formatted": "…"} (§5.1.1)'),
}
_STANDARD = frozenset().union(*SCOPE_CLAIMS.values())


def read_claim(text: str) -> tuple[str, object]:
    """A claim as people type it: `email=ada@example.com`, `email_verified=true`, `teams:=["red", "blue"]`.

    Raises:
        Refusal: INVALID_INPUT.
    """
    match = _ASSIGNMENT.fullmatch(text)
    if match is None:
        raise Refusal(INVALID_INPUT, "write a claim as NAME=TEXT, or NAME:=JSON")
    name, sign, value = match.groups()
    if sign == "=" and name not in _TYPES:
        return name, value
    try:
        (read,) = strict_json.read_object(f'{{"value": {value}}}'.encode()).values()
    except ValueError:
        raise Refusal(INVALID_INPUT, f"the value of {name[:100]} is not JSON") from None
    return name, read


def check_claim(name: str, value: object) -> None:
    """Refuse what no person may have as a claim.

    Raises:
        Refusal: INVALID_INPUT: the name belongs to a protocol or to a credential, or the value is of the
            wrong type, too long, or a credential.
    """
    if why := why_no_attribute(name):
        raise Refusal(INVALID_INPUT, why)
    kind, words = _TYPES.get(name, (str, "a text") if name in _STANDARD else (object, ""))
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)) or value in (None, ""):
        raise Refusal(INVALID_INPUT, f"the value of {name} must be {words or 'something'}")
    try:
        size = len(json.dumps(value, ensure_ascii=False, allow_nan=False).encode())
    except (ValueError, TypeError):  # lone surrogates, too
        raise Refusal(INVALID_INPUT, f"the value of {name} is not JSON") from None
    if size > MAX_BYTES:
        raise Refusal(INVALID_INPUT, f"the value of {name} is longer than {MAX_BYTES} bytes")
    try:
        check_claims({name: value})
    except CredentialInClaim as found:
        raise Refusal(INVALID_INPUT, f"this would give a credential away: {found}") from None


async def change_claims(
    people: People, username: str, changes: Mapping[str, object], *, clock: Clock = SYSTEM_CLOCK
) -> None:
    """Set claims of a person; a value of None removes. Gateways heed it within a second.

    Raises:
        Refusal: INVALID_INPUT, as `check_claim`, or there would be too many; NOT_FOUND, nobody has this name.
        StoreUnavailable: nothing was changed.
    """
    for name, value in changes.items():
        if value is not None:
            check_claim(name, value)
    user = await people.user_by_name(username)
    if user is None:
        raise Refusal(NOT_FOUND, "no person has this user name")
    after = {**await people.user_claims(user.user_id), **changes}
    if sum(value is not None for value in after.values()) > MAX_CLAIMS:
        raise Refusal(INVALID_INPUT, f"a person has at most {MAX_CLAIMS} claims")
    if not await people.change_user_claims(user.user_id, changes, clock.time()):
        raise Refusal(NOT_FOUND, "no person has this user name")
