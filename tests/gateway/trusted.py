"""An API that trusts others beside our own issuer: what it takes from whom, without a network."""

import json
from base64 import b64encode

from gateway.stranger import Stranger
from tokenward.gateway.basic import BasicList
from tokenward.gateway.foreign import Terms
from tokenward.gateway.foreign_jwts import ForeignJwts
from tokenward.gateway.introspection import Introspected, Server
from tokenward.gateway.policy import Api, Operation
from tokenward.gateway.tiers import TIERS
from tokenward.gateway.trust import Trust
from tokenward.gateway.upstreams import Pool
from tokenward.tokens.keys import SigningKey
from tokenward.tokens.validator import find_kind

PARTNER = "https://partner.example"
LAST_DAY = 30 * 86_400  # seconds after the start of the world


class OpenBook:
    """Passwords that are written down, so that comparing them takes no time. It counts."""

    def __init__(self):
        self.asked = []

    async def verify(self, password_hash, password):
        self.asked.append(password_hash)
        return password_hash == f"hash of {password.reveal()}"


class NoGuesses:
    """A throttle that writes down what it was told."""

    def __init__(self):
        self.counted = []

    def admit(self, peer, username):
        self.counted.append((peer, username))
        return 0.0

    def give_back(self, peer, username, delay):
        self.counted.remove((peer, username))


class Place:
    """The API `partner` and everybody whom it trusts, with handles to disturb them."""

    def __init__(self, clock, upstream="http://127.0.0.1:9", **terms):
        self.clock = clock
        self.upstream = upstream
        self.stranger = Stranger(clock=clock.time)
        self.passwords, self.guesses = OpenBook(), NoGuesses()
        self.questions = []
        self.heads = []
        self.answer = None
        self.basic = BasicList(
            {"reports": "hash of correct horse"},
            PARTNER,
            frozenset({"orders:read"}),
            clock.time() + LAST_DAY,
            self.passwords,
            self.guesses,
            clock,
        )
        self.jwts = self.jwt_source(**terms)
        self.opaque = self.opaque_source(**terms)

    def written(self):
        """What another process needs to know of the stranger."""
        key = self.stranger.key
        return key.kid, key.to_pkcs8(), self.stranger.tokens

    def read(self, written):
        kid, private, self.stranger.tokens = written
        self.stranger.key = SigningKey.from_pkcs8(kid, "ES256", private)
        self.stranger.keys = {"keys": [self.stranger.key.public_jwk()]}
        self.jwts = self.jwt_source()

    def terms(self, **changes):
        said = {"issuer": self.stranger.issuer, "audience": PARTNER}
        return Terms(**(said | {"scopes": frozenset({"orders:read", "orders:write"})} | changes))

    def jwt_source(self, kind="at+jwt", *, keys=None, scope_claim=None, max_lifetime=None, **terms):
        return ForeignJwts(
            find_kind(kind),
            self.terms(**terms),
            audience=PARTNER,
            keys=keys or self.stranger.keys,
            algorithms=("ES256",),
            scope_claim=scope_claim,
            max_lifetime=max_lifetime,
            clock=self.clock,
        )

    def opaque_source(self, *, believed=30, server=None, **terms):
        server = server or Server(
            "https://stranger.example/introspect",
            lambda: ("Basic b3Vycw==", {}),
            self.post,
        )
        return Introspected(
            server, self.terms(**terms), audience=PARTNER, believed=believed, clock=self.clock
        )

    async def post(self, url, form, *, accept, authorization):
        self.questions.append(dict(form))
        self.heads.append((accept, authorization))
        if self.answer is not None:
            answer = self.answer(form)
            return answer if isinstance(answer, bytes) else await answer
        return json.dumps(self.stranger.tokens.get(form["token"], {"active": False})).encode()

    @property
    def trust(self):
        return Trust(
            issuers={self.stranger.issuer: self.jwts}, opaque={"their-": self.opaque}, basic=self.basic
        )

    def api(self, trust=None):
        return Api(
            "partner",
            "/partner",
            Pool((self.upstream,)),
            PARTNER,
            (
                _operation("GET /hello", "public"),
                _operation("GET /reports", "low", "orders:read"),
                _operation("GET /orders", "moderate", "orders:read"),
                _operation("POST /orders", "moderate", "orders:write"),
                _operation("POST /payments", "high", "orders:write"),
                _operation("POST /payouts", "critical", "orders:write"),
            ),
            trust=trust or self.trust,
        )

    def jwt(self, **changes):
        return self.stranger.jwt(PARTNER, **({"scope": "orders:read"} | changes))

    def token(self, **changes):
        return self.stranger.opaque(PARTNER, **({"scope": "orders:read"} | changes))


def basic(name, password):
    return b64encode(f"{name}:{password}".encode()).decode()


def _operation(label, tier, *scopes):
    method, template = label.split(" ")
    return Operation(method, template, label, TIERS[tier], frozenset(scopes))
