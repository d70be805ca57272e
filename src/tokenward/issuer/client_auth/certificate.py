"""The certificate of the TLS connection (RFC 8705 §2): issued by a CA to a subject, or the client's own.

In both, `client_id` stands in the request, and says whose registration the certificate is held against. That
the caller holds the certificate's key, the TLS handshake has shown: ours, or that of the proxy.
"""

from tokenward.base.asgi import Scope, client_certificate
from tokenward.base.problems import INVALID_CLIENT, Refusal
from tokenward.issuer.client_auth.method import Silent
from tokenward.issuer.context import Issuer
from tokenward.store.records import Client
from tokenward.tokens.certificates import (
    BadCertificate,
    CertificateSubject,
    check_period,
    parse,
    registered_certificates,
)


def _of_authority(issuer: Issuer, scope: Scope, client: Client) -> None:
    """RFC 8705 §2.1: a valid chain to a CA of ours, and the subject that the client is registered with."""
    authorities = issuer.settings.client_authorities
    if authorities is None:
        raise Refusal(INVALID_CLIENT, "no CA is configured whose certificates authenticate clients")
    try:
        certificate = parse(_presented(scope, client))
        authorities.check(certificate, issuer.clock.time())
    except BadCertificate as error:
        raise Refusal(INVALID_CLIENT, f"the certificate of client {client.client_id}: {error}") from None
    if not CertificateSubject.parse(client.tls_subject).is_of(certificate):
        raise Refusal(INVALID_CLIENT, f"the certificate does not name client {client.client_id}")


def _self_signed(issuer: Issuer, scope: Scope, client: Client) -> None:
    """RFC 8705 §2.2: exactly the certificate that it registered, while it is valid: no chain checks that."""
    presented = _presented(scope, client)
    if presented not in registered_certificates(client.jwks):
        raise Refusal(INVALID_CLIENT, f"client {client.client_id} registered another certificate")
    try:
        check_period(parse(presented), issuer.clock.time())
    except BadCertificate as error:
        raise Refusal(INVALID_CLIENT, f"the certificate of client {client.client_id}: {error}") from None


def _presented(scope: Scope, client: Client) -> bytes:
    certificate = client_certificate(scope)
    if certificate is None:
        raise Refusal(INVALID_CLIENT, f"client {client.client_id} showed no certificate")
    return certificate


TLS_CLIENT_AUTH = Silent("tls_client_auth", credential="mtls", check=_of_authority)
SELF_SIGNED = Silent("self_signed_tls_client_auth", credential="mtls", check=_self_signed)
