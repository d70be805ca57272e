"""What the store keeps of clients that registered themselves (RFC 7591), and of who was let to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InitialToken:
    """An initial access token (RFC 7591 §1.2): so many clients may be registered by it.

    Attributes:
        token_id: its locator, which is no secret.
        keyed_hash: of the whole token.
        uses_left: how many more.
        created_at: seconds since 1970-01-01 UTC.
        expires_at: the same.
    """

    token_id: str
    keyed_hash: bytes
    uses_left: int
    created_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class Registration:
    """How a client that registered itself can look after that, and what it said of itself.

    Attributes:
        client_id: the client.
        token_id: the locator of its registration access token (RFC 7592 §1.2).
        keyed_hash: of that token.
        said: JSON of what it said and nobody uses, such as where its logo is.
        unused_at: when it goes if nobody has allowed it anything then, seconds since 1970-01-01 UTC.
    """

    client_id: str
    token_id: str
    keyed_hash: bytes
    said: str
    unused_at: float
