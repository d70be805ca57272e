"""Making tokens as an issuer makes them, and taking rules out of a kind to see whether anybody notices."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tokenward.base.clock import ManualClock
from tokenward.tokens import InvalidToken, base64url
from tokenward.tokens.keys import SigningKey
from tokenward.tokens.kinds import Kind
from tokenward.tokens.validator import Engine

NOW = 1_800_000_000
ABSENT = object()
KEY = SigningKey.generate("ES256")
JWKS = {"keys": [KEY.public_jwk()]}

# What is done to good claims, and the code under which they must be refused then.
Cases = dict[str, tuple[dict[str, Any], str]]


def changed(good: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**good, **changes}.items() if value is not ABSENT}


def mint(claims: Mapping[str, Any], key: SigningKey = KEY, **header: Any) -> str:
    """A signed token; the header is that of the key unless it is changed."""
    parts = (changed({"alg": key.algorithm, "kid": key.kid}, header), claims)
    signing_input = ".".join(base64url.encode(json.dumps(part).encode()) for part in parts)
    return f"{signing_input}.{base64url.encode(key.sign(signing_input.encode()))}"


def judge(kind: Kind, good: Mapping[str, Any], claims: Mapping[str, Any], **header: Any) -> str:
    """ "good", or the code under which it is refused by a validator for the issuer and audience of `good`."""
    audience = good.get("aud", good.get("client_id"))
    engine = Engine(
        kind,
        issuer=good["iss"],
        audience=audience[0] if isinstance(audience, list) else audience,
        keys=JWKS,
        algorithms=["ES256"],
        leeway=30,
        max_lifetime=None,
        clock=ManualClock(NOW),
    )
    try:
        engine.validate(mint(claims, **header), None)
    except InvalidToken as error:
        return error.code
    return "good"


def unnoticed(kind: Kind, good: Mapping[str, Any], cases: Cases, **header: Any) -> list[str]:
    """What could be taken out of the kind without any of the cases failing."""
    return [name for name, mutant in _mutants(kind) if _passes(mutant, good, cases, header)]


def _passes(mutant: Kind, good: Mapping[str, Any], cases: Cases, header: Mapping[str, Any]) -> bool:
    try:
        return judge(mutant, good, good, **header) == "good" and all(
            judge(mutant, good, changed(good, case), **header) == code for case, code in cases.values()
        )
    except (KeyError, TypeError):  # one rule relies on what another has checked
        return False


def _mutants(kind: Kind) -> Iterator[tuple[str, Kind]]:
    for at, rule in enumerate(kind.claims):
        before, after = kind.claims[:at], kind.claims[at + 1 :]
        yield f"{rule.claim}: no rule", replace(kind, claims=before + after)
        unchecked = replace(rule, check=lambda *_: None)
        yield f"{rule.claim}: no check", replace(kind, claims=(*before, unchecked, *after))
        if rule.required:
            yield (
                f"{rule.claim}: optional",
                replace(kind, claims=(*before, replace(rule, required=False), *after)),
            )
    for at in range(len(kind.together)):
        yield f"together {at}", replace(kind, together=kind.together[:at] + kind.together[at + 1 :])


COMMON: Cases = {
    "iss missing": ({"iss": ABSENT}, "claim_missing"),
    "iss of another": ({"iss": "https://other.example"}, "wrong_issuer"),
    "iss an array": ({"iss": ["https://issuer.example"]}, "claim_type"),
    "aud missing": ({"aud": ABSENT}, "claim_missing"),
    "aud of another": ({"aud": "another"}, "wrong_audience"),
    "aud a number": ({"aud": 1}, "claim_type"),
    "exp missing": ({"exp": ABSENT}, "claim_missing"),
    "expired": ({"iat": NOW - 90, "nbf": ABSENT, "exp": NOW - 30}, "expired"),
    "exp a text": ({"exp": str(NOW + 60)}, "claim_type"),
    "iat missing": ({"iat": ABSENT}, "claim_missing"),
    "iat ahead": ({"iat": NOW + 31}, "issued_in_future"),
    "iat true": ({"iat": True}, "claim_type"),
    "nbf ahead": ({"nbf": NOW + 31}, "not_yet_valid"),
    "nbf a text": ({"nbf": str(NOW)}, "claim_type"),
    "sub missing": ({"sub": ABSENT}, "claim_missing"),
    "sub empty": ({"sub": ""}, "claim_type"),
    "jti a number": ({"jti": 1}, "claim_type"),
    "exp before iat": ({"iat": NOW + 20, "exp": NOW + 10}, "lifetime_too_long"),
}
NOT_OF_ANOTHER_KIND: Cases = {
    name: ({name: value}, "claim_forbidden")
    for name, value in {
        "events": {},
        "token_introspection": {"active": True},
        "response_type": "code",
        "htu": "https://api.example/",
        "htm": "GET",
    }.items()
}
NOT_OF_AN_ID_TOKEN: Cases = {
    **{name: ({name: "x"}, "claim_forbidden") for name in ("nonce", "at_hash", "c_hash", "s_hash")},
    "token_use of an ID token": ({"token_use": "id"}, "wrong_kind"),
    "typ claim of an ID token": ({"typ": "ID"}, "wrong_kind"),
}


def without(cases: Cases, *names: str) -> Cases:
    return {name: case for name, case in cases.items() if name not in names}
