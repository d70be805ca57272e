"""The kinds of values that `tokenward.yaml` holds: each one a type that refuses what it cannot mean.

Here are names, references and scopes; `quantities` and `locations` have theirs. A refusal is a
`PydanticCustomError` with a stable code, a text and, in its context, a remedy. None repeats the value: it
could be a secret that somebody wrote into the wrong place.
"""

import re
from functools import partial
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

from tokenward.app.value_rules import as_tuple, bad_value, each_once
from tokenward.base import references
from tokenward.issuer.settings import PROTOCOL_SCOPES, SCOPE_TOKEN, is_absolute_uri
from tokenward.tokens.algorithms import ASYMMETRIC
from tokenward.tokens.credential_guard import why_no_claim_value
from tokenward.tokens.release import why_not_released

RESERVED_SCOPES = "tokenward:"
"""Scopes with this beginning are for Tokenward's own endpoints."""

_REDIS = re.compile(r"rediss?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[1-9][0-9]{0,4})?(?:/[0-9]{1,3})?")
Risk = Literal["public", "low", "moderate", "high", "critical"]
_API_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def _reference(text: str) -> str:
    try:
        references.parse(text)
    except ValueError:
        raise bad_value(
            "inline-secret",
            "a secret, or what looks like one, is written into the file",
            "keep it elsewhere and name the place: env:NAME, file:PATH, cmd:COMMAND or keyring:SERVICE/NAME; "
            "if it was a real secret, replace it, because files are copied",
        ) from None
    return text


def _redis(text: str) -> str:
    if text.partition(":")[0] in references.SCHEMES:
        return _reference(text)
    parts = urlsplit(text) if text.isascii() and "[" not in text else None
    if parts is not None and "@" in parts.netloc:
        raise bad_value(
            "inline-secret",
            "the URL carries a user name or a password",
            "keep the whole URL elsewhere and name the place, such as env:REDIS_URL; "
            "replace the password, because files are copied",
        )
    if not _REDIS.fullmatch(text):
        raise bad_value(
            "redis",
            "this is no Redis server",
            "write rediss://host:port/0, or env:NAME or file:PATH of such a URL",
        )
    return text


def _store(text: str) -> str:
    scheme, _, rest = text.partition(":")
    if scheme in references.SCHEMES:
        return _reference(text)
    if scheme == "sqlite" and rest.strip() and not rest.startswith(("//", ":")):
        return text
    if scheme == "postgresql" and rest.startswith("//"):
        if re.search(r"//[^/?#]*:[^/?#]*@|[?&](?:ssl)?password=", rest, re.IGNORECASE):
            raise bad_value(
                "inline-secret",
                "the database URL carries a password",
                "keep the whole URL elsewhere and name the place, such as env:DATABASE_URL; "
                "replace the password, because files are copied",
            )
        return text
    raise bad_value(
        "store",
        "this is not a place to keep data",
        "write sqlite:PATH, postgresql://host/database without a password, or env:NAME or file:PATH "
        "of such a URL",
    )


def _audience(text: str) -> str:
    if not is_absolute_uri(text):
        raise bad_value(
            "audience", "this is no absolute URI without fragment", "write one, such as the API's URL"
        )
    if why := why_no_claim_value(text):
        raise bad_value("audience", f"every token would carry this audience, and {why}", "choose another")
    return text


def _api_name(text: str) -> str:
    if not _API_NAME.fullmatch(text):
        raise bad_value(
            "api-name", "this cannot name an API", "use up to 40 lower-case letters, digits and dashes"
        )
    return text


def _scope(text: str) -> str:
    if not SCOPE_TOKEN.fullmatch(text) or len(text) > 100:
        raise bad_value(
            "scope", "this is not one scope", "use visible ASCII without spaces, quotes and backslashes"
        )
    if why := why_no_claim_value(text):
        raise bad_value("scope", f"every token would carry this scope, and {why}", "choose another")
    if text in PROTOCOL_SCOPES or text.startswith(RESERVED_SCOPES):
        raise bad_value(
            "scope", "this scope has a meaning of its own", "choose another, such as accounts:read"
        )
    return text


def _asked_scope(text: str) -> str:
    if not SCOPE_TOKEN.fullmatch(text) or len(text) > 100:
        raise bad_value(
            "scope", "this is not one scope", "use visible ASCII without spaces, quotes and backslashes"
        )
    return text


def _signing_alg(text: str) -> str:
    if text not in ASYMMETRIC:
        raise bad_value(
            "signing-alg",
            "this is no signature algorithm that we know",
            f"choose from {', '.join(ASYMMETRIC)}",
        )
    return text


def _claim_name(text: str) -> str:
    if why := why_not_released(text):
        raise bad_value(
            "claim",
            f"this claim cannot be released: {why}",
            "name claims one by one, such as email or auth_time",
        )
    return text


def _name(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise bad_value("name", "a name has no control characters and no spaces around it", "remove them")
    return text


def _key_file(text: str) -> str:
    if references.parse(_reference(text)).scheme != "file":
        raise bad_value("key-file", "TLS reads its key from a file", "write file:PATH")
    return text


Audience = Annotated[str, AfterValidator(_audience)]
Redis = Annotated[str, AfterValidator(_redis)]
Store = Annotated[str, AfterValidator(_store)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=60), AfterValidator(_name)]
KeyFile = Annotated[str, AfterValidator(_key_file)]
Reference = Annotated[str, AfterValidator(_reference)]
Scope = Annotated[str, AfterValidator(_scope)]
Scopes = Annotated[
    tuple[Scope, ...], BeforeValidator(as_tuple), AfterValidator(partial(each_once, code="scope"))
]
AskedScopes = Annotated[tuple[Annotated[str, AfterValidator(_asked_scope)], ...], BeforeValidator(as_tuple)]
"""What is asked of a provider, which has scopes of its own."""
ClaimName = Annotated[str, AfterValidator(_claim_name)]
ClaimNames = Annotated[
    tuple[ClaimName, ...], BeforeValidator(as_tuple), AfterValidator(partial(each_once, code="claim"))
]
ApiName = Annotated[str, AfterValidator(_api_name)]
Reason = Annotated[str, StringConstraints(min_length=10, max_length=300)]
WhyWeaker = Annotated[
    Reason | None,
    Field(description="Why it is weaker than usual; needed where it is. `tokenward check` repeats it."),
]
SigningAlg = Annotated[str, AfterValidator(_signing_alg), WithJsonSchema({"enum": list(ASYMMETRIC)})]
