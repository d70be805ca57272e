"""JWE in compact serialization (RFC 7516 §7.1): encrypting for others, and decrypting with strict rules.

joserfc does the cryptography. It sees nothing before the rules here have passed, and what it says when it
fails goes nowhere: a wrong key, a changed octet and bad padding are one code, so that nobody can ask it
questions about a plaintext. That one of its steps fails before another costs nothing: each of the algorithms
is secure against whoever learns that a ciphertext was refused (RFC 7516 §11.5 has RSA1_5 in mind).

Whoever has the public key can encrypt: a decrypted content proves nothing about its sender. A JWT inside must
therefore be signed, and only `decrypt_nested` and `EncryptedJwtValidator` give one.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from joserfc import jwe as joserfc
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from tokenward.tokens import base64url, jws, strict_json
from tokenward.tokens.algorithms import ALGORITHMS as SIGNATURES
from tokenward.tokens.binding import Proof
from tokenward.tokens.claims import VerifiedClaims
from tokenward.tokens.encryption_keys import (
    ENCRYPTIONS,
    KEY_MANAGEMENT,
    DecryptionKey,
    EncryptionKey,
    PrivateKey,
    PublicKey,
    public_key,
)
from tokenward.tokens.errors import InvalidToken
from tokenward.tokens.jwk_set import MAX_KID
from tokenward.tokens.key_source import KeySource
from tokenward.tokens.validator import JwtValidator

MAX_TOKEN = 32_768  # characters: the longest JWS that we accept, encrypted with the longest RSA key
MAX_HEADER = 2_048

# Every header parameter that may be present, and whether it must be. What is not here is refused: `zip` hides
# a bomb (RFC 8725 §3.6), `crit` changes the rules, `jwk`, `jku`, `x5u` and `x5c` have no business in choosing
# our key, `p2s` and `p2c` belong to passwords, `iv` and `tag` to algorithms that are not offered.
HEADER: dict[str, bool] = {
    "alg": True,  # RFC 7516 §4.1.1
    "enc": True,  # §4.1.2
    "kid": False,  # §4.1.6
    "typ": False,  # §4.1.11
    "cty": False,  # §4.1.12
}
AGREEMENT_HEADER: dict[str, bool] = {
    "epk": True,  # RFC 7518 §4.6.1.1
    "apu": False,  # §4.6.1.2
    "apv": False,  # §4.6.1.3
}

_REGISTRY = joserfc.JWERegistry(algorithms=[*KEY_MANAGEMENT, *ENCRYPTIONS])
_REGISTRY.max_protected_header_length = MAX_HEADER
_REGISTRY.max_encrypted_key_length = MAX_TOKEN
_REGISTRY.max_ciphertext_length = MAX_TOKEN


@dataclass(frozen=True, slots=True)
class _Unopened:
    """A well-formed JWE that nobody has decrypted."""

    header: dict[str, Any]
    encrypted_key: bytes
    iv: bytes
    ciphertext: bytes
    tag: bytes

    @property
    def is_nested(self) -> bool:
        # RFC 7519 §5.2; a media type, so its case is nothing, and "application/" goes without saying.
        return self.header.get("cty", "").lower() in {"jwt", "application/jwt"}


def encrypt(payload: bytes, key: EncryptionKey, *, enc: str = "A256GCM") -> str:
    """A compact JWE of something that is no JWT.

    Args:
        payload: what to encrypt.
        key: the recipient's key.
        enc: a key of `ENCRYPTIONS`; with `dir` the one that the secret's length fits.

    Raises:
        ValueError: `enc` is unknown or does not fit the key, or the JWE would be too large to be accepted.
    """
    return _encrypt(payload, key, {"enc": enc})


def encrypt_nested(jwt: str, key: EncryptionKey, *, enc: str = "A256GCM") -> str:
    """A nested JWT (RFC 7519 §5.2): signed first, then encrypted.

    Raises:
        ValueError: `jwt` is no signed JWT, or as `encrypt`.
    """
    try:
        jws.parse(jwt, SIGNATURES)
    except InvalidToken:
        raise ValueError("what is nested must be a signed JWT") from None
    return _encrypt(jwt.encode(), key, {"enc": enc, "cty": "JWT"})


def decrypt(
    token: object, keys: Sequence[DecryptionKey], *, algorithms: Collection[str], encryptions: Collection[str]
) -> bytes:
    """The content of a compact JWE that says of itself that it holds no JWT.

    Args:
        token: the JWE; whatever else it is, is refused.
        keys: ours. The one with the exact `kid` is taken; without `kid`, the only one that is eligible.
        algorithms: the acceptable `alg` values, of `KEY_MANAGEMENT`.
        encryptions: the acceptable `enc` values, of `ENCRYPTIONS`.

    Raises:
        InvalidToken: the token is refused; `code` says why.
        ValueError: one of the lists is bad.
    """
    unopened = _parse(token, *_known(algorithms, encryptions))
    if unopened.is_nested:  # whoever reads octets verifies no signature
        raise InvalidToken("not_nested")
    return _open(token, unopened, keys)


def decrypt_nested(
    token: object, keys: Sequence[DecryptionKey], *, algorithms: Collection[str], encryptions: Collection[str]
) -> str:
    """The signed JWT inside a compact JWE. Its signature and claims are not verified yet.

    Args:
        token: the JWE, whose `cty` must be "JWT".
        keys: as for `decrypt`.
        algorithms: as for `decrypt`.
        encryptions: as for `decrypt`.

    Raises:
        InvalidToken: the token is refused, or what is inside is no signed JWT but, say, one with `alg` "none"
            or yet another JWE.
        ValueError: one of the lists is bad.
    """
    return _nested(token, keys, *_known(algorithms, encryptions))


class EncryptedJwtValidator:
    """Validates nested JWTs: decrypts, and lets a `JwtValidator` judge what is inside.

    A JWT that is only signed is refused, so that nobody takes the encryption off on the way.
    """

    def __init__(
        self,
        validator: JwtValidator,
        keys: Sequence[DecryptionKey],
        *,
        algorithms: Collection[str],
        encryptions: Collection[str],
    ) -> None:
        """Check the settings.

        Args:
            validator: what the JWT inside must stand up to.
            keys: ours, with a `kid` each.
            algorithms: the acceptable `alg` values, of `KEY_MANAGEMENT`.
            encryptions: the acceptable `enc` values, of `ENCRYPTIONS`.

        Raises:
            ValueError: a list or a key is bad.
        """
        self._algorithms, self._encryptions = _known(algorithms, encryptions)
        if len({key.kid for key in keys}) != len(keys) or not keys:
            raise ValueError("there must be keys, each with a `kid` of its own")
        for key in keys:
            if key.algorithm not in self._algorithms:
                raise ValueError(
                    f"the key {key.kid} is for {key.algorithm}, which is not among the algorithms"
                )
        self._validator = validator
        self._keys = tuple(keys)

    @property
    def once(self) -> bool:
        """Whether the token inside answers one request only."""
        return self._validator.once

    @property
    def keys(self) -> KeySource:
        """Where the signer's keys come from."""
        return self._validator.keys

    def validate(self, token: object, *, proof: Proof | None = None) -> VerifiedClaims:
        """The claims of a good nested token.

        Args:
            token: the JWE.
            proof: as for the validator of what is inside.

        Raises:
            InvalidToken: `code` says which check failed; nothing else is ever raised.
        """
        inside = _nested(token, self._keys, self._algorithms, self._encryptions)
        return self._validator.validate(inside, proof=proof)

    async def validate_async(self, token: object, *, proof: Proof | None = None) -> VerifiedClaims:
        """As `validate`, fetching the signer's keys without blocking.

        Raises:
            InvalidToken: as `validate`.
        """
        inside = _nested(token, self._keys, self._algorithms, self._encryptions)
        return await self._validator.validate_async(inside, proof=proof)


