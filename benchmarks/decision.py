"""What one decision on a known token costs, in this process, without a network or a store."""

import asyncio
import hashlib
import statistics
import timeit
from collections.abc import Sequence
from dataclasses import dataclass

from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.entropy import random_bytes
from tokenward.gateway.access import AccessRequest, Allow, TokenFacts
from tokenward.gateway.engine import Engine
from tokenward.gateway.inside import InsideMinter
from tokenward.gateway.policy import Api, Operation, Policy
from tokenward.gateway.tiers import TIERS
from tokenward.gateway.upstreams import Pool
from tokenward.store.keeping import new_signing_key
from tokenward.store.key_ring import KeyRing
from tokenward.store.records import KeyPurpose, SigningKeyRecord
from tokenward.tokens import opaque
from tokenward.tokens.sealing import Sealer

TOKENS = 1000
OPERATIONS = 100
CALLS = 20_000
AUDIENCE = "http://127.0.0.1:8000/things"


@dataclass(frozen=True, slots=True)
class DecisionCost:
    """Microseconds: of a decision, and of the least that any look-up of a token could cost."""

    decide: float
    lookup: float

    @property
    def ratio(self) -> float:
        """How many such look-ups a decision costs."""
        return self.decide / self.lookup


class Resolver:
    """Every token is good; asked once for each, before the clock starts."""

    async def resolve(self, _token: str, token_id: str) -> TokenFacts:
        now = SYSTEM_CLOCK.time()
        return TokenFacts(
            token_id=token_id,
            grant_id=None,
            client_id="bench",
            user_id=None,
            scope=frozenset({"things:read"}),
            audience=AUDIENCE,
            credential="client_secret",
            issued_at=now,
            expires_at=now + 600,
        )


class Keys:
    """One inside key."""

    def __init__(self) -> None:
        self.vault = Sealer(random_bytes(32))
        self.key = new_signing_key(self.vault, "inside", "ES256", SYSTEM_CLOCK.time())

    async def signing_keys(self, _purpose: KeyPurpose) -> list[SigningKeyRecord]:
        return [self.key]


def measure(repeats: int) -> DecisionCost:
    """The median of `repeats` runs of many decisions on a thousand known tokens in turn."""
    tokens = fresh_tokens(TOKENS)
    return DecisionCost(asyncio.run(_decide(tokens, repeats)), _look_up(tokens, repeats))


def fresh_tokens(count: int) -> list[str]:
    """So many opaque access tokens, no two of one name."""
    tokens: dict[str, str] = {}
    while len(tokens) < count:
        token = opaque.new("at")
        tokens[token.token_id] = token.secret.reveal()
    return [*tokens.values()]


async def prepared(requests: Sequence[AccessRequest], count: int = OPERATIONS) -> Engine:
    """An engine with so many operations that knows the token of each of these requests."""
    operations = tuple(
        Operation(
            "GET", f"/things{number}/{{id}}", f"thing{number}", TIERS["moderate"], frozenset({"things:read"})
        )
        for number in range(count)
    )
    policy = Policy([Api("things", "/things", Pool(("http://127.0.0.1:9",)), AUDIENCE, operations)])
    keys = Keys()
    ring = KeyRing(keys, keys.vault, "inside", fresh=lambda: True)  # type: ignore[arg-type]  # all it asks for
    await ring.load()
    minter = InsideMinter(ring, "http://127.0.0.1:8000/inside")
    engine = Engine(policy, Resolver(), minter, lambda: True)
    for request in requests:
        if not isinstance(await engine.decide(request), Allow):
            raise TypeError("the benchmark's own request was denied")
    return engine


async def _decide(tokens: Sequence[str], repeats: int) -> float:
    requests = [request(number, token) for number, token in enumerate(tokens)]
    engine = await prepared(requests)
    return await cost(engine, [requests[number % TOKENS] for number in range(CALLS)], repeats)


async def cost(engine: Engine, rounds: Sequence[AccessRequest], repeats: int) -> float:
    """Microseconds of a decision: the median of `repeats` times all of these requests."""
    decide, costs = engine.decide, []
    for _ in range(repeats):
        started = timeit.default_timer()
        for each in rounds:
            await decide(each)
        costs.append((timeit.default_timer() - started) / len(rounds) * 1e6)
    return statistics.median(costs)


def request(number: int, token: str, count: int = OPERATIONS) -> AccessRequest:
    """The request of that number, for one of so many operations."""
    return AccessRequest(
        method="GET",
        raw_path=b"/things/things%d/%d" % (number % count, number),
        query=b"",
        headers=(
            (b"host", b"127.0.0.1:8000"),
            (b"user-agent", b"bench/1"),
            (b"accept", b"application/json"),
            (b"accept-encoding", b"gzip"),
            (b"authorization", b"Bearer " + token.encode()),
        ),
        peer="127.0.0.1",
        host="127.0.0.1:8000",
    )


def _look_up(tokens: Sequence[str], repeats: int) -> float:
    known = {hashlib.sha256(token.encode()).digest(): token for token in tokens}
    rounds = [tokens[number % TOKENS] for number in range(CALLS)]
    costs = []
    for _ in range(repeats):
        started = timeit.default_timer()
        for token in rounds:
            known[hashlib.sha256(token.encode()).digest()]
        costs.append((timeit.default_timer() - started) / CALLS * 1e6)
    return statistics.median(costs)
