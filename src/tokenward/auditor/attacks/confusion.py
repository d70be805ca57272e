"""Families T and C, other kinds: each is shown what is not of its kind; several issuers are mixed up."""

from collections.abc import Callable, Iterator, Mapping

from tokenward.auditor.attacks.kit import ABSENT, Kit, compact
from tokenward.auditor.attacks.table import Attack, Part, bare, control, entry, note, shown_to, signed

_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
OTHER_ISSUER = "https://other-issuer.example"
"""Whose only key, under the validator of several issuers, is the kit's stranger's."""


def _token(typ: object, **changes: object) -> Callable[[Kit], str]:
    """A token of the kit's issuer; a change that is a function gets the kit."""

    def forge(kit: Kit) -> str:
        values = {name: value(kit) if callable(value) else value for name, value in changes.items()}
        return kit.token(kit.header(typ=typ), kit.claims(**({"scope": ABSENT, "client_id": ABSENT} | values)))

    return forge


def _issuer(kit: Kit) -> object:
    return kit.claims()["iss"]


def _logout(typ: object = "logout+jwt", **changes: object) -> Callable[[Kit], str]:
    return _token(typ, **({"events": {_LOGOUT_EVENT: {}}, "sid": "s-1"} | changes))


def _assertion(typ: object = "client-authentication+jwt", **changes: object) -> Callable[[Kit], str]:
    return _token(typ, **({"sub": _issuer} | changes))


def _introspection(typ: object = "token-introspection+jwt", **changes: object) -> Callable[[Kit], str]:
    good = {"token_introspection": {"active": True}, "exp": ABSENT, "sub": ABSENT}
    return _token(typ, **(good | changes))


def _request(typ: object = "oauth-authz-req+jwt", **changes: object) -> Callable[[Kit], str]:
    return _token(typ, **({"client_id": _issuer, "response_type": "code", "sub": ABSENT} | changes))


_KINDS: dict[str, Callable[[Kit], str]] = {
    "access token": lambda kit: kit.token(),
    "ID token": _token("JWT", nonce="n-1"),
    "ID token without typ": _token(ABSENT, nonce="n-1"),
    "signed userinfo": _token("JWT", email="user@example"),
    "logout token": _logout(),
    "security event": _token("secevent+jwt", events={"urn:x": {}}),
    "client assertion": _assertion(),
    "client assertion called JWT": _assertion("JWT"),
    "introspection response": _introspection(),
    "request object": _request(),
    "request object called JWT": _request("JWT"),
    "DPoP proof": _token("dpop+jwt", htm="GET", htu="https://api.example/"),
}


def _confused(target: str, codes: Mapping[str, str]) -> Iterator[Part[Attack]]:
    """Everything else in the place of `target`; `codes` are those of what `typ` does not tell apart."""
    for name, forge in _KINDS.items():
        if not name.startswith(target):
            yield signed(name, codes.get(name, "typ_mismatch"), forge)


def _made(
    make: Callable[..., Callable[[Kit], str]],
) -> Callable[..., Part[Attack]]:
    def row(name: str, code: str, **changes: object) -> Part[Attack]:
        return signed(name, code, make(**changes))

    return row


_assertion_row = _made(_assertion)
_logout_row = _made(_logout)
_introspection_row = _made(_introspection)
_request_row = _made(_request)

ASSERTIONS = shown_to(
    "client-authentication+jwt",
    (
        control("T", "a client assertion", _assertion()),
        control("T", "a client assertion called JWT", _assertion("JWT")),
        *entry(
            "T03",
            "Client assertion",
            "It is no assertion, is about another client, or is meant for another server as well.",
            "RFC 7523 §3; draft-ietf-oauth-rfc7523bis",
            *_confused(
                "client assertion",
                {
                    "ID token": "claim_forbidden",
                    "ID token without typ": "claim_forbidden",
                    "signed userinfo": "wrong_subject",
                    "request object called JWT": "claim_missing",
                },
            ),
            _assertion_row("aud an array of us", "claim_type", aud=lambda kit: [kit.claims()["aud"]]),
            _assertion_row(
                "aud of two servers",
                "claim_type",
                aud=lambda kit: [kit.claims()["aud"], "https://evil.example"],
            ),
            _assertion_row(
                "aud the token endpoint", "wrong_audience", aud=lambda kit: f"{kit.claims()['aud']}/token"
            ),
            _assertion_row("aud another server", "wrong_audience", aud="https://evil.example"),
            _assertion_row("sub another client", "wrong_subject", sub="another-client"),
            _assertion_row("jti missing", "claim_missing", jti=ABSENT),
            _assertion_row("exp missing", "claim_missing", exp=ABSENT),
            _assertion_row("good for a year", "lifetime_too_long", exp=lambda kit: kit.now + 31_536_000),
        ),
    ),
)

