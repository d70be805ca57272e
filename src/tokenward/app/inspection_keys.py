"""What a person names to verify a token with: files and URLs, read and fetched."""

import base64
import binascii
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.x509 import load_pem_x509_certificate

from tokenward.app.jwk_files import read_key_file
from tokenward.app.key_sets import fetched, is_url, key_set_at, key_set_in, why_not_fetched
from tokenward.auditor.inspection.trust import NamedKey, Trust
from tokenward.base.outbound import OutboundError
from tokenward.tokens import base64url, strict_json
from tokenward.tokens.encryption_keys import PrivateKey
from tokenward.tokens.private_jwks import private_key

MAX_FILE = 65_536
"""Bytes of a file with keys."""

_DECRYPTS = frozenset({("EC", "P-256"), ("OKP", "X25519"), ("RSA", None)})
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
    for url in (jwks if is_url(jwks) else "", issuer):
        if url and (why := why_not_fetched(url, url)):
            raise CannotUse(why)
    if is_url(jwks):
        return _fetched(replace(trust, where="the set at that URL"), lambda: key_set_at(jwks, named=jwks))
    if jwks:
        return replace(trust, jwks=_set(Path(jwks)), where=f"the set in {Path(jwks).name}")
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
    """What decrypts; None for keys that only sign."""
    key = private_key(jwk)
    decrypts = (jwk.get("kty"), jwk.get("crv")) in _DECRYPTS
    return key if decrypts else None  # type: ignore[return-value]  # follows from type and curve


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
    metadata = strict_json.read_object(fetched(issuer.rstrip("/") + _WELL_KNOWN, issuer))
    if metadata.get("issuer") != issuer:  # §4.3: exactly
        raise ValueError("its metadata is another issuer's")
    uri = metadata.get("jwks_uri")
    if not isinstance(uri, str):
        raise ValueError("its metadata names no jwks_uri")  # noqa: TRY004 - a bad value from outside
    return key_set_at(uri, named=issuer)


def _set(path: Path) -> dict[str, Any]:
    try:
        return key_set_in(path)
    except ValueError as error:
        raise CannotUse(str(error)) from None


def _read(path: Path) -> bytes:
    try:
        return read_key_file(path, MAX_FILE)
    except ValueError as error:
        raise CannotUse(str(error)) from None
