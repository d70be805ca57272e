"""The FAPI 2.0 Security Profile (Final) as one setting of a client: all of it on, and everything else off.

What a client is registered with is judged here. What it does is judged where everybody's requests are, by its
`profile`; docs/reference/fapi2.md lists each requirement with its test.
"""

from dataclasses import replace
from urllib.parse import urlsplit

from tokenward.base.problems import INVALID_INPUT, Refusal
from tokenward.store.records import AuthMethod, Client, TokenBinding

METHODS: frozenset[AuthMethod] = frozenset(
    {"private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"}
)
"""How a client proves itself (§5.3.2.1 no. 6)."""


def usual_binding(method: AuthMethod) -> TokenBinding:
    """What its tokens are bound by, where nobody says: by what it has anyway."""
    return "dpop" if method == "private_key_jwt" else "mtls"


def held_to_profile(client: Client) -> Client:
    """The client with all that the profile turns on.

    Raises:
        Refusal: INVALID_INPUT, it is registered for what the profile turns off; the detail says what.
    """
    if client.type not in ("web", "service"):  # §5.3.2.1 no. 3
        raise _refused(f"a {client.type} client cannot keep a credential of its own: be web or service")
    if client.auth_method not in METHODS:
        raise _refused(f"it proves itself by one of {', '.join(sorted(METHODS))}")
    for uri in client.redirect_uris:  # §5.3.2.2 no. 8; a web client is none that listens on loopback
        if urlsplit(uri).scheme != "https":
            raise _refused(f"redirect address {uri[:200]!r}: use https")
    return replace(
        client,
        bound_tokens=client.bound_tokens or usual_binding(client.auth_method),
        introspection_signed_response_alg="ES256",  # §5.4.1: RS256 is none of the three
        openid=replace(
            client.openid,
            id_token_signed_response_alg="ES256",  # noqa: S106 - the name of an algorithm
            userinfo_signed_response_alg="ES256" if client.openid.userinfo_signed_response_alg else "",
        ),
        require_pushed_authorization_requests=True,  # §5.3.2.2 no. 3
    )


def _refused(why: str) -> Refusal:
    return Refusal(INVALID_INPUT, f"FAPI 2.0: {why}")
