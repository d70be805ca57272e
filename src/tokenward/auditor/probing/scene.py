"""What every part of a probe works with: the target, a good token, and where to write down what was found."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tokenward.auditor.attacks import Kit
from tokenward.auditor.attacks.kit import ABSENT
from tokenward.auditor.findings import Finding, Place, Unseen
from tokenward.auditor.probing.checks import CHECKS
from tokenward.auditor.probing.firing import Gun
from tokenward.auditor.probing.issuer import TestIssuer
from tokenward.auditor.probing.pace import Pace
from tokenward.auditor.probing.wire import Shot, Wire


@dataclass(frozen=True, slots=True)
class Scene:
    """One probe.

    Attributes:
        base: the request that is probed, without any credential.
        wire, pace: how requests are sent.
        gun: aims at it.
        issuer: the one that answers at a port of ours; its addresses are a trap in any case.
        bear: the request with a good credential.
        kit: what tokens are forged with; None where the credential is no JWT.
        now: the time.
        own: whether the target trusts the test issuer, so that any claims can be signed.
        reachable: whether the target could fetch from us.
        found: what was found until now.
        unseen: what could not be looked at until now.
        notes: what else people should know.
    """

    base: Shot
    wire: Wire
    pace: Pace
    gun: Gun
    issuer: TestIssuer
    bear: Callable[[Shot], Shot]
    kit: Callable[[], Kit] | None
    now: Callable[[], float]
    own: bool
    reachable: bool
    found: list[Finding] = field(default_factory=list)
    unseen: list[Unseen] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def place(self) -> str:
        """The operation, in words."""
        return f"{self.base.method} {self.base.url}"

    def find(
        self, check: str, detail: str, *, place: str = "", facts: Mapping[str, str] | None = None
    ) -> None:
        """Write down a finding, at `place` or at the operation that is probed."""
        row = CHECKS[check]
        where = Place(place or self.place)
        self.found.append(Finding(row, detail, where, row.severity, facts=facts or {}))

    def leave_out(self, what: str, why: str) -> None:
        """Write down what was left out, and why."""
        self.unseen.append(Unseen(what, why, skipped=True))

    def signed(self, **claims: Any) -> str:  # noqa: ANN401 - of any type
        """A token of the test issuer, good but for these claims; `ABSENT` takes one away."""
        assert self.kit is not None, "only where tokens are ours"  # noqa: S101 - a mistake of the caller
        kit = self.kit()
        return kit.token(claims=kit.claims(**claims))


__all__ = ["ABSENT", "Scene"]
