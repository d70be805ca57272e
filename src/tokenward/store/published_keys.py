"""The public keys of one purpose, for a process that verifies what another one of ours signed."""

import json
from collections.abc import Collection, Mapping, Sequence

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.store.key_states import KeyState, state
from tokenward.store.port import StoreUnavailable
from tokenward.store.records import KeyPurpose, SigningKeyRecord
from tokenward.store.sealed_port import Keys
from tokenward.tokens.jwk_set import public_keys
from tokenward.tokens.key_source import KeysUnavailable, agreed
from tokenward.tokens.keys import VerificationKey

RETRY_AFTER = 1.0  # seconds between loads that an unknown `kid` asks for


class PublishedKeys:
    """A `KeySource` straight out of the store. No private half is opened for it.

    The follower of the revocation feed calls `load` when an order changed the keys. A key that began to sign
    a moment ago may arrive before its event does: an unknown `kid` is asked for, once a second at most.
    """

    __slots__ = (
        "_algorithms",
        "_clock",
        "_keys",
        "_loaded_at",
        "_loads",
        "_purpose",
        "_records",
        "generation",
    )

    def __init__(self, keys: Keys, purpose: KeyPurpose, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._keys = keys
        self._purpose = purpose
        self._clock = clock
        self._algorithms: tuple[str, ...] = ()
        self._records: Mapping[str, tuple[SigningKeyRecord, VerificationKey]] = {}
        self._loaded_at = float("-inf")
        self._loads = 0
        self.generation = 0

    async def load(self) -> None:
        """Take the keys as the store has them.

        Raises:
            StoreUnavailable: the store did not answer.
        """
        self._loads += 1
        load, self._loaded_at = self._loads, self._clock.monotonic()
        found = {}
        for record in await self._keys.signing_keys(self._purpose):
            if record.algorithm in self._algorithms:
                (key,) = public_keys({"keys": [json.loads(record.public_jwk)]})
                found[record.kid] = record, key
        if load > self.generation:  # else a later one was faster, and knows more
            self._records, self.generation = found, load

    def settle(self, algorithms: Collection[str]) -> None:
        """Say what the keys are used for.

        Raises:
            ValueError: it is settled otherwise.
        """
        self._algorithms = agreed(self._algorithms, algorithms)

    def find(self, kid: str | None) -> Sequence[VerificationKey]:  # noqa: ARG002 - the protocol's
        """Every key but the removed ones, as of the last `load`."""
        now = self._clock.time()
        return [key for record, key in self._records.values() if state(record, now) is not KeyState.REMOVED]

    async def find_async(self, kid: str | None) -> Sequence[VerificationKey]:
        """As `find`, asking the store for a `kid` that is unknown.

        Raises:
            KeysUnavailable: the store did not answer.
        """
        if kid not in self._records and self._clock.monotonic() - self._loaded_at >= RETRY_AFTER:
            try:
                await self.load()
            except StoreUnavailable:
                raise KeysUnavailable from None
        return self.find(kid)
