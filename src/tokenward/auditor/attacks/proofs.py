"""Family T, DPoP: proofs that are not for this request, not by one key, or not fresh (RFC 9449)."""

import hashlib
from collections.abc import Callable
from typing import Any

from tokenward.auditor.attacks.kit import ABSENT, Kit, b64, changed, compact, signed
from tokenward.auditor.attacks.table import Attack, Part, bare, control, entry, note, shown_to
from tokenward.tokens.keys import SigningKey, members

METHOD = "POST"
URL = "https://api.example/payments"
MAX_AGE = 60  # seconds after which a verifier under test takes a proof for old
LEEWAY = 10


def _header(kit: Kit, **changes: object) -> dict[str, Any]:
    key = kit.stranger
    good = {"typ": "dpop+jwt", "alg": key.algorithm, "jwk": members(key.private.public_key())}
    return changed(good, changes)


def _claims(kit: Kit, **changes: object) -> dict[str, Any]:
    ath = b64(hashlib.sha256(kit.good.encode()).digest())
    return changed({"jti": "p-1", "htm": METHOD, "htu": URL, "iat": kit.now, "ath": ath}, changes)


def _proof(kit: Kit, header: object = None, claims: object = None, *, key: SigningKey | None = None) -> str:
    head, body = header or _header(kit), claims or _claims(kit)
    return signed(compact(head), compact(body), (key or kit.stranger).sign)


def _head(name: str, code: str, **changes: object) -> Part[Attack]:
    """A good proof with its header changed; a change that is a function gets the public JWK."""

    def forge(kit: Kit) -> tuple[str]:
        jwk = _header(kit)["jwk"]
        values = {key: value(jwk) if callable(value) else value for key, value in changes.items()}
        return (_proof(kit, _header(kit, **values)),)

    return bare(name, code, forge)


def _body(name: str, code: str, **changes: object) -> Part[Attack]:
    """A good proof with its claims changed; a change that is a function gets the kit."""

    def forge(kit: Kit) -> tuple[str]:
        values = {claim: value(kit) if callable(value) else value for claim, value in changes.items()}
        return (_proof(kit, claims=_claims(kit, **values)),)

    return bare(name, code, forge)


def _later(seconds: float) -> Callable[[Kit], float]:
    return lambda kit: kit.now + seconds


def _with_signature(change: Callable[[str], str]) -> Callable[[Kit], tuple[str]]:
    def forge(kit: Kit) -> tuple[str]:
        front, dot, signature = _proof(kit).rpartition(".")
        return (front + dot + change(signature),)

    return forge


