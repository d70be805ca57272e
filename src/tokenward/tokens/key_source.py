"""Where verification keys come from: what a validator asks of it, and the source whose keys never change."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from tokenward.tokens.keys import VerificationKey


class KeysUnavailable(Exception):  # noqa: N818 - a state of the world that the caller handles
    """Which keys are good cannot be known right now."""


class KeySource(Protocol):
    """Gives the keys among which a token's key is looked up."""

    @property
    def generation(self) -> int | None:
        """Moves whenever the keys change: what was verified before has to be verified again.

        None where `find` has to be asked first, because the keys are old.
        """
        ...

    def settle(self, algorithms: Collection[str]) -> None:
        """Say what the keys are used for, before they are.

        Raises:
            ValueError: it is settled otherwise.
        """
        ...

    def find(self, kid: str | None) -> Sequence[VerificationKey]:
        """The current keys; may fetch, blocking, where `kid` is unknown.

        Raises:
            KeysUnavailable: they cannot be had.
        """
        ...

    async def find_async(self, kid: str | None) -> Sequence[VerificationKey]:
        """The same without blocking."""
        ...


def agreed(settled: tuple[str, ...], algorithms: Collection[str]) -> tuple[str, ...]:
    """What the keys of one source are used for, given what was settled before; () is nothing yet.

    Raises:
        ValueError: it is settled otherwise.
    """
    if settled and set(settled) != set(algorithms):
        raise ValueError("validators that share a key source must allow the same algorithms")
    return tuple(algorithms)


@dataclass(frozen=True, slots=True)
class FixedKeys:
    """A `KeySource` whose keys are what they are."""

    keys: tuple[VerificationKey, ...]

    @property
    def generation(self) -> int:
        """Always the same."""
        return 0

    def settle(self, algorithms: Collection[str]) -> None:
        """Nothing: each key has its algorithm."""

    def find(self, kid: str | None) -> Sequence[VerificationKey]:  # noqa: ARG002 - the protocol's
        """The keys."""
        return self.keys

    async def find_async(self, kid: str | None) -> Sequence[VerificationKey]:  # noqa: ARG002 - the protocol's
        """The keys."""
        return self.keys
