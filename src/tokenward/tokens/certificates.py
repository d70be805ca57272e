"""Client certificates: what makes one good, and for whom (RFC 8705 §2, RFC 5280).

Wherever a certificate comes from, its holder has proved to have the key. Everything else is judged here, by
the same rules whether it came over our own TLS or through a proxy.
"""

import base64
import json
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from tokenward.tokens.algorithms import ALGORITHMS, ASYMMETRIC
from tokenward.tokens.keys import members

MAX_CERTIFICATES = 8
"""That a client may have registered at once: some for each machine, or the old one beside the new one."""

_DNS = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9_-]*[a-z0-9])?)*")
_VISIBLE = re.compile(r"[!-~]{1,500}")
_EMAIL = re.compile(r"[!-?A-~]+@[!-?A-~]+")


# All that reading a certificate, or a part of it that is read late, raises: versions that nobody
# defined and extensions that are there twice are no ValueErrors.
_UNREADABLE = (ValueError, TypeError, x509.InvalidVersion, x509.DuplicateExtension, UnsupportedAlgorithm)


class BadCertificate(ValueError):  # noqa: N818 - a verdict
    """The certificate is not good; the text says why, for the log."""


def parse(der: bytes) -> x509.Certificate:
    """The certificate.

    Raises:
        BadCertificate: it is none.
    """
    try:
        return x509.load_der_x509_certificate(der)
    except _UNREADABLE:
        raise BadCertificate("it cannot be read") from None


def parse_pem(pem: bytes) -> list[x509.Certificate]:
    """The certificates, one at least.

    Raises:
        BadCertificate: there is none, or one cannot be read.
    """
    try:
        return x509.load_pem_x509_certificates(pem)
    except _UNREADABLE:
        raise BadCertificate("it holds no PEM certificate, or a damaged one") from None


def check_period(certificate: x509.Certificate, at: float) -> None:
    """RFC 5280 §4.1.2.5: both ends included. For certificates that no chain speaks for.

    Raises:
        BadCertificate: it is not valid yet, or no longer.
    """
    moment = _moment(at)
    if moment < certificate.not_valid_before_utc:
        raise BadCertificate("it is not valid yet")
    if moment > certificate.not_valid_after_utc:
        raise BadCertificate("it has expired")


class Authorities:
    """The CAs that issue certificates to clients.

    Args:
        certificates: theirs. Each is trusted by itself, so an intermediate one is named, too: who shows a
            certificate over our TLS or through a proxy does not bring its chain along.

    Raises:
        ValueError: there is none, or one is no CA's, which would be trusted as what it is not.
    """

    __slots__ = ("_store", "certificates")

    def __init__(self, certificates: Collection[x509.Certificate]) -> None:
        if not certificates:
            raise ValueError("there is no certificate of a CA")
        for each in certificates:
            if not _is_authority(each):
                raise ValueError(f"{each.subject.rfc4514_string()} is not the certificate of a CA")
        self.certificates = tuple(each.public_bytes(Encoding.DER) for each in certificates)
        self._store = Store(list(certificates))

    def check(self, certificate: x509.Certificate, at: float) -> None:
        """RFC 5280 §6: signatures, validity, constraints, and that it is for clients where it says for what.

        Raises:
            BadCertificate: the chain does not hold.
        """
        policy = PolicyBuilder().store(self._store).time(_moment(at).replace(tzinfo=None))
        policy = policy.extension_policies(ca_policy=_CA_POLICY, ee_policy=_CLIENT_POLICY)
        try:
            policy.build_client_verifier().verify(certificate, [])
        except (VerificationError, *_UNREADABLE) as error:
            raise BadCertificate(f"its chain does not hold: {_one_line(error)}") from None


