"""Peppers and signing keys, opened under the master key; made where there are none yet."""

import asyncio
import json
from collections.abc import Sequence

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.entropy import random_bytes
from tokenward.store.port import Keys
from tokenward.store.records import KeyPurpose, SigningKeyRecord
from tokenward.tokens.keys import SigningKey
from tokenward.tokens.sealing import SealBroken, Sealer

_PEPPER_BYTES = 32
_PEPPER = b"tokenward pepper"


class WrongMasterKey(Exception):  # noqa: N818 - reads as the condition it is
    """What the database keeps was sealed under another master key, or was changed."""

    def __init__(self) -> None:
        super().__init__("the master key does not open the keys in the database: it is another one's")


async def load_peppers(keys: Keys, sealer: Sealer) -> tuple[bytes, ...]:
    """The peppers (32 bytes each), the one that writes first. The first is made where there is none.

    Raises:
        WrongMasterKey: they cannot be opened.
        StoreUnavailable: the store did not answer.
    """
    sealed = await keys.peppers()
    if not sealed:
        await keys.add_first_pepper(sealer.seal(random_bytes(_PEPPER_BYTES), context=_PEPPER))
        sealed = await keys.peppers()  # ours, or that of a process that was faster
    return tuple(_open(sealer, pepper, _PEPPER) for pepper in sealed)


async def load_signing_keys(
    keys: Keys, sealer: Sealer, purpose: KeyPurpose, algorithms: Sequence[str], *, clock: Clock = SYSTEM_CLOCK
) -> list[SigningKey]:
    """The active signing keys of a purpose. Missing ones are made, so that there is one per algorithm.

    Returns:
        First one key for each of `algorithms`, in their order; then those that are no longer asked for, which
        stay in the JWK Set while what they signed may live.

    Raises:
        WrongMasterKey: they cannot be opened.
        StoreUnavailable: the store did not answer.
        ValueError: an algorithm is unknown.
    """
    records = await keys.signing_keys(purpose)
    missing = set(algorithms) - {record.algorithm for record in records}
    for algorithm in sorted(missing):
        key = await asyncio.to_thread(SigningKey.generate, algorithm)  # RSA takes a while
        await keys.add_signing_key(_record(key, sealer, purpose, clock.time()))
    if missing:
        records = await keys.signing_keys(purpose)  # ours, or those of a process that was faster
    order = {algorithm: place for place, algorithm in enumerate(algorithms)}
    records.sort(key=lambda record: order.get(record.algorithm, len(order)))
    return [_signing_key(record, sealer) for record in records]


def _record(key: SigningKey, sealer: Sealer, purpose: KeyPurpose, at: float) -> SigningKeyRecord:
    sealed = sealer.seal(key.to_pkcs8(), context=_context(purpose, key.algorithm, key.kid))
    return SigningKeyRecord(key.kid, purpose, key.algorithm, sealed, json.dumps(key.public_jwk()), at)


def _signing_key(record: SigningKeyRecord, sealer: Sealer) -> SigningKey:
    context = _context(record.purpose, record.algorithm, record.kid)
    return SigningKey.from_pkcs8(record.kid, record.algorithm, _open(sealer, record.sealed_private, context))


def _context(purpose: KeyPurpose, algorithm: str, kid: str) -> bytes:
    """Binds the sealed key to its row: it cannot be moved to another purpose, algorithm or name."""
    return f"tokenward signing key {purpose} {algorithm} {kid}".encode()


def _open(sealer: Sealer, sealed: bytes, context: bytes) -> bytes:
    try:
        return sealer.open(sealed, context=context)
    except SealBroken:
        raise WrongMasterKey from None
