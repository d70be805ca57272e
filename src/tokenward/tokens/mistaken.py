"""An access token where an ID token belongs: the mistake by which login is built on bare OAuth.

It is refused by the same checks as anything else that is no ID token. Here it is only told apart, so that the
refusal can say what is wrong with the idea, and not only with the token.
"""

import re

from tokenward.tokens import base64url, strict_json
from tokenward.tokens.errors import InvalidToken

WHY = (
    "this is an access token, and an ID token belongs here. An access token says what an application may "
    "do at an API, and not who signed in: any other application that this person ever used holds one as "
    "well, and whoever runs it could sign in here as them. Use the `id_token` of the token response, which "
    "is for this client and for this sign-in alone; ask for it with the scope `openid`"
)

# RFC 6750 §2.1, without the dots of a JWT: what opaque tokens look like.
_OPAQUE = re.compile(r"[A-Za-z0-9_~+/-]{16,512}=*")
# What access tokens say of themselves where `typ` does not: RFC 9068 §2.2, Entra, Okta, Cognito, Keycloak.
_CLAIMS = frozenset({"scope", "scp", "cid", "client_id", "azpacr", "appidacr"})


class AccessTokenGiven(InvalidToken):
    """An access token was given as an ID token. Its text tells why that is refused; `code` is the check's."""

    @property
    def reason(self) -> str:
        """What is wrong, and what to do."""
        return WHY

    def __str__(self) -> str:
        """The same: it is told to a developer, and gives nothing away."""
        return WHY


def explained(token: object, error: InvalidToken) -> InvalidToken:
    """The refusal of an ID token; one that explains itself where the token looks like an access token.

    Nothing is decided here, so nothing needs to be verified: the token is refused either way.
    """
    return AccessTokenGiven(error.code) if isinstance(token, str) and _looks_like_one(token) else error


def _looks_like_one(token: str) -> bool:
    if len(token) > 16_384:
        return False
    parts = token.split(".")
    if len(parts) != 3:
        return _OPAQUE.fullmatch(token) is not None
    try:
        header, claims = (strict_json.read_object(base64url.decode(part)) for part in parts[:2])
    except ValueError:
        return False
    kind = str(header.get("typ", "")).lower().removeprefix("application/")
    says_so = claims.get("token_use") == "access" or claims.get("typ") in {"Bearer", "DPoP"}
    # A logout token or an event has `events`; whatever else is typed is no access token either.
    return kind == "at+jwt" or (
        kind in {"", "jwt"} and "events" not in claims and (says_so or _has_any(claims))
    )


def _has_any(claims: dict[str, object]) -> bool:
    return not _CLAIMS.isdisjoint(claims)
