"""What a person names to verify a token with: files and URLs, read and fetched."""

import base64
import binascii
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.x509 import load_pem_x509_certificate

from tokenward.app.jwk_files import read_key_file
from tokenward.auditor.inspection.trust import NamedKey, Trust
from tokenward.base.addresses import LOOPBACK, PRIVATE
from tokenward.base.outbound import OutboundClient, OutboundError
from tokenward.tokens import base64url, strict_json
from tokenward.tokens.algorithms import MAX_RSA_BITS
from tokenward.tokens.encryption_keys import PrivateKey
from tokenward.tokens.jwks import MAX_BYTES

MAX_FILE = 65_536
"""Bytes of a file with keys."""

_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_WELL_KNOWN = "/.well-known/openid-configuration"


class CannotUse(ValueError):  # noqa: N818 - says what it is
    """What was named is no key, or no place where keys can be had; the message is for people."""


def read_trust(*, jwks: str, issuer: str, key: Path | None, audience: str) -> Trust | None:
    """What to verify with; None where nothing was named.

    A URL that cannot be had is told in `Trust.trouble`, since everything else can be inspected all the same.

    Args:
        jwks: a file, or an https URL.
        issuer: an https URL, whose discovery document names the keys unless `jwks` or `key` does.
        key: a file with one key: PEM, a JWK, or a secret.
        audience: what must be in `aud`.

    Raises:
        CannotUse: a file is none that can be used, or a URL is none that may be fetched.
    """
    trust = Trust(issuer=issuer or None, audience=audience or None)
    if key is not None:
        named = read_key(key)
        return replace(trust, key=named, where=named.name)
    for url in (jwks if "://" in jwks else "", issuer):
        if url and (why := _why_not_fetched(url, url)):
            raise CannotUse(why)
    if "://" in jwks:
        return _fetched(replace(trust, where="the set at that URL"), lambda: _fetch(jwks, jwks))
    if jwks:
        return replace(trust, jwks=_set(_read(Path(jwks)), jwks), where=f"the set in {Path(jwks).name}")
    if issuer:
        return _fetched(replace(trust, where=f"the keys of {issuer}"), lambda: _discovered(issuer))
    if audience:
        raise CannotUse("--audience checks nothing without a key: name --issuer, --jwks or --key as well")
    return None


def read_key(path: Path) -> NamedKey:
    """The key in a file: PEM (public, private, certificate), a JWK, or else the secret of an HMAC.

    Raises:
        CannotUse: it is none, or its password would be needed.
    """
    data = _read(path)
    name = f"the key in {path.name}"
    text = data.strip()
    if text.startswith(b"-----BEGIN"):
        return _pem(text, name)
    if text.startswith(b"{"):
        return _jwk(text, path, name)
    if not text:
        raise CannotUse(f"{path.name} is empty")
    return NamedKey(name, secrets=tuple(_readings(data)))


def _pem(text: bytes, name: str) -> NamedKey:
    try:
        if b"CERTIFICATE" in text.partition(b"\n")[0]:
            public: Any = load_pem_x509_certificate(text).public_key()
            return NamedKey(name, public=public)
        if b"PRIVATE KEY" in text.partition(b"\n")[0]:
            private: Any = serialization.load_pem_private_key(text, password=None)
            return NamedKey(name, public=private.public_key(), private=private)
        found: Any = serialization.load_pem_public_key(text)
        return NamedKey(name, public=found)
    except TypeError:
        raise CannotUse(f"{name} is encrypted: decrypt it first (openssl pkey)") from None
    except (ValueError, UnsupportedAlgorithm):  # the library's text may describe the key
        raise CannotUse(f"{name} is no PEM file that can be read") from None


def _jwk(text: bytes, path: Path, name: str) -> NamedKey:
    try:
        jwk = strict_json.read_object(text)
    except ValueError:
        raise CannotUse(f"{path.name} is no JSON object") from None
    if "keys" in jwk:
        raise CannotUse(f"{path.name} is a JWK Set: name it with --jwks")
    if jwk.get("kty") == "oct":
        try:
            return NamedKey(name, secrets=((base64url.decode(str(jwk.get("k"))), ""),))
        except ValueError:
            raise CannotUse(f"k in {path.name} is no base64url") from None
    if "d" not in jwk:
        return NamedKey(name, jwk=jwk)
    try:
        return NamedKey(name, private=_private(jwk), jwk=jwk)
    except ValueError:
        raise CannotUse(f"{path.name} is no private JWK that can be read") from None


