"""What a token is held against, as far as somebody names it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # most inspections verify nothing, and need not wait for the library
    from tokenward.tokens.algorithms import PublicKey
    from tokenward.tokens.encryption_keys import PrivateKey


@dataclass(frozen=True, slots=True)
class NamedKey:
    """One key, or several readings of one file.

    Attributes:
        name: where it is from, for people.
        public: the public key.
        private: the private key, which also decrypts.
        jwk: a JWK that is read for the algorithm of each token.
        secrets: what the file may mean as a secret, each with how it was read.
    """

    name: str
    public: "PublicKey | None" = field(default=None, repr=False)
    private: "PrivateKey | None" = field(default=None, repr=False)
    jwk: Mapping[str, Any] | None = field(default=None, repr=False)
    secrets: tuple[tuple[bytes, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Trust:
    """What a token is held against.

    Attributes:
        issuer: the exact `iss`; None: whatever the token says.
        audience: the name that must be in `aud`; None: whatever the token says.
        jwks: a JWK Set.
        key: one key.
        where: where the keys are from, for people.
        trouble: why they cannot be had, in words; "" if they can.
    """

    issuer: str | None = None
    audience: str | None = None
    jwks: Mapping[str, Any] | None = field(default=None, repr=False)
    key: NamedKey | None = None
    where: str = ""
    trouble: str = ""
