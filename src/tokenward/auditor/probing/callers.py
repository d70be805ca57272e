"""Who a connection is from: the caller, perhaps with a certificate; nobody; or a stranger with another."""

import ssl
import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tokenward.auditor.attacks.kit import b64


class Caller(Enum):
    """Who connects."""

    ITSELF = "with the certificate that was given, if any"
    NOBODY = "without a certificate"
    STRANGER = "with a certificate of the same name that nobody trusts"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A client's certificate.

    Attributes:
        chain: a PEM file; the first certificate is the client's.
        key: a PEM file.
        leaf: the client's.
    """

    chain: Path
    key: Path = field(repr=False)
    leaf: x509.Certificate = field(repr=False)

    @property
    def thumbprint(self) -> str:
        """As in `cnf` (RFC 8705 §3.1): `x5t#S256`."""
        return b64(self.leaf.fingerprint(SHA256()))


def context_of(caller: Caller, certificate: Certificate | None, *, authorities: str) -> ssl.SSLContext:
    """TLS as this caller speaks it.

    Args:
        caller: who connects.
        certificate: the one that was given; None for none.
        authorities: a file of certificates to trust instead of the system's; "" for those.

    Raises:
        OSError, ssl.SSLError: the file cannot be read, or holds no certificates.
    """
    context = ssl.create_default_context(cafile=authorities or None)
    if certificate is None or caller is Caller.NOBODY:
        return context
    if caller is Caller.ITSELF:
        context.load_cert_chain(certificate.chain, certificate.key, password=lambda: "")
        return context
    # OpenSSL takes certificates out of files only.
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(_of_a_stranger(certificate.leaf))
        file.flush()
        context.load_cert_chain(file.name)
    return context


def _of_a_stranger(like: x509.Certificate) -> bytes:
    """A certificate with the same names and dates, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(like.subject)
        .issuer_name(like.subject)
        .public_key(key.public_key())
        .serial_number(like.serial_number)
        .not_valid_before(like.not_valid_before_utc)
        .not_valid_after(max(like.not_valid_after_utc, like.not_valid_before_utc + timedelta(days=1)))
    )
    made = builder.sign(key, SHA256())
    return made.public_bytes(Encoding.PEM) + key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