def _may_sign_certificates(_policy: Policy, _ca: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("a CA that may not sign certificates")


# As on the web, but private CAs often say nothing of key usage, and clients have seldom alternative names.
_CA_POLICY = ExtensionPolicy.webpki_defaults_ca().may_be_present(
    x509.KeyUsage, Criticality.AGNOSTIC, _may_sign_certificates
)
_CLIENT_POLICY = ExtensionPolicy.webpki_defaults_ee().may_be_present(
    x509.SubjectAlternativeName, Criticality.AGNOSTIC, None
)


@dataclass(frozen=True, slots=True)
class CertificateSubject:
    """What the certificate of a client must name, by one of the parameters of RFC 8705 §2.1.2.

    Attributes:
        parameter: a key of `SUBJECT_PARAMETERS`, which is that of the RFC without `tls_client_auth_`.
        value: in its one form.
    """

    parameter: str
    value: str

    @classmethod
    def parse(cls, text: str) -> "CertificateSubject":
        """From `parameter:value`.

        Raises:
            ValueError: the parameter is unknown, or the value is no such name. The text says what to mend.
        """
        parameter, _, value = text.partition(":")
        row = SUBJECT_PARAMETERS.get(parameter)
        if row is None:
            raise ValueError(f"a TLS subject is {', '.join(SUBJECT_PARAMETERS)}, then a colon and the name")
        try:
            return cls(parameter, row.canonical(value))
        except ValueError:
            raise ValueError(f"this is not {row.what}") from None

    def __str__(self) -> str:
        return f"{self.parameter}:{self.value}"

    def is_of(self, certificate: x509.Certificate) -> bool:
        """Whether the certificate names it. Which CA says so is for `Authorities` to judge."""
        try:
            return SUBJECT_PARAMETERS[self.parameter].named(certificate, self.value)
        except _UNREADABLE:
            return False


@dataclass(frozen=True, slots=True)
class _Parameter:
    """One way to name the subject.

    Attributes:
        what: in words.
        canonical: the one form of a value; a ValueError if it is none.
        named: whether a certificate names the value.
    """

    what: str
    canonical: Callable[[str], str]
    named: Callable[[x509.Certificate, str], bool]


def _distinguished_name(text: str) -> str:
    name = x509.Name.from_rfc4514_string(text)
    if not list(name):
        raise ValueError
    return name.rfc4514_string()


def _has_distinguished_name(certificate: x509.Certificate, value: str) -> bool:
    # The same RDNs in the same order. Names that differ in case are two names: who issues both is unknown.
    return certificate.subject == x509.Name.from_rfc4514_string(value)


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def canonical(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError
        return text

    return canonical


def _dns_name(text: str) -> str:
    return _matching(_DNS)(text.lower())  # RFC 4343; no wildcard: a client is one


def _alternative(
    kind: type[x509.DNSName | x509.UniformResourceIdentifier | x509.IPAddress | x509.RFC822Name],
    canonical: Callable[[str], str],
) -> Callable[[x509.Certificate, str], bool]:
    def named(certificate: x509.Certificate, value: str) -> bool:
        try:
            extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        except x509.ExtensionNotFound:
            return False
        return value in {canonical(str(each)) for each in extension.value.get_values_for_type(kind)}

    return named


SUBJECT_PARAMETERS: dict[str, _Parameter] = {
    "subject_dn": _Parameter(
        "a distinguished name as RFC 4514 writes it, such as CN=app,O=Example",
        _distinguished_name,
        _has_distinguished_name,
    ),
    "san_dns": _Parameter("a host name", _dns_name, _alternative(x509.DNSName, str.lower)),
    "san_uri": _Parameter("a URI", _matching(_VISIBLE), _alternative(x509.UniformResourceIdentifier, str)),
    "san_ip": _Parameter(
        "an IP address", lambda text: str(ip_address(text)), _alternative(x509.IPAddress, str)
    ),
    "san_email": _Parameter("an e-mail address", _matching(_EMAIL), _alternative(x509.RFC822Name, str)),
}


def certificate_jwks(certificates: Iterable[x509.Certificate]) -> str:
    """A JWK Set (JSON) of the keys with their certificates, as RFC 8705 §2.2.2 wants them registered.

    Raises:
        ValueError: there is none or are too many, or a key is weak or of a type that we do not know.
    """
    keys = [_jwk(certificate) for certificate in certificates]
    if not 0 < len(keys) <= MAX_CERTIFICATES:
        raise ValueError(f"register 1 to {MAX_CERTIFICATES} certificates")
    return json.dumps({"keys": keys})


def registered_certificates(jwks: str) -> tuple[bytes, ...]:
    """The certificates (DER) of a client: the first of each `x5c`, whose key the JWK is (RFC 7517 §4.7)."""
    keys = json.loads(jwks)["keys"] if jwks else []
    return tuple(base64.b64decode(key["x5c"][0]) for key in keys if key.get("x5c"))


def _jwk(certificate: x509.Certificate) -> dict[str, object]:
    try:
        key = certificate.public_key()
    except _UNREADABLE:
        key = None
    if not any(ALGORITHMS[name].fits(key) for name in ASYMMETRIC):
        raise ValueError("a certificate's key must be P-256, P-384, P-521, Ed25519, or RSA from 2048 bits")
    x5c = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
    return {**members(key), "x5c": [x5c]}  # type: ignore[arg-type]  # it fits


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, *_UNREADABLE):
        return False


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _one_line(error: Exception) -> str:
    # What the certificate says of itself stands behind it, and could steer a terminal.
    return str(error).partition(" (encountered")[0].partition("\n")[0]
