"""Tokens that are bound to a key, and what proves the key (RFC 7800, RFC 9449 §6.1, RFC 8705 §3.1).

A proof is the outcome of a check that was made elsewhere: a verified DPoP proof, or the certificate of the
TLS connection that the token came over. Here it is held against `cnf`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args

from tokenward.tokens import base64url
from tokenward.tokens.constant_time import octets, same_text
from tokenward.tokens.errors import InvalidToken


@dataclass(frozen=True, slots=True)
class VerifiedProof:
    """A DPoP proof that passed every check of `DpopVerifier`.

    Attributes:
        thumbprint: of the key that signed it (RFC 7638, SHA-256, base64url): the `jkt`.
        token_hash: SHA-256 of the access token that it was made for, base64url; None without a token.
        jti: its identifier.
        issued_at: its `iat`, seconds since 1970.
    """

    thumbprint: str
    token_hash: str | None
    jti: str
    issued_at: float


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """The certificate with which the client authenticated the TLS connection of this request.

    Attributes:
        thumbprint: SHA-256 of its DER encoding, base64url: the `x5t#S256` (RFC 8705 §3.1).
    """

    thumbprint: str

    @classmethod
    def from_der(cls, der: bytes) -> "ClientCertificate":
        """The certificate, whose chain and possession the TLS server has verified."""
        return cls(base64url.encode(hashlib.sha256(der).digest()))


Proof = VerifiedProof | ClientCertificate

ConfirmationMember = Literal["jkt", "x5t#S256"]

# The member of `cnf` that each is held against (RFC 9449 §6.1, RFC 8705 §3.1).
_MEMBERS: dict[type, ConfirmationMember] = {VerifiedProof: "jkt", ClientCertificate: "x5t#S256"}


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The key that a token is bound to: the `cnf` claim (RFC 7800 §3.1), which has one member here.

    Attributes:
        member: which kind of thumbprint it is.
        thumbprint: SHA-256, base64url.
    """

    member: ConfirmationMember
    thumbprint: str

    @classmethod
    def of(cls, proof: Proof) -> "Confirmation":
        """What a token is bound to when it is issued for this proof."""
        return cls(_MEMBERS[type(proof)], proof.thumbprint)

    def claim(self) -> dict[str, str]:
        """The value of `cnf`."""
        return {self.member: self.thumbprint}

    def __str__(self) -> str:
        return f"{self.member} {self.thumbprint}"

    @classmethod
    def parse(cls, text: str) -> "Confirmation":
        """What `str` wrote.

        Raises:
            ValueError: it wrote something else.
        """
        member, _, thumbprint = text.partition(" ")
        if member not in get_args(ConfirmationMember) or not thumbprint:
            raise ValueError("not a confirmation")
        return cls(cast("ConfirmationMember", member), thumbprint)


def token_hash(token: str) -> str:
    """SHA-256 of an access token's ASCII text, base64url: the `ath` of RFC 9449 §4.2."""
    return base64url.encode(hashlib.sha256(octets(token)).digest())


def check_binding(claims: Mapping[str, object], proof: Proof | None, token: str) -> None:
    """Hold what a token says about its key (`cnf`) against the proof that came with it.

    Args:
        claims: of a token whose signature is good.
        proof: what was proved.
        token: the token itself.

    Raises:
        InvalidToken: binding_required, wrong_binding, proof_refused or wrong_token_hash.
    """
    if "cnf" not in claims:
        if proof is not None:  # RFC 9449 §7.1: the DPoP scheme is for bound tokens
            raise InvalidToken("proof_refused")
        return
    if proof is None:
        raise InvalidToken("binding_required")
    member = _MEMBERS.get(type(proof))
    if member is None:
        raise InvalidToken("proof_refused")
    confirmation = claims["cnf"]
    # A second member would be a second condition (RFC 7800 §3.1), which nobody has proved.
    if not isinstance(confirmation, Mapping) or set(confirmation) != {member}:
        raise InvalidToken("wrong_binding")
    if not same_text(confirmation[member], proof.thumbprint):
        raise InvalidToken("wrong_binding")
    if isinstance(proof, VerifiedProof) and not same_text(proof.token_hash, token_hash(token)):
        raise InvalidToken("wrong_token_hash")
