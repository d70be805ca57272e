"""What every process and command stands on: the store, opened, and the secrets that it keeps sealed."""

import base64
import binascii
import json
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from pathlib import Path

from tokenward.app.config import Configuration
from tokenward.app.stranger_settings import RegistrationSettings
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import INVALID_TOKEN, UNAVAILABLE, Refusal
from tokenward.base.references import resolve
from tokenward.gateway.access import KeyTerms, TokenFacts
from tokenward.gateway.inside import Protection
from tokenward.issuer.api_keys import ApiKeyDesk
from tokenward.issuer.client_desk import ClientDesk
from tokenward.issuer.settings import ExchangeRule, IssuerSettings, Resource
from tokenward.issuer.strangers import RegistrationPolicy
from tokenward.leaks.response.reporters import LEAK_SCOPES, LEAKS_PATH
from tokenward.store.facts import person_facts
from tokenward.store.keeping import load_data_key, load_pairwise_key, load_peppers, sealer
from tokenward.store.key_orders import KeyDesk
from tokenward.store.key_ring import KeyRing
from tokenward.store.live import live_access_token, live_api_key
from tokenward.store.port import Store, StoreUnavailable
from tokenward.store.records import API_KEY_CLIENT, ApiKey, KeyPurpose
from tokenward.store.shared_replays import SharedReplays
from tokenward.store.sql import open_store
from tokenward.tokens.authorization_details.parameter import read_written
from tokenward.tokens.dpop import DpopVerifier
from tokenward.tokens.dpop_nonces import DpopNonces
from tokenward.tokens.release import released
from tokenward.tokens.sealing import Sealer, derive_key
from tokenward.tokens.subjects import subject

OUTSIDE_ALGORITHMS = ("ES256", "RS256")  # RS256 because OpenID Discovery §3 asks for it


@dataclass(frozen=True, slots=True)
class InsideRelease:
    """What an audience's inside JWTs tell beyond the minimum.

    Attributes:
        claims: the names of what is released.
        sector: "" where the audience knows people by their public subject.
    """

    claims: tuple[str, ...]
    sector: str


@dataclass(frozen=True, slots=True)
class Foundation:
    """An open store and the keys to what it keeps sealed."""

    configuration: Configuration
    store: Store
    peppers: tuple[bytes, ...] = field(repr=False)
    pairwise_key: bytes = field(repr=False)
    data_key: bytes = field(repr=False)
    clock: Clock

    @property
    def issuer_settings(self) -> IssuerSettings:
        """What the issuer needs of the configuration."""
        settings = self.configuration.settings
        return IssuerSettings(
            url=settings.issuer.url,
            access_token_lifetime=settings.tokens.access_token,
            refresh_idle=settings.tokens.refresh_idle,
            refresh_absolute=settings.tokens.refresh_absolute,
            secret_longest=settings.clients.secret_longest,
            api_key_lifetime=settings.api_keys.lifetime,
            api_key_longest=settings.api_keys.longest,
            resources={**self.configuration.resources, **_leak_reports(settings.issuer.url)},
            takes_certificates=settings.issuer.client_certificates is not None,
            client_authorities=self.configuration.client_authorities,
            registration=_registration(settings.clients.registration),
            require_pushed_requests=settings.clients.pushed_requests.required,
            without_pushed_requests=frozenset(
                each.client for each in settings.clients.pushed_requests.exceptions
            ),
            exchange=tuple(
                ExchangeRule(
                    rule.client,
                    settings.audience(rule.subject_api),
                    settings.audience(rule.target_api),
                    rule.scopes,
                    rule.actor,
                    rule.bound_subjects,
                )
                for rule in settings.exchange
            ),
        )

    @property
    def inside_releases(self) -> Mapping[str, InsideRelease]:
        """Audience → what is released to it, for those that get more than the minimum."""
        settings = self.configuration.settings
        return {
            audience: InsideRelease(api.claims.inside, audience if api.claims.subject == "pairwise" else "")
            for name, api in settings.apis.items()
            if api.claims.inside or api.claims.subject == "pairwise"
            for audience in (settings.audience(name),)
        }

    @property
    def step_up_audiences(self) -> frozenset[str]:
        """The audiences with an operation for which a person must have signed in in a certain way."""
        return frozenset(
            api.audience
            for api in self.configuration.policy.apis
            if any(operation.tier.two_factors_within is not None for operation in api.operations)
        )

    @property
    def client_desk(self) -> ClientDesk:
        """What managing clients needs."""
        return ClientDesk(self.store, self.issuer_settings, self.peppers, self.clock)

    @property
    def api_key_desk(self) -> ApiKeyDesk:
        """What managing API keys needs. None is given for our own endpoints."""
        settings = replace(self.issuer_settings, resources=self.configuration.resources)
        return ApiKeyDesk(self.store, settings, self.peppers, self.clock)

    @property
    def key_desk(self) -> KeyDesk:
        """What managing signing keys needs."""
        return KeyDesk(self.store, self.sealer("keeping"), self._algorithms, self.clock)

    async def key_ring(self, purpose: KeyPurpose, *, fresh: Callable[[], bool]) -> KeyRing:
        """The keys of one purpose, those that are missing made; a process opens no others.

        Raises:
            StoreUnavailable: the store did not answer.
            WrongMasterKey: they were sealed under another one.
        """
        await self.key_desk.ensure(purpose)
        ring = KeyRing(self.store, self.sealer("keeping"), purpose, fresh=fresh, clock=self.clock)
        await ring.load()
        return ring

    def sealer(self, purpose: str) -> Sealer:
        """A sealer of its own for each purpose, so that nothing sealed for one opens for another."""
        return sealer(self.data_key, purpose)

    def dpop(self, place: str) -> DpopVerifier:
        """Verifies the proofs that come to one place. Its nonces are good there, in every process."""
        key = derive_key(self.data_key, info=f"tokenward/dpop-nonces/{place}".encode())
        return DpopVerifier(
            replays=SharedReplays(self.store, self.clock),
            nonces=DpopNonces(key, clock=self.clock),
            clock=self.clock,
        )

    @property
    def _algorithms(self) -> Mapping[KeyPurpose, Collection[str]]:
        inside = {each.signing_alg for each in self.configuration.protections.values()}
        return {"outside": OUTSIDE_ALGORITHMS, "inside": sorted(inside or {Protection().signing_alg})}


