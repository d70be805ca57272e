"""An issuer on a real SQLite file, spoken to over ASGI, with a person and pages that tests can steer."""

import asyncio
import base64
import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qs, quote_plus, urlencode, urlsplit

import httpx

from issuer.protocol_answers import Documented
from rings import FixedRing
from tokenward.base.asgi import Scope, tls_extension
from tokenward.base.clock import ManualClock
from tokenward.base.entropy import random_bytes
from tokenward.base.problems import Problem
from tokenward.base.rates import MemoryCounters
from tokenward.flows import pkce
from tokenward.flows.dpop import DpopProver
from tokenward.identity.signing_out import SignedOut
from tokenward.issuer.asgi import IssuerApp
from tokenward.issuer.client_desk import ClientDesk
from tokenward.issuer.client_keys import Fetch
from tokenward.issuer.clients import register
from tokenward.issuer.context import Issuer
from tokenward.issuer.known_answers import KnownAnswers
from tokenward.issuer.ports import ConsentView, DeviceConsentView, DeviceView, SignOutView
from tokenward.issuer.settings import IssuerSettings, Resource
from tokenward.store.people_records import Session
from tokenward.store.port import Store
from tokenward.store.records import Client, ClientType
from tokenward.store.shared_replays import SharedReplays
from tokenward.store.sql import open_store
from tokenward.store.sql.schema import sessions
from tokenward.store.sql.statements import insert_into
from tokenward.store.usage import UsageLog
from tokenward.tokens.acr import Authentication, Level, reaches
from tokenward.tokens.authorization_details.types import DetailType
from tokenward.tokens.dpop import DpopVerifier
from tokenward.tokens.dpop_nonces import DpopNonces
from tokenward.tokens.keys import SigningKey
from tokenward.tokens.sealing import Sealer

URL = "http://127.0.0.1:8080"
WEATHER = "https://weather.example/"
BANK = "https://bank.example/"
CALLBACK = "https://app.example/cb"
PAYMENT = DetailType(
    "payment",
    BANK,
    "Send {amount} {currency} to {payee} ({iban})",
    {
        "amount": {"type": "string", "pattern": r"(0|[1-9][0-9]{0,8})\.[0-9]{2}", "maxLength": 12},
        "currency": {"enum": ["EUR", "CHF"]},
        "payee": {"type": "string", "minLength": 1, "maxLength": 70},
        "iban": {"type": "string", "pattern": "[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}", "maxLength": 34},
        "reference": {"type": "string", "minLength": 1, "maxLength": 35, "title": "Reference"},
    },
    frozenset({"reference"}),
)
READING = DetailType(
    "account_information",
    BANK,
    "Read {what} of account {account.iban}",
    {
        "what": {"type": "array", "items": {"enum": ["balances", "transactions"]}, "maxItems": 2},
        "account": {"type": "object", "properties": {"iban": {"type": "string", "maxLength": 34}}},
    },
)
FORECASTS = DetailType("forecasts", WEATHER, "Read forecasts", {})
KEYS = (SigningKey.generate("ES256"), SigningKey.generate("RS256"))
SETTINGS = IssuerSettings(
    url=URL,
    resources={
        WEATHER: Resource(
            WEATHER,
            "Weather",
            {"forecast:read": "Read the forecast", "shared": "Shared"},
            details={"forecasts": FORECASTS},
        ),
        BANK: Resource(
            BANK,
            "Bank",
            {"accounts:read": "See accounts", "transfers:write": "Pay", "shared": "Shared"},
            details={"payment": PAYMENT, "account_information": READING},
        ),
    },
)
ADD_SESSION = insert_into(sessions)
_TOKEN = re.compile(r"tkw_[a-z]{2}_[0-9A-Za-z]{60}")


