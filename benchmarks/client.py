"""What showing a cached token costs a request: ours, requests_oauth2client and Authlib.

Run by `run.py` in the virtual environment of the peers; prints the measurements as JSON. Each has fetched its
token from the same small server on loopback before anything is measured, and goes no further than the request
that it would send: what the network takes is the same for all. They take turns as in `validation.py`, and of
each the best slice counts.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version

import httpx
import requests
from authlib.integrations.httpx_client import OAuth2Client as AuthlibHttpx
from authlib.integrations.requests_client import OAuth2Session as AuthlibRequests
from requests_oauth2client import OAuth2Client, OAuth2ClientCredentialsAuth
from token_server import token_server

from tokenward.client import ClientCredentials, ClientSecret, HttpxAuth, RequestsAuth, Server

URL = "https://api.example.com/accounts?limit=20"
SLICE = 0.002  # seconds
PACKAGES = ("requests", "httpx", "requests_oauth2client", "Authlib")

Work = Callable[[], object]


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/client.py", description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    rounds = parser.parse_args().rounds
    with token_server() as issuer:
        contestants = dict(_contestants(issuer))
        costs = measure(contestants, rounds)
    versions = {name: version(name) for name in PACKAGES}
    json.dump({"costs": costs, "versions": versions, "rounds": rounds}, sys.stdout)
    return 0


def measure(contestants: dict[str, Work], rounds: int) -> dict[str, float]:
    """Microseconds that each takes once."""
    names = list(contestants)
    loops = {name: max(1, round(SLICE / _slice(contestants[name], 200))) for name in names}
    best = dict.fromkeys(names, math.inf)
    for at in range(rounds):
        turn = at % len(names)
        for name in names[turn:] + names[:turn]:
            best[name] = min(best[name], _slice(contestants[name], loops[name]))
    return {name: cost * 1e6 for name, cost in best.items()}


def _slice(work: Work, loops: int) -> float:
    started = time.thread_time()
    for _ in range(loops):
        work()
    return (time.thread_time() - started) / loops


def _contestants(issuer: str) -> Iterator[tuple[str, Work]]:
    """Each in its documented use. A request is ready, and gets what makes it an authorized one."""
    source = ClientCredentials(
        Server(issuer),
        client_id="reports",
        authentication=ClientSecret("env:BENCHMARK_SECRET"),
        scope=["accounts:read"],
        resource="https://api.example.com",
    )
    yield "token()", source.token
    prepared = requests.Request("GET", URL).prepare()
    yield "requests, Tokenward", _requests(RequestsAuth(source), prepared)
    client = OAuth2Client(
        token_endpoint=f"{issuer}/token", client_id="reports", client_secret="unused", testing=True
    )
    yield "requests, requests_oauth2client", _requests(OAuth2ClientCredentialsAuth(client), prepared)
    session = AuthlibRequests("reports", "unused", token_endpoint=f"{issuer}/token")
    session.fetch_token(grant_type="client_credentials")
    yield "requests, Authlib", _requests(session.token_auth, prepared)
    request = httpx.Request("GET", URL)
    yield "httpx, Tokenward", _httpx(HttpxAuth(source), request)
    authlib = AuthlibHttpx("reports", "unused", token_endpoint=f"{issuer}/token")
    authlib.fetch_token(grant_type="client_credentials")
    yield "httpx, Authlib", _httpx(authlib.token_auth, request)


def _requests(auth: Callable[[requests.PreparedRequest], object], prepared: requests.PreparedRequest) -> Work:
    def work() -> None:
        prepared.hooks["response"].clear()
        auth(prepared)

    work()
    if not prepared.headers["Authorization"].startswith("Bearer "):
        raise SystemExit("no token was shown")
    return work


def _httpx(auth: httpx.Auth, request: httpx.Request) -> Work:
    answer = httpx.Response(200, request=request)

    def work() -> None:
        flow = auth.sync_auth_flow(request)
        next(flow)
        try:
            flow.send(answer)
        except StopIteration:
            return

    work()
    if not request.headers["Authorization"].startswith("Bearer "):
        raise SystemExit("no token was shown")
    return work


if __name__ == "__main__":
    sys.exit(main())
