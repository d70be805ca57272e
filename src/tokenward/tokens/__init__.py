"""Token rules without I/O: formats, keys, signatures and the strict validator."""

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
