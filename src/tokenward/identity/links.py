"""Links that let a person in once: for the first sign-in, and after a password was forgotten.

A link is a credential in a URL, which nothing else here is: a mail cannot carry it otherwise. It is good
once and not for long, and a page that only shows it uses nothing up, so that no mail scanner spends it.
"""

from collections.abc import Sequence
from typing import Protocol
from urllib.parse import urlencode

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import LINK_REFUSED, Refusal
from tokenward.base.secret import Secret
from tokenward.store.locators import with_fresh_locators
from tokenward.store.people_port import Factors, People
from tokenward.store.people_records import Link, LinkPurpose, User
from tokenward.tokens import opaque

PATH = "/sign-in/link"
LIFETIMES: dict[LinkPurpose, float] = {"invite": 7 * 86_400.0, "reset": 30 * 60.0}


class LinkStore(People, Factors, Protocol):
    """What links ask of the store."""


class Links:
    """Makes links and recognises them.

    Args:
        store: where their keyed hashes are kept.
        peppers: for these; the first writes, all read.
        issuer_url: what the links begin with.
        clock: for their ends.
        prefix: of their tokens.
    """

    def __init__(
        self,
        store: LinkStore,
        peppers: Sequence[bytes],
        issuer_url: str,
        *,
        clock: Clock = SYSTEM_CLOCK,
        prefix: str = "tkw",
    ) -> None:
        self._store = store
        self._peppers = peppers
        self._url = issuer_url + PATH
        self._clock = clock
        self._prefix = prefix

    async def new(self, user_id: str, purpose: LinkPurpose) -> Secret:
        """A link for the person; every other that they have is void from now on.

        Raises:
            Refusal: LINK_REFUSED, there is no such person, or they are disabled.
            StoreUnavailable: there may be a link that nobody knows.
        """

        async def attempt() -> Secret:
            token = opaque.new("sl", prefix=self._prefix, clock=self._clock)
            now = self._clock.time()
            link = Link(
                link_id=token.token_id,
                keyed_hash=opaque.keyed_hash(self._peppers[0], token.secret.reveal()),
                user_id=user_id,
                purpose=purpose,
                created_at=now,
                expires_at=now + LIFETIMES[purpose],
            )
            if not await self._store.add_link(link):
                raise Refusal(LINK_REFUSED, f"user_id={user_id}: unknown or disabled")
            return Secret(f"{self._url}?{urlencode({'token': token.secret.reveal()})}")

        return await with_fresh_locators(attempt)

    async def presented(self, text: str) -> tuple[Link, User]:
        """The link of this token, which can still be used, and whose it is.

        Raises:
            Refusal: LINK_REFUSED, whatever the reason.
            StoreUnavailable: nobody can know.
        """
        token = opaque.parse(text, kind="sl", prefix=self._prefix)
        if token is None:
            raise Refusal(LINK_REFUSED, "no link of ours")
        link = await self._store.link(token.token_id)
        if link is None or not opaque.matches(self._peppers, token.secret.reveal(), link.keyed_hash):
            raise Refusal(LINK_REFUSED, "unknown link")
        user = await self._store.user(link.user_id)
        if link.used_at is not None or link.expires_at <= self._clock.time():
            raise Refusal(LINK_REFUSED, f"link {link.link_id}: used or over")
        if user is None or user.disabled_at is not None:
            raise Refusal(LINK_REFUSED, f"link {link.link_id}: its person is gone or disabled")
        return link, user