@dataclass(frozen=True)
class Person:
    user_id: str = "user-1"
    username: str = "ada"
    session_id: str = "session-1"
    amr: tuple[str, ...] = ("pwd",)
    auth_time: float = 1_799_999_000.0
    scopes: frozenset[str] | None = None

    def authentication(self, *, level: Level | None = None, since: float = 0.0) -> Authentication | None:
        enough = self.auth_time >= since and (level is None or reaches(self.amr, level))
        return Authentication(self.amr, self.auth_time) if enough else None


@dataclass
class Browser:
    """Stands in for identity: whoever `person` is, is signed in."""

    person: Person | None = field(default_factory=Person)
    store: Store | None = None
    sessions: set[str] = field(default_factory=set)
    asked: dict[str, object] = field(default_factory=dict)
    """What the last sign-in was asked for with, beside its address."""
    onwards: str | None = None

    async def current(self, _scope: Scope) -> Person | None:
        if self.person is not None and self.store is not None and self.person.session_id not in self.sessions:
            self.sessions.add(self.person.session_id)
            await _session_row(self.store, self.person)
        return self.person

    def sign_in_url(
        self, continue_to: str, *, level: Level | None = None, since: float = 0.0, hint="", choose=False
    ) -> str:
        self.asked = {"hint": hint, "choose": choose}
        return "/sign-in?" + urlencode({"continue": continue_to, "level": level or "", "since": repr(since)})

    async def sign_out(self, _scope: Scope) -> SignedOut:
        person, self.person = self.person, None
        if person is not None and self.store is not None:
            await self.store.end_session(person.session_id)
        return SignedOut("", ((b"set-cookie", b"session=; Max-Age=0"),), self.onwards)


async def _session_row(store: Store, person: Person) -> None:
    """The session, of somebody whom the test may add or not."""
    row = Session(
        person.session_id, b"", person.user_id, (), person.auth_time, person.auth_time, person.auth_time + 1e9
    )
    values = {**{name: getattr(row, name) for name in Session.__dataclass_fields__}, "proofs": "[]"}
    await store._database.write(lambda cursor: cursor.run(ADD_SESSION, values))


class PlainPages:
    headers: list[tuple[bytes, bytes]] = [(b"content-type", b"text/html"), (b"cache-control", b"no-store")]  # noqa: RUF012 - the port's shape

    def __init__(self) -> None:
        self.view: ConsentView | DeviceView | DeviceConsentView | SignOutView | None = None

    def consent(self, view: ConsentView) -> bytes:
        self.view = view
        return b"consent" + (f" {view.problem.code}".encode() if view.problem else b"")

    def device(self, view: DeviceView) -> bytes:
        self.view = view
        return b"device " + (view.problem.code.encode() if view.problem else b"")

    def device_consent(self, view: DeviceConsentView) -> bytes:
        self.view = view
        return b"device consent"

    def device_done(self, client_name: str, *, allowed: bool) -> bytes:
        return b"allowed" if allowed else b"denied"

    def sign_out(self, view: SignOutView) -> bytes:
        self.view = view
        return b"sign out?" + (f" {view.problem.code}".encode() if view.problem else b"")

    def signed_out(self, *, client_name: str, back: str) -> bytes:
        return f"signed out {client_name} {back}".encode()

    def error(self, problem: Problem) -> bytes:
        return problem.code.encode()

    def go_back(self, problem: Problem, *, host: str, back: str) -> bytes:
        return f"{problem.code} {host} {back}".encode()


