"""A browser's session: an opaque token in a cookie, its keyed hash in the store."""

from collections.abc import Sequence

from tokenward.base.asgi import Scope
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import BAD_CREDENTIALS, Refusal
from tokenward.base.secret import Secret
from tokenward.identity.cookies import Cookie
from tokenward.identity.people import Person
from tokenward.store.people_port import People
from tokenward.store.people_records import Proof, Session, User
from tokenward.store.port import AlreadyExists, StoreUnavailable
from tokenward.tokens import opaque

IDLE = 30 * 60
ABSOLUTE = 12 * 60 * 60
TOUCH_EVERY = 60
_ATTEMPTS = 3


class Sessions:
    """Starts, recognises and ends sessions.

    They end after `IDLE` seconds without use and `ABSOLUTE` seconds in all. Use is written down at most every
    `TOUCH_EVERY` seconds, since each time costs a write to the disk.
    """

    def __init__(
        self,
        people: People,
        peppers: Sequence[bytes],
        cookie: Cookie,
        *,
        clock: Clock = SYSTEM_CLOCK,
        prefix: str = "tkw",
    ) -> None:
        self.cookie = cookie
        self._people = people
        self._peppers = peppers
        self._clock = clock
        self._prefix = prefix

    async def current(self, scope: Scope) -> Person | None:
        """Whose live session the request's cookie names, or None.

        Raises:
            StoreUnavailable: nobody can know.
        """
        session = await self._presented(scope)
        now = self._clock.time()
        if session is None or session.expires_at <= now or session.last_seen_at + IDLE <= now:
            return None
        user = await self._people.user(session.user_id)
        if user is None:
            return None
        if now - session.last_seen_at >= TOUCH_EVERY:
            await self._people.touch_session(session.session_id, now)
        return Person(
            user_id=user.user_id,
            username=user.username,
            session_id=session.session_id,
            amr=tuple(dict.fromkeys(word for proof in session.proofs for word in proof.amr)),
            auth_time=session.proofs[0].at,
        )

    async def start(self, user: User, amr: tuple[str, ...]) -> Secret:
        """Begin a session and return its token, the cookie's value.

        It is always a new token, whatever the browser brought along: a planted one gains nothing (fixation).
        `user` is the person as read before they proved who they are.

        Raises:
            Refusal: BAD_CREDENTIALS, they are disabled, or how they sign in was changed meanwhile.
            StoreUnavailable: there is no session that anybody could use.
        """
        for _ in range(_ATTEMPTS):
            try:
                return await self._try_to_start(user, amr)
            except AlreadyExists:  # two locators of one millisecond met
                continue
        raise StoreUnavailable(f"{_ATTEMPTS} locators in a row were taken")

    async def end(self, scope: Scope) -> bool:
        """End the session that the request's cookie names; whether there was one.

        Raises:
            StoreUnavailable: it may still be live.
        """
        # The whole token is checked first: a locator is public, and no licence to sign somebody out.
        session = await self._presented(scope)
        return session is not None and await self._people.end_session(session.session_id)

    async def _presented(self, scope: Scope) -> Session | None:
        text = self.cookie.read(scope)
        token = opaque.parse(text, kind="se", prefix=self._prefix) if text else None
        if token is None:
            return None
        session = await self._people.session(token.token_id)
        if session is None or not opaque.matches(self._peppers, token.secret.reveal(), session.keyed_hash):
            return None
        return session

    async def _try_to_start(self, user: User, amr: tuple[str, ...]) -> Secret:
        token = opaque.new("se", prefix=self._prefix, clock=self._clock)
        now = self._clock.time()
        session = Session(
            session_id=token.token_id,
            keyed_hash=opaque.keyed_hash(self._peppers[0], token.secret.reveal()),
            user_id=user.user_id,
            proofs=(Proof(amr, now),),
            created_at=now,
            last_seen_at=now,
            expires_at=now + ABSOLUTE,
        )
        if not await self._people.add_session(session, version=user.version):
            raise Refusal(BAD_CREDENTIALS, f"user_id={user.user_id}: disabled, or changed meanwhile")
        return token.secret
