"""Codes as a second factor: the authenticator app's, kept sealed, and recovery codes, kept hashed."""

import logging
from collections.abc import Sequence

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import CLOCK_OFF, CODE_USED, EXPIRED_FORM, MISSING_PARAMETER, WRONG_CODE, Refusal
from tokenward.base.secret import Secret
from tokenward.identity.factors import recovery, totp
from tokenward.identity.throttle import SecondFactorThrottle
from tokenward.store.people_port import Factors
from tokenward.store.port import StoreUnavailable
from tokenward.tokens.sealing import SealBroken, Sealer

_log = logging.getLogger(__name__)


class SecondFactors:
    """Makes and checks codes, each of them good once."""

    def __init__(
        self,
        store: Factors,
        *,
        sealer: Sealer,
        peppers: Sequence[bytes],
        throttle: SecondFactorThrottle,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._store = store
        self._sealer = sealer
        self._peppers = peppers
        self._throttle = throttle
        self._clock = clock

    async def check(self, user_id: str, code: Secret, device: str) -> bool:
        """Take a code of the person's app, or one of their recovery codes; whether it was the latter.

        Ask only for who has proved another factor. `device` is the id of a browser that this very person
        signed in from before, or "".

        Raises:
            Refusal: MISSING_PARAMETER; TOO_MANY_REQUESTS; WRONG_CODE; CODE_USED, it is right, and was taken
                before; CLOCK_OFF, it is right at another time than now.
            StoreUnavailable: nobody can know, or it may be used up.
        """
        if not code:
            raise Refusal(MISSING_PARAMETER, "code")
        typed = recovery.normal(code.reveal())
        if typed is not None:
            # Nobody guesses 100 bits, and whoever floods the six digits must leave the owner a way in.
            await self._take_recovery_code(user_id, typed)
            return True
        self._throttle.admit(user_id, device)
        try:
            await self._take_totp(user_id, code)
        except StoreUnavailable:  # our trouble, and no guess
            self._throttle.give_back(user_id, device)
            raise
        self._throttle.give_back(user_id, device)
        return False

    async def enrol(self, user_id: str, secret: Secret, code: Secret) -> None:
        """Keep the secret of an app, in the place of another that there may be, if the app has it.

        Raises:
            Refusal: MISSING_PARAMETER, WRONG_CODE, CLOCK_OFF; EXPIRED_FORM, the person is gone.
            StoreUnavailable: it may be kept.
        """
        if not code:
            raise Refusal(MISSING_PARAMETER, "code")
        step = self._matched(user_id, secret, code, enrolling=True)
        sealed = self._sealer.seal(secret.reveal().encode(), context=_context(user_id))
        if not await self._store.set_totp(user_id, sealed, step=step, at=self._clock.time()):
            raise Refusal(EXPIRED_FORM, f"user_id={user_id} is gone")

    async def new_recovery_codes(self, user_id: str) -> list[Secret]:
        """New recovery codes, in the place of all before.

        Raises:
            Refusal: EXPIRED_FORM, the person is gone.
            StoreUnavailable: the old ones may be gone.
        """
        codes = recovery.new_codes()
        plain = [recovery.normal(code.reveal()) or "" for code in codes]
        hashes = [recovery.keyed_hash(self._peppers[0], user_id, code) for code in plain]
        if not await self._store.set_recovery_codes(user_id, hashes, at=self._clock.time()):
            raise Refusal(EXPIRED_FORM, f"user_id={user_id} is gone")
        return codes

    async def _take_totp(self, user_id: str, code: Secret) -> None:
        kept = await self._store.totp(user_id)
        if kept is None:
            raise Refusal(WRONG_CODE, f"user_id={user_id} has no app")
        try:
            secret = Secret(self._sealer.open(kept.sealed_secret, context=_context(user_id)).decode())
        except SealBroken:
            _log.error("a sealed TOTP secret cannot be opened: user_id=%s", user_id)
            raise Refusal(WRONG_CODE, f"user_id={user_id}: the secret is unusable") from None
        step = self._matched(user_id, secret, code)
        if not await self._store.use_totp_step(user_id, step):
            raise Refusal(CODE_USED, f"user_id={user_id}: the code of this step was used")

    async def _take_recovery_code(self, user_id: str, code: str) -> None:
        for pepper in self._peppers:
            keyed_hash = recovery.keyed_hash(pepper, user_id, code)
            if await self._store.use_recovery_code(user_id, keyed_hash, at=self._clock.time()):
                return
        raise Refusal(WRONG_CODE, f"user_id={user_id}: no recovery code of theirs")

    def _matched(self, user_id: str, secret: Secret, code: Secret, *, enrolling: bool = False) -> int:
        now = self._clock.time()
        match = totp.match(secret, code.reveal(), now)
        if match is not None:
            return match.step
        off = totp.clock_off(secret, code.reveal(), now, enrolling=enrolling)
        if off is not None:
            raise Refusal(CLOCK_OFF, f"user_id={user_id}: {off} s off")
        raise Refusal(WRONG_CODE, f"user_id={user_id}")


def _context(user_id: str) -> bytes:
    return f"identity/totp/{user_id}".encode()
