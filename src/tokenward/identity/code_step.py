"""The second step: a code of the authenticator app, or one of the recovery codes."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tokenward.base.asgi import Headers, Scope
from tokenward.base.forms import parse_form, read_form
from tokenward.base.problems import EXPIRED_FORM, Refusal
from tokenward.base.secret import Secret
from tokenward.identity.answers import log_refusal, retry_after, see_other
from tokenward.identity.continuing import MAX_CONTINUE
from tokenward.identity.parts import Parts
from tokenward.identity.passkey_step import PasskeyStep
from tokenward.identity.pending import Pending
from tokenward.identity.progress import PAGES
from tokenward.identity.steps import Aim, Step
from tokenward.store.people_records import User

OTP = ("otp",)  # RFC 8176 §2; a recovery code is one, too: good once, and out of the person's drawer

_FORM = "code"
_FORM_LIMIT = 3 * MAX_CONTINUE + 2048


class CodeStep:
    """Asks for a code where a password alone is not enough."""

    def __init__(self, parts: Parts, passkeys: PasskeyStep) -> None:
        self._parts = parts
        self._passkeys = passkeys

    @property
    def routes(self) -> list[Route]:
        """`/sign-in/code`."""
        return [Route(PAGES[Step.SECOND], self._parts.answers.answering(self._code), methods=["GET", "POST"])]

    async def _code(self, request: Request) -> Response:
        scope = request.scope
        post = request.method == "POST"
        if post:
            self._parts.forms.check_origin(scope)
        form = await read_form(scope, request.receive, limit=_FORM_LIMIT) if post else {}
        aim = Aim.read(form if post else parse_form(scope["query_string"]))
        so_far = await self._parts.progress.so_far(scope)
        if so_far is None or await self._parts.progress.next(so_far, aim) is not Step.SECOND:
            return see_other(f"{PAGES[Step.FIRST]}?{aim.query}")
        if not post:
            return await self._page(scope, 200, so_far, aim)
        try:
            self._parts.forms.check(scope, _FORM, form)
            user = await self._user(so_far)
            device = self._parts.devices.id_for(scope, user.user_id)
            if await self._parts.factors.check(user.user_id, Secret(form.get("code", "")), device):
                self._parts.told.of(scope, user, "recovery_used")
            return await self._parts.progress.proved(scope, so_far, user, OTP, aim)
        except Refusal as refusal:
            log_refusal(refusal)
            return await self._page(
                scope,
                refusal.problem.status,
                so_far,
                aim,
                error=refusal.problem.text,
                headers=retry_after(refusal),
            )

    async def _user(self, so_far: Pending) -> User:
        user = await self._parts.store.user(so_far.user_id)
        if user is None or user.version != so_far.version:
            raise Refusal(EXPIRED_FORM, f"user_id={so_far.user_id}: changed during the sign-in")
        return user

    async def _page(
        self,
        scope: Scope,
        status: int,
        so_far: Pending,
        aim: Aim,
        *,
        error: str = "",
        headers: Headers = (),
    ) -> Response:
        keys = await self._parts.store.passkeys(so_far.user_id)
        bound = self._parts.forms.bound(scope)
        body = self._parts.pages.code(
            aim=aim,
            field=bound.field(_FORM),
            passkey=self._passkeys.offer(bound, keys) if keys else None,
            error=error,
        )
        return self._parts.answers.page(status, body, [*headers, *bound.headers])