def _encrypt(payload: bytes, key: EncryptionKey, header: dict[str, str]) -> str:
    enc = ENCRYPTIONS.get(header["enc"])
    if enc is None:
        raise ValueError(f"unknown encryption {header['enc']!r}; choose from {', '.join(ENCRYPTIONS)}")
    if isinstance(key.key, bytes) and len(key.key) != enc.key:
        raise ValueError(f"{enc.name} needs a secret of {enc.key} octets")
    named = {} if key.kid is None else {"kid": key.kid}
    token = joserfc.encrypt_compact(
        {"alg": key.algorithm} | named | header, payload, _imported(key.key), registry=_REGISTRY
    )
    if len(token) > MAX_TOKEN or token.index(".") > MAX_HEADER:
        raise ValueError("the content is too large to be accepted by anybody strict")
    return token


def _known(algorithms: object, encryptions: object) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return _listed("algorithms", algorithms, KEY_MANAGEMENT), _listed("encryptions", encryptions, ENCRYPTIONS)


def _listed(setting: str, names: object, table: Collection[str]) -> tuple[str, ...]:
    if not isinstance(names, list | tuple | set | frozenset) or not names:
        raise ValueError(f"{setting} must be a list that names at least one of {', '.join(table)}")
    for name in names:
        if not isinstance(name, str) or name not in table:
            raise ValueError(f"{setting}: {name!r} is not supported; choose from {', '.join(table)}")
    return tuple(names)


def _nested(
    token: object, keys: Sequence[DecryptionKey], algorithms: Sequence[str], encryptions: Sequence[str]
) -> str:
    unopened = _parse(token, algorithms, encryptions)
    if not unopened.is_nested:
        raise InvalidToken("not_nested")
    content = _open(token, unopened, keys)
    try:
        inside = content.decode("ascii")
        jws.parse(inside, SIGNATURES)
    except (InvalidToken, UnicodeDecodeError):
        raise InvalidToken("not_nested") from None
    return inside


