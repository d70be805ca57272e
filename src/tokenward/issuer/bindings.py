"""To which key the tokens of a request are bound: the one place that says so, for every grant.

What is issued is bound to the key that the request proved, and to nothing that the request merely names. A
client that is registered for bound tokens gets no others, however the request leaves the proof out.
"""

from tokenward.base.asgi import Scope, client_certificate, header_values
from tokenward.base.problems import (
    CERTIFICATE_REQUIRED,
    INVALID_DPOP_PROOF,
    UNAVAILABLE,
    USE_DPOP_NONCE,
    Refusal,
)
from tokenward.issuer.client_auth.method import AuthenticatedClient
from tokenward.issuer.client_keys import FAPI_ALGORITHMS
from tokenward.issuer.context import Issuer
from tokenward.store.records import Client
from tokenward.tokens.binding import ClientCertificate, Confirmation
from tokenward.tokens.errors import InvalidToken


async def token_binding(issuer: Issuer, scope: Scope, client: Client) -> Confirmation | None:
    """The key that this token request proved; None for a request that proved none, and need not.

    A certificate binds the tokens of those that are registered for it. Others may show one for their
    authentication, or by chance, and use their tokens where none can be shown.

    Raises:
        Refusal: INVALID_DPOP_PROOF, USE_DPOP_NONCE, or UNAVAILABLE: whether the proof is new cannot be known;
            CERTIFICATE_REQUIRED.
    """
    proofs = header_values(scope, b"dpop")
    if client.bound_tokens == "mtls":
        if proofs:  # a token has one key
            raise Refusal(INVALID_DPOP_PROOF, f"client {client.client_id} binds its tokens to a certificate")
        return _of_certificate(scope, client)
    if proofs:
        return await _of_proof(issuer, scope, client, proofs)
    if client.bound_tokens == "dpop":  # RFC 9449 §5.2, dpop_bound_access_tokens
        raise Refusal(INVALID_DPOP_PROOF, f"client {client.client_id} must bring a DPoP proof")
    return None


async def pushed_binding(issuer: Issuer, scope: Scope, client: Client) -> Confirmation | None:
    """The key that a pushed request proved, which has to redeem its code (RFC 9449 §10.1); None for none.

    Raises:
        Refusal: as `token_binding`.
    """
    if not (proofs := header_values(scope, b"dpop")):
        return None
    if client.bound_tokens == "mtls":
        raise Refusal(INVALID_DPOP_PROOF, f"client {client.client_id} binds its tokens to a certificate")
    return await _of_proof(issuer, scope, client, proofs)


def _of_certificate(scope: Scope, client: Client) -> Confirmation:
    """RFC 8705 §3: that of the connection, whether the client authenticates by it or otherwise."""
    certificate = client_certificate(scope)
    if certificate is None:  # RFC 8705 §3.4, tls_client_certificate_bound_access_tokens
        raise Refusal(CERTIFICATE_REQUIRED, f"client {client.client_id} must show a certificate")
    return Confirmation.of(ClientCertificate.from_der(certificate))


async def _of_proof(issuer: Issuer, scope: Scope, client: Client, proofs: list[bytes]) -> Confirmation:
    """RFC 9449 §5. The origin is the configured one: what the request calls us proves nothing."""
    try:
        proof = await issuer.dpop.verify_async(
            [value.decode("latin-1") for value in proofs],
            method=scope["method"],
            url=issuer.settings.url + scope["path"],
            access_token=None,
            algorithms=FAPI_ALGORITHMS if client.profile == "fapi2" else None,
        )
    except InvalidToken as error:
        if error.code == "replays_unavailable":
            raise Refusal(UNAVAILABLE, error.code, retry_after=1) from None
        problem = USE_DPOP_NONCE if error.code == "nonce_required" else INVALID_DPOP_PROOF
        raise Refusal(problem, error.code) from None
    return Confirmation.of(proof)


def refresh_binding(caller: AuthenticatedClient) -> Confirmation | None:
    """The key that the caller's refresh tokens are bound to.

    Those of a confidential client are bound to its authentication already, which it can change without losing
    what it was granted; a public client has nothing else (RFC 9449 §5, RFC 8705 §4).
    """
    return caller.binding if caller.credential == "none" else None
