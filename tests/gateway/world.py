"""A small world for the gateway's tests: two APIs, a few tokens, a resolver that counts."""

import asyncio
import re
from dataclasses import replace

from gateway.shop import SHOP_OPERATIONS
from gateway.trusted import PARTNER, Place, basic
from rings import FixedRing
from tokens.minting import ABSENT, mint
from tokenward.base.clock import ManualClock
from tokenward.base.cookies import cookie
from tokenward.base.entropy import random_bytes
from tokenward.base.problems import SESSION_ENDED, UNAVAILABLE, Refusal
from tokenward.base.rates import Count, MemoryCounters, Rate
from tokenward.gateway.access import AccessRequest, HeldBody, KeyTerms, TokenFacts
from tokenward.gateway.browser_sessions import BrowserApp
from tokenward.gateway.cors import Cors
from tokenward.gateway.engine import Engine
from tokenward.gateway.inside import InsideMinter
from tokenward.gateway.limits import UNLIMITED, Limit, Limits
from tokenward.gateway.policy import Api, Operation, Policy
from tokenward.gateway.proofs import Proofs
from tokenward.gateway.resource_metadata import ResourceMetadata
from tokenward.gateway.tiers import TIERS
from tokenward.gateway.upstreams import Pool
from tokenward.tokens import opaque
from tokenward.tokens.binding import Confirmation, token_hash
from tokenward.tokens.dpop import DpopVerifier
from tokenward.tokens.dpop_nonces import DpopNonces
from tokenward.tokens.keys import SigningKey, members
from tokenward.tokens.replays import MemoryReplays

KEY = SigningKey.generate("ES256")
CLIENT_KEY, STRANGER = SigningKey.generate("ES256"), SigningKey.generate("ES256")
CNF = Confirmation("jkt", CLIENT_KEY.kid)
ORIGIN = "https://api.example"
_PROOF = re.compile(r"\{proof([^}]*)\}")
INSIDE = "https://gateway.example/inside"
ISSUER = "https://login.example"
BANK = "https://bank.example"
WEATHER = "https://weather.example"
SHOP = "https://shop.example"
START = 1_800_000_000.0


PAGES = "https://pages.example"
PAGE = b"https://app.example"  # the origin whose pages may call the API of that name
BUSY = Limit("address", Rate(1, 86_400), "weather/busy")
SPENT = Limit("client", Rate(1, 86_400), "weather/spent")


def operation(label, tier, *scopes, limits=UNLIMITED, **more):
    method, template = label.split(" ")
    return Operation(method, template, label, TIERS[tier], frozenset(scopes), limits, **more)


def apis(upstream="http://127.0.0.1:9"):
    return (
        Api(
            "weather",
            "/weather",
            Pool((upstream,)),
            WEATHER,
            (
                operation("GET /about", "public"),
                operation("GET /forecast/{city}", "low"),
                operation("GET /busy", "public", limits=Limits.of([BUSY])),
                operation("GET /spent", "low", limits=Limits.of([SPENT])),
            ),
        ),
        Api(
            "bank",
            "/bank",
            Pool((upstream + "/v1",)),
            BANK,
            (
                operation("GET /public/{page}", "public"),
                operation("HEAD /accounts/{id}", "moderate", "accounts:read"),
                operation("GET /accounts/{id}", "moderate", "accounts:read"),
                operation("GET /accounts/me", "moderate", "accounts:read", "profile"),
                operation("POST /transfers", "moderate", "transfers:write"),
                operation("GET /admin", "moderate", "admin"),
                operation("GET /ticker", "moderate", "accounts:read", websocket=True),
                operation("POST /payments", "high", "transfers:write"),
                operation("POST /payouts", "critical", "transfers:write"),
                operation("POST /orders", "moderate", details="payment"),
            ),
        ),
        Api(
            "pages",
            "/pages",
            Pool((upstream,)),
            PAGES,
            (
                operation("GET /notes", "moderate", "notes"),
                operation("PUT /notes", "moderate", "notes"),
                operation("DELETE /notes", "moderate", "notes"),
                operation("GET /open", "public"),
            ),
            Cors(frozenset({PAGE}), methods=frozenset({"GET", "PUT"}), credentials=True),
        ),
        Api("shop", "/shop", Pool((upstream + "/v2",)), SHOP, SHOP_OPERATIONS),
    )


