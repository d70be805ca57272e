"""One round of load by `wrk`, and the comparison of servers in alternating rounds."""

import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

SCRIPT = Path(__file__).with_name("requests.lua")
WARM_UP = 1  # seconds of load on each side that nobody measures


class Request(NamedTuple):
    """One request: a POST, or a GET where `body` is empty. Headers that are empty are not sent."""

    body: str = ""
    authorization: str = ""
    dpop: str = ""
    content_type: str = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked of one server.

    Attributes:
        url: of the endpoint.
        requests: called before each round.
        once: each request is sent once, and a round ends early when there is none left. Otherwise they are
            sent in turn, from the beginning again after the last.
    """

    url: str
    requests: Callable[[], Sequence[Request]]
    once: bool = False


@dataclass(frozen=True, slots=True)
class Round:
    """What one round gave: requests a second, and latencies in milliseconds."""

    rate: float
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Rounds of ours and of the peer, in the order in which they alternated. Not everything has a peer."""

    title: str
    peer_name: str
    connections: int
    peer: tuple[Round, ...]
    ours: tuple[Round, ...]

    @property
    def ratio(self) -> float | None:
        """How many requests we answer for one of the peer's: the median of the pairs of rounds."""
        return statistics.median(self._ratios()) if self.peer else None

    @property
    def spread(self) -> tuple[float, float]:
        """The least and the greatest ratio of a pair of rounds."""
        ratios = self._ratios()
        return min(ratios), max(ratios)

    def _ratios(self) -> list[float]:
        return [ours.rate / peer.rate for ours, peer in zip(self.ours, self.peer, strict=True)]


def middle(rounds: Sequence[Round]) -> Round:
    """The medians of the rounds, each figure by itself."""
    return Round(
        statistics.median(each.rate for each in rounds),
        statistics.median(each.p50 for each in rounds),
        statistics.median(each.p99 for each in rounds),
    )


def compare(
    title: str,
    peer_name: str,
    peer: Target | None,
    ours: Target,
    *,
    connections: int,
    rounds: int,
    seconds: int,
) -> Comparison:
    """Load peer, ours, peer, ours and so on: whatever else the machine does falls on both."""
    peers = {peer_name: peer} if peer else {}
    return compare_with(title, peers, ours, connections=connections, rounds=rounds, seconds=seconds)[0]


def compare_with(
    title: str, peers: Mapping[str, Target], ours: Target, *, connections: int, rounds: int, seconds: int
) -> list[Comparison]:
    """The same with several peers by name, each in its turn of every round, and ours beside all of them."""
    for target in (*peers.values(), ours):
        load(target, connections=connections, seconds=WARM_UP)
    theirs: dict[str, list[Round]] = {name: [] for name in peers}
    own = []
    for _ in range(rounds):
        for name, target in peers.items():
            theirs[name].append(load(target, connections=connections, seconds=seconds))
        own.append(load(ours, connections=connections, seconds=seconds))
    return comparisons(title, theirs, own, connections=connections)


def comparisons(
    title: str, theirs: Mapping[str, Sequence[Round]], ours: Sequence[Round], *, connections: int
) -> list[Comparison]:
    """One for each peer, or one without, of rounds that were measured in turn."""
    return [
        Comparison(title, name, connections, tuple(each), tuple(ours))
        for name, each in (theirs or {"": []}).items()
    ]


def load(target: Target, *, connections: int, seconds: int) -> Round:
    """One round, from one thread of `wrk`.

    Raises:
        RuntimeError: an answer was an error: figures of refusals would mean nothing.
    """
    requests = target.requests()
    with tempfile.NamedTemporaryFile("w", suffix=".requests") as file:
        file.writelines("\t".join(request) + "\n" for request in requests)
        file.flush()
        output = subprocess.run(
            [
                "wrk",
                "-t1",
                f"-c{connections}",
                f"-d{seconds}s",
                "--timeout",
                "10s",
                "-s",
                SCRIPT,
                target.url,
            ],
            env={**os.environ, "BENCH_REQUESTS": file.name, "BENCH_ONCE": "1" if target.once else ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    told = json.loads(output.splitlines()[-1])
    if told["refused"] or told["broken"] or not told["requests"]:
        raise RuntimeError(
            f"{target.url}: {told['refused']} refusals, {told['broken']} broken of {told['requests']}"
        )
    return Round(
        rate=told["requests"] / told["microseconds"] * 1e6, p50=told["p50"] / 1000, p99=told["p99"] / 1000
    )
