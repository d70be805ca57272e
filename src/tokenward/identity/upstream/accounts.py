"""Which person of ours somebody is whom a provider vouches for, by rules and never by a guess.

By the link, or else, at the first sign-in, by a verified address, or by a new account; or nobody. A name is
never enough, and nobody's account is ever merged with another.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.entropy import identifier
from tokenward.base.problems import ACCOUNT_LINKED, NAME_TAKEN, NO_ACCOUNT, PROVIDER_REFUSED, Refusal
from tokenward.identity.claims import change_claims, check_claim
from tokenward.identity.people import why_no_username
from tokenward.identity.progress import PeopleAndFactors
from tokenward.identity.upstream.client import VouchedFor
from tokenward.identity.upstream.provider import Provider
from tokenward.store.people_records import UpstreamLink, User
from tokenward.store.port import AlreadyExists

MAX_SUBJECT = 255
"""Characters of a `sub` (OpenID Connect Core §2)."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """Somebody whom a provider vouched for.

    Attributes:
        user: who it is here, as of after all that follows was done.
        linked: whether the account there was linked to theirs just now.
    """

    user: User
    linked: bool


class Accounts:
    """Applies the rules of providers."""

    def __init__(self, people: PeopleAndFactors, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._people = people
        self._clock = clock

    async def find(self, provider: Provider, said: VouchedFor) -> Found:
        """The person, with the claims that are copied at each sign-in.

        Raises:
            Refusal: NO_ACCOUNT, NAME_TAKEN, or PROVIDER_REFUSED where `sub` is none.
            StoreUnavailable: nobody can know.
        """
        _check_subject(provider, said)
        user_id = await self._people.use_upstream_link(provider.name, said.subject, self._clock.time())
        linked = False
        if user_id is None:
            user_id, linked = await self._first_time(provider, said)
        user = await self._user(provider, user_id)
        await self._copy_claims(provider, said, user)
        return Found(user, linked)

    async def link(self, provider: Provider, said: VouchedFor, user_id: str) -> Found:
        """Link the account to a person who is signed in and wants that; they are told nothing twice.

        Raises:
            Refusal: ACCOUNT_LINKED, it is somebody else's, or they have another one there; NO_ACCOUNT, they
                are gone or disabled; PROVIDER_REFUSED where `sub` is none.
            StoreUnavailable: it may be linked.
        """
        _check_subject(provider, said)
        user = await self._user(provider, user_id)
        link = UpstreamLink(provider.name, said.subject, user_id, self._clock.time())
        theirs = await self._people.upstream_links(user_id)
        linked = all(each.subject != said.subject for each in theirs if each.upstream == provider.name)
        if linked:
            if any(each.upstream == provider.name for each in theirs):
                raise Refusal(ACCOUNT_LINKED, f"{provider.name}: user_id={user_id} has another one there")
            try:
                if not await self._people.add_upstream_link(link):
                    raise Refusal(NO_ACCOUNT, f"user_id={user_id} is gone")
            except AlreadyExists:
                raise Refusal(ACCOUNT_LINKED, f"{provider.name}: somebody else's") from None
            _log.info("linked by the person: user_id=%s provider=%s", user_id, provider.name)
        await self._copy_claims(provider, said, user)
        return Found(await self._user(provider, user_id), linked)

    async def _copy_claims(self, provider: Provider, said: VouchedFor, user: User) -> None:
        known = await self._people.user_claims(user.user_id)
        changes = {
            name: value for name, value in copied(provider, said.claims).items() if known.get(name) != value
        }
        if changes:  # each tells every gateway to forget what it knew
            await change_claims(self._people, user.username, changes, clock=self._clock)

    async def _first_time(self, provider: Provider, said: VouchedFor) -> tuple[str, bool]:
        if (user_id := await self._by_email(provider, said)) is not None:
            now = self._clock.time()
            link = UpstreamLink(provider.name, said.subject, user_id, now, now)
            try:
                if not await self._people.add_upstream_link(link):
                    raise Refusal(NO_ACCOUNT, f"user_id={user_id} is gone")
            except AlreadyExists:  # another tab was faster
                return await self._linked_meanwhile(provider, said), False
            _log.info("linked by e-mail address: user_id=%s provider=%s", user_id, provider.name)
            return user_id, True
        if not provider.create:
            raise Refusal(NO_ACCOUNT, f"{provider.name}: nobody is linked, and no rule says who it is")
        return await self._created(provider, said), False

    async def _by_email(self, provider: Provider, said: VouchedFor) -> str | None:
        """Who has the address that the provider vouches for; None unless it is one, who may be linked.

        Not somebody with a second factor: they have to prove it before anything is added to their account.
        Nor somebody with an account at this provider: an address that was given to the next person there
        would hand over what belonged to the last.
        """
        email = said.claims.get("email")
        if provider.link != "email" or not isinstance(email, str) or not vouches_for(provider, said.claims):
            return None
        found = await self._people.users_with_email(email)
        if len(found) != 1:
            return None
        (user_id,) = found
        held = await self._people.has_factors(user_id)
        links = await self._people.upstream_links(user_id)
        if held.passkeys or held.totp or any(link.upstream == provider.name for link in links):
            _log.info("not linked by e-mail address: user_id=%s provider=%s", user_id, provider.name)
            return None
        return user_id

    async def _created(self, provider: Provider, said: VouchedFor) -> str:
        username = said.claims.get(provider.username_claim)
        if not isinstance(username, str) or (why := why_no_username(username)):
            detail = why if isinstance(username, str) else f"no text in {provider.username_claim}"
            raise Refusal(NO_ACCOUNT, f"{provider.name}: {detail}")
        now = self._clock.time()
        user = User(user_id=identifier(), username=username, password_hash="", created_at=now)
        try:
            await self._people.add_user(
                user, UpstreamLink(provider.name, said.subject, user.user_id, now, now)
            )
        except AlreadyExists:
            return await self._linked_meanwhile(provider, said)
        _log.info("created: user_id=%s provider=%s", user.user_id, provider.name)
        return user.user_id

    async def _linked_meanwhile(self, provider: Provider, said: VouchedFor) -> str:
        user_id = await self._people.upstream_user(provider.name, said.subject)
        if user_id is None:
            raise Refusal(NAME_TAKEN, f"{provider.name}: the user name is taken")
        return user_id

    async def _user(self, provider: Provider, user_id: str) -> User:
        user = await self._people.user(user_id)
        if user is None or user.disabled_at is not None:
            raise Refusal(NO_ACCOUNT, f"{provider.name}: user_id={user_id} is disabled or gone")
        return user


def _check_subject(provider: Provider, said: VouchedFor) -> None:
    if not 1 <= len(said.subject) <= MAX_SUBJECT:
        raise Refusal(PROVIDER_REFUSED, f"{provider.name}: sub has {len(said.subject)} characters")


def vouches_for(provider: Provider, claims: Mapping[str, object]) -> bool:
    """Whether the provider says that the address is verified, and is one that may say so of it."""
    email = claims.get("email")
    domain = email.rpartition("@")[2].lower() if isinstance(email, str) and email.isascii() else ""
    return claims.get("email_verified") is True and domain in provider.email_domains


def copied(provider: Provider, claims: Mapping[str, object]) -> dict[str, object]:
    """What is kept of what the provider says: changes as `change_claims` takes them.

    An address never comes without whether it is verified, which may be known of the last one only. Groups are
    kept as far as they give anything; who is in none of them any more has none.
    """
    changes: dict[str, object] = {
        name: claims[name] for name in provider.claims if name in claims and _fits(name, claims[name])
    }
    if "email" in changes:
        changes["email_verified"] = vouches_for(provider, claims)
    if provider.groups is not None:
        said = claims.get(provider.groups.claim)
        groups = [each for each in said if isinstance(each, str)] if isinstance(said, list) else []
        kept = sorted(provider.groups.scopes.keys() & set(groups))
        changes[provider.groups.claim] = kept or None
    return changes


def _fits(name: str, value: object) -> bool:
    try:
        check_claim(name, value)
    except Refusal as refusal:
        _log.warning("a claim of a provider is left out: %s", refusal.detail)
        return False
    return True
