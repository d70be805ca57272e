"""The kinds of JWT that specifications define: which header and which claims each must have, as a table.

A kind is what keeps one signed statement of an issuer from being passed for another (RFC 8725 §3.12): its
`typ`, the claims that it needs, and those that only others have. What particular products issue is in
`profiles`; DPoP proofs, whose key comes with them, are in `dpop`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tokenward.tokens import claims as c
from tokenward.tokens.claims import CheckAll, Claims, Expected, Rule


@dataclass(frozen=True, slots=True)
class Kind:
    """One row.

    Attributes:
        name: what `JwtValidator(kind=...)` is asked for.
        typ: the acceptable media types in lower case; None stands for a header without `typ`.
        claims: one rule a claim.
        together: checks that need more than one claim.
        max_lifetime: seconds that such a token may live, where the validator is told nothing else.
        client: the claims that may name the client, the first that is there counts.
        scope: the claims that may hold the scopes, likewise.
        once: whether such a token answers one request, so that what was verified must not be remembered.
    """

    name: str
    typ: frozenset[str | None]
    claims: tuple[Rule, ...]
    together: tuple[CheckAll, ...] = (c.lifetime,)
    max_lifetime: int = 3600
    client: tuple[str, ...] = ("client_id",)
    scope: tuple[str, ...] = ("scope",)
    once: bool = False


UNTYPED: frozenset[str | None] = frozenset({None, "application/jwt"})
"""What says nothing about the kind: claims have to."""


def typed(name: str) -> frozenset[str | None]:
    """Exactly this explicit type (RFC 8725 §3.11)."""
    return frozenset({f"application/{name}"})


# The claims that nearly every kind needs; rows add to them, and a later rule for a claim replaces an earlier.
BASIC: tuple[Rule, ...] = (
    Rule("iss", True, c.iss),
    Rule("aud", True, c.aud),
    Rule("exp", True, c.exp),
    Rule("iat", True, c.iat),
    Rule("nbf", False, c.nbf),
    Rule("sub", True, c.text),
    Rule("jti", False, c.text),
)


def rules(*added: Rule) -> tuple[Rule, ...]:
    """`BASIC` with these rules added, or in the place of those for the same claim."""
    return tuple(({rule.claim: rule for rule in BASIC} | {rule.claim: rule for rule in added}).values())


# What tells an ID token from an access token where `typ` does not (OpenID Connect Core §2 and §3.3.2.11), and
# the claims in which Cognito and Keycloak name the kind.
NOT_AN_ID_TOKEN: tuple[Rule, ...] = (
    *(Rule(name, False, c.forbidden) for name in ("nonce", "at_hash", "c_hash", "s_hash")),
    Rule("token_use", False, c.one_of("access")),
    Rule("typ", False, c.one_of("Bearer", "DPoP")),
)
# And the other way round: an access token whose audience is its own client is no sign-in. The scope goes by
# `scp` at Entra and Okta; `cid` is Okta's, and how the client authenticated is said by Entra.
NOT_AN_ACCESS_TOKEN: tuple[Rule, ...] = (
    *(Rule(name, False, c.forbidden) for name in ("scope", "scp", "cid", "azpacr", "appidacr")),
    Rule("token_use", False, c.one_of("id")),
    Rule("typ", False, c.one_of("ID")),
)
# Nor a logout token, a security event, an introspection response or a request object.
NOT_ANOTHER_KIND: tuple[Rule, ...] = tuple(
    Rule(name, False, c.forbidden)
    for name in ("events", "token_introspection", "response_type", "htu", "htm")
)

_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


def _logout_event(value: object, _expected: Expected, _now: float) -> str | None:
    # Its object should be empty, and other events may stand beside it (RFC 8417 §2.2).
    fits = isinstance(value, dict) and isinstance(value.get(_LOGOUT_EVENT), dict)
    return None if fits else "wrong_kind"


def _introspection(value: object, _expected: Expected, _now: float) -> str | None:
    return None if isinstance(value, dict) and isinstance(value.get("active"), bool) else "claim_type"


def _recent(claims: Claims, expected: Expected, now: float) -> str | None:
    return None if now < claims["iat"] + expected.max_lifetime + expected.leeway else "expired"


def _self_issued(claims: Claims, _expected: Expected, _now: float) -> str | None:
    return None if claims["sub"] == claims["iss"] else "wrong_subject"


def _from_its_client(claims: Claims, _expected: Expected, _now: float) -> str | None:
    if claims["client_id"] != claims["iss"]:
        return "wrong_subject"
    # RFC 9101 §10.8: otherwise it could be passed for a client's assertion.
    return "claim_forbidden" if claims.get("sub") == claims["client_id"] else None


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        # RFC 9068 §2: a JWT access token.
        Kind(
            "at+jwt",
            typed("at+jwt"),
            rules(
                Rule("client_id", False, c.text),
                Rule("scope", False, c.scope),
            ),
        ),
        # OpenID Connect Core §2 and §3.1.3.7. `IdTokenValidator` checks the rest; nothing else uses this row.
        Kind(
            "id_token",
            UNTYPED,
            rules(
                Rule("nonce", False, c.text),
                Rule("azp", False, c.text),
                Rule("at_hash", False, c.text),
                Rule("c_hash", False, c.text),
                Rule("auth_time", False, c.iat),
                Rule("acr", False, c.text),
                Rule("amr", False, c.texts),
                *NOT_AN_ACCESS_TOKEN,
                *NOT_ANOTHER_KIND,
            ),
            max_lifetime=86_400,
            client=("azp",),
            once=True,
        ),
        # OpenID Connect Back-Channel Logout §2.4 and §2.6. It should live two minutes at most.
        Kind(
            "logout+jwt",
            typed("logout+jwt"),
            rules(
                Rule("sub", False, c.text),
                Rule("sid", False, c.text),
                Rule("jti", True, c.text),
                Rule("events", True, _logout_event),
                Rule("nonce", False, c.forbidden),
            ),
            together=(c.lifetime, c.any_of("sub", "sid")),
            max_lifetime=600,
            once=True,
        ),
        # RFC 7523 §3 with the audience rule of draft-ietf-oauth-rfc7523bis: the authorization server's issuer
        # identifier and nothing else, as one text (FAPI 2.0 Security Profile §5.3.2.1). `typ` is newer than
        # most clients; that subject and issuer are one client tells it from all that servers sign.
        Kind(
            "client-authentication+jwt",
            UNTYPED | typed("client-authentication+jwt"),
            rules(
                Rule("aud", True, c.sole_aud),
                Rule("iat", False, c.iat),
                Rule("jti", True, c.text),
                *NOT_AN_ID_TOKEN,
                *NOT_ANOTHER_KIND,
            ),
            together=(c.lifetime, _self_issued),
            client=("sub",),
            once=True,
        ),
        # RFC 9701 §5: what was introspected is inside one claim; `sub` and `exp` are left out so that the
        # answer is never taken for the token. Hence its age is what ends it.
        Kind(
            "token-introspection+jwt",
            typed("token-introspection+jwt"),
            rules(
                Rule("exp", False, c.forbidden),
                Rule("sub", False, c.forbidden),
                Rule("token_introspection", True, _introspection),
            ),
            together=(_recent,),
            max_lifetime=300,
            once=True,
        ),
        # RFC 9101 §4 and §10.8. FAPI 2.0 Message Signing §5.3.1 asks that it expires within the hour.
        Kind(
            "oauth-authz-req+jwt",
            UNTYPED | typed("oauth-authz-req+jwt"),
            rules(
                Rule("iat", False, c.iat),
                Rule("sub", False, c.text),
                Rule("client_id", True, c.text),
                Rule("response_type", True, c.text),
                Rule("request", False, c.forbidden),
                Rule("request_uri", False, c.forbidden),
            ),
            together=(c.lifetime, _from_its_client),
            once=True,
        ),
    )
}
