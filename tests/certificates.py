"""Certificates for tests: CAs, what they issue, and self-signed ones; valid around the moment of the test."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

DAY = 86_400.0
LOOPBACK = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])


@dataclass(frozen=True)
class Held:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def write(self, directory: Path, name: str) -> tuple[str, str]:
        """The paths of its certificate and its key."""
        certificate, key = directory / f"{name}.pem", directory / f"{name}.key"
        certificate.write_bytes(self.pem)
        key.touch(mode=0o600)
        key.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return str(certificate), str(key)


def san(*names: str) -> x509.SubjectAlternativeName:
    """`dns:app.example`, `uri:…`, `ip:…`, `email:…`."""
    kinds = {
        "dns": x509.DNSName,
        "uri": x509.UniformResourceIdentifier,
        "ip": lambda text: x509.IPAddress(ip_address(text)),
        "email": x509.RFC822Name,
    }
    return x509.SubjectAlternativeName(
        [kinds[kind](text) for kind, _, text in (n.partition(":") for n in names)]
    )


def certificate(
    subject: str = "CN=app,O=Example",
    *,
    issuer: Held | None = None,
    authority: bool = False,
    at: float | None = None,
    days: tuple[float, float] = (-1, 30),
    extensions: tuple[x509.ExtensionType, ...] = (),
    key: ec.EllipticCurvePrivateKey | None = None,
) -> Held:
    """A certificate, signed by `issuer` or by itself, valid from and to `days` from `at` (now)."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name.from_rfc4514_string(subject)
    moment = datetime.fromtimestamp(time.time() if at is None else at, UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment + timedelta(days[0]))
        .not_valid_after(moment + timedelta(days[1]))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    signer = issuer.key if issuer else key
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
    )
    if authority:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return Held(builder.sign(signer, hashes.SHA256()), key)


def certificate_authority(subject: str = "CN=Client CA,O=Example", **changes) -> Held:
    return certificate(subject, authority=True, **{"days": (-2, 365), **changes})


SERVER_ONLY = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])


def signed_anew(held: Held, signer: ec.EllipticCurvePrivateKey, old: bytes, new: bytes) -> bytes:
    """The certificate (DER) with other octets in it, as many, and a good signature over them.

    No library makes what a CA might sign unseen, or a stranger show.
    """
    told = held.certificate.tbs_certificate_bytes
    assert told.count(old) == 1
    assert len(old) == len(new)
    told = told.replace(old, new)
    signature = signer.sign(told, ec.ECDSA(hashes.SHA256()))
    return _der(0x30, told + _ECDSA_WITH_SHA256 + _der(0x03, b"\0" + signature))


_ECDSA_WITH_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")
    return bytes([tag]) + length + content