def _parse(token: object, algorithms: Sequence[str], encryptions: Sequence[str]) -> _Unopened:
    # A subclass of str could answer differently each time it is asked.
    if type(token) is not str:
        raise InvalidToken("malformed")
    if len(token) > MAX_TOKEN:
        raise InvalidToken("too_large")
    parts = token.split(".", 5)
    if len(parts) != 5:
        raise InvalidToken("not_encrypted")
    if len(parts[0]) > MAX_HEADER:
        raise InvalidToken("too_large")
    try:
        header_bytes, *octets = map(base64url.decode, parts)
    except ValueError:
        raise InvalidToken("bad_base64") from None
    try:
        header = strict_json.read_object(header_bytes)
    except ValueError:
        raise InvalidToken("bad_json") from None
    _check_header(header, algorithms, encryptions)
    return _Unopened(header, *octets)


def _check_header(header: dict[str, Any], algorithms: Sequence[str], encryptions: Sequence[str]) -> None:
    if not {*HEADER, *AGREEMENT_HEADER} >= header.keys():
        raise InvalidToken("header_refused")
    for name, required in HEADER.items():
        if name in header or required:
            _check_text(header.get(name))
    if header["alg"] not in algorithms:
        raise InvalidToken("algorithm_refused")
    if header["enc"] not in encryptions:
        raise InvalidToken("encryption_refused")
    if KEY_MANAGEMENT[header["alg"]].agreement:
        _check_agreement(header)
    elif not AGREEMENT_HEADER.keys().isdisjoint(header):
        raise InvalidToken("header_refused")


def _check_agreement(header: dict[str, Any]) -> None:
    for name in ("apu", "apv"):
        if name in header:
            _check_text(header[name])
            try:
                base64url.decode(header[name])
            except ValueError:
                raise InvalidToken("bad_base64") from None
    epk = header.get("epk")
    if not isinstance(epk, dict):
        raise InvalidToken("header_type")
    if not {"kty", "crv", "x", "y"} >= epk.keys():  # a `d` above all
        raise InvalidToken("header_refused")


def _check_text(value: object) -> None:
    if not (isinstance(value, str) and 0 < len(value) <= MAX_KID):
        raise InvalidToken("header_type")


def _open(token: object, unopened: _Unopened, keys: Sequence[DecryptionKey]) -> bytes:
    key = _choose(unopened, keys)
    if not (_has_lengths(unopened, key) and _has_point(unopened, key)):
        raise InvalidToken("decryption_failed")
    try:
        opened = joserfc.decrypt_compact(str(token), _imported(key.key), registry=_REGISTRY)
    except Exception:  # noqa: BLE001 - however it fails, nobody learns how
        raise InvalidToken("decryption_failed") from None
    return opened.plaintext or b""


def _choose(unopened: _Unopened, keys: Sequence[DecryptionKey]) -> DecryptionKey:
    """The one key by exact `kid`; without, only if one is eligible. As for signatures, never another."""
    kid, algorithm = unopened.header.get("kid"), unopened.header["alg"]
    if kid is None:
        eligible = [key for key in keys if key.algorithm == algorithm]
        if len(eligible) != 1:
            raise InvalidToken("no_kid")
        return eligible[0]
    for key in keys:
        if key.kid == kid:
            # RFC 8725 §3.1: a key is used with one algorithm.
            if key.algorithm != algorithm:
                raise InvalidToken("wrong_algorithm_for_key")
            return key
    raise InvalidToken("unknown_key")


def _has_lengths(unopened: _Unopened, key: DecryptionKey) -> bool:
    """Whether every part has the one possible length: no short tag, no key where none belongs."""
    enc = ENCRYPTIONS[unopened.header["enc"]]
    if (len(unopened.iv), len(unopened.tag)) != (enc.iv, enc.tag):
        return False
    if isinstance(key.key, bytes) and len(key.key) != enc.key:
        return False
    if isinstance(key.key, rsa.RSAPrivateKey):
        expected = (key.key.key_size + 7) // 8
    else:
        expected = enc.key + 8 if key.algorithm == "ECDH-ES+A256KW" else 0  # RFC 3394 §2.2.1
    return len(unopened.encrypted_key) == expected


def _has_point(unopened: _Unopened, key: DecryptionKey) -> bool:
    """Whether `epk` is a point of our key's curve (RFC 8725 §3.4: others read out private keys)."""
    if not KEY_MANAGEMENT[key.algorithm].agreement:
        return True
    try:
        point = public_key(unopened.header["epk"])
    except ValueError:
        return False
    if isinstance(key.key, ec.EllipticCurvePrivateKey):
        return isinstance(point, ec.EllipticCurvePublicKey)
    return isinstance(point, x25519.X25519PublicKey)


def _imported(key: PrivateKey | PublicKey | bytes) -> ECKey | OKPKey | RSAKey | OctKey:
    if isinstance(key, bytes):
        return OctKey.import_key(key)
    if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        return RSAKey.import_key(key)
    if isinstance(key, x25519.X25519PrivateKey | x25519.X25519PublicKey):
        return OKPKey.import_key(key)
    return ECKey.import_key(key)
