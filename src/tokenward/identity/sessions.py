"""A browser's session: an opaque token in a cookie, its keyed hash in the store."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tokenward.base.asgi import Scope
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.cookies import Cookie
from tokenward.base.problems import BAD_CREDENTIALS, EXPIRED_FORM, PROVIDER_REFUSED, Refusal
from tokenward.base.secret import Secret
from tokenward.base.throttle import peer_of
from tokenward.identity.devices import device_of
from tokenward.identity.people import Person
from tokenward.store.locators import with_fresh_locators
from tokenward.store.people_port import People
from tokenward.store.people_records import Proof, Session, User
from tokenward.tokens import opaque

IDLE = 30 * 60
ABSOLUTE = 12 * 60 * 60
TOUCH_EVERY = 60


@dataclass(frozen=True, slots=True)
class FromUpstream:
    """Which sign-in at an identity provider a session rests on: both end together.

    Attributes:
        name: of the provider, as configured.
        subject: its name for the person.
        sid: its name for the session, or "" (OpenID Connect Back-Channel Logout 1.0 §2.1).
        at: when it vouched for that, by its own clock (`iat` of the ID token).
    """

    name: str
    subject: str
    sid: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """When sessions end.

    Attributes:
        idle: seconds without use.
        absolute: seconds in all.
    """

    idle: float = IDLE
    absolute: float = ABSOLUTE

    def allow(self, session: Session, now: float) -> bool:
        """Whether a session has not ended by them."""
        return session.expires_at > now and session.last_seen_at + self.idle > now


class Sessions:
    """Starts, recognises and ends sessions.

    Use is written down at most every `TOUCH_EVERY` seconds, since each time costs a write to the disk.
    """

    def __init__(
        self,
        people: People,
        peppers: Sequence[bytes],
        cookie: Cookie,
        *,
        limits: SessionLimits,
        clock: Clock = SYSTEM_CLOCK,
        prefix: str = "tkw",
    ) -> None:
        self.cookie = cookie
        self._limits = limits
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
        if session is None or not self.is_live(session):
            return None
        user = await self._people.user(session.user_id)
        if user is None or user.disabled_at is not None:
            return None
        now = self._clock.time()
        if now - session.last_seen_at >= TOUCH_EVERY:
            await self._people.touch_session(session.session_id, now)
        return Person(
            user_id=user.user_id,
            username=user.username,
            session_id=session.session_id,
            proofs=session.proofs,
            version=user.version,
            upstream=session.upstream,
        )

    def is_live(self, session: Session) -> bool:
        """Whether it has not ended by its limits."""
        return self._limits.allow(session, self._clock.time())

    async def start(
        self, user: User, proofs: Sequence[Proof], scope: Scope, *, upstream: FromUpstream | None = None
    ) -> Secret:
        """Begin a session and return its token, the cookie's value.

        It is always a new token, whatever the browser brought along: a planted one gains nothing (fixation).
        `user` is the person as read before they proved who they are.

        Raises:
            Refusal: BAD_CREDENTIALS, how they sign in was changed meanwhile, or they were disabled;
                PROVIDER_REFUSED, the sign-in at the provider has ended meanwhile.
            StoreUnavailable: there is no session that anybody could use.
        """

        async def attempt() -> Secret:
            token, session = self._new(user.user_id, proofs, scope)
            if upstream is not None:
                session = _resting(session, upstream)
            if not await self._people.add_session(session, version=user.version):
                raise Refusal(BAD_CREDENTIALS, f"user_id={user.user_id}: changed or disabled meanwhile")
            await self._still_signed_in_there(session, upstream)
            return token

        return await with_fresh_locators(attempt)

    async def rotate(
        self,
        session_id: str,
        proofs: Sequence[Proof],
        scope: Scope,
        *,
        version: int,
        upstream: FromUpstream | None = None,
    ) -> Secret:
        """Put a session with these proofs in the place of one that is live, and return its token.

        The old token is dead with that: whoever had read it shares nothing of what was proved since. The
        absolute end stays, and so does the sign-in at a provider on which it rests, unless there is a newer.
        `version` is the person's (`User.version`) when they proved it.

        Raises:
            Refusal: EXPIRED_FORM, the old one has ended, or how they sign in was changed meanwhile;
                PROVIDER_REFUSED, as `start`, and both have.
            StoreUnavailable: the old one may go on, or nobody knows the token of the new one.
        """
        old = await self._people.session(session_id)
        if old is None:
            raise Refusal(EXPIRED_FORM, "the session that was to be renewed has ended")
        rests_on = upstream or FromUpstream(old.upstream, old.upstream_subject, old.upstream_sid)

        async def attempt() -> Secret:
            token, session = self._new(old.user_id, proofs, scope)
            session = replace(
                _resting(session, rests_on), created_at=old.created_at, expires_at=old.expires_at
            )
            if not await self._people.replace_session(session_id, session, version=version):
                raise Refusal(
                    EXPIRED_FORM, "the session that was to be renewed has ended, or its person changed"
                )
            await self._still_signed_in_there(session, upstream)
            return token

        return await with_fresh_locators(attempt)

    async def has_ended_there(self, upstream: FromUpstream) -> bool:
        """Whether the provider has said that what it vouched for is over.

        Raises:
            StoreUnavailable: nobody can know.
        """
        return await self._people.upstream_ended(
            upstream.name, subject=upstream.subject, sid=upstream.sid, since=upstream.at
        )

    async def end(self, scope: Scope) -> bool:
        """End the session that the request's cookie names; whether there was one.

        Raises:
            StoreUnavailable: it may still be live.
        """
        # The whole token is checked first: a locator is public, and no licence to sign somebody out.
        session = await self._presented(scope)
        return session is not None and await self._people.end_session(session.session_id)

    async def _still_signed_in_there(self, session: Session, upstream: FromUpstream | None) -> None:
        """Look, now that the session is there: an end before that found none to end.

        Nobody has its token yet, so it can be used by nobody if this process ends here.

        Raises:
            Refusal: PROVIDER_REFUSED, and the session has ended.
        """
        if upstream is not None and await self.has_ended_there(upstream):
            await self._people.end_session(session.session_id)
            raise Refusal(PROVIDER_REFUSED, f"{upstream.name}: signed out there meanwhile")

    async def _presented(self, scope: Scope) -> Session | None:
        text = self.cookie.read(scope)
        token = opaque.parse(text, kind="se", prefix=self._prefix) if text else None
        if token is None:
            return None
        session = await self._people.session(token.token_id)
        if session is None or not opaque.matches(self._peppers, token.secret.reveal(), session.keyed_hash):
            return None
        return session

    def _new(self, user_id: str, proofs: Sequence[Proof], scope: Scope) -> tuple[Secret, Session]:
        token = opaque.new("se", prefix=self._prefix, clock=self._clock)
        now = self._clock.time()
        session = Session(
            session_id=token.token_id,
            keyed_hash=opaque.keyed_hash(self._peppers[0], token.secret.reveal()),
            user_id=user_id,
            proofs=tuple(proofs),
            created_at=now,
            last_seen_at=now,
            expires_at=now + self._limits.absolute,
            device=device_of(scope),
            address=peer_of(scope),
        )
        return token.secret, session


def _resting(session: Session, on: FromUpstream) -> Session:
    return replace(session, upstream=on.name, upstream_subject=on.subject, upstream_sid=on.sid)
