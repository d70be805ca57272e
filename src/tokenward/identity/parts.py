"""All that a page of this room gets to work with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tokenward.base.asgi import Scope
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import INVALID_INPUT, Refusal
from tokenward.identity.account_view import LinkedAccount, Words
from tokenward.identity.answers import Answers
from tokenward.identity.devices import Devices
from tokenward.identity.factors.passkeys import RelyingParty
from tokenward.identity.forms import BoundForms
from tokenward.identity.letters import Letters
from tokenward.identity.links import Links
from tokenward.identity.pages import Pages
from tokenward.identity.passwords import Passwords, chosen
from tokenward.identity.people import Person
from tokenward.identity.progress import Progress
from tokenward.identity.second_factors import SecondFactors
from tokenward.identity.sessions import Sessions
from tokenward.identity.signing_out import SignedOut
from tokenward.identity.told import Told
from tokenward.identity.upstream.upstreams import Upstreams
from tokenward.store.people_port import Factors, People
from tokenward.store.port import ApiKeys, Clients, Tokens, Uses
from tokenward.tokens.sealing import Sealer


class IdentityStore(People, Factors, Uses, Clients, Tokens, ApiKeys, Protocol):
    """What the room asks of the store."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The room's parts.

    Attributes:
        store: what must be remembered.
        name: what the issuer is called.
        passwords: hashes them.
        password_sign_in: whether people sign in by passwords; without, there is no page that takes one.
        factors: makes and checks codes.
        party: for whom passkeys are; None where browsers have none.
        sessions: the browser's.
        progress: from one proof to the next.
        links: let a person in once.
        letters: what people are told by mail.
        told: the same, about what a request did.
        upstreams: identity providers through which people sign in.
        devices: the browsers that people signed in from before.
        forms: which forms are ours.
        answers: responses of pages.
        sealer: seals what travels through the browser and must come back unchanged.
        words: what people are told of an API.
        clock: time.
    """

    store: IdentityStore
    name: str
    passwords: Passwords
    password_sign_in: bool
    factors: SecondFactors
    party: RelyingParty | None
    sessions: Sessions
    progress: Progress
    links: Links
    letters: Letters
    told: Told
    upstreams: Upstreams
    devices: Devices
    forms: BoundForms
    answers: Answers
    sealer: Sealer = field(repr=False)
    words: Words
    clock: Clock = SYSTEM_CLOCK

    async def current(self, scope: Scope) -> Person | None:
        """Whose session the request's cookie names, as far as their provider lets them; None if none is live.

        Raises:
            StoreUnavailable: nobody can know.
        """
        person = await self.sessions.current(scope)
        return await self.upstreams.narrowed(person) if person is not None else None

    async def signed_out(self, scope: Scope) -> SignedOut:
        """End the session that the request's cookie names; also where it is over, and only a cookie is left.

        Raises:
            StoreUnavailable: it may go on.
        """
        person = await self.current(scope)
        await self.sessions.end(scope)
        over = (self.sessions.cookie.clear(), self.progress.forget())
        if person is None:
            return SignedOut("", over)
        return SignedOut(person.user_id, over, await self.upstreams.sign_out_url(person))

    async def chosen_password(self, form: Mapping[str, str], username: str) -> str:
        """The hash of the password that a form of `new_password` (see parts.html) chooses for this person.

        Raises:
            Refusal: INVALID_INPUT, it was typed in two ways or breaks a rule; UNAVAILABLE.
        """
        password = chosen(form.get("password", ""), form.get("again", ""))
        return await self.passwords.hash(password, username=username, issuer=self.name)

    async def accounts_of(self, user_id: str) -> list[LinkedAccount]:
        """The person's accounts at identity providers, by age.

        Raises:
            StoreUnavailable: nobody can know.
        """
        labels = {each.name: each.label for each in self.upstreams.providers}
        return [
            LinkedAccount(
                it.upstream, labels.get(it.upstream, it.upstream), it.subject, it.linked_at, it.last_used_at
            )
            for it in await self.store.upstream_links(user_id)
        ]

    async def check_other_way_in(self, user_id: str) -> None:
        """Let a passkey of the person, or an account at a provider, go only if they still get in without it.

        An app or a recovery code only comes second. What is not offered (any more) is no way in.

        Raises:
            Refusal: INVALID_INPUT.
            StoreUnavailable: nobody can know.
        """
        held = await self.store.has_factors(user_id)
        offered = {each.name for each in self.upstreams.providers}
        links = [it for it in await self.store.upstream_links(user_id) if it.upstream in offered]
        passkeys = held.passkeys if self.party is not None else 0
        if (held.password and self.password_sign_in) + passkeys + len(links) <= 1:
            raise Refusal(INVALID_INPUT, "this is the only way in that you have; set up another one first")

    @property
    def pages(self) -> Pages:
        """HTML."""
        return self.answers.pages
