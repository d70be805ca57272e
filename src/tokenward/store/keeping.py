"""Envelope encryption of what the database keeps: the master key seals one data key, and that seals the rest.

So the master key can be replaced by sealing 32 bytes anew, while whatever runs goes on with the data key.
"""

import json
from dataclasses import replace

from tokenward.base.entropy import random_bytes
from tokenward.store.records import KeyPurpose, SealedContents, SigningKeyRecord
from tokenward.store.sealed_port import Keys
from tokenward.tokens.keys import SigningKey
from tokenward.tokens.sealing import SealBroken, Sealer, derive_key

PURPOSES: tuple[KeyPurpose, ...] = ("outside", "inside")

_KEY_BYTES = 32
_DATA_KEY = b"tokenward data key"
_PEPPER = b"tokenward pepper"
_PAIRWISE = "pairwise"


class WrongMasterKey(Exception):  # noqa: N818 - reads as the condition it is
    """What the database keeps was sealed under another master key, or was changed."""

    def __init__(self) -> None:
        super().__init__("the master key does not open the keys in the database: it is another one's")


def sealer(key: bytes, purpose: str) -> Sealer:
    """A sealer of its own for each purpose, so that nothing sealed for one opens for another."""
    return Sealer(derive_key(key, info=b"tokenward/" + purpose.encode()))


async def load_data_key(keys: Keys, master: bytes) -> bytes:
    """The 32 bytes that every sealer derives its key from. Made where there are none.

    Raises:
        WrongMasterKey: they cannot be opened.
        StoreUnavailable: the store did not answer.
    """
    return _open(sealer(master, "data-key"), await _sealed_data_key(keys, master), _DATA_KEY)


async def replace_master_key(keys: Keys, old: bytes, new: bytes) -> bool:
    """Seal the data key under another master key, in one step; False if it already is sealed under `new`.

    Raises:
        WrongMasterKey: neither of the two opens it.
        StoreUnavailable: the store did not answer.
    """
    sealed = await _sealed_data_key(keys, old)
    try:
        sealer(new, "data-key").open(sealed, context=_DATA_KEY)
    except SealBroken:
        data_key = _open(sealer(old, "data-key"), sealed, _DATA_KEY)
    else:
        return False
    sealed_anew = sealer(new, "data-key").seal(data_key, context=_DATA_KEY)
    # Where another process was faster, see what it did.
    return await keys.replace_data_key(sealed, sealed_anew) or await replace_master_key(keys, old, new)


async def load_peppers(keys: Keys, vault: Sealer) -> tuple[bytes, ...]:
    """The peppers (32 bytes each), the one that writes first. The first is made where there is none.

    Raises:
        WrongMasterKey: they cannot be opened.
        StoreUnavailable: the store did not answer.
    """
    sealed = await keys.peppers()
    if not sealed:
        await keys.add_first_pepper(vault.seal(random_bytes(_KEY_BYTES), context=_PEPPER))
        sealed = await keys.peppers()  # ours, or that of a process that was faster
    return tuple(_open(vault, pepper, _PEPPER) for pepper in sealed)


async def load_pairwise_key(keys: Keys, vault: Sealer) -> bytes:
    """The key (32 bytes) of pairwise subjects, made when there is none.

    With another one everybody would be somebody else everywhere: there is no way to change it.

    Raises:
        WrongMasterKey: it cannot be opened.
        StoreUnavailable: the store did not answer.
    """
    context = f"tokenward lasting secret {_PAIRWISE}".encode()
    sealed = await keys.lasting_secret(_PAIRWISE)
    if sealed is None:
        fresh = vault.seal(random_bytes(_KEY_BYTES), context=context)
        added = await keys.add_lasting_secret(_PAIRWISE, fresh)
        sealed = fresh if added else await keys.lasting_secret(_PAIRWISE)
    return _open(vault, sealed or b"", context)


def new_signing_key(vault: Sealer, purpose: KeyPurpose, algorithm: str, at: float) -> SigningKeyRecord:
    """A fresh key that is active at once; RSA takes a while.

    Raises:
        ValueError: the algorithm is unknown.
    """
    key = SigningKey.generate(algorithm)
    while key.kid.startswith("-"):  # a command line would take it for an option
        key = SigningKey.generate(algorithm)
    sealed = vault.seal(key.to_pkcs8(), context=_context(purpose, algorithm, key.kid))
    public = json.dumps(key.public_jwk())
    return SigningKeyRecord(key.kid, purpose, algorithm, sealed, public, created_at=at, activates_at=at)


def open_signing_key(vault: Sealer, record: SigningKeyRecord) -> SigningKey:
    """The key of a record.

    Raises:
        WrongMasterKey: it cannot be opened.
    """
    context = _context(record.purpose, record.algorithm, record.kid)
    return SigningKey.from_pkcs8(record.kid, record.algorithm, _open(vault, record.sealed_private, context))


async def _sealed_data_key(keys: Keys, master: bytes) -> bytes:
    while (sealed := await keys.data_key()) is None:
        data_key = random_bytes(_KEY_BYTES)
        try:
            contents = await _sealed_anew(keys, sealer(master, "keeping"), sealer(data_key, "keeping"))
        except WrongMasterKey:
            if await keys.data_key() is None:
                raise
            continue  # a process that was faster sealed them anew while we looked
        await keys.add_data_key(sealer(master, "data-key").seal(data_key, context=_DATA_KEY), contents)
    return sealed


async def _sealed_anew(keys: Keys, old: Sealer, new: Sealer) -> SealedContents:
    """What version 0.1.0 sealed under the master key itself; nothing in a new database."""
    peppers = [_open(old, pepper, _PEPPER) for pepper in await keys.peppers()]
    records = [record for purpose in PURPOSES for record in await keys.signing_keys(purpose)]
    return SealedContents(
        tuple(new.seal(pepper, context=_PEPPER) for pepper in peppers),
        tuple(_moved(record, old, new) for record in records),
    )


def _moved(record: SigningKeyRecord, old: Sealer, new: Sealer) -> SigningKeyRecord:
    context = _context(record.purpose, record.algorithm, record.kid)
    private = _open(old, record.sealed_private, context)
    return replace(record, sealed_private=new.seal(private, context=context))


def _context(purpose: KeyPurpose, algorithm: str, kid: str) -> bytes:
    """Binds the sealed key to its row: it cannot be moved to another purpose, algorithm or name."""
    return f"tokenward signing key {purpose} {algorithm} {kid}".encode()


def _open(vault: Sealer, sealed: bytes, context: bytes) -> bytes:
    try:
        return vault.open(sealed, context=context)
    except SealBroken:
        raise WrongMasterKey from None
