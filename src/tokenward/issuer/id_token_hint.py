"""`id_token_hint`: an ID token of ours that a client shows to say whom it means.

It proves nothing about who is at the browser, and ends nothing by itself. It has to be ours and of this
client: an ID token of another one, which may have been stolen there, says nothing here.
"""

from dataclasses import dataclass
from typing import get_args

from tokenward.base.problems import MALFORMED, Refusal
from tokenward.issuer.context import Issuer
from tokenward.issuer.id_token import ID_TOKEN_TYPE
from tokenward.store.records import OpenIdAlg
from tokenward.tokens import jws, strict_json
from tokenward.tokens.errors import InvalidToken

HINT_AGE = 30 * 86_400
"""Seconds after which an ID token is too old to hint at anybody. Its own end, some minutes, does not count
here: clients show it when they have nothing newer (Core §3.1.2.1, RP-Initiated Logout §2)."""

_ALGORITHMS = get_args(OpenIdAlg)


@dataclass(frozen=True, slots=True)
class Hint:
    """What an ID token of ours says: for which client, about whom as it knows them, in which session.

    `sid` is None for a sign-in that was in no browser session of ours.
    """

    client_id: str
    subject: str
    sid: str | None


def read_hint(issuer: Issuer, text: str) -> Hint:
    """The hint, of whichever client it is.

    Raises:
        Refusal: MALFORMED, it is no ID token of ours whose key is still published, or too old; UNAVAILABLE.
    """
    keys = jws.configured_keys(issuer.signing_keys.jwks(), _ALGORITHMS)
    try:
        token = jws.parse(text, _ALGORITHMS)
        claims = strict_json.read_object(jws.verify(token, keys))
    except InvalidToken as error:
        raise Refusal(MALFORMED, f"id_token_hint: {error.code}") from None
    except ValueError:
        raise Refusal(MALFORMED, "id_token_hint: bad JSON") from None
    # With the same keys we sign access tokens, introspection, userinfo and logout tokens: none is a hint.
    if token.header.typ != ID_TOKEN_TYPE or claims.get("iss") != issuer.settings.url:
        raise Refusal(MALFORMED, "id_token_hint: not an ID token of ours")
    if issuer.clock.time() - claims["iat"] > HINT_AGE:
        raise Refusal(MALFORMED, "id_token_hint: too old")
    return Hint(claims["aud"], claims["sub"], claims.get("sid"))


def hint_of(issuer: Issuer, client_id: str, text: str) -> Hint:
    """The hint of this client.

    Raises:
        Refusal: as `read_hint`; MALFORMED, it is another client's.
    """
    hint = read_hint(issuer, text)
    if hint.client_id != client_id:
        raise Refusal(MALFORMED, f"id_token_hint of {hint.client_id}, shown by {client_id}")
    return hint
