"""Token rules without I/O: formats, keys, signatures and the strict validator."""

from typing import TYPE_CHECKING

from tokenward.base.deferred import deferred

if TYPE_CHECKING:
    from tokenward.tokens.binding import ClientCertificate, VerifiedProof
    from tokenward.tokens.dpop import DpopVerifier
    from tokenward.tokens.errors import InvalidToken
    from tokenward.tokens.id_token import IdTokenValidator, SignIn
    from tokenward.tokens.jws import verify_jws
    from tokenward.tokens.multi_issuer import MultiIssuerValidator

__all__ = [
    "ClientCertificate",
    "DpopVerifier",
    "IdTokenValidator",
    "InvalidToken",
    "MultiIssuerValidator",
    "SignIn",
    "VerifiedProof",
    "verify_jws",
]

__getattr__ = deferred(
    __name__,
    {
        "ClientCertificate": "tokenward.tokens.binding",
        "DpopVerifier": "tokenward.tokens.dpop",
        "IdTokenValidator": "tokenward.tokens.id_token",
        "InvalidToken": "tokenward.tokens.errors",
        "MultiIssuerValidator": "tokenward.tokens.multi_issuer",
        "SignIn": "tokenward.tokens.id_token",
        "VerifiedProof": "tokenward.tokens.binding",
        "verify_jws": "tokenward.tokens.jws",
    },
)
