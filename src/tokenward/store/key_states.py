"""The life of a signing key: in which state it is, and what an order makes of the keys of one purpose.

    state    in the JWK Set   signs   begins at
    pending  yes              no      created_at      published ahead, so that caches know it
    active   yes              yes     activates_at
    retired  yes              no      retires_at      until the last token that it signed has expired
    removed  no               no      removes_at

All of it is pure. A state follows from a record's moments and the clock, so that a key takes over without
anybody writing anything; an order takes the records as they are and gives them as they shall be. The keys of
one purpose and one algorithm follow each other: at every moment one of them is active, and at most one is
pending, which activates at the moment at which the active one retires.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from tokenward.base.problems import NOT_FOUND, WRONG_KEY_STATE, Refusal
from tokenward.store.records import KeyPurpose, SigningKeyRecord


class KeyState(Enum):
    """A state, by the name that people see."""

    PENDING = "pending"
    ACTIVE = "active"
    RETIRED = "retired"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Terms:
    """How long the states around the active one last at least, in seconds.

    Attributes:
        ahead: from publication to the first use; longer than verifiers keep a JWK Set.
        kept: from retirement to removal; longer than the longest token that was signed.
    """

    ahead: float
    kept: float


TERMS: Mapping[KeyPurpose, Terms] = {
    # Applications that we do not know keep the set for a day; an ID token lives for 15 minutes at most.
    "outside": Terms(ahead=86_400.0, kept=20 * 60.0),
    # Backends keep the set for seconds, or as long as their library thinks; an inside JWT lives for a minute.
    "inside": Terms(ahead=3600.0, kept=5 * 60.0),
}

Records = Sequence[SigningKeyRecord]
Make = Callable[[str], SigningKeyRecord]
"""Makes a fresh key of an algorithm, whose record says that it is active at once."""


def state(key: SigningKeyRecord, at: float) -> KeyState:
    """The state at that moment: the last one that has begun.

    A key that is compromised, or whose private half is destroyed, is removed by any clock.
    """
    gone = key.compromised_at is not None or not key.sealed_private
    if gone or (key.removes_at is not None and key.removes_at <= at):
        return KeyState.REMOVED
    if key.retires_at is not None and key.retires_at <= at:
        return KeyState.RETIRED
    return KeyState.ACTIVE if key.activates_at <= at else KeyState.PENDING


def ensure(keys: Records, make: Make, at: float, *, algorithms: Collection[str]) -> Records:
    """One active key for each algorithm. A missing one signs at once: there is no other that could."""
    missing = [name for name in algorithms if _find(keys, name, KeyState.ACTIVE, at) is None]
    for algorithm in missing:
        keys = _taken_over(keys, algorithm, make, at)
    return keys


def rotate(keys: Records, make: Make, at: float, *, algorithm: str) -> Records:
    """A successor is published; it takes over when caches know it.

    Raises:
        Refusal: WRONG_KEY_STATE, a successor is published already; NOT_FOUND, there is no key to succeed.
    """
    pending = _find(keys, algorithm, KeyState.PENDING, at)
    if pending is not None:
        raise Refusal(WRONG_KEY_STATE, f"{pending.kid} is published and takes over by itself")
    active = _find(keys, algorithm, KeyState.ACTIVE, at)
    if active is None:
        raise Refusal(NOT_FOUND, f"no {algorithm} key signs here")
    new = make(algorithm)
    new = replace(new, activates_at=at + TERMS[new.purpose].ahead)
    return [*_put(keys, _retired(active, new.activates_at)), new]


def rotate_by_age(
    keys: Records, make: Make, at: float, *, algorithms: Collection[str], rotate_after: float
) -> Records:
    """Successors for the keys that will have signed for `rotate_after` seconds by the time these take over.

    A key of an algorithm that is not in use any more gets none; at that age it retires.
    """
    for key in keys:
        if state(key, at) is not KeyState.ACTIVE or key.retires_at is not None:
            continue
        takes_over = at + TERMS[key.purpose].ahead
        if key.activates_at + rotate_after <= takes_over and key.algorithm in algorithms:
            keys = rotate(keys, make, at, algorithm=key.algorithm)
        elif key.activates_at + rotate_after <= at:
            keys = _put(keys, _retired(key, at))
    return keys


def retire(keys: Records, make: Make, at: float, *, kid: str, algorithms: Collection[str]) -> Records:
    """The active key signs no more; what it signed stays good. The pending key takes over, or a fresh one.

    A pending key is withdrawn instead. A key of an algorithm that is not in use any more has no successor.

    Raises:
        Refusal: NOT_FOUND, no key has that name; WRONG_KEY_STATE, it is retired or removed.
    """
    key = _named(keys, kid)
    match state(key, at):
        case KeyState.PENDING:
            return _withdrawn(keys, key, at)
        case KeyState.ACTIVE:
            keys = _put(keys, _retired(key, at))
            needed = key.retires_at is not None or key.algorithm in algorithms
            return _taken_over(keys, key.algorithm, make, at) if needed else keys
        case other:
            raise Refusal(WRONG_KEY_STATE, f"{kid} is {other.value}")


def remove(keys: Records, _make: Make, at: float, *, kid: str) -> Records:
    """A retired or pending key leaves the JWK Set before its time.

    Raises:
        Refusal: NOT_FOUND, no key has that name; WRONG_KEY_STATE, it is active or removed.
    """
    key = _named(keys, kid)
    match state(key, at):
        case KeyState.PENDING:
            return _withdrawn(keys, key, at)
        case KeyState.RETIRED:
            return _put(keys, _removed(key, at))
        case KeyState.ACTIVE:
            raise Refusal(WRONG_KEY_STATE, f"{kid} is active: retire it first, or say that it is compromised")
        case KeyState.REMOVED:
            raise Refusal(WRONG_KEY_STATE, f"{kid} is removed")


def remove_compromised(
    keys: Records, make: Make, at: float, *, kid: str, algorithms: Collection[str]
) -> Records:
    """The key leaves the JWK Set at once, and all that it signed is void.

    A fresh key takes the place of an active one, never the pending one: verifiers that have not heard of it
    fetch the JWK Set at its first signature, and so lose the compromised one.

    Raises:
        Refusal: NOT_FOUND, no key has that name; WRONG_KEY_STATE, it is removed.
    """
    key = _named(keys, kid)
    found = state(key, at)
    if found is KeyState.REMOVED:
        raise Refusal(WRONG_KEY_STATE, f"{kid} is removed: nothing that it signed is accepted")
    if found is KeyState.PENDING:
        keys = _withdrawn(keys, key, at)
    keys = _put(keys, replace(_removed(key, at), compromised_at=at))
    if found is KeyState.ACTIVE and (key.retires_at is not None or key.algorithm in algorithms):
        keys = [
            *keys, replace(make(key.algorithm), retires_at=key.retires_at, removes_at=key.removes_at)
        ]  # fmt: skip
    return keys


def _taken_over(keys: Records, algorithm: str, make: Make, at: float) -> Records:
    """The pending key is active from now on, or else a fresh one; the one before is retired already."""
    pending = _find(keys, algorithm, KeyState.PENDING, at)
    return [*keys, make(algorithm)] if pending is None else _put(keys, replace(pending, activates_at=at))


def _withdrawn(keys: Records, pending: SigningKeyRecord, at: float) -> Records:
    """Without the pending key; the active one goes on."""
    keys = _put(keys, _removed(pending, at))
    active = _find(keys, pending.algorithm, KeyState.ACTIVE, at)
    return keys if active is None else _put(keys, replace(active, retires_at=None, removes_at=None))


def _retired(key: SigningKeyRecord, at: float) -> SigningKeyRecord:
    return replace(key, retires_at=at, removes_at=at + TERMS[key.purpose].kept)


def _removed(key: SigningKeyRecord, at: float) -> SigningKeyRecord:
    retires_at = at if key.retires_at is None else min(key.retires_at, at)
    return replace(key, retires_at=retires_at, removes_at=at, sealed_private=b"")


def _find(keys: Records, algorithm: str, wanted: KeyState, at: float) -> SigningKeyRecord | None:
    return next((key for key in keys if key.algorithm == algorithm and state(key, at) is wanted), None)


def _named(keys: Records, kid: str) -> SigningKeyRecord:
    for key in keys:
        if key.kid == kid:
            return key
    raise Refusal(NOT_FOUND, f"no signing key is named {kid}")


def _put(keys: Records, changed: SigningKeyRecord) -> Records:
    return [changed if key.kid == changed.kid else key for key in keys]
