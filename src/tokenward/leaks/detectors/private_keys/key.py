"""What a reader of private keys says of one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """A private key that was understood, as far as it can be without its passphrase.

    Attributes:
        kind: in words, such as "RSA 2048" or "Ed25519".
        encrypted: whether a passphrase is needed to use it.
        fingerprint: of its public half as `fingerprints` writes it; "" where only the passphrase shows it.
    """

    kind: str
    encrypted: bool = False
    fingerprint: str = ""
