"""What the store keeps of authorization requests that were pushed (RFC 9126)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PushedRequest:
    """An authorization request that a client sent itself, and that no person has answered yet.

    Attributes:
        request_id: the locator in its `request_uri`: the row's key.
        keyed_hash: of the whole `request_uri`, as for every opaque token.
        client_id: the client that pushed it, and the only one that it is for.
        parameters: what is asked for, as a form.
        created_at: when it was pushed, seconds since 1970-01-01 UTC.
        expires_at: until when a browser may come with it first.
    """

    request_id: str
    keyed_hash: bytes
    client_id: str
    parameters: str
    created_at: float
    expires_at: float