PROOFS: tuple[Attack, ...] = shown_to(
    "dpop",
    (
        control("T", "a DPoP proof", lambda kit: (_proof(kit),), needs=False),
        *entry(
            "T05",
            "DPoP proof",
            "The proof is not one, is for another request or token, is old, or proves no key.",
            "RFC 9449 §4.2, §4.3",
            bare("none", "proof_count", lambda _: ()),
            bare("two", "proof_count", lambda kit: (_proof(kit), _proof(kit))),
            bare("two in one value", "malformed", lambda kit: (f"{_proof(kit)}, {_proof(kit)}",)),
            bare("empty", "malformed", lambda _: ("",)),
            bare("the access token", "header_refused", lambda kit: (kit.good,)),
            bare("claims an array", "bad_json", lambda kit: (_proof(kit, claims=b"[]"),)),
            bare(
                "htm twice",
                "bad_json",
                lambda kit: (_proof(kit, claims=compact(_claims(kit))[:-1] + b',"htm":"POST"}'),),
            ),
            _head("typ missing", "header_type", typ=ABSENT),
            _head("typ JWT", "typ_mismatch", typ="JWT"),
            _head("typ of an access token", "typ_mismatch", typ="at+jwt"),
            _head("alg none", "algorithm_refused", alg="none"),
            _head("alg HS256", "algorithm_refused", alg="HS256"),
            _head("alg RS256, not allowed", "algorithm_refused", alg="RS256"),
            _head("alg of another type of key", "header_type", alg="EdDSA"),
            _head("jwk missing", "header_type", jwk=ABSENT),
            _head("jwk null", "header_type", jwk=None),
            _head("jwk a text", "header_type", jwk="key"),
            _head("jwk with its private half", "header_refused", jwk=lambda jwk: jwk | {"d": b64(bytes(32))}),
            _head("jwk symmetric", "header_refused", jwk={"kty": "oct", "k": ""}),
            _head("jwk for encryption", "wrong_algorithm_for_key", jwk=lambda jwk: jwk | {"use": "enc"}),
            _head(
                "jwk for another algorithm", "wrong_algorithm_for_key", jwk=lambda jwk: jwk | {"alg": "ES384"}
            ),
            _head("jwk off the curve", "header_type", jwk=lambda jwk: jwk | {"y": b64(b"\x01" * 32)}),
            bare(
                "jwk of somebody else",
                "bad_signature",
                lambda kit: (_proof(kit, _header(kit, jwk=_members_of(kit.jwk(kit.stranger.algorithm)))),),
            ),
            _head("kid beside the key", "header_refused", kid="k"),
            _head("jku beside the key", "header_refused", jku="https://evil.example/"),
            _head("crit", "header_refused", crit=["exp"]),
            bare("signature of zeros", "bad_signature", _with_signature(lambda _: b64(bytes(64)))),
            bare("signature empty", "malformed", _with_signature(lambda _: "")),
            bare("signature padded", "bad_base64", _with_signature(lambda text: text + "==")),
            _body("htm of another method", "wrong_method", htm="GET"),
            _body("htm in small letters", "wrong_method", htm="post"),
            _body("htm missing", "claim_missing", htm=ABSENT),
            _body("htm an array", "claim_type", htm=["POST"]),
            _body("htu missing", "claim_missing", htu=ABSENT),
            _body("htu an array", "claim_type", htu=[URL]),
            _body("htu of another host", "wrong_target", htu="https://evil.example/payments"),
            _body("htu of another path", "wrong_target", htu="https://api.example/accounts"),
            _body("htu of another port", "wrong_target", htu="https://api.example:8443/payments"),
            _body("htu over http", "wrong_target", htu="http://api.example/payments"),
            _body("htu with a slash more", "wrong_target", htu=URL + "/"),
            _body("htu with another case in its path", "wrong_target", htu="https://api.example/Payments"),
            _body("htu with an encoded slash", "wrong_target", htu="https://api.example%2Fpayments"),
            _body("htu with a user name", "wrong_target", htu="https://user@api.example/payments"),
            _body("htu a path alone", "wrong_target", htu="/payments"),
            _body("htu a star", "wrong_target", htu="*"),
            _body("iat missing", "claim_missing", iat=ABSENT),
            _body("iat a text", "claim_type", iat=lambda kit: str(kit.now)),
            _body("iat true", "claim_type", iat=True),
            _body("old", "expired", iat=_later(-MAX_AGE - LEEWAY)),
            _body("from the future", "issued_in_future", iat=_later(LEEWAY + 1)),
            _body("expired", "expired", exp=_later(-LEEWAY - 1)),
            _body("not valid yet", "not_yet_valid", nbf=_later(LEEWAY + 1)),
            _body("jti missing", "claim_missing", jti=ABSENT),
            _body("jti a number", "claim_type", jti=1),
            _body("ath missing", "wrong_token_hash", ath=ABSENT),
            _body("ath of another token", "wrong_token_hash", ath=b64(hashlib.sha256(b"x").digest())),
            _body(
                "ath in hexadecimal",
                "wrong_token_hash",
                ath=lambda kit: hashlib.sha256(kit.good.encode()).hexdigest(),
            ),
            _body("ath padded", "wrong_token_hash", ath=lambda kit: _claims(kit)["ath"] + "="),
            _body("nonce a number", "claim_type", nonce=1),
            note(
                _body("jti of 300 characters", "claim_type", jti="p" * 300),
                "No specification limits it. Ours does, since each is remembered.",
            ),
            *[
                note(part, "RFC 9449 §4.3 (9) compares without query and fragment. Ours does as it says.")
                for part in (
                    _body("htu with a query", "", htu=URL + "?to=evil"),
                    _body("htu with a fragment", "", htu=URL + "#x"),
                )
            ],
            note(
                _body("htu in another spelling", "", htu="HTTPS://API.example:443/a/../%70ayments"),
                "The same address after normalisation (RFC 3986 §6.2), which RFC 9449 §4.3 asks for.",
            ),
        ),
    ),
)


def _members_of(jwk: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in jwk.items() if name in {"kty", "crv", "x", "y", "n", "e"}}
