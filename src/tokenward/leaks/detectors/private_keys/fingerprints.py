"""The fingerprint by which a private key and its public half are known to belong together.

As ssh-keygen prints it: "SHA256:" and the unpadded base64 of the digest of the key in ssh's wire form (RFC
4253 §6.6, RFC 5656 §3.1, RFC 8709 §4). A key for which ssh has no form gets "SPKI-SHA256:" and the digest of
its SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
"""

import base64
import hashlib
import warnings
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

_SSH_CURVES: Final = {"secp256r1": b"nistp256", "secp384r1": b"nistp384", "secp521r1": b"nistp521"}
_SSH_NAMES: Final = (b"ssh-rsa ", b"ssh-dss ", b"ssh-ed25519 ", b"ecdsa-sha2-nistp")


def of_wire(blob: bytes) -> str:
    """The fingerprint of a public key in ssh's wire form."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).rstrip(b"=").decode()


def of_rsa(exponent: int, modulus: int) -> str:
    """The fingerprint of an RSA key."""
    return of_wire(_string(b"ssh-rsa") + _mpint(exponent) + _mpint(modulus))


def of_ecdsa(curve: bytes, point: bytes) -> str:
    """The fingerprint of a key on one of ssh's curves, such as b"nistp256"; the point is uncompressed."""
    return of_wire(_string(b"ecdsa-sha2-" + curve) + _string(curve) + _string(point))


def of_ed25519(public: bytes) -> str:
    """The fingerprint of an Ed25519 key of 32 octets."""
    return of_wire(_string(b"ssh-ed25519") + _string(public))


def of_key(key: "PublicKeyTypes") -> str:
    """The fingerprint of any public key that `cryptography` can load."""
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    match key:
        case rsa.RSAPublicKey():
            public = key.public_numbers()
            return of_rsa(public.e, public.n)
        case ed25519.Ed25519PublicKey():
            return of_ed25519(key.public_bytes(Encoding.Raw, PublicFormat.Raw))
        case ec.EllipticCurvePublicKey() if key.curve.name in _SSH_CURVES:
            point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
            return of_ecdsa(_SSH_CURVES[key.curve.name], point)
        case dsa.DSAPublicKey():
            numbers = key.public_numbers()
            parameters = numbers.parameter_numbers
            values = (parameters.p, parameters.q, parameters.g, numbers.y)
            return of_wire(_string(b"ssh-dss") + b"".join(map(_mpint, values)))
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return "SPKI-" + of_wire(der)


def public_fingerprint(data: bytes) -> str | None:
    """The fingerprint of the first public key or certificate (PEM, or a line of ssh); None without.

    What cannot be read is no public key: there is no error for it.
    """
    from cryptography import x509  # noqa: PLC0415
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415

    for name in _SSH_NAMES:
        at = data.find(name)
        if at >= 0 and (fields := data[at : at + 16_384].split(maxsplit=2))[1:]:
            try:
                blob = base64.b64decode(fields[1], validate=True)
            except ValueError:
                continue
            if blob.startswith(_string(fields[0])):
                return of_wire(blob)
    begin = data.find(b"-----BEGIN ")
    if begin < 0:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a certificate's irregular serial number is not our matter
            if data.startswith((b"-----BEGIN CERTIFICATE-----", b"-----BEGIN X509"), begin):
                return of_key(x509.load_pem_x509_certificate(data[begin:]).public_key())
            return of_key(load_pem_public_key(data[begin:]))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def _string(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value  # RFC 4251 §5


def _mpint(value: int) -> bytes:
    return _string(
        value.to_bytes(value.bit_length() // 8 + 1, "big")
    )  # a leading zero where the top bit is set