@dataclass
class House:
    issuer: Issuer
    http: httpx.AsyncClient
    clock: ManualClock
    browser: Browser
    pages: PlainPages
    connection: dict[str, object]
    """What the server tells of the connection (ASGI extensions)."""
    remembers: bool = False
    """What introspection answered: nobody here follows the feed, so a test has to ask for it."""

    def show(self, certificate: bytes | None) -> None:
        """From now on, connections are made with this certificate (DER)."""
        self.connection.clear()
        if certificate is not None:
            self.connection.update(tls_extension(certificate))

    @property
    def desk(self) -> ClientDesk:
        return ClientDesk(self.issuer.store, self.issuer.settings, self.issuer.peppers, self.clock)

    async def client(
        self, client_type: ClientType, *scopes: str, redirect_uris=(CALLBACK,), **policy
    ) -> "Caller":
        uris = () if client_type in ("service", "device") else redirect_uris
        if policy.get("access_token_format") == "jwt":
            policy.setdefault("reason", "what is read here is the token")
        client, secret = await register(
            self.desk, name="An app", client_type=client_type, scopes=scopes, redirect_uris=uris, **policy
        )
        return Caller(self, client, secret.reveal() if secret else None)

    async def authorize(self, **parameters: str) -> httpx.Response:
        return await self.http.get("/authorize?" + urlencode(parameters))


@dataclass
class Caller:
    """A client application that speaks to the house."""

    house: House
    client: Client
    secret: str | None
    verifier: str = field(default_factory=lambda: pkce.new_verifier().reveal())
    prover: DpopProver | None = None

    @property
    def id(self) -> str:
        return self.client.client_id

    def basic(self, secret: str | None = None) -> dict[str, str]:
        return basic(self.id, secret or self.secret or "")

    async def post(self, path: str, headers=None, **form: str) -> httpx.Response:
        """POST a form, authenticated the way the client's type asks for, with a proof if it makes proofs."""
        response = await self._post(path, headers, form)
        if self.prover and self.prover.must_repeat(
            URL, response.status_code, response.headers, response.content
        ):
            response = await self._post(path, headers, form)
        return response

    async def _post(self, path: str, headers, form: dict[str, str]) -> httpx.Response:
        if self.secret is None:
            form = {"client_id": self.id, **form}
        else:
            headers = {**self.basic(), **(headers or {})}
        if self.prover is not None:
            headers = {"dpop": self.prover.proof("POST", URL + path), **(headers or {})}
        return await self.house.http.post(path, data=form, headers=headers)

    async def token(self, **form: str) -> httpx.Response:
        return await self.post("/token", **form)

    def request(self, **changes: str) -> dict[str, str]:
        parameters = {
            "response_type": "code",
            "client_id": self.id,
            "redirect_uri": self.client.redirect_uris[0] if self.client.redirect_uris else CALLBACK,
            "scope": " ".join(self.client.scopes),
            "state": "s-1",
            "code_challenge": pkce.challenge(self.verifier),
            "code_challenge_method": "S256",
            **changes,
        }
        return {name: value for name, value in parameters.items() if value}

    async def push(self, headers=None, **changes: str) -> httpx.Response:
        """Push the same request (RFC 9126)."""
        return await self.post("/par", headers, **self.request(**changes))

    async def pushed(self, **changes: str) -> str:
        """The `request_uri` of the same request."""
        response = await self.push(**changes)
        assert response.status_code == 201, response.text
        return str(response.json()["request_uri"])

    async def open(self, request_uri: str, **beside: str) -> httpx.Response:
        """What a browser comes to with that handle: one step of ours further."""
        response = await self.house.authorize(client_id=self.id, request_uri=request_uri, **beside)
        location = response.headers.get("location", "")
        return await self.house.http.get(location) if location.startswith("/authorize?") else response

    async def code(self, **changes: str) -> str:
        """A code, by way of the consent page."""
        page = await self.house.authorize(**self.request(**changes))
        assert (page.status_code, page.text) == (200, "consent"), page.headers
        return answer(await self.decide("allow"))["code"]

    async def decide(self, decision: str, headers=None, **changes: str) -> httpx.Response:
        view = self.house.pages.view
        assert view is not None
        form = {"request": view.sealed_request, "decision": decision, **changes}
        return await self.house.http.post(view.action, data=form, headers=headers)

    async def redeem(self, code: str, **changes: str) -> httpx.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": self.verifier,
            **changes,
        }
        return await self.token(**{name: value for name, value in form.items() if value})

    async def refresh(self, token: str, **more: str) -> httpx.Response:
        return await self.token(grant_type="refresh_token", refresh_token=token, **more)

    async def introspect(self, token: str) -> dict[str, object]:
        return (await self.post("/introspect", token=token)).json()

    async def live(self, access_token: str) -> bool:
        """Whether the token is alive, told by the store as the gateway would be told."""
        state = await self.house.issuer.store.access_token(access_token.split("_")[2][:11])
        return state is not None and not state.revoked


