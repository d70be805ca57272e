"""An identity room over a real SQLite file, and browsers to visit it with."""

import re
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST
from starlette.applications import Starlette

from tokenward.base.clock import ManualClock
from tokenward.base.secret import Secret
from tokenward.identity.passwords import Passwords
from tokenward.identity.people import add_user
from tokenward.identity.room import Identity
from tokenward.store.people_records import User
from tokenward.store.sql import open_store
from tokenward.tokens.sealing import Sealer

ISSUER = "https://id.example"
BACK = "/authorize?client_id=app&state=s"
SESSION = "__Host-tokenward_session"
BEFORE = "__Host-tokenward_before"
WRONG = secrets.token_urlsafe(18)


@dataclass
class House:
    identity: Identity
    store: object
    clock: ManualClock
    passwords: Passwords
    alice: User
    password: str
    app: Starlette
    issuer: str = ISSUER

    def browser(self, peer="198.51.100.7"):
        transport = httpx.ASGITransport(self.app, client=(peer, 4711))
        return httpx.AsyncClient(transport=transport, base_url=self.issuer)

    async def field(self, browser, path="/sign-in?again=1"):
        """The hidden field of the page's form."""
        page = await browser.get(path)
        assert page.status_code == 200
        return re.search(r'name="form" value="([^"]+)"', page.text)[1]

    async def sign_in(self, browser, username="alice", password=None, continue_to=BACK, headers=None):
        form = {"username": username, "password": password or self.password, "continue": continue_to}
        form["form"] = await self.field(browser)
        return await browser.post("/sign-in", data=form, headers=headers)

    async def person(self, browser):
        """Who the issuer would see behind this browser."""
        return await self.person_behind("; ".join(f"{c.name}={c.value}" for c in browser.cookies.jar))

    async def person_behind(self, cookies):
        return await self.identity.sign_in.current({"headers": [(b"cookie", cookies.encode())]})


@asynccontextmanager
async def opened(directory, issuer=ISSUER, **settings):
    clock = ManualClock()
    store = await open_store(f"sqlite:{directory / 'identity.db'}")
    passwords = Passwords(PasswordHasher.from_parameters(CHEAPEST))
    identity = Identity(
        store,
        peppers=(secrets.token_bytes(32),),
        sealer=Sealer(secrets.token_bytes(32)),
        issuer_url=issuer,
        name="Example & Sons",
        clock=clock,
        passwords=passwords,
        **settings,
    )
    password = secrets.token_urlsafe(18)
    try:
        alice = await add_user(store, "alice", Secret(password), passwords=passwords, clock=clock)
        app = Starlette(routes=identity.routes)
        yield House(identity, store, clock, passwords, alice, password, app, issuer)
    finally:
        identity.close()
        await store.close()
