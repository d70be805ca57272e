"""Access tokens as widely used issuers really make them: kinds for tokens that RFC 9068 would not recognise.

None of these has `typ: at+jwt`, unless its issuer was told so. What keeps an ID token of the same issuer from
passing for an access token is therefore a claim that only the one or only the other has; each row names it.
Where the audience is the API and not a client, that alone tells them apart, too. Sources are the issuers' own
pages on access token claims, read in 2026.
"""

from collections.abc import Mapping

from tokenward.tokens import claims as c
from tokenward.tokens.claims import Claims, Expected, Rule
from tokenward.tokens.kinds import NOT_AN_ID_TOKEN, NOT_ANOTHER_KIND, UNTYPED, Kind, rules, typed

_DAY = 86_400


def _own(*added: Rule) -> tuple[Rule, ...]:
    return rules(*NOT_AN_ID_TOKEN, *NOT_ANOTHER_KIND, *added)


def _cognito_audience(claims: Claims, expected: Expected, _now: float) -> str | None:
    # `aud` is there only if a resource was asked for, and then it has been checked.
    return None if "aud" in claims or claims["client_id"] == expected.audience else "wrong_audience"


def _service_account(claims: Claims, _expected: Expected, _now: float) -> str | None:
    # It is its own client; where a person signed in, `azp` is an OAuth client.
    return None if claims["azp"] in (claims["sub"], claims.get("email")) else "wrong_kind"


def _entra_version(claims: Claims, _expected: Expected, _now: float) -> str | None:
    client = {"1.0": "appid", "2.0": "azp"}[claims["ver"]]
    return None if client in claims else "claim_missing"


def _entra_permission(claims: Claims, _expected: Expected, _now: float) -> str | None:
    # A delegated permission (`scp`), an application's (`roles`), or an application without any (`idtyp`).
    permitted = "scp" in claims or "roles" in claims or claims.get("idtyp") == "app"
    return None if permitted else "claim_missing"


def _tenant(claims: Claims, expected: Expected, _now: float) -> str | None:
    # Keys are shared by all tenants: only the issuer that was configured says which tenant is meant.
    return None if f"/{claims['tid']}/" in f"{expected.issuer}/" else "wrong_issuer"


PROFILES: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        # Any issuer that says nothing about the kind: told by what only an ID token has.
        Kind(
            "jwt",
            UNTYPED | typed("at+jwt"),
            _own(Rule("client_id", False, c.text), Rule("azp", False, c.text), Rule("scope", False, c.scope)),
            max_lifetime=_DAY,
            client=("client_id", "azp"),
        ),
        # Microsoft Entra ID, both versions. Continuous access evaluation gives tokens of up to 28 hours.
        Kind(
            "entra",
            UNTYPED,
            _own(
                Rule("tid", True, c.text),
                Rule("ver", True, c.one_of("1.0", "2.0")),
                Rule("azp", False, c.text),
                Rule("appid", False, c.text),
                Rule("idtyp", False, c.text),
                Rule("scp", False, c.scope),
                Rule("roles", False, c.texts),
            ),
            together=(c.lifetime, _entra_version, _entra_permission, _tenant),
            max_lifetime=29 * 3600,
            client=("azp", "appid"),
            scope=("scp",),
        ),
        # Auth0: the API, and often its own userinfo endpoint, are the audience; `azp` names the client.
        Kind(
            "auth0",
            UNTYPED | typed("at+jwt"),
            _own(
                Rule("azp", False, c.text),
                Rule("client_id", False, c.text),
                Rule("scope", False, c.scope),
                Rule("permissions", False, c.texts),
            ),
            together=(c.lifetime, c.any_of("azp", "client_id")),
            max_lifetime=30 * _DAY,
            client=("azp", "client_id"),
        ),
        # Okta's custom authorization servers: `cid` is in access tokens only; scopes come as an array. What
        # the org authorization server issues (`okta-internal-at+jwt`) is for Okta's own API alone.
        Kind(
            "okta",
            UNTYPED | typed("at+jwt"),
            _own(
                Rule("cid", True, c.text),
                Rule("scp", False, c.scope_names),
                Rule("uid", False, c.text),
            ),
            max_lifetime=_DAY,
            client=("cid",),
            scope=("scp",),
        ),
        # Keycloak: the claim `typ` tells access tokens from ID, refresh and logout tokens. Before version 25,
        # and since then by a mapper, `nonce` is in all of them.
        Kind(
            "keycloak",
            UNTYPED | typed("at+jwt"),
            _own(
                Rule("typ", True, c.one_of("Bearer", "DPoP")),
                Rule("nonce", False, c.text),
                Rule("azp", True, c.text),
                Rule("scope", False, c.scope),
            ),
            max_lifetime=_DAY,
            client=("azp",),
        ),
        # Amazon Cognito: unless a resource was asked for there is no `aud`, and the client stands in its
        # place; `token_use` tells the kind.
        Kind(
            "cognito",
            UNTYPED,
            _own(
                Rule("aud", False, c.aud),
                Rule("client_id", True, c.text),
                Rule("token_use", True, c.one_of("access")),
                Rule("scope", False, c.scope),
            ),
            together=(c.lifetime, _cognito_audience),
            max_lifetime=_DAY,
        ),
        # Google service accounts identify themselves to services with ID tokens whose audience is the
        # service; access tokens are opaque. A person's sign-in is for `IdTokenValidator`, and told by `azp`.
        Kind(
            "google-service-account",
            UNTYPED,
            _own(
                Rule("azp", True, c.text),
                Rule("email", False, c.text),
                Rule("email_verified", False, lambda value, _e, _n: None if value is True else "wrong_kind"),
            ),
            together=(c.lifetime, _service_account),
            client=("azp",),
        ),
    )
}
