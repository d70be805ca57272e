"""The second step: a code of the authenticator app, or one of the recovery codes."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tokenward.base.asgi import Scope
from tokenward.base.problems import EXPIRED_FORM, Refusal
from tokenward.base.secret import Secret
from tokenward.identity.answers import Fields, Show, see_other
from tokenward.identity.continuing import MAX_CONTINUE, UNSENT
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
    """Asks for a code where a password alone is not enough.

    Args:
        parts: the room's.
        passkeys: the other way.
        again: the sign-in page, for whose sign-in has begun to be too old.
    """

    def __init__(self, parts: Parts, passkeys: PasskeyStep, again: Show) -> None:
        self._again = again
        self._parts = parts
        self._passkeys = passkeys

    @property
    def routes(self) -> list[Route]:
        """`/sign-in/code`."""
        return [
            self._parts.answers.seen_and_sent(PAGES[Step.SECOND], self._show, self._act, limit=_FORM_LIMIT)
        ]

    async def _show(self, request: Request, fields: Fields, error: str) -> Response:
        scope, aim = request.scope, Aim.read(fields)
        so_far = await self._at_this_step(scope, aim)
        if so_far is not None:
            return await self._page(scope, so_far, aim, error)
        return await self._again(request, fields, error) if error else _first(aim)

    async def _act(self, request: Request, form: Fields) -> Response:
        scope, aim = request.scope, Aim.read(form)
        so_far = await self._at_this_step(scope, aim)
        if so_far is None:
            return _first(aim, unsent=True)
        self._parts.forms.check(scope, _FORM, form)
        user = await self._user(so_far)
        device = self._parts.devices.id_for(scope, user.user_id)
        if await self._parts.factors.check(user.user_id, Secret(form.get("code", "")), device):
            self._parts.told.of(scope, user, "recovery_used")
        return await self._parts.progress.proved(scope, so_far, user, OTP, aim)

    async def _at_this_step(self, scope: Scope, aim: Aim) -> Pending | None:
        """What was proved, if a code is what comes next."""
        so_far = await self._parts.progress.so_far(scope)
        return so_far if await self._parts.progress.next(so_far, aim) is Step.SECOND else None

    async def _user(self, so_far: Pending) -> User:
        user = await self._parts.store.user(so_far.user_id)
        if user is None or user.version != so_far.version:
            raise Refusal(EXPIRED_FORM, f"user_id={so_far.user_id}: changed during the sign-in")
        return user

    async def _page(self, scope: Scope, so_far: Pending, aim: Aim, error: str) -> Response:
        keys = await self._parts.store.passkeys(so_far.user_id)
        bound = self._parts.forms.bound(scope)
        body = self._parts.pages.code(
            aim=aim,
            field=bound.field(_FORM),
            passkey=self._passkeys.offer(bound, keys) if keys else None,
            error=error,
        )
        return self._parts.answers.page(body, bound.headers)


def _first(aim: Aim, *, unsent: bool = False) -> Response:
    told = f"&{UNSENT}=1" if unsent else ""
    return see_other(f"{PAGES[Step.FIRST]}?{aim.query}{told}")
