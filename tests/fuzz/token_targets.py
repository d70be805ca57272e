"""What reads tokens, keys and JSON, each target made so that fuzzed octets get behind the signature."""

import hashlib
import hmac
import json
import math
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fuzz.target import Target, chosen, compact, expanded, split, text
from tokenward.base.clock import ManualClock
from tokenward.tokens import base64url, opaque, strict_json
from tokenward.tokens.binding import ClientCertificate, VerifiedProof, token_hash
from tokenward.tokens.dpop import DpopVerifier
from tokenward.tokens.dpop_nonces import DpopNonces
from tokenward.tokens.encryption_keys import DecryptionKey
from tokenward.tokens.errors import CODES, InvalidToken
from tokenward.tokens.id_token import IdTokenValidator, SignIn, left_half_hash
from tokenward.tokens.jwe import EncryptedJwtValidator, decrypt
from tokenward.tokens.jwk_set import MAX_KEYS, public_keys, secret_keys
from tokenward.tokens.keys import SigningKey, members
from tokenward.tokens.kinds import KINDS
from tokenward.tokens.multi_issuer import MultiIssuerValidator
from tokenward.tokens.profiles import PROFILES
from tokenward.tokens.target_uri import normal_form
from tokenward.tokens.validator import JwtValidator

NOW = 1_800_000_000
CLOCK = ManualClock(NOW)
ISSUER = "https://login.example/tenant-1/v2.0"
AUDIENCE = "https://bank.example"
METHOD, URL = "POST", "https://bank.example/pay"
ACCESS_TOKEN = "access-token"


def outcome(call: Callable[[], object]) -> str:
    try:
        call()
    except InvalidToken as refusal:
        if refusal.code not in CODES or str(refusal) != "the token is not valid":
            raise AssertionError(f"an unknown refusal: {refusal.code} {refusal}") from None
        return refusal.code
    return "accepted"


def b64(data: bytes) -> bytes:
    return base64url.encode(data).encode()


# Keys that are the same in every process, so that an input of the corpus means the same.
SECRET = hashlib.sha256(b"fuzz").digest()
OTHER_SECRET = hashlib.sha256(b"another").digest()
EC = SigningKey("ec", "ES256", ec.derive_private_key(7**50, ec.SECP256R1()))
ED = SigningKey("ed", "EdDSA", ed25519.Ed25519PrivateKey.from_private_bytes(SECRET))
RSA = SigningKey("rsa", "PS256", rsa.generate_private_key(public_exponent=65537, key_size=2048))
ASYMMETRIC = (EC, ED, RSA)


def secrets(secret: bytes = SECRET) -> dict[str, Any]:
    return {"keys": [{"kty": "oct", "kid": "hs", "alg": "HS256", "k": base64url.encode(secret)}]}


def with_hmac(header: bytes, payload: bytes, secret: bytes = SECRET) -> str:
    signing_input = b64(header) + b"." + b64(payload)
    return (signing_input + b"." + b64(hmac.digest(secret, signing_input, "sha256"))).decode()


def signed(key: SigningKey, header: bytes, payload: bytes) -> str:
    signing_input = b64(header) + b"." + b64(payload)
    return (signing_input + b"." + b64(key.sign(signing_input))).decode()


# --- JwtValidator: every kind and profile


def _validator(kind: str, **keys: Any) -> JwtValidator:
    return JwtValidator(issuer=ISSUER, audience=AUDIENCE, kind=kind, clock=CLOCK, **keys)


_KINDS = [name for name in {**KINDS, **PROFILES} if name != "id_token"]
_SYMMETRIC = [_validator(kind, keys=secrets(), algorithms=["HS256"]) for kind in _KINDS]
_PUBLIC = _validator(
    "at+jwt",
    keys={"keys": [key.public_jwk() for key in ASYMMETRIC]},
    algorithms=["ES256", "EdDSA", "PS256"],
)
_TYP = {kind: f'"typ":"{kind}",' if kind.endswith("+jwt") else "" for kind in _KINDS}
_PROOFS = (
    None,
    VerifiedProof("thumb", token_hash(ACCESS_TOKEN), "j", NOW),
    ClientCertificate("thumb"),
)


