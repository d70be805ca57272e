"""A passkey as a step of signing in: the first and only one, or what is missing after a password."""

import json
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tokenward.base.asgi import Scope
from tokenward.base.problems import EXPIRED_FORM, PASSKEY_REFUSED, Refusal
from tokenward.identity.answers import Fields, see_other
from tokenward.identity.continuing import MAX_CONTINUE
from tokenward.identity.factors import passkeys
from tokenward.identity.factors.passkeys import RelyingParty
from tokenward.identity.factors.responses import MAX_RESPONSE
from tokenward.identity.forms import FIELD, BoundPage
from tokenward.identity.offers import PasskeyOffer
from tokenward.identity.parts import Parts
from tokenward.identity.passkey_forms import challenge_of, use_up
from tokenward.identity.pending import Pending
from tokenward.identity.progress import PAGES
from tokenward.identity.steps import Aim, Step
from tokenward.store.people_records import Passkey, User

_FORM_LIMIT = 3 * MAX_CONTINUE + 3 * MAX_RESPONSE + 1024


class PasskeyStep:
    """Offers passkeys, and takes the answers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @property
    def routes(self) -> list[Route]:
        """`/sign-in/passkey`: the page for one who needs no other, and where every page sends the answer.

        There is no such page where browsers have no passkeys.
        """
        party = self._parts.party
        if party is None:
            return []

        async def act(request: Request, form: Fields) -> Response:
            return await self._act(request.scope, form, party)

        return [
            self._parts.answers.seen_and_sent(
                PAGES[Step.PASSKEY], self._see, act, again=self._again, limit=_FORM_LIMIT
            )
        ]

    def offer(self, page: BoundPage, allow: Sequence[Passkey] = ()) -> PasskeyOffer | None:
        """A way in by a passkey: one of `allow`, or any that the browser knows; None where there are none."""
        if self._parts.party is None:
            return None
        field = page.field(_form(allow[0].user_id if allow else ""))
        options = passkeys.request_options(
            self._parts.party, challenge=challenge_of(field), allow=[each.credential_id for each in allow]
        )
        return PasskeyOffer(field, json.dumps(options))

    async def _see(self, request: Request, query: Fields, error: str) -> Response:
        aim = Aim.read(query)
        so_far = await self._parts.progress.so_far(request.scope)
        if await self._parts.progress.next(so_far, aim) is not Step.PASSKEY:
            return see_other(f"{PAGES[Step.FIRST]}?{aim.query}")
        return await self._page(request.scope, so_far, aim, error)

    async def _again(self, request: Request, fields: Fields, error: str) -> Response:
        so_far = await self._parts.progress.so_far(request.scope)
        return await self._page(request.scope, so_far, Aim.read(fields), error)

    async def _act(self, scope: Scope, form: Fields, party: RelyingParty) -> Response:
        so_far = await self._parts.progress.so_far(scope)
        user, amr = await self._authenticate(party, form, await self._asked(scope, so_far, form))
        return await self._parts.progress.proved(scope, so_far, user, amr, Aim.read(form))

    async def _asked(self, scope: Scope, so_far: Pending | None, form: Fields) -> Sequence[str]:
        """The passkeys that the form's page named; none where it let the browser choose.

        Raises:
            Refusal: EXPIRED_FORM.
            StoreUnavailable: nobody can know.
        """
        if so_far is not None and self._parts.forms.is_ours(scope, _form(so_far.user_id), form):
            if keys := await self._parts.store.passkeys(so_far.user_id):
                return [each.credential_id for each in keys]
            raise Refusal(EXPIRED_FORM, "the passkeys that the form's page named are gone")
        self._parts.forms.check(scope, _form(""), form)
        return ()

    async def _authenticate(
        self, party: RelyingParty, form: Fields, allow: Sequence[str]
    ) -> tuple[User, tuple[str, ...]]:
        """Whose passkey, one of `allow` if there are any, signed this form's challenge, and what that shows.

        Raises:
            Refusal: PASSKEY_REFUSED; EXPIRED_FORM, the form was used before.
            StoreUnavailable: nobody can know.
        """
        field, response = form[FIELD], form.get("credential", "")
        key = await self._parts.store.passkey(passkeys.credential_id_of(response))
        user = await self._parts.store.user(key.user_id) if key is not None else None
        if key is None or user is None or user.disabled_at is not None:
            raise Refusal(PASSKEY_REFUSED, "unknown passkey, or a person who is disabled")
        shown = passkeys.verify_assertion(
            party,
            response,
            challenge=challenge_of(field),
            public_key=key.public_key,
            sign_count=key.sign_count,
            backup_eligible=key.backup_eligible,
            user_handle=user.user_id.encode(),
            allow=allow,
        )
        await use_up(self._parts.store, field, self._parts.clock)
        counted = await self._parts.store.use_passkey(
            key.credential_id,
            sign_count=shown.sign_count,
            backed_up=shown.backed_up,
            at=self._parts.clock.time(),
        )
        if not counted:
            raise Refusal(PASSKEY_REFUSED, f"user_id={user.user_id}: a passkey's counter did not advance")
        return user, passkeys.amr_of(key.backup_eligible, shown.user_verified)

    async def _page(self, scope: Scope, so_far: Pending | None, aim: Aim, error: str) -> Response:
        step = await self._parts.progress.next(so_far, aim)
        # Where they could say who they are, any passkey will do, as on the page that they come from.
        allow: Sequence[Passkey] = ()
        if so_far is not None and step is not Step.FIRST:
            allow = await self._parts.store.passkeys(so_far.user_id)
        bound = self._parts.forms.bound(scope)
        body = self._parts.pages.passkey(
            aim=aim, passkey=self.offer(bound, allow), needed=step is Step.PASSKEY, error=error
        )
        return self._parts.answers.page(body, bound.headers)


def _form(user_id: str) -> str:
    # A page that names a person's passkeys asks that person; its form is good for nobody else.
    return f"passkey/{user_id}"
