"""Who is signed in."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenward.client.token_source import TokenSource

LEEWAY = 30
"""Seconds by which clocks may differ, as for ID tokens: who has just come from there must get in."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signed in, by what their provider said of them then.

    Attributes:
        issuer: the provider. Its names for people mean nothing at another.
        subject: its name for them, which never changes: with `issuer`, what an account is kept under. A
            name or an e-mail address is none (OpenID Connect Core §5.7).
        claims: what it said, JSON values; from the userinfo endpoint, too, if that was asked.
        signed_in_at: when this application learnt of it, seconds since the epoch.
        tokens: access tokens, for calling APIs in their name; refreshed as long as the provider lets it.
    """

    issuer: str
    subject: str
    claims: Mapping[str, Any] = field(repr=False)
    signed_in_at: float = field(repr=False)
    tokens: "TokenSource" = field(repr=False, compare=False)

    def meets(self, *, now: float, max_age: int | None = None, acr_values: Collection[str] = ()) -> bool:
        """Whether they signed in so recently, and so well.

        Args:
            now: seconds since the epoch.
            max_age: how many seconds ago they may have, by the provider's `auth_time` and clock, which may be
                `LEEWAY` behind; None for any.
            acr_values: one of which the provider's `acr` must be; empty for any.
        """
        at = self.claims.get("auth_time")
        recent = max_age is None or (isinstance(at, int | float) and at >= now - max_age - LEEWAY)
        return recent and (not acr_values or self.claims.get("acr") in acr_values)
