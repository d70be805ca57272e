"""What the store keeps of the device flow (RFC 8628). Times are seconds since 1970-01-01 UTC."""

from dataclasses import dataclass
from enum import Enum

from tokenward.store.records import Grant
from tokenward.tokens.acr import Level
from tokenward.tokens.binding import Confirmation


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """A device that asks for access, and waits until a person says yes or no (RFC 8628 §3.2).

    Attributes:
        token_id: the locator of the device code: the row's key.
        keyed_hash: of the device code, as for every opaque token.
        user_code_hash: of the user code (`tokens.user_code.keyed_hash`).
        client_id: the client that asks, and the only one that gets anything.
        scope: what it asks for.
        audience: where.
        address: from where it asked; "" where nobody knows.
        created_at: when it asked.
        expires_at: when both codes end.
        interval: seconds that it has to wait between two polls, as told at first.
        level: how well the person must have signed in, or None.
        max_age: how many seconds ago they may have, or None.
    """

    token_id: str
    keyed_hash: bytes
    user_code_hash: bytes
    client_id: str
    scope: tuple[str, ...]
    audience: str
    address: str
    created_at: float
    expires_at: float
    interval: int
    level: Level | None = None
    max_age: int | None = None


@dataclass(frozen=True, slots=True)
class DeviceCodeState:
    """A device code as the store sees it now.

    Attributes:
        code: itself; its interval is the one that holds by now.
        polled: whether the device has polled yet.
        cnf: the key that its first poll proved, which every later one must prove; None for none.
        grant: what the person gave, or None.
        denied: the person said no.
        consumed: the grant was fetched.
    """

    code: DeviceCode
    polled: bool = False
    cnf: Confirmation | None = None
    grant: Grant | None = None
    denied: bool = False
    consumed: bool = False


class Poll(Enum):
    """What a poll met (RFC 8628 §3.5): no answer yet; no answer, and it came too soon; anything else."""

    PENDING = "authorization pending"
    TOO_SOON = "polled too soon"
    OVER = "answered or expired"