LOGOUTS = shown_to(
    "logout+jwt",
    (
        control("T", "a logout token", _logout()),
        *entry(
            "T07",
            "Logout token",
            "It is no logout token, or logs out nobody.",
            "OpenID Connect Back-Channel Logout §2.4, §2.6",
            *_confused("logout token", {}),
            _logout_row("called JWT", "typ_mismatch", typ="JWT"),
            _logout_row("with a nonce", "claim_forbidden", nonce="n-1"),
            _logout_row("no events", "claim_missing", events=ABSENT),
            _logout_row("another event", "wrong_kind", events={"urn:x": {}}),
            _logout_row("event with a value", "wrong_kind", events={_LOGOUT_EVENT: True}),
            _logout_row("events an array", "wrong_kind", events=[_LOGOUT_EVENT]),
            _logout_row("neither sub nor sid", "claim_missing", sub=ABSENT, sid=ABSENT),
            _logout_row("jti missing", "claim_missing", jti=ABSENT),
            note(
                _logout_row("two events", "", events={_LOGOUT_EVENT: {}, "urn:x": {}}),
                "Other events may stand beside it (RFC 8417 §2.2).",
            ),
        ),
    ),
)

INTROSPECTIONS = shown_to(
    "token-introspection+jwt",
    (
        control("T", "an introspection response", _introspection()),
        *entry(
            "T08",
            "Introspection response",
            "It is no answer, or is made to pass for the token that it is about.",
            "RFC 9701 §5, §8.1",
            *_confused("introspection response", {}),
            _introspection_row("called JWT", "typ_mismatch", typ="JWT"),
            _introspection_row("no answer", "claim_missing", token_introspection=ABSENT),
            _introspection_row("an answer without active", "claim_type", token_introspection={}),
            _introspection_row("active a text", "claim_type", token_introspection={"active": "false"}),
            _introspection_row("with exp", "claim_forbidden", exp=lambda kit: kit.now + 60),
            _introspection_row("with sub", "claim_forbidden", sub="user-1"),
            _introspection_row(
                "an old answer", "expired", iat=lambda kit: kit.now - 400, nbf=lambda kit: kit.now - 400
            ),
        ),
    ),
)

REQUESTS = shown_to(
    "oauth-authz-req+jwt",
    (
        control("T", "a request object", _request()),
        control("T", "a request object called JWT", _request("JWT")),
        *entry(
            "T10",
            "Request object",
            "It is no request, is by another client, or leads to yet another one.",
            "RFC 9101 §4, §6.3, §10.8",
            *_confused(
                "request object",
                {
                    "ID token": "claim_missing",
                    "ID token without typ": "claim_missing",
                    "signed userinfo": "claim_missing",
                    "client assertion called JWT": "claim_missing",
                },
            ),
            _request_row("another client", "wrong_subject", client_id="another-client"),
            _request_row("sub is the client", "claim_forbidden", sub=_issuer),
            _request_row("with a request inside", "claim_forbidden", request="x"),
            _request_row(
                "with the address of a request", "claim_forbidden", request_uri="https://evil.example/"
            ),
            _request_row("another server", "wrong_audience", aud="https://evil.example"),
        ),
    ),
)


def _of_other(kit: Kit, *, kid: str | None = None, **changes: object) -> str:
    """A token of the other issuer, by its own key."""
    head = kit.header(kid=kid or kit.stranger.kid)
    return kit.token(head, kit.claims(**({"iss": OTHER_ISSUER} | changes)), key=kit.stranger)


def _others_claiming(kit: Kit, *, kid: str | None = None) -> str:
    return _of_other(kit, kid=kid, iss=_issuer(kit))


SEVERAL_ISSUERS = shown_to(
    "multi_issuer",
    (
        control("C", "a token of the first of two issuers", lambda kit: kit.good, needs=False),
        control("C", "a token of the second of two issuers", _of_other, needs=False),
        *entry(
            "C09",
            "One issuer speaking for another",
            "One of several trusted issuers signs what only another one may say.",
            "RFC 8725 §3.8; RFC 7519 §4.1.1",
            bare("the second in the first's name, under its own kid", "unknown_key", _others_claiming),
            bare(
                "the second in the first's name, under the first's kid",
                "bad_signature",
                lambda kit: _others_claiming(kit, kid=kit.header()["kid"]),
            ),
            signed(
                "the first in the second's name",
                "unknown_key",
                lambda kit: kit.token(claims=kit.claims(iss=OTHER_ISSUER)),
            ),
            bare("a third", "wrong_issuer", lambda kit: _of_other(kit, iss="https://third.example")),
            bare("nobody", "wrong_issuer", lambda kit: _of_other(kit, iss=ABSENT)),
            bare("both", "wrong_issuer", lambda kit: _of_other(kit, iss=[_issuer(kit), OTHER_ISSUER])),
            bare("an object", "wrong_issuer", lambda kit: _of_other(kit, iss={OTHER_ISSUER: 1})),
            bare(
                "first one, then the other",
                "bad_json",
                lambda kit: kit.token(
                    kit.header(kid=kit.stranger.kid),
                    compact(kit.claims(iss=OTHER_ISSUER))[:-1] + b',"iss":' + compact(_issuer(kit)) + b"}",
                    key=kit.stranger,
                ),
            ),
            bare(
                "claims that are no JSON", "bad_json", lambda kit: kit.token(claims=b"iss", key=kit.stranger)
            ),
            bare(
                "alg none in the second's name",
                "malformed",
                lambda kit: _of_other(kit).rpartition(".")[0] + ".",
            ),
        ),
    ),
)

CONFUSION: tuple[Attack, ...] = (*ASSERTIONS, *LOGOUTS, *INTROSPECTIONS, *REQUESTS, *SEVERAL_ISSUERS)
