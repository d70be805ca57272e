"""Where links lead: a person chooses a password, and is signed in as far as that goes."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tokenward.base.problems import LINK_REFUSED, Refusal
from tokenward.identity import links
from tokenward.identity.answers import Fields
from tokenward.identity.parts import Parts
from tokenward.identity.passwords import MAX_LENGTH
from tokenward.identity.signin import PASSWORD
from tokenward.identity.steps import Aim

_FORM = "link"
_FORM_LIMIT = 2 * 12 * MAX_LENGTH + 2048


class LinkPage:
    """`/sign-in/link`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @property
    def routes(self) -> list[Route]:
        """What to mount."""
        return [self._parts.answers.seen_and_sent(links.PATH, self._show, self._act, limit=_FORM_LIMIT)]

    async def _show(self, request: Request, fields: Fields, error: str) -> Response:
        token = fields.get("token", "")
        _, user = await self._parts.links.presented(token)
        bound = self._parts.forms.bound(request.scope)
        body = self._parts.pages.link(
            username=user.username, token=token, field=bound.field(_FORM), error=error
        )
        return self._parts.answers.page(body, bound.headers)

    async def _act(self, request: Request, form: Fields) -> Response:
        scope = request.scope
        link, user = await self._parts.links.presented(form.get("token", ""))
        self._parts.forms.check(scope, _FORM, form)
        password_hash = await self._parts.chosen_password(form, user.username)
        if not await self._parts.store.change_password(
            user.user_id, password_hash, at=self._parts.clock.time(), link_id=link.link_id
        ):
            raise Refusal(LINK_REFUSED, f"link {link.link_id}: used meanwhile")
        changed = await self._parts.store.user(user.user_id)
        if changed is None:
            raise Refusal(LINK_REFUSED, f"link {link.link_id}: its person is gone")
        self._parts.told.of(scope, changed, "link_opened")
        # A second factor that they have is asked for all the same: a mailbox is no replacement for it.
        so_far = await self._parts.progress.so_far(scope)
        return await self._parts.progress.proved(scope, so_far, changed, PASSWORD, Aim("/account"))
