"""What a session's proofs come to: the `amr`, the level and the age that a token may tell."""

from collections.abc import Sequence

from tokenward.store.people_records import Proof
from tokenward.tokens.acr import Authentication, Level, level_of, reaches, two_factors


def authentication(
    proofs: Sequence[Proof], *, level: Level | None = None, since: float = 0.0
) -> Authentication | None:
    """What was done since then, as a token tells it; None if it does not reach `level`, or is nothing.

    It tells the highest level that this reaches, by the latest proofs that are enough for it. A password of
    this morning and a passkey of now are a passkey of now; a password of this morning and a code of now are
    two factors since this morning, and no later.

    Args:
        proofs: oldest first.
        level: that must be reached.
        since: seconds since the epoch; what is older does not count.
    """
    recent = [proof for proof in proofs if proof.at >= since]
    if not recent:
        return None
    if level is not None and not reaches(_methods(recent), level):
        return None
    best = level_of(_methods(recent))
    enough = next(
        recent[first:] for first in reversed(range(len(recent))) if level_of(_methods(recent[first:])) == best
    )
    return Authentication(amr=_told(enough), auth_time=enough[0].at)


def added(proofs: Sequence[Proof], proof: Proof) -> tuple[Proof, ...]:
    """The proofs with one more, by age: it takes the place of those that were the same act before.

    What a provider vouches for may be older than what was proved here before it.
    """
    others = (each for each in proofs if each.amr != proof.amr)
    return tuple(sorted((*others, proof), key=lambda each: each.at))


def _methods(proofs: Sequence[Proof]) -> list[str]:
    return [method for proof in proofs for method in proof.amr]


def _told(proofs: Sequence[Proof]) -> tuple[str, ...]:
    methods = _methods(proofs)
    more = ("mfa",) if two_factors(methods) else ()  # RFC 8176 §2
    return tuple(dict.fromkeys((*methods, *more)))
