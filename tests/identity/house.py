"""An identity room over a real SQLite file, and browsers to visit it with."""

import asyncio
import re
import secrets
from base64 import b32decode
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from html import unescape

import httpx
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from starlette.applications import Starlette

from tokenward.base.clock import ManualClock
from tokenward.base.secret import Secret
from tokenward.identity.factors import totp
from tokenward.identity.passwords import Passwords
from tokenward.identity.people import add_user
from tokenward.identity.room import Identity
from tokenward.issuer.settings import IssuerSettings, Resource
from tokenward.store.people_records import User
from tokenward.store.sql import open_store
from tokenward.tokens.authorization_details.types import DetailType
from tokenward.tokens.sealing import Sealer

ISSUER = "https://id.example"
BANK = "https://bank.example"
BACK = "/authorize?client_id=app&state=s"
SESSION = "__Host-tokenward_session"
BEFORE = "__Host-tokenward_before"
PAYMENT = DetailType("payment", BANK, "Send {amount} EUR", {"amount": {"type": "string", "maxLength": 12}})
SETTINGS = IssuerSettings(
    ISSUER,
    resources={
        BANK: Resource(
            BANK, "Bank & Co", {"accounts:read": "See your <accounts>"}, details={"payment": PAYMENT}
        )
    },
)
WRONG = secrets.token_urlsafe(18)


@dataclass
class App:
    """Somebody's authenticator app."""

    secret: str
    clock: ManualClock

    def code(self, away=0):
        """The code of now; or of `away` steps later, earlier if less than 0."""
        codes = TOTP(b32decode(self.secret), 6, SHA1(), totp.STEP)
        return codes.generate(int(self.clock.time() + away * totp.STEP)).decode()


@dataclass
class Mailbox:
    """Where letters end, in the place of a mail server."""

    letters: list = field(default_factory=list)
    refuses: list = field(default_factory=list)
    """What it raises, one a letter, before it takes any."""

    async def send(self, *, to, subject, text):
        if self.refuses:
            raise self.refuses.pop(0)
        self.letters.append((to, subject, text))

    async def settled(self):
        """Wait until what was put into the outbox is here."""
        for _ in range(50):
            await asyncio.sleep(0.002)
        return self.letters


@dataclass
class House:
    identity: Identity
    store: object
    clock: ManualClock
    passwords: Passwords
    alice: User
    password: str
    site: Starlette
    issuer: str = ISSUER
    mailbox: Mailbox = field(default_factory=Mailbox)

    @property
    def parts(self):
        return self.identity.sign_in._parts

    def browser(self, peer="198.51.100.7"):
        transport = httpx.ASGITransport(self.site, client=(peer, 4711))
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

    async def app(self, user=None):
        """An authenticator app, set up for a person: alice, where nobody is named."""
        app = App(totp.new_secret().reveal(), self.clock)
        user_id = (user or self.alice).user_id
        await self.parts.factors.enrol(user_id, Secret(app.secret), Secret(app.code()))
        self.clock.advance(totp.STEP)  # the code that showed it is used up
        return app

    async def code(self, browser, code, path="/sign-in/code", **fields):
        """Send a code from the page that asks for it."""
        form = {"form": await self.field(browser, path), "code": code, "continue": BACK, **fields}
        return await browser.post("/sign-in/code", data=form)

    async def sign_in_fully(self, browser, app, **named):
        """By password and code."""
        assert (await self.sign_in(browser, **named)).headers["location"].startswith("/sign-in/code?")
        answer = await self.code(browser, app.code())
        self.clock.advance(totp.STEP)
        assert answer.headers["location"] == BACK
        return answer

    async def sessions(self, user=None):
        return await self.store.sessions_of((user or self.alice).user_id)

    async def person(self, browser):
        """Who the issuer would see behind this browser."""
        return await self.person_behind("; ".join(f"{c.name}={c.value}" for c in browser.cookies.jar))

    async def person_behind(self, cookies):
        return await self.identity.sign_in.current({"headers": [(b"cookie", cookies.encode())]})


def shown(page, pattern):
    """What a page holds at the only group of the pattern, unescaped."""
    return unescape(re.search(pattern, page.text)[1])


@asynccontextmanager
async def opened(directory, issuer=ISSUER, mail=False, **settings):
    clock, mailbox = ManualClock(), Mailbox()
    store = await open_store(f"sqlite:{directory / 'identity.db'}")
    passwords = Passwords(PasswordHasher.from_parameters(CHEAPEST))
    identity = Identity(
        store,
        peppers=(secrets.token_bytes(32),),
        sealer=Sealer(secrets.token_bytes(32)),
        issuer_url=issuer,
        name="Example & Sons",
        words=SETTINGS.in_words,
        clock=clock,
        passwords=passwords,
        post=mailbox if mail else None,
        **settings,
    )
    sending = asyncio.create_task(identity.outbox.run())
    password = secrets.token_urlsafe(18)
    try:
        alice = await add_user(store, "alice", Secret(password), passwords=passwords, clock=clock)
        site = Starlette(routes=identity.routes)
        yield House(identity, store, clock, passwords, alice, password, site, issuer, mailbox)
    finally:
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
        identity.close()
        await store.close()
