"""What a call through the gateway costs: against others, by contract, by load, and by size."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import flatness
import httpx
import revoked
import steady
from cases import FEW
from envoy import envoy, program
from flatness import Flatness
from load import Comparison, Request, Target, compare, load
from revoked import Felt
from servers import Ours, python_server, tokenward
from steady import Latencies

CONNECTIONS = (16, 64)
PATH = "/weather/forecast/lisbon"
ORDER = {
    "customer": "c-1029384756",
    "currency": "EUR",
    "lines": [
        {
            "article": f"ABC-{number:06}",
            "count": number % 9 + 1,
            "price": f"{number * 3}.95",
            "note": "x" * 60,
        }
        for number in range(15)
    ],
}


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that one run measured.

    Attributes:
        comparisons: of throughput.
        rate: requests a second of the steady load.
        steady: latencies at that rate, by server.
        flat: the cost of decisions by how much there is.
        felt: revocations.
        rounds: of each comparison.
    """

    comparisons: Sequence[Comparison]
    rate: float
    steady: Mapping[str, Latencies]
    flat: Flatness
    felt: Felt
    rounds: int


def measure(*, quick: bool) -> Results:
    """Some minutes; a minute where it must be quick."""
    rounds = 2 if quick else 9
    with python_server("backend.py") as backend, tokenward(backend) as ours:
        with python_server("bare_proxy.py", backend) as bare:
            comparisons = [*_throughput(ours, bare, backend, rounds)]
            rate, latencies = _steady(ours, bare, seconds=4 if quick else 20)
        felt = revoked.measure(ours, PATH, count=100 if quick else 1000)
    return Results(comparisons, rate, latencies, flatness.measure(quick=quick), felt, rounds)


def _throughput(ours: Ours, bare: str, backend: str, rounds: int) -> Iterator[Comparison]:
    requests = _known(ours)
    target = Target(ours.gateway + PATH, lambda: requests)
    yield from _compared("gateway", "bare proxy", Target(bare + PATH, lambda: requests), target, rounds)
    if (found := program()) is not None:
        with python_server("backend.py", "yes") as authorizer, envoy(found, backend, authorizer) as url:
            peer = Target(url + PATH, lambda: requests)
            yield from _compared("gateway", "Envoy, ext_authz", peer, target, rounds)
    body = json.dumps(ORDER, separators=(",", ":"))
    token = {name: _token(ours, name) for name in ("loose", "strict")}
    posts = {
        name: [Request(body, f"Bearer {token[name]}", content_type="application/json")] for name in token
    }
    loose, strict = (Target(f"{ours.gateway}/{name}/orders", lambda name=name: posts[name]) for name in token)
    yield from _compared("contract enforced", "contract off", loose, strict, rounds)


def _compared(title: str, name: str, peer: Target, ours: Target, rounds: int) -> Iterator[Comparison]:
    for connections in CONNECTIONS:
        yield compare(title, name, peer, ours, connections=connections, rounds=rounds, seconds=1)


def _known(ours: Ours) -> list[Request]:
    return [Request(authorization=f"Bearer {token}") for token in ours.issuer.mint("tokens", FEW)]


def _token(ours: Ours, api: str) -> str:
    """By client credentials, for one of the two APIs of orders."""
    form = {"grant_type": "client_credentials", "scope": "orders:write", "resource": f"{ours.gateway}/{api}"}
    headers = {"Authorization": ours.issuer.basic, "Content-Type": "application/x-www-form-urlencoded"}
    url = f"{ours.issuer.url}/token"
    answer = httpx.post(url, content=urlencode(form), headers=headers, trust_env=False)
    return str(answer.raise_for_status().json()["access_token"])


def _steady(ours: Ours, bare: str, *, seconds: float) -> tuple[float, dict[str, Latencies]]:
    tokens = ours.issuer.mint("tokens", FEW)
    requests = [Request(authorization=f"Bearer {token}") for token in tokens]
    most = load(Target(ours.gateway + PATH, lambda: requests), connections=steady.CONNECTIONS, seconds=3).rate
    rate = most * steady.SHARE
    return rate, {
        name: steady.measure(url + PATH, tokens, rate=rate, seconds=seconds)
        for name, url in (("bare proxy", bare), ("gateway", ours.gateway))
    }
