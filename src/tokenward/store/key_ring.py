"""The signing keys of one purpose as one process knows them: what it signs with, and what it publishes."""

from collections.abc import Callable, Mapping

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import UNAVAILABLE, Refusal
from tokenward.store.keeping import open_signing_key
from tokenward.store.key_states import KeyState, state
from tokenward.store.records import KeyPurpose, SigningKeyRecord
from tokenward.store.sealed_port import Keys
from tokenward.tokens.keys import SigningKey
from tokenward.tokens.sealing import Sealer

_CAN_SIGN = (KeyState.ACTIVE, KeyState.PENDING)


class KeyRing:
    """Signs with whichever key is active now; knows the keys as of its last `load`.

    Which key is active is asked of the clock at each signature, so that one takes over without a word. What
    was ordered comes by the revocation feed, whose follower calls `load`; while the feed is unconfirmed, no
    key is given and none published, since it may have been removed.

    Args:
        keys: where they are kept.
        vault: opens their private halves.
        purpose: which ones.
        fresh: whether the feed is confirmed.
        clock: time.
    """

    __slots__ = ("_clock", "_fresh", "_keys", "_opened", "_purpose", "_records", "_vault")

    def __init__(
        self,
        keys: Keys,
        vault: Sealer,
        purpose: KeyPurpose,
        *,
        fresh: Callable[[], bool],
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._keys = keys
        self._vault = vault
        self._purpose = purpose
        self._fresh = fresh
        self._clock = clock
        self._records: Mapping[str, SigningKeyRecord] = {}
        self._opened: Mapping[str, SigningKey] = {}

    async def load(self) -> None:
        """Take the keys as the store has them, those that are removed left out.

        What is published comes from the opened private halves: whoever can write to the database but has no
        master key cannot slip a public key of their own into the JWK Set.

        Raises:
            StoreUnavailable: the store did not answer.
            WrongMasterKey: one of them cannot be opened.
        """
        records = {record.kid: record for record in await self._keys.signing_keys(self._purpose)}
        now = self._clock.time()
        opened = {
            kid: self._opened.get(kid) or open_signing_key(self._vault, record)
            for kid, record in records.items()
            if state(record, now) is not KeyState.REMOVED
        }
        self._records, self._opened = records, opened

    def signer(self, algorithm: str) -> SigningKey:
        """The active key of an algorithm.

        Raises:
            Refusal: UNAVAILABLE, there is none, or which one it is cannot be known now.
        """
        self._demand_fresh()
        now = self._clock.time()
        # Pending is a key that takes over by now where the clock of whoever ordered it is ahead of ours.
        for wanted in _CAN_SIGN:
            for kid, key in self._opened.items():
                if key.algorithm == algorithm and state(self._records[kid], now) is wanted:
                    return key
        raise Refusal(UNAVAILABLE, f"no {algorithm} key signs {self._purpose} tokens", retry_after=1)

    def signs(self, kid: str, at: float) -> bool:
        """Whether that key is active at that moment."""
        record = self._records.get(kid)
        return record is not None and state(record, at) is KeyState.ACTIVE

    def publishes(self, kid: str | None) -> bool:
        """Whether that key is in the JWK Set: what it signed is good, as far as the key goes.

        Raises:
            Refusal: UNAVAILABLE, that cannot be known now.
        """
        self._demand_fresh()
        record = self._records.get(kid) if kid is not None else None
        return record is not None and state(record, self._clock.time()) is not KeyState.REMOVED

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The JWK Set (RFC 7517 §5): every public key but the removed ones.

        Raises:
            Refusal: UNAVAILABLE, which ones these are cannot be known now.
        """
        self._demand_fresh()
        now = self._clock.time()
        published = (
            key for kid, key in self._opened.items() if state(self._records[kid], now) is not KeyState.REMOVED
        )
        return {"keys": [key.public_jwk() for key in published]}

    def _demand_fresh(self) -> None:
        if not self._fresh():
            raise Refusal(UNAVAILABLE, "the revocation feed is unconfirmed", retry_after=1)
