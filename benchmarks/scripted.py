"""What `wrk` cannot ask: several requests that follow from each other, and requests from many addresses.

A program asks, at ours and at the peer in alternating rounds. What it costs itself falls on both alike.

    python benchmarks/scripted.py TITLE CONNECTIONS < what `Asked` says, as JSON
"""

import asyncio
import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import uvloop
from browser import Browser, Unexpected, at_address, leads_to
from cases import PEER_PATHS, authorization
from http_exchange import exchange, written
from load import Comparison, Round, comparisons
from material import CALLBACK, CLIENT, SCOPE, VERIFIER
from servers import PERSON, Issuer

CODE = "authorize to token, scripted browser"
DEVICE = "device authorization, many addresses"
A_TIME = 25  # devices at one address: 30 may ask at once, then one every ten seconds
_ADDRESSES = itertools.count(0, 64 * 500)  # of the rounds
PER_CONNECTION = 500  # addresses, more than a connection's devices come to in a round


@dataclass(frozen=True, slots=True)
class Asked:
    """What a round needs to know.

    Attributes:
        port: of the server, on 127.0.0.1.
        seconds: for how long.
        paths: those of the server, by ours.
        basic: the Authorization value of the application.
        device_client: the client_id of what is on devices.
        password: of the person, or "".
        first: the number of the first address that no round before has used.
        cookies: those of the one person.
    """

    port: int
    seconds: float
    paths: dict[str, str]
    basic: str
    device_client: str
    password: str
    first: int
    cookies: dict[str, str] = field(default_factory=dict)


def compare(
    title: str, peers: Mapping[str, Issuer], ours: Issuer, *, connections: int, rounds: int
) -> list[Comparison]:
    """Each peer and ours in turn, after a round of each that nobody counts."""
    theirs: dict[str, list[Round]] = {name: [] for name in peers}
    own = []
    for _ in range(rounds + 1):
        for name, issuer in peers.items():
            theirs[name].append(_in_process(title, issuer, connections, is_ours=False))
        own.append(_in_process(title, ours, connections, is_ours=True))
    counted = {name: each[1:] for name, each in theirs.items()}
    return comparisons(title, counted, own[1:], connections=connections)


def _in_process(title: str, issuer: Issuer, connections: int, *, is_ours: bool) -> Round:
    paths = {path: path if is_ours else other for path, other in PEER_PATHS.items()}
    given = {
        "port": urlsplit(issuer.url).port,
        "seconds": 1.0,
        "paths": paths,
        "basic": issuer.basic,
        "device_client": issuer.device_client,
        "password": issuer.password.reveal() if issuer.password else "",
        "first": next(_ADDRESSES),
    }
    told = subprocess.run(
        [sys.executable, __file__, title, str(connections)],
        input=json.dumps(given),
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Round(*json.loads(told.stdout))


async def _round(title: str, asked: Asked, connections: int) -> Round:
    """As many at once as there are connections, each with its next as soon as its last one is answered."""
    took: list[float] = []
    ready = asyncio.Barrier(connections)
    errand = {CODE: _codes, DEVICE: _devices}[title]
    await asyncio.gather(*(errand(asked, number, ready, took) for number in range(connections)))
    hundredths = statistics.quantiles(took, n=100)
    return Round(len(took) / asked.seconds, hundredths[49], hundredths[98])


async def _codes(asked: Asked, number: int, ready: asyncio.Barrier, took: list[float]) -> None:
    """One signs in and says yes, and all have its cookies; then authorize → code → token, again and again."""
    start = f"{asked.paths['/authorize']}?{urlencode(authorization(CLIENT))}"
    same = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    application = await asyncio.open_connection("127.0.0.1", asked.port)
    async with Browser(asked.port, at_address(asked.first + number), asked.cookies) as browser:
        if not number:
            await _sign_in(browser, start, asked.password)
        await ready.wait()
        end = time.perf_counter() + asked.seconds
        while (began := time.perf_counter()) < end:
            answer = await browser.get(start)
            code = parse_qs(urlsplit(leads_to(answer)).query).get("code")
            if code is None:
                raise Unexpected(f"{answer.status} without a code")
            form = urlencode({**same, "code": code[0]})
            request = written("POST", asked.paths["/token"], {"authorization": asked.basic}, form)
            told = await exchange(application, request)
            if told.status != 200:
                raise Unexpected(f"{told.status} for a code")
            took.append((time.perf_counter() - began) * 1000)
    application[1].close()


async def _sign_in(browser: Browser, start: str, password: str) -> None:
    page = await browser.follow(start)
    if page.status == 200:  # the peer shows no page: its person says yes at once
        page = await browser.submit(page, "/sign-in", username=PERSON, password=password)
        page = await browser.follow(browser.location(page))
        if page.status == 200:
            await browser.submit(page, "/authorize/decision", decision="allow")


async def _devices(asked: Asked, number: int, ready: asyncio.Barrier, took: list[float]) -> None:
    """Devices that prove nothing, some at each address and then some at the next one."""
    form = urlencode({"client_id": asked.device_client, "scope": SCOPE})
    request = written("POST", asked.paths["/device_authorization"], {}, form)
    addresses = itertools.count(asked.first + number * PER_CONNECTION)
    await ready.wait()
    end = time.perf_counter() + asked.seconds
    while time.perf_counter() < end:
        place = (at_address(next(addresses)), 0)
        connection = await asyncio.open_connection("127.0.0.1", asked.port, local_addr=place)
        for _ in range(A_TIME):
            if (began := time.perf_counter()) >= end:
                break
            if (answer := await exchange(connection, request)).status != 200:
                raise Unexpected(f"{answer.status} to a device")
            took.append((time.perf_counter() - began) * 1000)
        connection[1].close()


if __name__ == "__main__":
    title, connections = sys.argv[1:]
    print(json.dumps(astuple(uvloop.run(_round(title, Asked(**json.load(sys.stdin)), int(connections))))))