def basic(client_id: str, secret: str) -> dict[str, str]:
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def answer(response: httpx.Response) -> dict[str, str]:
    """The parameters of an authorization response."""
    assert response.status_code == 303, response.text
    query = parse_qs(urlsplit(response.headers["location"]).query, strict_parsing=True)
    assert all(len(values) == 1 for values in query.values())
    return {name: values[0] for name, values in query.items()}


def error(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]


async def _unreachable(url: str) -> bytes:
    raise OSError(f"{url} is not reached by this test")


@asynccontextmanager
async def house(
    directory: Path, fetch: Fetch = _unreachable, *, url: str = "", **settings
) -> AsyncGenerator[House]:
    clock = ManualClock()
    store = await open_store(url or f"sqlite:{directory / 'issuer.db'}")
    browser, pages = Browser(store=store), PlainPages()
    issuer = Issuer(
        settings=replace(SETTINGS, **settings),
        store=store,
        peppers=(random_bytes(32),),
        pairwise_key=random_bytes(32),
        signing_keys=FixedRing(*KEYS),
        sign_in=browser,
        pages=pages,
        sealer=Sealer(random_bytes(32)),
        dpop=DpopVerifier(
            replays=SharedReplays(store, clock),
            nonces=DpopNonces(random_bytes(32), clock=clock),
            clock=clock,
        ),
        known_answers=KnownAnswers(fresh=lambda: h.remembers),
        fetch=fetch,
        usage=UsageLog(store, clock),
        counters=MemoryCounters(clock),
        clock=clock,
    )
    try:
        async with spoken_to(issuer) as (http, connection):
            h = House(issuer, http, clock, browser, pages, connection)
            yield h
    finally:
        await store.close()


@asynccontextmanager
async def spoken_to(issuer: Issuer) -> AsyncGenerator[tuple[httpx.AsyncClient, dict[str, object]]]:
    app, connection = IssuerApp(issuer), {}

    async def connected(scope, receive, send):
        await app({**scope, "extensions": connection}, receive, send)

    async with httpx.AsyncClient(transport=Documented(connected), base_url=URL) as http:
        yield http, connection


@asynccontextmanager
async def twins(directory: Path, url: str) -> AsyncGenerator[tuple[House, House]]:
    """Two processes' worth of one issuer: each has a store of its own over the same database."""
    async with house(directory, url=url) as first:
        store = await open_store(url)
        try:
            issuer = replace(first.issuer, store=store)
            async with spoken_to(issuer) as (http, connection):
                yield first, replace(first, issuer=issuer, http=http, connection=connection)
        finally:
            await store.close()


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def lived(test: Callable[[House], Awaitable[None]], **settings) -> Callable[[Path], None]:
    """Run an async test in a fresh house, and search all that was logged for anything that is a token."""

    def run(tmp_path: Path) -> None:
        async def main() -> None:
            async with house(tmp_path, **settings) as made:
                await test(made)

        lines = _Lines()
        log = logging.getLogger("tokenward")
        level = log.level
        log.addHandler(lines)
        log.setLevel(logging.DEBUG)
        try:
            asyncio.run(main())
        finally:
            log.removeHandler(lines)
            log.setLevel(level)
        assert not [line for line in lines.lines if _TOKEN.search(line)]
        assert not [line for line in lines.lines if " failed with " in line]

    run.__name__ = test.__name__
    return run
