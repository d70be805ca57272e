"""Forms that a passkey answers: the challenge is the hash of the sealed field, and each answer is taken once.

The field is random, of one form, one browser and one hour, so there is nothing else that has to be kept.
"""

import hashlib

from tokenward.base.clock import Clock
from tokenward.base.problems import EXPIRED_FORM, Refusal
from tokenward.identity.csrf import FORM_LIFETIME
from tokenward.store.port import Uses


def challenge_of(field: str) -> bytes:
    """What a passkey signs for the form with this hidden field."""
    return hashlib.sha256(b"tokenward/passkey-challenge/" + field.encode()).digest()


async def use_up(store: Uses, field: str, clock: Clock) -> None:
    """Let the form with this hidden field be answered once.

    Raises:
        Refusal: EXPIRED_FORM, it was.
        StoreUnavailable: nobody can know.
    """
    now = clock.time()
    once = hashlib.sha256(b"identity/passkey-form/" + field.encode()).digest()
    if not await store.first_use(once, now + FORM_LIFETIME, at=now):
        raise Refusal(EXPIRED_FORM, "the form was used before")
