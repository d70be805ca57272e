"""`/account/authenticator`: the app that shows six digits (TOTP, RFC 6238)."""

import json

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tokenward.base.problems import EXPIRED_FORM, Refusal
from tokenward.base.secret import Secret
from tokenward.identity.account.door import AccountDoor
from tokenward.identity.account.recovery import after_enrolment
from tokenward.identity.answers import Fields, see_other
from tokenward.identity.code_step import OTP
from tokenward.identity.continuing import ACCOUNT
from tokenward.identity.factors import totp
from tokenward.identity.parts import Parts
from tokenward.identity.people import Person
from tokenward.identity.steps import Aim
from tokenward.tokens import base64url
from tokenward.tokens.sealing import SealBroken

PATH = "/account/authenticator"
OFFER_LIFETIME = 15 * 60.0
"""Seconds that a person may take to scan the code and type the first digits."""


class AuthenticatorPage:
    """One app per person. A secret is kept only once the person has shown that the app has it."""

    def __init__(self, parts: Parts, door: AccountDoor) -> None:
        self._parts = parts
        self._door = door

    @property
    def routes(self) -> list[Route]:
        """What to mount."""
        return [
            self._door.showing(PATH, self._page, fresh=True),
            self._door.changing(f"{PATH}/add", self._add, self._page, back=PATH),
            self._door.changing(f"{PATH}/remove", self._remove, self._page, back=PATH),
        ]

    async def _add(self, request: Request, person: Person, form: Fields) -> Response:
        aim = Aim.read(form)
        secret = self._opened(form.get("offer", ""), person)
        await self._parts.factors.enrol(person.user_id, secret, Secret(form.get("code", "")))
        user = await self._door.user(person)
        self._parts.told.of(request.scope, user, "app_added")
        to = await after_enrolment(self._parts.store, user.user_id, aim)
        return await self._parts.progress.enrolled(request.scope, user, OTP, to)

    async def _remove(self, request: Request, person: Person, _form: Fields) -> Response:
        if await self._parts.store.remove_totp(person.user_id):
            user = await self._door.user(person)
            self._parts.told.of(request.scope, user, "app_removed")
        return see_other(ACCOUNT)

    async def _page(self, person: Person, fields: Fields, error: str) -> Response:
        try:  # the app may hold it already
            secret = self._opened(fields.get("offer", ""), person)
        except Refusal:
            secret = totp.new_secret()
        uri = totp.provisioning_uri(secret, self._parts.name, person.username)
        body = self._parts.pages.authenticator(
            aim=Aim.read(fields),
            field=self._door.field(person),
            offer=self._sealed(secret, person),
            secret=secret.reveal(),
            qr=totp.qr_svg(uri),
            replaces=await self._parts.store.totp(person.user_id) is not None,
            error=error,
        )
        return self._door.page(body)

    def _sealed(self, secret: Secret, person: Person) -> str:
        content = json.dumps([secret.reveal(), self._parts.clock.time() + OFFER_LIFETIME]).encode()
        return base64url.encode(self._parts.sealer.seal(content, context=_context(person)))

    def _opened(self, offer: str, person: Person) -> Secret:
        """The secret that the page showed to this session.

        Raises:
            Refusal: EXPIRED_FORM.
        """
        try:
            secret, end = json.loads(
                self._parts.sealer.open(base64url.decode(offer), context=_context(person))
            )
        except (SealBroken, ValueError):
            raise Refusal(EXPIRED_FORM, "the offered secret is of another session") from None
        if end <= self._parts.clock.time():
            raise Refusal(EXPIRED_FORM, "the offered secret is too old")
        return Secret(secret)


def _context(person: Person) -> bytes:
    return f"identity/totp-offer/{person.session_id}".encode()
