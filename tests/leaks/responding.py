"""An issuer with its endpoint for reports, on a real store, and who reports there."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from issuer.house import SETTINGS, URL, House, house
from store.values import link, session, signed_in, user
from tokenward.base.secret import Secret
from tokenward.issuer.api_keys import ApiKeyDesk, Terms, add_key
from tokenward.issuer.settings import Resource
from tokenward.leaks.response import endpoint
from tokenward.leaks.response.asgi import LeaksApp
from tokenward.leaks.response.endpoint import Desk
from tokenward.leaks.response.policy import ResponsePolicy
from tokenward.leaks.response.recognising import Recogniser
from tokenward.leaks.response.reporters import LEAK_SCOPES, LEAKS_PATH, Reporters
from tokenward.leaks.response.responder import Responder
from tokenward.tokens import opaque

AUDIENCE = URL + LEAKS_PATH
RESOURCES = {**SETTINGS.resources, AUDIENCE: Resource(AUDIENCE, "Leak reports", LEAK_SCOPES)}
ADMIN_TOKEN = opaque.new("ad").secret.reveal()


@dataclass
class World:
    """The house, its endpoint for reports, and what happened there."""

    house: House
    app: LeaksApp
    responder: Responder
    outcomes: list = field(default_factory=list)
    published: set = field(default_factory=set)
    """The kids of the issuer's keys."""

    @property
    def store(self):
        return self.house.issuer.store

    @property
    def clock(self):
        return self.house.clock

    @asynccontextmanager
    async def http(self, peer="192.0.2.7"):
        transport = httpx.ASGITransport(self.app, client=(peer, 4321))
        async with httpx.AsyncClient(transport=transport, base_url=URL) as http:
            yield http

    async def send(self, body, *, token=None, peer="192.0.2.7", path=LEAKS_PATH, **headers):
        """POST a body (JSON of it, if it is not bytes)."""
        if token is not None:
            headers = {"authorization": f"Bearer {token}", **headers}
        async with self.http(peer) as http:
            if isinstance(body, bytes):
                return await http.post(
                    path, content=body, headers={"content-type": "application/json", **headers}
                )
            return await http.post(path, json=body, headers=headers)

    async def reporter(self, *scopes, prover=None, **policy):
        """A service client and its token for reporting."""
        caller = await self.house.client("service", *(scopes or ("leaks:report",)), **policy)
        caller.prover = prover
        answer = await caller.token(grant_type="client_credentials", resource=AUDIENCE)
        assert answer.status_code == 200, answer.text
        return caller, Secret(answer.json()["access_token"]).reveal()

    async def report(self, token, *secrets, **found):
        """Report these secrets by their fingerprints; the answer's entries."""
        answer = await self.send({"reports": [report_of(each, **found) for each in secrets]}, token=token)
        assert answer.status_code == 202, answer.text
        return answer.json()["reports"]

    async def service(self, *scopes):
        """A client and a token of its own."""
        caller = await self.house.client("service", *(scopes or ("forecast:read",)))
        answer = await caller.token(grant_type="client_credentials")
        return caller, answer.json()["access_token"]

    async def family(self):
        """A web client, and what it was given for a person."""
        caller = await self.house.client("web", "accounts:read", "offline_access")
        code = await caller.code()
        given = (await caller.redeem(code)).json()
        return caller, code, given["access_token"], given["refresh_token"]

    async def api_key(self, owner="ann@example.com"):
        desk = ApiKeyDesk(self.store, SETTINGS, self.house.issuer.peppers, self.clock)
        terms = Terms("https://weather.example/", ("forecast:read",))
        key, secret = await add_key(desk, terms, name="Forecasts", owner=owner)
        return key, secret.reveal()

    async def session(self, user_id="user-1"):
        token, now = opaque.new("se", clock=self.clock), self.clock.time()
        keyed_hash = opaque.keyed_hash(self.house.issuer.peppers[0], token.secret.reveal())
        times = {"created_at": now, "last_seen_at": now, "expires_at": now + 3600}
        kept = session(session_id=token.token_id, keyed_hash=keyed_hash, user_id=user_id, **times)
        await signed_in(self.store, kept)
        return token

    async def link(self):
        """A sign-in link for a person of its own."""
        token, now, person = opaque.new("sl", clock=self.clock), self.clock.time(), user()
        await self.store.add_user(person)
        keyed_hash = opaque.keyed_hash(self.house.issuer.peppers[0], token.secret.reveal())
        whose = {"link_id": token.token_id, "keyed_hash": keyed_hash, "user_id": person.user_id}
        assert await self.store.add_link(link(**whose, created_at=now, expires_at=now + 600))
        return token

    async def live(self, access_token):
        return not (await self.store.access_token(id_of(access_token))).revoked

    async def incidents(self):
        return await self.store.incidents(limit=100)


def id_of(text):
    return opaque.parse(text, prefix=text.partition("_")[0]).token_id


def report_of(text, **found):
    entry = {"token_id": id_of(text), "fingerprint": f"sha256:{opaque.fingerprint(text).hex()}"}
    return {**entry, "found": found} if found else entry


@asynccontextmanager
async def world(directory: Path, policy=None, *, url="", **settings):
    async with house(directory, url=url, resources=RESOURCES, **settings) as h:
        issuer, outcomes, published = h.issuer, [], set()
        reporters = Reporters(
            issuer.store,
            issuer.peppers,
            URL,
            issuer.dpop,
            publishes=published.__contains__,
            prefix=issuer.settings.token_prefix,
            clock=h.clock,
        )
        recogniser = Recogniser(issuer.store, issuer.peppers, admin_token=opaque.fingerprint(ADMIN_TOKEN))
        responder = Responder(
            issuer.store,
            recogniser,
            policy or ResponsePolicy(),
            observe=lambda outcome, _seconds: outcomes.append(outcome),
            clock=h.clock,
        )
        app = LeaksApp(Desk(responder, reporters, prefix=issuer.settings.token_prefix, clock=h.clock))
        yield World(h, app, responder, outcomes, published)


def lived(test, policy=None, **settings):
    """Run an async test in a fresh world, whose answers do not keep it waiting."""

    def run(tmp_path, monkeypatch):
        monkeypatch.setattr(endpoint, "STEP_SECONDS", 0.001)

        async def main():
            async with world(tmp_path, policy, **settings) as made:
                await test(made)

        asyncio.run(main())

    run.__name__ = test.__name__
    return run
