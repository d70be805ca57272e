"""Carries out what `key_states` decides: an order is applied to the keys as they are, or to none.

Of several orders at once, in any number of processes, one wins; the others look again at what it left.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Never

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import NOT_FOUND, Refusal
from tokenward.store import key_states
from tokenward.store.keeping import new_signing_key
from tokenward.store.key_states import Make, Records, state
from tokenward.store.port import StoreUnavailable
from tokenward.store.records import KeyPurpose, SigningKeyRecord
from tokenward.store.sealed_port import Keys
from tokenward.tokens.sealing import Sealer

_log = logging.getLogger(__name__)

_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class KeyDesk:
    """Takes orders about signing keys.

    Attributes:
        keys: where they are kept.
        vault: seals their private halves.
        algorithms: the algorithms that are in use, by purpose.
        clock: time.

    Every order may raise `StoreUnavailable`; then nothing was changed.
    """

    keys: Keys
    vault: Sealer = field(repr=False)
    algorithms: Mapping[KeyPurpose, Collection[str]]
    clock: Clock = SYSTEM_CLOCK

    async def all_keys(self) -> list[SigningKeyRecord]:
        """Every key that there is or was, by purpose and age."""
        return [key for purpose in self.algorithms for key in await self.keys.signing_keys(purpose)]

    async def ensure(self, purpose: KeyPurpose) -> None:
        """Make what is missing of the algorithms in use."""
        await self._order(purpose, partial(key_states.ensure, algorithms=self.algorithms[purpose]))

    async def rotate(self, purpose: KeyPurpose, algorithm: str) -> SigningKeyRecord:
        """Publish a successor, which takes over when caches know it.

        Returns:
            The successor.

        Raises:
            Refusal: as `key_states.rotate`.
        """
        keys = await self._order(purpose, partial(key_states.rotate, algorithm=algorithm))
        return keys[-1]

    async def rotate_by_age(self, rotate_after: float) -> None:
        """Publish successors where it is time, as `key_states.rotate_by_age` has it."""
        for purpose, algorithms in self.algorithms.items():
            order = partial(key_states.rotate_by_age, algorithms=algorithms, rotate_after=rotate_after)
            await self._order(purpose, order)

    async def retire(self, kid: str) -> None:
        """Let a key sign no more.

        Raises:
            Refusal: as `key_states.retire`.
        """
        purpose = await self._purpose(kid)
        order = partial(key_states.retire, kid=kid, algorithms=self.algorithms[purpose])
        await self._order(purpose, order)

    async def remove(self, kid: str, *, compromised: bool) -> None:
        """Take a key out of the JWK Set; a compromised one, with all that it signed.

        Raises:
            Refusal: as `key_states.remove` and `key_states.remove_compromised`.
        """
        purpose = await self._purpose(kid)
        algorithms = self.algorithms[purpose]
        await self._order(
            purpose,
            partial(key_states.remove_compromised, kid=kid, algorithms=algorithms)
            if compromised
            else partial(key_states.remove, kid=kid),
        )

    async def _purpose(self, kid: str) -> KeyPurpose:
        for key in await self.all_keys():
            if key.kid == kid:
                return key.purpose
        raise Refusal(NOT_FOUND, f"no signing key is named {kid}")

    async def _order(self, purpose: KeyPurpose, order: Callable[[Records, Make, float], Records]) -> Records:
        """The keys as the order left them."""
        for _ in range(_ATTEMPTS):
            old = await self.keys.signing_keys(purpose)
            at = self.clock.time()
            make = partial(self._make, purpose, at)
            new = await asyncio.to_thread(order, old, make, at)  # it may make an RSA key
            if new == old:
                return new
            if await self.keys.change_signing_keys(purpose, old, new, at=at):
                _tell(old, new, at)
                return new
        raise StoreUnavailable("others keep changing the signing keys")

    def _make(self, purpose: KeyPurpose, at: float, algorithm: str) -> SigningKeyRecord:
        return new_signing_key(self.vault, purpose, algorithm, at)


async def rotate_forever(desk: KeyDesk, *, rotate_after: float, every: float = 60.0) -> Never:
    """Rotate by age, looking every `every` seconds, until cancelled."""
    while True:
        try:
            await desk.rotate_by_age(rotate_after)
        except StoreUnavailable as error:
            _log.warning("rotation of signing keys was put off: %s", error)
        await asyncio.sleep(every)


def _tell(old: Records, new: Records, at: float) -> None:
    for key in new:
        if key not in old:
            compromised = ", compromised" if key.compromised_at is not None else ""
            _log.info(
                "signing key %s (%s, %s) is %s%s",
                key.kid, key.purpose, key.algorithm, state(key, at).value, compromised,
            )  # fmt: skip
