"""What people are told by mail: of what happened to their account, and the links that they asked for.

Only an address that was verified gets anything: whoever enters another one must not get the mail.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Literal

from tokenward.base.secret import Secret
from tokenward.identity.outbox import Letter, Outbox
from tokenward.identity.texts import Texts
from tokenward.store.people_port import People
from tokenward.store.people_records import LinkPurpose, User
from tokenward.store.port import StoreUnavailable

Event = Literal[
    "new_device",
    "passkey_added",
    "passkey_removed",
    "app_added",
    "app_removed",
    "recovery_made",
    "recovery_used",
    "password_changed",
    "link_opened",
    "upstream_linked",
    "upstream_added",
    "upstream_removed",
]
"""What a person hears of."""

_AT_ONCE = 50

_log = logging.getLogger(__name__)


class Letters:
    """Writes letters and puts them into the outbox.

    Args:
        people: where addresses are looked up.
        outbox: where letters go.
        texts: what they say.
        name: what the issuer is called.
        issuer_url: where people look after their account.
        passwords: whether people have passwords.
    """

    def __init__(
        self,
        people: People,
        outbox: Outbox,
        texts: Texts,
        *,
        name: str,
        issuer_url: str,
        passwords: bool = True,
    ) -> None:
        self._people = people
        self._outbox = outbox
        self._texts = texts
        self._name = name
        self._account = f"{issuer_url}/account"
        t = texts.t
        self._remedy = t("letters.remedy") if passwords else t("letters.remedy_no_passwords")
        self._writing: set[asyncio.Task[None]] = set()

    @property
    def work(self) -> bool:
        """Whether letters get anywhere."""
        return self._outbox.works

    def tell(self, user: User, event: Event, *, device: str, address: str, what: str = "") -> None:
        """Tell a person what happened, if they have a verified address. Takes no time and never fails.

        Args:
            user: whom.
            event: what.
            device: of the browser that did it, as `devices.device_name` has it.
            address: where that was.
            what: the name of the passkey or the provider that it is about, or "".
        """
        _log.info("told: user_id=%s %s", user.user_id, event)
        self._beside(self._tell(user, event, device=device, address=address, what=what))

    async def reach(self, user: User) -> bool:
        """Whether the person has a verified address, and letters get anywhere.

        Raises:
            StoreUnavailable: nobody can know.
        """
        return self.work and await self._address(user.user_id) is not None

    async def send_link(self, user: User, purpose: LinkPurpose, link: Secret) -> bool:
        """Send a link to the person's verified address; False if they have none, or mail goes nowhere.

        Raises:
            StoreUnavailable: nobody can know the address.
        """
        to = await self._address(user.user_id)
        if to is None or not self._outbox.works:
            return False
        t, name, username = self._texts.t, self._name, user.username
        if purpose == "invite":
            subject = t("letters.invite_subject", name=name)
            text = t("letters.invite", name=name, username=username, link=link.reveal())
        else:
            subject = t("letters.reset_subject", name=name)
            text = t("letters.reset", name=name, username=username, link=link.reveal())
        self._outbox.put(Letter(to, subject, text))
        return True

    async def _tell(self, user: User, event: Event, *, device: str, address: str, what: str) -> None:
        try:
            to = await self._address(user.user_id)
        except StoreUnavailable:
            _log.error("a letter is lost: the store does not answer")
            return
        if to is None:
            return
        text = self._texts.t(
            "letters.happened",
            happened=self._happened(event, what),
            device=device or self._texts.t("letters.unknown_device"),
            address=address,
            username=user.username,
            name=self._name,
            remedy=self._remedy,
            account=self._account,
        )
        self._outbox.put(Letter(to, self._texts.t("letters.happened_subject", name=self._name), text))

    def _happened(self, event: Event, what: str) -> str:  # noqa: C901 - one case an event
        t = self._texts.t
        match event:
            case "new_device":
                return t("letters.new_device")
            case "passkey_added":
                return t("letters.passkey_added", passkey=what)
            case "passkey_removed":
                return t("letters.passkey_removed", passkey=what)
            case "app_added":
                return t("letters.app_added")
            case "app_removed":
                return t("letters.app_removed")
            case "recovery_made":
                return t("letters.recovery_made")
            case "recovery_used":
                return t("letters.recovery_used")
            case "password_changed":
                return t("letters.password_changed")
            case "link_opened":
                return t("letters.link_opened")
            case "upstream_linked":
                return t("letters.upstream_linked", provider=what)
            case "upstream_added":
                return t("letters.upstream_added", provider=what)
            case "upstream_removed":
                return t("letters.upstream_removed", provider=what)

    async def _address(self, user_id: str) -> str | None:
        claims = await self._people.user_claims(user_id)
        email = claims.get("email")
        return email if isinstance(email, str) and claims.get("email_verified") is True else None

    def _beside(self, work: Coroutine[None, None, None]) -> None:
        if len(self._writing) >= _AT_ONCE:
            work.close()
            _log.error("a letter is lost: %d are being written", _AT_ONCE)
            return
        task = asyncio.create_task(work)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
