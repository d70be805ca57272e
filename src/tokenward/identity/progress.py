"""From one proof to the next, and from the last to a session."""

import logging
from dataclasses import replace
from typing import Protocol

from starlette.responses import Response

from tokenward.base.asgi import Headers, Scope
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.cookies import Cookie
from tokenward.base.problems import BAD_CREDENTIALS, EXPIRED_FORM, Refusal
from tokenward.base.throttle import peer_of
from tokenward.identity.answers import see_other
from tokenward.identity.devices import Devices
from tokenward.identity.pending import Pending, PendingSignIns
from tokenward.identity.people import Person
from tokenward.identity.proofs import added
from tokenward.identity.sessions import FromUpstream, Sessions
from tokenward.identity.steps import Aim, Step, next_step
from tokenward.identity.told import Told
from tokenward.store.people_port import Factors, People
from tokenward.store.people_records import Proof, User

PAGES = {
    Step.FIRST: "/sign-in",
    Step.SECOND: "/sign-in/code",
    Step.PASSKEY: "/sign-in/passkey",
    Step.ENROL: "/account/second-factor",
}
"""Where each step is taken."""

_log = logging.getLogger(__name__)


class PeopleAndFactors(People, Factors, Protocol):
    """What signing in asks of the store."""


class Progress:
    """Takes a sign-in on.

    Args:
        store: persons and what they have.
        sessions: what the last step begins, or renews.
        pending: what is kept from step to step.
        before: the cookie that bound the forms to a browser without a session.
        devices: where people signed in from before.
        told: what people hear of a new one.
        clock: when something was proved.
    """

    def __init__(
        self,
        store: PeopleAndFactors,
        *,
        sessions: Sessions,
        pending: PendingSignIns,
        before: Cookie,
        devices: Devices,
        told: Told,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._pending = pending
        self._before = before
        self._devices = devices
        self._told = told
        self._clock = clock

    async def so_far(self, scope: Scope) -> Pending | None:
        """What the browser has proved: in this sign-in, or else in the session that it has.

        Raises:
            StoreUnavailable: nobody can know.
        """
        pending = self._pending.read(scope)
        # Nor does anything count that rests on a sign-in at a provider, once that is over.
        if pending is not None and pending.upstream is not None:
            pending = None if await self._sessions.has_ended_there(pending.upstream) else pending
        # What was proved before how they sign in was changed is worth nothing, and in nobody's way.
        if pending is not None and not pending.session_id:
            user = await self._store.user(pending.user_id)
            if user is not None and user.version == pending.version:
                return pending
        person = await self._sessions.current(scope)
        if person is None:
            return None
        if pending is not None and (pending.session_id, pending.version) == (
            person.session_id,
            person.version,
        ):
            return pending
        return _of_session(person)

    async def suffices(self, person: Person, aim: Aim) -> bool:
        """Whether a session shows all of it; what was proved since for another one is not the session's.

        Raises:
            StoreUnavailable: nobody can know.
        """
        return await self.next(_of_session(person), aim) is Step.DONE

    async def next(self, so_far: Pending | None, aim: Aim) -> Step:
        """What comes next for the person who has proved this.

        Raises:
            StoreUnavailable: nobody can know.
        """
        if so_far is None:
            return Step.FIRST
        return next_step(await self._store.has_factors(so_far.user_id), so_far.proofs, aim)

    async def proved(
        self,
        scope: Scope,
        so_far: Pending | None,
        user: User,
        amr: tuple[str, ...],
        aim: Aim,
        *,
        upstream: FromUpstream | None = None,
        at: float | None = None,
    ) -> Response:
        """Go on, after the person did one more thing: to the next step, or signed in to where they wanted.

        Args:
            scope: the request that proved it.
            so_far: what its browser had proved before, as this request read it; what has changed since then
                is noticed when a session is made of it.
            user: the person, as read before they proved it.
            amr: what it was.
            aim: where all this leads.
            upstream: where it was proved, if not here.
            at: when, if not now.

        Raises:
            Refusal: BAD_CREDENTIALS, how they sign in was changed meanwhile; EXPIRED_FORM, their session
                has ended; PROVIDER_REFUSED, so has the sign-in at a provider on which this one rests.
            StoreUnavailable: nothing has changed.
        """
        proof = Proof(amr, self._clock.time() if at is None else at)
        if so_far is None or so_far.user_id != user.user_id:
            pending = Pending(user.user_id, user.version, (proof,), upstream=upstream)
        elif so_far.version != user.version:
            raise Refusal(BAD_CREDENTIALS, f"user_id={user.user_id}: changed during the sign-in")
        else:
            pending = replace(
                so_far, proofs=added(so_far.proofs, proof), upstream=upstream or so_far.upstream
            )
        step = await self.next(pending, aim)
        if step in (Step.FIRST, Step.SECOND, Step.PASSKEY):
            return see_other(f"{PAGES[step]}?{aim.query}", [self._pending.keep(pending)])
        to = aim.continue_to if step is Step.DONE else f"{PAGES[step]}?{aim.query}"
        if pending.session_id:
            token = await self._sessions.rotate(
                pending.session_id,
                pending.proofs,
                scope,
                version=pending.version,
                upstream=pending.upstream,
            )
        else:
            token = await self._sessions.start(user, pending.proofs, scope, upstream=pending.upstream)
            await self._sessions.end(scope)  # of another person's that the browser had before
        done = " ".join(method for each in pending.proofs for method in each.amr)
        _log.info("signed in: user_id=%s peer=%s by %s", user.user_id, peer_of(scope), done)
        if not self._devices.known(scope, user.user_id):
            self._told.of(scope, user, "new_device")
        device = self._devices.with_user(scope, user.user_id)
        return see_other(to, [self._sessions.cookie.set(token.reveal()), device, *self._over()])

    async def enrolled(self, scope: Scope, user: User, amr: tuple[str, ...], to: str) -> Response:
        """Renew the session of a person who has just made a factor, which counts as shown, and go to `to`.

        Raises:
            Refusal: EXPIRED_FORM, the session has ended.
            StoreUnavailable: it may go on as it was.
        """
        person = await self._sessions.current(scope)
        if person is None or person.user_id != user.user_id:
            raise Refusal(EXPIRED_FORM, "the session of an enrolment has ended")
        proofs = added(person.proofs, Proof(amr, self._clock.time()))
        token = await self._sessions.rotate(person.session_id, proofs, scope, version=person.version)
        return see_other(to, [self._sessions.cookie.set(token.reveal()), *self._over()])

    def forget(self) -> tuple[bytes, bytes]:
        """The response header by which the browser starts again; a session that it has goes on."""
        return self._pending.drop()

    def _over(self) -> Headers:
        return [self._pending.drop(), self._before.clear()]


def _of_session(person: Person) -> Pending:
    return Pending(person.user_id, person.version, person.proofs, person.session_id)
