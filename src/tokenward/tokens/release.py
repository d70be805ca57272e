"""Which claims go where: what each destination always gets, and what may be released to it beyond that.

By default nobody gets more than the minimum. Everything else is released by its exact name, to one
destination at a time; there is no wildcard and no group, so that whoever reads a policy sees what it gives.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Literal

from tokenward.tokens.credential_guard import check_claims, why_no_claim_name

Destination = Literal["inside", "introspection", "id_token", "userinfo", "outside"]

MINIMUM: Mapping[Destination, tuple[str, ...]] = {
    "inside": ("iss", "aud", "sub", "client_id", "scope", "iat", "exp", "jti"),  # RFC 9068 §2.2
    "introspection": ("active", "iss", "aud", "sub", "client_id", "scope", "iat", "exp", "token_type", "jti"),
    "id_token": ("iss", "aud", "sub", "iat", "exp", "auth_time", "amr", "acr", "at_hash", "nonce", "sid"),
    "userinfo": ("sub",),  # OpenID Connect Core §5.3.2
    "outside": ("iss", "aud", "sub", "client_id", "scope", "iat", "exp", "jti"),  # RFC 9068 §2.2
}
"""What each destination gets whatever the policy says: the inside JWT, an introspection response (RFC 7662
§2.2), the ID token (OpenID Connect Core §2), userinfo, an access token in the form of a JWT. `nonce` is there
only if the client sent one, `sid` only where the sign-in was in a browser (Back-Channel Logout §2.1). What is
bound to a key says so outside (`cnf`); what another acts by says who (`act`)."""

FACTS: Mapping[str, str] = {
    "auth_time": "when the person last proved who they are",
    "amr": "what the person did to sign in (RFC 8176)",
    "acr": "how well that was done, as the value of the level that it reaches",
    "preferred_username": "the name that the person signs in with",
}
"""What may be released that comes from the grant and the person's record, and that nobody sets."""

PROTOCOL = frozenset().union(
    *MINIMUM.values(),
    FACTS,
    ("nbf", "cnf", "act", "may_act", "azp", "c_hash", "s_hash", "sid", "events", "htm", "htu", "ath"),
    ("authorization_details", "username"),
)
"""Names with a meaning in a protocol: nobody's attribute may bear one."""

MAY_ACT = "may_act"
"""Who may act for a person (RFC 8693 §4.4). An operator sets it, for the issuer alone."""

SCOPE_CLAIMS: Mapping[str, tuple[str, ...]] = {
    "profile": (
        "name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile",
        "picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
    ),
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
}  # fmt: skip
"""OpenID Connect Core §5.4: the claims of each scope. An ID token has them if the scope was granted and the
client's policy releases them."""

_SCOPE_OF = {claim: scope for scope, claims in SCOPE_CLAIMS.items() for claim in claims}

PERSONAL: Mapping[str, str] = {
    "name": "full name",
    "given_name": "given name",
    "family_name": "family name",
    "middle_name": "middle name",
    "birth_family_name": "family name at birth",
    "nickname": "nickname",
    "preferred_username": "user name",
    "profile": "address of a profile page",
    "picture": "address of a picture",
    "website": "address of a web page",
    "email": "e-mail address",
    "email_verified": "whether the e-mail address was verified",
    "gender": "gender",
    "birthdate": "date of birth",
    "place_of_birth": "place of birth",
    "nationalities": "nationalities",
    "zoneinfo": "time zone, which tells roughly where the person lives",
    "locale": "language and region",
    "phone_number": "telephone number",
    "phone_number_verified": "whether the telephone number was verified",
    "msisdn": "mobile telephone number",
    "address": "postal address",
    "national_id": "national identity number",
    "ssn": "social security number",
    "tax_id": "tax number",
    "passport_number": "passport number",
    "driving_licence_number": "number of the driving licence",
    "iban": "bank account",
    "employee_number": "number as an employee",
    "ip_address": "address on the network",
    "health": "health",
    "religion": "religion",
}
"""Personal data by the names under which it goes (OpenID Connect Core §5.1, OpenID Identity Assurance §4,
and what else is common), with words for people. `tokenward check` says who receives which."""

MEANINGS: Mapping[str, str] = {
    "iss": "who issued it",
    "aud": "which API it is for",
    "sub": "whom it stands for: a person's id, the same in every token that this client gets",
    "client_id": "which application it was issued to",
    "scope": "what it allows, in the API's own words",
    "iat": "when it was issued",
    "exp": "when it ends",
    "jti": "the token's id, by which logs and revocations name it",
}
"""What the claims of a JWT outside tell whoever holds it, in plain words."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.:/-]{0,99}")  # RFC 7519 §4.2 advises URIs for names of one's own


def why_no_attribute(name: str) -> str:
    """Why no attribute of a person may bear that name, in words; "" if one may."""
    if not _NAME.fullmatch(name):
        return "a claim's name has 1 to 100 letters, digits and _ . : / -, and begins with a letter"
    if name in PROTOCOL and name != MAY_ACT:
        return f"{name} has a meaning in the protocol, and nobody sets it"
    return why_no_claim_name(name)


def why_not_released(name: str) -> str:
    """Why a policy may not release that claim, in words; "" if it may."""
    if "*" in name or "?" in name:
        return "claims are released by their exact name: there is no wildcard"
    if name == MAY_ACT:
        return f"{name} is for the issuer alone"
    return "" if name in FACTS else why_no_attribute(name)


def released(names: Iterable[str], facts: Mapping[str, object]) -> dict[str, object]:
    """The facts of these names, as far as there are any."""
    return {name: facts[name] for name in names if name in facts}


def composed(minimum: Mapping[str, object], more: Mapping[str, object]) -> dict[str, object]:
    """The claims to sign or to answer with: the minimum, which nothing overrides, and what is released.

    Raises:
        CredentialInClaim: one of them holds a credential.
    """
    claims = {**more, **minimum}
    check_claims(claims)
    return claims


def within_scope(names: Iterable[str], scope: Iterable[str], asked: Iterable[str] = ()) -> tuple[str, ...]:
    """Those of the names that these scopes cover (OpenID Connect Core §5.4), or that were asked for.

    Names of no scope stay.
    """
    granted, singly = set(scope), set(asked)
    return tuple(
        name for name in names if name not in _SCOPE_OF or _SCOPE_OF[name] in granted or name in singly
    )


def beyond_scope(asked: Iterable[str], allowed: Iterable[str], scope: Iterable[str]) -> tuple[str, ...]:
    """The standard claims among those asked for that may be released and that none of these scopes covers."""
    may, granted = set(allowed), set(scope)
    return tuple(
        name for name in asked if name in may and name in _SCOPE_OF and _SCOPE_OF[name] not in granted
    )
