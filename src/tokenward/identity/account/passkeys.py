"""`/account/passkeys`: make, name and remove passkeys."""

import json
import unicodedata

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tokenward.base.asgi import Scope
from tokenward.base.problems import EXPIRED_FORM, INVALID_INPUT, PASSKEY_REFUSED, Refusal
from tokenward.identity.account.door import AccountDoor
from tokenward.identity.account.recovery import after_enrolment
from tokenward.identity.answers import Fields, see_other
from tokenward.identity.devices import device_of
from tokenward.identity.factors import passkeys
from tokenward.identity.factors.passkeys import RelyingParty
from tokenward.identity.forms import FIELD
from tokenward.identity.offers import PasskeyOffer
from tokenward.identity.parts import Parts
from tokenward.identity.passkey_forms import challenge_of, use_up
from tokenward.identity.people import Person
from tokenward.identity.steps import Aim
from tokenward.store.people_records import Passkey
from tokenward.store.port import AlreadyExists

PATH = "/account/passkeys"
MAX_NAME = 60
MAX_PASSKEYS = 20


class PasskeysPage:
    """A person's passkeys. A new one counts as shown: whoever makes it has unlocked it."""

    def __init__(self, parts: Parts, door: AccountDoor, party: RelyingParty) -> None:
        self._parts = parts
        self._party = party
        self._door = door

    @property
    def routes(self) -> list[Route]:
        """What to mount."""
        return [
            self._door.showing(PATH, self._page, fresh=True),
            self._door.changing(f"{PATH}/add", self._add, self._page, back=PATH),
            self._door.changing(f"{PATH}/rename", self._rename, self._page, back=PATH),
            self._door.changing(f"{PATH}/remove", self._remove, self._page, back=PATH),
        ]

    async def _add(self, request: Request, person: Person, form: Fields) -> Response:
        aim = Aim.read(form)
        made = await self._made(request.scope, person, form)
        user = await self._door.user(person)
        self._parts.told.of(request.scope, user, "passkey_added", made.name)
        amr = passkeys.amr_of(made.backup_eligible, user_verified=True)
        to = await after_enrolment(self._parts.store, user.user_id, aim)
        return await self._parts.progress.enrolled(request.scope, user, amr, to)

    async def _made(self, scope: Scope, person: Person, form: Fields) -> Passkey:
        """The passkey that the browser made for this form, kept.

        Raises:
            Refusal: PASSKEY_REFUSED, EXPIRED_FORM or INVALID_INPUT.
            StoreUnavailable: it may be kept.
        """
        field = form[FIELD]
        new = passkeys.verify_creation(self._party, form.get("credential", ""), challenge=challenge_of(field))
        await use_up(self._parts.store, field, self._parts.clock)
        if len(await self._parts.store.passkeys(person.user_id)) >= MAX_PASSKEYS:
            raise Refusal(INVALID_INPUT, f"a person has at most {MAX_PASSKEYS} passkeys; remove one first")
        passkey = Passkey(
            credential_id=new.credential_id,
            user_id=person.user_id,
            public_key=new.public_key,
            sign_count=new.sign_count,
            name=_name(form) or device_of(scope),
            transports=new.transports,
            aaguid=new.aaguid,
            backup_eligible=new.backup_eligible,
            backed_up=new.backed_up,
            created_at=self._parts.clock.time(),
        )
        try:
            if await self._parts.store.add_passkey(passkey):
                return passkey
        except AlreadyExists:
            raise Refusal(PASSKEY_REFUSED, "the passkey is somebody's already") from None
        raise Refusal(EXPIRED_FORM, f"user_id={person.user_id} is gone")

    async def _rename(self, _request: Request, person: Person, form: Fields) -> Response:
        name = _name(form)
        if not name:
            raise Refusal(INVALID_INPUT, "a name needs a character that can be seen")
        await self._parts.store.rename_passkey(person.user_id, form.get("passkey", ""), name)
        return see_other(PATH)

    async def _remove(self, request: Request, person: Person, form: Fields) -> Response:
        user = await self._door.user(person)  # first: what is found below holds for this version of them
        mine = {each.credential_id: each for each in await self._parts.store.passkeys(person.user_id)}
        passkey = mine.get(form.get("passkey", ""))
        if passkey is None:
            return see_other(PATH)
        await self._parts.check_other_way_in(person.user_id)
        if await self._parts.store.remove_passkey(
            person.user_id, passkey.credential_id, version=user.version
        ):
            self._parts.told.of(request.scope, user, "passkey_removed", passkey.name)
        return see_other(PATH)

    async def _page(self, person: Person, fields: Fields, error: str) -> Response:
        keys = await self._parts.store.passkeys(person.user_id)
        field = self._door.field(person)
        options = passkeys.creation_options(
            self._party,
            user_handle=person.user_id.encode(),
            username=person.username,
            challenge=challenge_of(field),
            exclude=[each.credential_id for each in keys],
        )
        body = self._parts.pages.passkeys(
            aim=Aim.read(fields),
            field=field,
            passkey=PasskeyOffer(field, json.dumps(options)),
            passkeys=keys,
            error=error,
        )
        return self._door.page(body)


def _name(form: Fields) -> str:
    # It also stands in letters, which have no markup that would keep its writing direction to itself.
    shown = (each for each in form.get("name", "") if unicodedata.category(each)[0] != "C")
    return " ".join("".join(shown).split())[:MAX_NAME].rstrip()
