"""An access token as the client holds it, and for how long it is any good."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tokenward.base.clock import Clock
from tokenward.base.entropy import random_bits
from tokenward.base.secret import Secret

if TYPE_CHECKING:
    from tokenward.client.bound_key import BoundKey

UNSAID = 60
"""Seconds for which a token counts whose server does not say how long it lives (RFC 6749 §5.1)."""
MARGIN = 10.0
"""Seconds before its end from which a token is shown no more; a tenth of its life, if that is less."""
EARLIEST, LATEST = 0.70, 0.85
"""Between which parts of a token's life the next one is asked for. Each process draws its own moment, so that
those that began together do not all ask together, and the first to ask asks for all."""


@dataclass(frozen=True, slots=True)
class Token:
    """One access token.

    Attributes:
        value: the token. Nothing prints it; `value.reveal()` gives it.
        scope: what it is good for, as the server says.
        obtained_at: when it was asked for, seconds since the epoch.
        expires_at: when it ends; infinity where nobody knows.
        key: what it is bound to (RFC 9449), or None.
        header: in which header it goes as it is; "" for `Authorization`, after its kind.
    """

    value: Secret
    scope: tuple[str, ...]
    obtained_at: float
    expires_at: float
    key: "BoundKey | None" = field(default=None, repr=False)
    header: str = ""

    @property
    def kind(self) -> Literal["Bearer", "DPoP"]:
        """How it is presented (RFC 6750, RFC 9449)."""
        return "Bearer" if self.key is None else "DPoP"


@dataclass(frozen=True, slots=True)
class Kept:
    """A token with its moments, by both clocks.

    A calendar that is set back must not keep a dead token alive, nor may the sleep of a laptop, through which
    the monotonic clock of some systems sleeps as well. So both have to agree that it is early enough.
    """

    token: Token
    due: tuple[float, float] = field(repr=False)
    dead: tuple[float, float] = field(repr=False)

    @classmethod
    def from_now(cls, token: Token, clock: Clock) -> "Kept":
        """The token, with a moment drawn at which to ask for the next."""
        now, monotonic = clock.time(), clock.monotonic()
        lifetime = token.expires_at - token.obtained_at
        part = EARLIEST + (LATEST - EARLIEST) * random_bits(16) / 2**16
        due = token.obtained_at + lifetime * part
        dead = token.expires_at - min(MARGIN, lifetime / 10)
        return cls(token, (due, monotonic + due - now), (dead, monotonic + dead - now))

    def is_fresh(self, clock: Clock) -> bool:
        """Whether there is nothing to do."""
        return clock.time() < self.due[0] and clock.monotonic() < self.due[1]

    def is_alive(self, clock: Clock) -> bool:
        """Whether it can still be shown."""
        return clock.time() < self.dead[0] and clock.monotonic() < self.dead[1]
