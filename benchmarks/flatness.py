"""Whether a decision costs the same however many operations the policy has, and however many tokens live."""

import asyncio
import statistics
import tempfile
import timeit
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import decision
from material import SCOPE, minting
from servers import CHALLENGE, configured

from tokenward.app.config import Configuration
from tokenward.app.foundation import foundation
from tokenward.app.servers import gateway_engine
from tokenward.gateway.access import AccessRequest, Allow, HeldBody

ASKED = 1000  # tokens, or requests, in turn


@dataclass(frozen=True, slots=True)
class Flatness:
    """Microseconds of a decision by how much there was, from little to much.

    Attributes:
        operations: of known tokens, by the number of operations.
        remembered: likewise, by the number of tokens that the gateway remembers.
        looked_up: of tokens that must be looked up in SQLite, by the number of live ones there.
    """

    operations: dict[int, float]
    remembered: dict[int, float]
    looked_up: dict[int, float]


def measure(*, quick: bool) -> Flatness:
    """Some minutes: a million tokens are stored on the way; a tenth of that where it must be quick."""
    repeats = 3 if quick else 9
    return Flatness(
        {count: asyncio.run(_known(count, ASKED, repeats)) for count in (10, 100, 1000, 10_000)},
        {count: asyncio.run(_known(100, count, repeats)) for count in (1, 1000, 100_000)},
        {count: _looked_up(count) for count in (ASKED, 100_000, *(() if quick else (1_000_000,)))},
    )


async def _known(operations: int, tokens: int, repeats: int) -> float:
    texts = decision.fresh_tokens(tokens)
    requests = [decision.request(number, text, operations) for number, text in enumerate(texts)]
    engine = await decision.prepared(requests, operations)
    # Spread over all of them: those in a row would share the processor's caches, as real ones do not.
    step = max(1, tokens // ASKED)
    asked = [requests[number * step % tokens] for number in range(ASKED)] * 10
    return await decision.cost(engine, asked, repeats)


def _looked_up(tokens: int) -> float:
    """Each token is asked about once, in an engine that has seen none of them."""
    with tempfile.TemporaryDirectory() as directory:
        configuration, _ = configured(Path(directory), "http://127.0.0.1:9")
        with minting(configuration, CHALLENGE) as mint:
            texts = mint("tokens", tokens)
        asked = texts[:: max(1, tokens // ASKED)][:ASKED]
        return asyncio.run(_first_looks(configuration, asked))


async def _first_looks(configuration: Configuration, texts: Sequence[str]) -> float:
    async with foundation(configuration) as ground:
        engine, follower = await gateway_engine(ground)
        following = asyncio.create_task(follower.run())
        await follower.followed()
        costs = []
        for text in texts:
            await asyncio.sleep(0)  # the follower has its turns
            started = timeit.default_timer()
            decided = await engine.decide(_of_the_weather(text))
            costs.append((timeit.default_timer() - started) * 1e6)
            if not isinstance(decided, Allow):
                raise TypeError(f"the benchmark's own request for {SCOPE} was denied: {decided!r}")
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    return statistics.median(costs)


def _of_the_weather(token: str) -> AccessRequest:
    return AccessRequest(
        method="GET",
        raw_path=b"/weather/forecast/lisbon",
        query=b"",
        headers=((b"host", b"127.0.0.1"), (b"authorization", b"Bearer " + token.encode())),
        peer="127.0.0.1",
        host="127.0.0.1",
        body=HeldBody(b""),
    )
