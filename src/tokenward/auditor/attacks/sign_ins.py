"""Family T, ID tokens: the answer to somebody else's sign-in, or to none (OpenID Connect Core)."""

import hashlib
from collections.abc import Callable
from typing import Any

from tokenward.auditor.attacks.kit import ABSENT, Kit, b64
from tokenward.auditor.attacks.table import Attack, Part, control, entry, note, shown_to, signed
from tokenward.tokens.id_token import SignIn

ACCESS_TOKEN = "access-token-of-this-sign-in"  # noqa: S105 - what a hash is made of
SIGN_IN = SignIn(
    nonce="n-1", access_token=ACCESS_TOKEN, code=None, max_age=300, acr_values=("urn:example:mfa",)
)
"""What the tokens of this module are held against. The kit's first key hashes with SHA-256."""


def _at_hash(token: str, part: slice = slice(16)) -> str:
    return b64(hashlib.sha256(token.encode()).digest()[part])


def _id_token(kit: Kit, typ: object = "JWT", **changes: object) -> str:
    sign_in: dict[str, Any] = {
        "nonce": "n-1",
        "at_hash": _at_hash(ACCESS_TOKEN),
        "auth_time": kit.now,
        "acr": "urn:example:mfa",
        "client_id": ABSENT,
        "scope": ABSENT,
    }
    values = {name: value(kit) if callable(value) else value for name, value in changes.items()}
    return kit.token(kit.header(typ=typ), kit.claims(**(sign_in | values)))


def _claims(name: str, code: str, **changes: object) -> Part[Attack]:
    return signed(name, code, lambda kit: _id_token(kit, "JWT", **changes))


def _typ(name: str, code: str, typ: object) -> Part[Attack]:
    return signed(name, code, lambda kit: _id_token(kit, typ))


def _later(seconds: float) -> Callable[[Kit], float]:
    return lambda kit: kit.now + seconds


SIGN_INS: tuple[Attack, ...] = shown_to(
    "id_token",
    (
        control("T", "an ID token", _id_token),
        *entry(
            "T06",
            "ID token",
            "It is no ID token, is for another client, or answers another sign-in than the one under way.",
            "OpenID Connect Core §2, §3.1.3.6, §3.1.3.7, §3.3.2.11",
            signed("an access token", "typ_mismatch", lambda kit: kit.token()),
            _typ("typ of an access token", "typ_mismatch", "at+jwt"),
            _typ("typ of a logout token", "typ_mismatch", "logout+jwt"),
            _claims("events of a logout token", "claim_forbidden", events={}),
            _claims("claims of a request object", "claim_forbidden", response_type="code"),
            _claims("claims of a DPoP proof", "claim_forbidden", htm="GET", htu="https://api.example/"),
            _claims("another client", "wrong_audience", aud="another-client"),
            _claims("another issuer", "wrong_issuer", iss="https://evil.example"),
            _claims("expired", "expired", iat=_later(-100), nbf=_later(-100), exp=_later(-31)),
            _claims("nonce missing", "nonce_mismatch", nonce=ABSENT),
            _claims("nonce of another sign-in", "nonce_mismatch", nonce="n-2"),
            _claims("nonce in another case", "nonce_mismatch", nonce="N-1"),
            _claims("nonce with more", "nonce_mismatch", nonce="n-1 "),
            _claims("nonce empty", "claim_type", nonce=""),
            _claims("nonce null", "claim_type", nonce=None),
            _claims("nonce an array", "claim_type", nonce=["n-1"]),
            _claims("at_hash of another token", "hash_mismatch", at_hash=_at_hash("another")),
            _claims(
                "at_hash of the right half", "hash_mismatch", at_hash=_at_hash(ACCESS_TOKEN, slice(16, 32))
            ),
            _claims("at_hash of the whole", "hash_mismatch", at_hash=_at_hash(ACCESS_TOKEN, slice(32))),
            _claims("at_hash padded", "hash_mismatch", at_hash=_at_hash(ACCESS_TOKEN) + "=="),
            _claims("at_hash empty", "claim_type", at_hash=""),
            _claims("c_hash, and no code", "hash_mismatch", c_hash=_at_hash("code")),
            _claims("azp of another client", "wrong_party", azp="another-client"),
            _claims(
                "several audiences, no azp",
                "wrong_party",
                aud=lambda kit: [kit.claims()["aud"], "another-client"],
            ),
            _claims(
                "several audiences, azp of the other",
                "wrong_party",
                aud=lambda kit: [kit.claims()["aud"], "another-client"],
                azp="another-client",
            ),
            _claims("auth_time missing", "sign_in_too_old", auth_time=ABSENT),
            _claims("auth_time too long ago", "sign_in_too_old", auth_time=_later(-331)),
            _claims("auth_time a text", "claim_type", auth_time=lambda kit: str(kit.now)),
            _claims("auth_time true", "claim_type", auth_time=True),
            _claims("acr missing", "sign_in_too_weak", acr=ABSENT),
            _claims("acr of less", "sign_in_too_weak", acr="urn:example:password"),
            _claims("acr an array", "claim_type", acr=["urn:example:mfa"]),
            _claims("bound to a key", "binding_required", cnf={"jkt": "x"}),
            note(
                _claims("at_hash missing", "", at_hash=ABSENT),
                "Optional beside a token from the token endpoint (OpenID Connect Core §3.1.3.6), whose TLS"
                " ties the two together. With a code from the front channel ours demands it.",
            ),
        ),
    ),
)
