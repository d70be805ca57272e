"""What a presented token claims to be, so that it can be looked up or judged. Nothing is verified here."""

from tokenward.tokens import base64url, jws, opaque, strict_json
from tokenward.tokens.algorithms import ASYMMETRIC
from tokenward.tokens.errors import InvalidToken
from tokenward.tokens.jws import MAX_TOKEN


def claimed_token_id(text: str, *, prefix: str = "tkw") -> str | None:
    """The `token_id` under which to look an access token up; None where it can be none of ours.

    That of a JWT is its `jti`, which anybody can write: whether the token is the one that was issued says the
    keyed hash in the row, which covers the whole text (`store.live`).
    """
    if not is_jwt(text):
        parsed = opaque.parse(text, kind="at", prefix=prefix)
        return parsed.token_id if parsed else None
    if len(text) > MAX_TOKEN:
        return None
    try:
        claims = strict_json.read_object(base64url.decode(text.split(".")[1]))
    except ValueError:
        return None
    return token_id_of(claims.get("jti"))


def signing_kid(text: str) -> str | None:
    """The `kid` in a presented JWT's header; None for any other text."""
    try:
        return jws.read_header(jws.split(text)[0], ASYMMETRIC).kid
    except InvalidToken:
        return None


def claimed_issuer(token: object) -> str | None:
    """The `iss` that a presented JWT claims, so that a validator can be chosen; None where it is no text.

    Raises:
        InvalidToken: malformed, too_large, bad_base64 or bad_json.
    """
    part = jws.split(token)[1]
    try:
        encoded = base64url.decode(part)
    except ValueError:
        raise InvalidToken("bad_base64") from None
    try:
        issuer = strict_json.read_object(encoded).get("iss")
    except ValueError:
        raise InvalidToken("bad_json") from None
    return issuer if isinstance(issuer, str) else None


def is_jwt(text: str) -> bool:
    """Whether a presented token has the three parts of a JWT."""
    return text.count(".") == 2


def token_id_of(jti: object) -> str | None:
    """A `jti` that has the form of a `token_id`, or None."""
    if not isinstance(jti, str):
        return None
    try:
        opaque.issued_at(jti)
    except ValueError:
        return None
    return jti