def _header(kind: str) -> bytes:
    return f'{{"alg":"HS256",{_TYP[kind]}"kid":"hs"}}'.encode()


def _validate(data: bytes) -> Callable[[], str]:
    mode, body = data[:3], data[3:]
    kind = chosen(mode, 1, _KINDS)
    validator, proof = _SYMMETRIC[_KINDS.index(kind)], chosen(mode, 2, _PROOFS)
    match chosen(mode, 0, ("payload", "header and payload", "raw", "signature")):
        case "payload":
            token = with_hmac(_header(kind), expanded(body))
        case "header and payload":
            token = with_hmac(*split(body, 2))
        case "raw":
            token = text(expanded(body))
        case _:
            key = chosen(mode, 1, ASYMMETRIC)
            header = compact({"alg": key.algorithm, "kid": key.kid, "typ": "at+jwt"})
            good = signed(key, header, compact(_CLAIMS))
            signature = bytearray(base64url.decode(good.rpartition(".")[2]))
            for at, octet in enumerate(body[: len(signature)]):
                signature[at] ^= octet
            rest = base64url.encode(bytes(signature) + body[len(signature) :])
            token = f"{good.rpartition('.')[0]}.{rest}"
            validator = _PUBLIC
    return lambda: outcome(lambda: validator.validate(token, proof=proof))


_CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "user-1",
    "iat": NOW,
    "exp": NOW + 60,
}
_OF_KIND: dict[str, dict[str, Any]] = {
    "at+jwt": {"client_id": "app-1", "scope": "a b", "nbf": NOW, "jti": "j-1"},
    "logout+jwt": {"jti": "j", "events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
    "client-authentication+jwt": {"jti": "j", "sub": ISSUER},
    "token-introspection+jwt": {"token_introspection": {"active": True}, "sub": None, "exp": None},
    "oauth-authz-req+jwt": {"client_id": ISSUER, "response_type": "code"},
    "entra": {"tid": "tenant-1", "ver": "2.0", "azp": "app-1", "scp": "a b", "roles": ["r"]},
    "auth0": {"azp": "app-1", "permissions": ["read"], "aud": [AUDIENCE, "https://other.example"]},
    "okta": {"cid": "app-1", "uid": "u", "scp": ["a", "b"]},
    "keycloak": {"typ": "Bearer", "azp": "app-1"},
    "cognito": {"client_id": AUDIENCE, "token_use": "access", "aud": None},
    "google-service-account": {"azp": "1", "email": "a@example.com", "email_verified": True},
}


def _good(kind: str, **more: Any) -> bytes:
    claims = _CLAIMS | _OF_KIND.get(kind, {}) | more
    return compact({name: value for name, value in claims.items() if value is not None})


def _validator_seeds() -> list[bytes]:
    seeds = [bytes([0, at, 0]) + _good(kind) for at, kind in enumerate(_KINDS)]
    seeds += [bytes([1, at, 0]) + _header(kind) + b"\n" + _good(kind) for at, kind in enumerate(_KINDS)]
    seeds += [bytes([3, at, 0]) for at in range(len(ASYMMETRIC))]
    seeds += [
        bytes([0, 0, 1]) + _good("at+jwt", cnf={"jkt": "thumb"}),
        bytes([0, 0, 2]) + _good("at+jwt", cnf={"x5t#S256": "thumb"}),
        bytes([2, 0, 0]) + with_hmac(_header("at+jwt"), _good("at+jwt")).encode(),
        bytes([0, 0, 0]) + b'{"a":\0\x0c[\0\0\x0c]\0}',
        bytes([0, 0, 0]) + b'{"a":1\0\x0c0\0}',
        bytes([0, 0, 0]) + b'{"a":"\0\x0c\\"\0"}',
        bytes([0, 0, 0]) + b'{"scope":"\0\x0ca \0"}',
        bytes([2, 0, 0]) + b"\0\x0e.\0",
    ]
    return seeds


# --- IdTokenValidator

_ID_TOKENS = IdTokenValidator(
    issuer=ISSUER, client_id=AUDIENCE, keys=secrets(), algorithms=["HS256"], clock=CLOCK
)
_SIGN_INS = (
    SignIn(nonce=None, access_token=None, code=None, max_age=None, acr_values=()),
    SignIn(nonce="n", access_token=ACCESS_TOKEN, code=None, max_age=60, acr_values=("strong",)),
    SignIn(nonce="n", access_token=ACCESS_TOKEN, code="code", max_age=None, acr_values=()),
)


def _id_token(data: bytes) -> Callable[[], str]:
    sign_in, body = chosen(data, 0, _SIGN_INS), data[1:]
    token = with_hmac(b'{"alg":"HS256","kid":"hs"}', expanded(body))
    return lambda: outcome(lambda: _ID_TOKENS.validate(token, sign_in))


_ID_TOKEN_SEEDS = [
    b"\0" + compact(_CLAIMS | {"amr": ["pwd"], "azp": AUDIENCE}),
    b"\1" + compact(_CLAIMS | {"nonce": "n", "auth_time": NOW, "acr": "strong"}),
    b"\2"
    + compact(
        _CLAIMS
        | {
            "nonce": "n",
            "at_hash": left_half_hash(ACCESS_TOKEN, "HS256"),
            "c_hash": left_half_hash("code", "HS256"),
        }
    ),
]

# --- MultiIssuerValidator

_OTHER_ISSUER = "https://other.example"
_MULTI = MultiIssuerValidator(
    [
        _validator("at+jwt", keys=secrets(), algorithms=["HS256"]),
        JwtValidator(
            issuer=_OTHER_ISSUER,
            audience=AUDIENCE,
            keys=secrets(OTHER_SECRET),
            algorithms=["HS256"],
            kind="jwt",
            clock=CLOCK,
        ),
    ]
)


def _multi_issuer(data: bytes) -> Callable[[], str]:
    body = data[1:]
    if chosen(data, 0, (False, False, True)):
        token = text(expanded(body))
    else:
        token = with_hmac(*split(body, 2), secret=chosen(data, 0, (SECRET, OTHER_SECRET)))
    return lambda: outcome(lambda: _MULTI.validate(token))


_MULTI_SEEDS = [
    b"\0" + _header("at+jwt") + b"\n" + _good("at+jwt"),
    b"\1" + _header("jwt") + b"\n" + _good("jwt", iss=_OTHER_ISSUER),
    b"\2" + with_hmac(_header("at+jwt"), _good("at+jwt")).encode(),
]

# --- DpopVerifier


class _NothingUsed:
    """Nothing was ever used before: what a target remembers must not change what an input means."""

    def first_use(self, _key: bytes, _until: float) -> bool:
        return True

    async def first_use_async(self, _key: bytes, _until: float) -> bool:
        return True


_NONCES = DpopNonces(SECRET, clock=CLOCK)
_PROOF_VERIFIERS = (
    DpopVerifier(replays=_NothingUsed(), nonces=None, clock=CLOCK),
    DpopVerifier(replays=_NothingUsed(), nonces=_NONCES, clock=CLOCK),
)
_PROOF_KEYS = (EC, ED)


def _proof_header(key: SigningKey) -> bytes:
    return compact({"typ": "dpop+jwt", "alg": key.algorithm, "jwk": members(key.private.public_key())})


def _dpop(data: bytes) -> Callable[[], str]:
    mode, body = data[:3], data[3:]
    key, verifier = chosen(mode, 1, _PROOF_KEYS), chosen(mode, 2, _PROOF_VERIFIERS)
    url = URL
    match chosen(mode, 0, ("payload", "header and payload", "raw", "target")):
        case "payload":
            proof = signed(key, _proof_header(key), expanded(body))
        case "header and payload":
            proof = signed(key, *split(body, 2))
        case "raw":
            proof = text(expanded(body))
        case _:
            url = text(expanded(body))
            proof = signed(key, _proof_header(key), compact(_PROOF | {"htu": url}))
    return lambda: outcome(
        lambda: verifier.verify([proof], method=METHOD, url=url, access_token=ACCESS_TOKEN)
    )


_PROOF = {"jti": "j", "htm": METHOD, "htu": URL, "iat": NOW, "ath": token_hash(ACCESS_TOKEN)}
_DPOP_SEEDS = [
    *(bytes([0, at, 0]) + compact(_PROOF) for at in range(len(_PROOF_KEYS))),
    bytes([0, 1, 1]) + compact(_PROOF | {"nonce": _NONCES.current()}),
    bytes([1, 0, 0]) + _proof_header(EC) + b"\n" + compact(_PROOF),
    bytes([1, 1, 0]) + _proof_header(ED) + b"\n" + compact(_PROOF),
    bytes([1, 1, 0]) + compact({"typ": "dpop+jwt", "alg": "PS256", "jwk": members(RSA.private.public_key())}),
    bytes([2, 0, 0]) + signed(EC, _proof_header(EC), compact(_PROOF)).encode(),
    bytes([3, 1, 0]) + URL.encode(),
]

# --- key sets


def _secret_keys(jwks: object) -> object:
    return secret_keys(jwks, algorithms=["HS256", "HS512"])


def _as_many(jwk: object) -> object:
    """The key as often as a set may hold one: the worst that one key can do."""
    if not isinstance(jwk, dict):
        return jwk
    return public_keys({"keys": [jwk | {"kid": str(at)} for at in range(MAX_KEYS)]})


def _key_set(data: bytes) -> Callable[[], str]:
    load = chosen(data, 0, (public_keys, _secret_keys, _as_many))
    try:
        jwks = json.loads(text(expanded(data[1:])))
    except (ValueError, RecursionError):  # of the reader: what is fuzzed here begins after it
        return lambda: "not JSON"

    def call() -> str:
        try:
            load(jwks)
        except ValueError:
            return "ValueError"
        return "accepted"

    return call


# 8192 bits, odd, and without a small factor: all that can be told of it has to be worked out.
_LARGEST = next(
    number.to_bytes(1024)
    for number in range((1 << 8192) - 1, 0, -2)
    if all(number % factor for factor in range(3, 1000, 2))
)
_KEY_SET_SEEDS = [
    b"\0" + compact({"keys": [key.public_jwk()]}) for key in (*ASYMMETRIC, SigningKey.generate("ES512"))
] + [
    b"\0" + compact({"keys": [EC.public_jwk() | {"key_ops": ["verify"], "use": "sig"}, ED.public_jwk()]}),
    b"\1" + compact(secrets()),
    b"\2" + compact({"kty": "RSA", "alg": "RS256", "e": "AQAB", "n": base64url.encode(_LARGEST)}),
    b"\2" + compact(EC.public_jwk()),
    b'\0{"keys":[{"kty":"RSA","alg":"RS256","e":"AQAB","n":"\0\x0a_\0"}]}',
    b'\1{"keys":[{"kty":"oct","alg":"HS256","k":"\0\x06YWJjREVG\0"}]}',
]

# --- JWE

_OURS = (
    DecryptionKey("dir", "dir", SECRET),
    DecryptionKey("ec", "ECDH-ES", ec.derive_private_key(7**50, ec.SECP256R1())),
)
_LISTS: dict[str, Any] = {
    "algorithms": ["dir", "ECDH-ES", "ECDH-ES+A256KW", "RSA-OAEP-256"],
    "encryptions": ["A256GCM", "A128GCM", "A256CBC-HS512"],
}
_NESTED = EncryptedJwtValidator(_SYMMETRIC[0], _OURS, **_LISTS)


def _direct(header: bytes, content: bytes) -> str:
    """A JWE with `dir` and A256GCM, whatever its header says."""
    protected, iv = b64(header), bytes(12)
    sealed = AESGCM(SECRET).encrypt(iv, content, protected)
    return b".".join([protected, b"", b64(iv), b64(sealed[:-16]), b64(sealed[-16:])]).decode()


def _jwe(data: bytes) -> Callable[[], str]:
    body = data[2:]
    match chosen(data, 0, ("header and content", "nested claims", "raw")):
        case "header and content":
            token = _direct(*split(body, 2))
        case "nested claims":
            token = _direct(_NESTED_HEADER, with_hmac(_header("at+jwt"), expanded(body)[:12_000]).encode())
        case _:
            token = text(expanded(body))
    if chosen(data, 1, (True, False)):
        return lambda: outcome(lambda: _NESTED.validate(token))
    return lambda: outcome(lambda: decrypt(token, _OURS, **_LISTS))


_DIRECT_HEADER = {"alg": "dir", "enc": "A256GCM", "kid": "dir"}
_NESTED_HEADER = compact(_DIRECT_HEADER | {"cty": "JWT"})
_JWE_SEEDS = [
    b"\0\1" + compact(_DIRECT_HEADER) + b"\ncontent",
    b"\0\0" + _NESTED_HEADER + b"\n" + with_hmac(_header("at+jwt"), _good("at+jwt")).encode(),
    b"\1\0" + _good("at+jwt"),
    b"\0\1"
    + compact(
        {
            "alg": "ECDH-ES",
            "enc": "A256GCM",
            "kid": "ec",
            "epk": members(EC.private.public_key()),
            "apu": "AA",
        }
    ),
    b"\2\1" + _direct(compact(_DIRECT_HEADER), b"content").encode(),
]

# --- what is read without keys


def _opaque(data: bytes) -> Callable[[], str]:
    token = text(expanded(data[1:]))
    if chosen(data, 0, (False, True)):  # behind the checksum
        token += opaque._checksum(token) if token.isascii() else ""

    def call() -> str:
        return "refused" if opaque.parse(token) is None else "accepted"

    return call


_OPAQUE_SEEDS = [b"\1tkw_at_" + b"0" * 54, b"\1tkw_ak_0123456789a" + b"Zz" * 21 + b"0"]


def _target_uri(data: bytes) -> Callable[[], str]:
    url = text(expanded(data))

    def call() -> str:
        form = normal_form(url)
        if form is None:
            return "refused"
        assert normal_form(form) == form, "the normal form has another normal form"
        return "accepted"

    return call


_URLS = (
    URL,
    "HTTP://[::1]:80/a/../%7eb/./c?d#e",
    "https://EXAMPLE.com:443",
    "https://a/\0\x0c../\0",
    "https://a/\0\x0c%41\0",
)


def _strict_json(data: bytes) -> Callable[[], str]:
    octets = expanded(data)

    def call() -> str:
        try:
            value = strict_json.read_object(octets)
        except ValueError:
            return "ValueError"
        assert value == json.loads(octets), "another reader reads something else"
        assert all(math.isfinite(each) for each in value.values() if isinstance(each, float))
        return "accepted"

    return call


_JSON_SEEDS = [
    b'{"a":[1,-2.5e3,true,null,"\\ud83d\\ude00"],"b":{"c":{}}}',
    _good("at+jwt"),
    b'{"a":\0\x0e"\\\0}',
]


def _base64url(data: bytes) -> Callable[[], str]:
    encoded = text(expanded(data))

    def call() -> str:
        try:
            octets = base64url.decode(encoded)
        except ValueError:
            return "ValueError"
        assert base64url.encode(octets) == encoded, "two texts for the same octets"
        return "accepted"

    return call


TARGETS = (
    Target("validator", _validate, tuple(_validator_seeds())),
    Target("id_token", _id_token, tuple(_ID_TOKEN_SEEDS)),
    Target("multi_issuer", _multi_issuer, tuple(_MULTI_SEEDS)),
    Target("dpop", _dpop, tuple(_DPOP_SEEDS)),
    Target("key_set", _key_set, tuple(_KEY_SET_SEEDS)),
    Target("jwe", _jwe, tuple(_JWE_SEEDS)),
    Target("opaque", _opaque, tuple(_OPAQUE_SEEDS)),
    Target("target_uri", _target_uri, tuple(url.encode() for url in _URLS)),
    Target("strict_json", _strict_json, tuple(_JSON_SEEDS)),
    Target("base64url", _base64url, (b"QUJD", b"-_8", b"AA")),
)