@asynccontextmanager
async def foundation(
    configuration: Configuration, *, clock: Clock = SYSTEM_CLOCK
) -> AsyncGenerator[Foundation]:
    """Open the store, making its schema, the data key and the first pepper on the way.

    Raises:
        ValueError: a reference cannot be resolved, or the master key is malformed or another one than
            the database was sealed under.
        StoreUnavailable: the database cannot be opened.
    """
    settings = configuration.settings
    master = master_key(settings.master_key, base_dir=configuration.base_dir)
    store = await open_store(store_url(configuration))
    try:
        data_key = await load_data_key(store, master)
        keeping = sealer(data_key, "keeping")
        peppers = await load_peppers(store, keeping)
        pairwise_key = await load_pairwise_key(store, keeping)
        yield Foundation(configuration, store, peppers, pairwise_key, data_key, clock)
    finally:
        await store.close()


def master_key(reference: str, *, base_dir: Path) -> bytes:
    """The 32 bytes that seal the data key, from a reference to their base64 text.

    Raises:
        ValueError: there is no such thing, or it is not 32 bytes in base64. The text is not repeated.
    """
    try:
        key = base64.b64decode(resolve(reference, base_dir=base_dir).reveal(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 32:
        raise ValueError("master_key: expected 32 bytes in base64; `tokenward init` makes one")
    return key


def store_url(configuration: Configuration) -> str:
    """The store's URL: as written, or what its reference names. May hold a password; never log it."""
    store = configuration.settings.store
    if store.startswith("sqlite:"):
        return f"sqlite:{configuration.base_dir / store.removeprefix('sqlite:')}"
    if store.startswith(("postgresql:", "postgres:")):
        return store
    return resolve(store, base_dir=configuration.base_dir).reveal()


@dataclass(frozen=True, slots=True)
class StoreResolver:
    """The gateway's `TokenResolver`, answered by the store itself: one lookup by locator.

    Only audiences to whom more than the minimum is released are in `releases`, and in `step_up` those that
    ask how a person signed in; they cost further lookups.
    """

    store: Store
    peppers: tuple[bytes, ...]
    pairwise_key: bytes = field(repr=False)
    releases: Mapping[str, InsideRelease]
    step_up: frozenset[str]
    clock: Clock = SYSTEM_CLOCK

    async def resolve(self, token: str, token_id: str) -> TokenFacts | None:
        """The facts of a live token, or None.

        Raises:
            Refusal: UNAVAILABLE.
        """
        try:
            found = await live_access_token(self.store, self.peppers, token, token_id, at=self.clock.time())
        except StoreUnavailable as error:
            raise Refusal(UNAVAILABLE, f"the store cannot answer: {error}") from error
        if found is None:
            return None
        facts = TokenFacts(
            token_id=found.token_id,
            grant_id=found.grant_id,
            client_id=found.client_id,
            user_id=found.user_id,
            scope=frozenset(found.scope),
            audience=found.audience,
            credential=found.credential,
            issued_at=found.issued_at,
            expires_at=found.expires_at,
            cnf=found.cnf,
            act=None if found.act is None else json.loads(found.act),
            ancestors=found.ancestors,
            unbound_behind=found.cnf is not None and await self._unbound(found.ancestors),
            subject=found.subject_client,
            authorization_details=read_written(found.authorization_details),
            key=await self._terms(found.client_id),
        )
        if found.audience in self.step_up and found.grant_id is not None:
            facts = await self._with_sign_in(facts, found.grant_id)
        release = self.releases.get(found.audience)
        return await self._with_release(facts, release) if release is not None and found.user_id else facts

    async def resolve_api_key(self, key: str) -> TokenFacts | None:
        """The facts of a live API key, or None. Never those of a person.

        Raises:
            Refusal: UNAVAILABLE.
        """
        try:
            found = await live_api_key(self.store, self.peppers, key, at=self.clock.time())
        except StoreUnavailable as error:
            raise Refusal(UNAVAILABLE, f"the store cannot answer: {error}") from error
        if found is None:
            return None
        return TokenFacts(
            token_id=found.key_id,
            grant_id=None,
            client_id=API_KEY_CLIENT + found.key_id,
            user_id=None,
            scope=frozenset(found.scopes),
            audience=found.audience,
            credential="api_key",
            issued_at=found.created_at,
            expires_at=found.expires_at,
            key=_key_terms(found),
        )

    async def _unbound(self, ancestors: tuple[str, ...]) -> bool:
        """Whether one of them is bound to no key, as an API key never is. What is gone counts as such."""
        try:
            states = [await self.store.access_token(each) for each in ancestors]
        except StoreUnavailable as error:
            raise Refusal(UNAVAILABLE, f"the store cannot answer: {error}") from error
        return any(state is None or state.token.cnf is None for state in states)

    async def _terms(self, client_id: str) -> KeyTerms | None:
        """The terms of the API key that a token was given for; a token does not escape them."""
        if not client_id.startswith(API_KEY_CLIENT):
            return None
        try:
            state = await self.store.api_key(client_id.removeprefix(API_KEY_CLIENT))
        except StoreUnavailable as error:
            raise Refusal(UNAVAILABLE, f"the store cannot answer: {error}") from error
        if state is None:
            raise Refusal(INVALID_TOKEN, f"{client_id} is gone")
        return _key_terms(state.key)

    async def _with_sign_in(self, facts: TokenFacts, grant_id: str) -> TokenFacts:
        try:
            grant = await self.store.grant(grant_id)
        except StoreUnavailable as error:
            raise Refusal(UNAVAILABLE, f"the store cannot answer: {error}") from error
        return facts if grant is None else replace(facts, amr=grant.amr, auth_time=grant.auth_time)

    async def _with_release(self, facts: TokenFacts, release: InsideRelease) -> TokenFacts:
        user_id = facts.user_id or ""
        try:
            known = await person_facts(self.store, release.claims, user_id=user_id, grant_id=facts.grant_id)
        except StoreUnavailable as error:
            raise Refusal(UNAVAILABLE, f"the store cannot answer: {error}") from error
        return replace(
            facts,
            subject=subject(self.pairwise_key, user_id, release.sector),
            claims=released(release.claims, known),
        )


def _registration(said: RegistrationSettings | None) -> RegistrationPolicy | None:
    """Who may register itself, for the issuer."""
    return None if said is None else RegistrationPolicy(said.open, said.most, said.unused, said.terms)


def _leak_reports(issuer_url: str) -> dict[str, Resource]:
    """What reporters of leaks get tokens for: an endpoint of ours beside the APIs."""
    audience = issuer_url + LEAKS_PATH
    return {audience: Resource(audience, "Leak reports", LEAK_SCOPES)}


def _key_terms(key: ApiKey) -> KeyTerms:
    return KeyTerms(
        key.key_id,
        tuple(ip_network(network) for network in key.addresses),
        frozenset(origin.encode() for origin in key.origins),
        key.rate,
    )