def _private(jwk: dict[str, Any]) -> PrivateKey | None:
    """What decrypts (RFC 7518 §6, RFC 8037 §2); None for keys that only sign."""
    numbers = {name: base64url.decode(str(jwk[name])) for name in ("n", "e", "d") if name in jwk}
    d = int.from_bytes(numbers["d"], "big")
    match jwk.get("kty"), jwk.get("crv"):
        case "EC", "P-256":
            return ec.derive_private_key(d, ec.SECP256R1())
        case "OKP", "X25519":
            return x25519.X25519PrivateKey.from_private_bytes(numbers["d"])
        case "RSA", None if len(numbers) == 3 and len(numbers["n"]) * 8 <= MAX_RSA_BITS:
            n, e = (int.from_bytes(numbers[name], "big") for name in ("n", "e"))
            p, q = rsa.rsa_recover_prime_factors(n, e, d)
            exponents = (rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q))
            return rsa.RSAPrivateNumbers(p, q, d, *exponents, rsa.RSAPublicNumbers(e, n)).private_key()
    return None


def _readings(data: bytes) -> Iterator[tuple[bytes, str]]:
    """What a file may mean as a secret: without the line break that editors add, as it is, and decoded."""
    bare = data.rstrip(b"\r\n")
    yield bare, ""
    if bare != data:
        yield data, "with the line break at its end"
    with suppress(binascii.Error):
        others = b"-_" if b"-" in bare or b"_" in bare else None
        yield base64.b64decode(bare, altchars=others, validate=True), "decoded from base64"
    with suppress(ValueError):
        yield bytes.fromhex(bare.decode("ascii")), "decoded from hexadecimal"


def _fetched(trust: Trust, get: Callable[[], dict[str, Any]]) -> Trust:
    try:
        return replace(trust, jwks=get())
    except OutboundError as error:
        return replace(trust, trouble=f"{trust.where} cannot be had: {error.detail}")
    except ValueError as error:
        return replace(trust, trouble=f"{trust.where} cannot be used: {error}")


def _discovered(issuer: str) -> dict[str, Any]:
    """The keys that an issuer's metadata names (OpenID Connect Discovery §4)."""
    metadata = strict_json.read_object(_get(issuer.rstrip("/") + _WELL_KNOWN, issuer))
    if metadata.get("issuer") != issuer:  # §4.3: exactly
        raise ValueError("its metadata is another issuer's")
    uri = metadata.get("jwks_uri")
    if not isinstance(uri, str):
        raise ValueError("its metadata names no jwks_uri")  # noqa: TRY004 - a bad value from outside
    return _fetch(uri, issuer)


def _fetch(url: str, named: str) -> dict[str, Any]:
    return strict_json.read_object(_get(url, named))


def _get(url: str, named: str) -> bytes:
    """Fetch `url`. Addresses inside are for the origin that was named, never for one it leads to."""
    if why := _why_not_fetched(url, named):
        raise ValueError(why)
    theirs, local = _is_theirs(url, named)
    allow = (*LOOPBACK, *PRIVATE) if theirs else ()
    return OutboundClient(allow=allow, https_only=not local, max_bytes=MAX_BYTES).get(url)


def _is_theirs(url: str, named: str) -> tuple[bool, bool]:
    """Whether `url` has the origin that was named, and whether that is this machine."""
    parts, origin = urlsplit(url), urlsplit(named)
    theirs = (parts.scheme, parts.netloc) == (origin.scheme, origin.netloc)
    return theirs, theirs and parts.hostname in _LOCAL_HOSTS


def _why_not_fetched(url: str, named: str) -> str:
    try:
        local, scheme = _is_theirs(url, named)[1], urlsplit(url).scheme
    except ValueError:
        return "that is no URL"
    if scheme == "https" or (local and scheme == "http"):
        return ""
    return "keys are fetched by https, or by http from this machine: any other line can be changed"


def _set(data: bytes, name: str) -> dict[str, Any]:
    try:
        return strict_json.read_object(data)
    except ValueError:
        raise CannotUse(f"{name} is no JSON object, and a JWK Set is") from None


def _read(path: Path) -> bytes:
    try:
        return read_key_file(path, MAX_FILE)
    except ValueError as error:
        raise CannotUse(str(error)) from None
