"""Where links lead: a person chooses a password, and is signed in as far as that goes."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tokenward.base.asgi import Headers, Scope
from tokenward.base.forms import parse_form, read_form
from tokenward.base.problems import LINK_REFUSED, Refusal
from tokenward.identity import links
from tokenward.identity.answers import log_refusal, retry_after, told
from tokenward.identity.parts import Parts
from tokenward.identity.passwords import MAX_LENGTH
from tokenward.identity.signin import PASSWORD
from tokenward.identity.steps import Aim
from tokenward.store.people_records import User

_FORM = "link"
_FORM_LIMIT = 2 * 12 * MAX_LENGTH + 2048


class LinkPage:
    """`/sign-in/link`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @property
    def routes(self) -> list[Route]:
        """What to mount."""
        return [Route(links.PATH, self._parts.answers.answering(self._link), methods=["GET", "POST"])]

    async def _link(self, request: Request) -> Response:
        scope = request.scope
        post = request.method == "POST"
        form = await read_form(scope, request.receive, limit=_FORM_LIMIT) if post else {}
        token = (form if post else parse_form(scope["query_string"])).get("token", "")
        link, user = await self._parts.links.presented(token)
        if not post:
            return self._page(scope, 200, user, token)
        try:
            self._parts.forms.check(scope, _FORM, form)
            password_hash = await self._parts.chosen_password(form, user.username)
        except Refusal as refusal:
            log_refusal(refusal)
            said = told(refusal)
            return self._page(
                scope, refusal.problem.status, user, token, error=said, headers=retry_after(refusal)
            )
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

    def _page(
        self, scope: Scope, status: int, user: User, token: str, *, error: str = "", headers: Headers = ()
    ) -> Response:
        bound = self._parts.forms.bound(scope)
        body = self._parts.pages.link(
            username=user.username, token=token, field=bound.field(_FORM), error=error
        )
        return self._parts.answers.page(status, body, [*headers, *bound.headers])