PAYMENT = {"type": "payment", "amount": "120.00", "payee": "Müller & Söhne"}


def facts(token, **changes):
    start = TokenFacts(
        token_id=token.token_id,
        grant_id=None,
        client_id="shop",
        user_id=None,
        scope=frozenset({"accounts:read"}),
        audience=BANK,
        credential="client_secret",
        issued_at=START,
        expires_at=START + 600,
    )
    return replace(start, **changes)


class SessionsOfAll(dict):
    """The browser app of the bank, at whatever host a door is tested; a session is named by its token."""

    def __init__(self, world):
        self.app = BrowserApp("app", ORIGIN, cookie("tokenward-app", secure=True), self)
        self.world = world
        super().__init__({"": self.app})

    def get(self, host, default=None):
        return self.app

    async def token(self, session, *, refused=""):
        token = session.removeprefix("of-")
        if token == session or token not in self.world.known:
            raise Refusal(SESSION_ENDED, "no session")
        return token


class World:
    """Everything that an engine needs, with handles to disturb it."""

    def __init__(self, upstream="http://127.0.0.1:9", clock=None):
        self.clock = clock or ManualClock(START)
        self.start = self.clock.time()
        self.fresh = True
        self.dpop = DpopVerifier(
            replays=MemoryReplays(clock=self.clock),
            nonces=DpopNonces(bytes(32), clock=self.clock),
            clock=self.clock,
        )
        self.fault = None
        self.lookups = 0
        self.gate = None
        self.known = {}
        self.tokens = {}
        self.observed = []
        self.add("reader")
        self.add("writer", scope=frozenset({"transfers:write"}))
        self.add("person", user_id="u1", grant_id="g1", scope=frozenset({"accounts:read", "profile"}))
        self.add("weather", audience=WEATHER, scope=frozenset())
        self.add("pager", audience=PAGES, scope=frozenset({"notes"}))
        self.add("key", credential="api_key")
        self.add("buyer", audience=SHOP, scope=frozenset({"orders"}))
        self.add("weatherkey", audience=WEATHER, credential="api_key", scope=frozenset())
        self.add("longlived", expires_at=self.start + 3600)
        nothing = {"scope": frozenset()}
        self.add("payer", **nothing, authorization_details=({"type": "other"}, PAYMENT))
        self.add("looker", **nothing, authorization_details=({"type": "other", "payment": "payment"},))
        self.add_key("apikey")
        self.add_key("bankkey", audience=BANK, scope=frozenset({"accounts:read"}))
        self.add_key("foreignkey", text="sk_live_51Hx/+=~")
        self.tokens["unknown"] = opaque.new("at").secret.reveal()
        self.tokens["unknownkey"] = opaque.new("ak").secret.reveal()
        self.tokens["refresh"] = opaque.new("rt").secret.reveal()
        good = self.tokens["reader"]
        for name, text in (("damaged", good), ("damagedkey", self.tokens["apikey"])):
            self.tokens[name] = text[:-1] + ("0" if text[-1] != "0" else "1")
        paying = {"scope": frozenset({"accounts:read", "transfers:write"}), "cnf": CNF}
        self.add("bound", **paying)
        strong = paying | {"credential": "private_key_jwt"}
        self.add("machine", **strong)
        person = strong | {"user_id": "u1", "grant_id": "g1", "auth_time": self.start}
        self.add("mfa", **person, amr=("pwd", "otp"))
        self.add("pwd", **person, amr=("pwd",))
        self.add("stale", **(person | {"auth_time": self.start - 301}), amr=("pwd", "otp"))
        self.place = Place(self.clock, upstream)
        self.tokens |= {
            "theirs": self.place.jwt(),
            "theirs_bound": self.place.jwt(cnf=CNF.claim(), scope="orders:write"),
            "theirs_for_the_bank": self.place.stranger.jwt(BANK),
            "nobodys": self.place.jwt(iss="https://nobody.example"),
            "their_opaque": self.place.token(),
            "their_bound_opaque": self.place.token(cnf=CNF.claim(), token_type="DPoP", scope="orders:write"),
            "reports": basic("reports", "correct horse"),
            "guess": basic("reports", "battery staple"),
        }
        self.add("partner", audience=PARTNER, scope=frozenset({"orders:read"}))
        self.sessions = SessionsOfAll(self)
        all_apis = (*apis(upstream), self.place.api())
        self.policy = Policy(
            [replace(api, apps=self.sessions) if api.name == "bank" else api for api in all_apis]
        )
        self.ring = FixedRing(KEY)
        self.minter = InsideMinter(self.ring, INSIDE, self.clock)
        self.counters = MemoryCounters(self.clock)
        for limit, subjects in ((BUSY, ("192.0.2.1", "127.0.0.1")), (SPENT, ("shop",))):
            for subject in subjects:
                self.counters.take([Count(limit.counter, subject, limit.rate)])
        self.engine = Engine(
            self.policy,
            self,
            self.minter,
            lambda: self.fresh,
            proofs=Proofs(self.dpop, ORIGIN),
            resources=ResourceMetadata(BANK, ISSUER, ("ES256",), certificates=True),
            counters=self.counters,
            observe=lambda request, decision, seconds: self.observed.append(decision),
            clock=self.clock,
        )
        self.tokens["inside"] = self.minter.mint(self.known[good]).text

    def add(self, name, **changes):
        token = opaque.new("at")
        times = {"issued_at": self.start, "expires_at": self.start + 600}
        self.known[token.secret.reveal()] = facts(token, **(times | changes))
        self.tokens[name] = token.secret.reveal()

    def add_key(self, name, *, text=None, addresses=(), origins=(), rate=None, **changes):
        token = opaque.new("ak")
        self.tokens[name] = text = text or token.secret.reveal()
        changes = {
            "audience": WEATHER,
            "scope": frozenset(),
            "expires_at": self.start + 90 * 86400,
            **changes,
        }
        self.known[text] = facts(
            token,
            client_id=f"api_key/{token.token_id}",
            credential="api_key",
            issued_at=self.start,
            key=KeyTerms(token.token_id, addresses, origins, rate),
            **changes,
        )
        return token.token_id

    async def resolve_api_key(self, key):
        return await self.resolve(key, None)

    async def resolve(self, token, token_id):
        self.lookups += 1
        answer = self.known.get(token)
        if self.gate is not None:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return answer

    def unavailable(self):
        self.fault = Refusal(UNAVAILABLE, "the store is down")

    def request(
        self,
        path="/bank/accounts/7",
        token="reader",
        *,
        method="GET",
        query="",
        headers=None,
        peer="192.0.2.1",
        body=b"",
    ):
        if headers is None:
            headers = [("authorization", "Bearer {" + token + "}")] if token else []
        return AccessRequest(
            method,
            path if isinstance(path, bytes) else path.encode(),
            self.fill(query),
            tuple((name.encode("latin-1"), self.fill(value, method, path)) for name, value in headers),
            peer,
            body=HeldBody(body),
        )

    def fill(self, text, method="GET", path="/"):
        """`{name}` is a token, `{proof claim=value …}` a good proof for the request but for that."""
        text = _PROOF.sub(lambda match: self.proof(method, path, *match[1].split()), text)
        for name, token in self.tokens.items():
            text = text.replace("{" + name + "}", token)
        return text.encode("latin-1")

    def proof(self, method, path, *changes, key=CLIENT_KEY, token="bound"):
        claims = {
            "jti": random_bytes(8).hex(),
            "htm": method,
            "htu": ORIGIN + path,
            "iat": int(self.clock.time()),
            "nonce": self.dpop.nonce(),
            "ath": token_hash(self.tokens[token]),
        }
        for claim, value in (change.split("=", 1) for change in changes):
            if claim == "of":
                claims["ath"] = token_hash(self.tokens[value])
            elif claim == "by":
                key = STRANGER
            elif value:
                claims[claim] = value
            else:
                del claims[claim]
        header = {"typ": "dpop+jwt", "kid": ABSENT, "jwk": members(key.private.public_key())}
        return mint(claims, key, **header)

    def decide(self, *args, **kwargs):
        return asyncio.run(self.engine.decide(self.request(*args, **kwargs)))


def code(decision):
    return decision.reason
