"""What a storm of sign-ins by password does to the rest of the issuer, here introspection at a fixed rate."""

import asyncio
import json
import secrets
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from argon2 import PasswordHasher
from cases import CASES
from http_exchange import exchange, written
from load import Round
from servers import Ours, tokenward

from tokenward.app.config import load as load_configuration
from tokenward.app.foundation import foundation
from tokenward.base.entropy import identifier
from tokenward.base.secret import Secret
from tokenward.identity.passwords import AT_ONCE, PARAMETERS, Passwords
from tokenward.store.people_records import User

RATE = 100  # introspections a second
CONNECTIONS = 16
BROWSERS = 16  # as many sign-ins at once: nobody is turned away, and a hash waits all the time
PERSONS = 200
ALLOWED = 1.5
_SETTLING = 1.0  # seconds of a storm before and behind what is measured


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of it.

    Attributes:
        hash_ms: what one hash takes alone, in milliseconds.
        quiet: rounds of introspection with nothing beside.
        stormy: rounds with a storm.
        answers: of the storms' sign-ins, by status.
        seconds: how long they raged, together.
    """

    hash_ms: float
    quiet: tuple[Round, ...]
    stormy: tuple[Round, ...]
    answers: Counter[int]
    seconds: float

    @property
    def ratio(self) -> float:
        """How many times the p99 without: the median of the pairs of rounds."""
        pairs = zip(self.quiet, self.stormy, strict=True)
        return statistics.median(storm.p99 / calm.p99 for calm, storm in pairs)


def measure(*, quick: bool) -> Measured:
    """Quiet, storm, quiet, storm."""
    rounds, seconds = (2, 4.0) if quick else (7, 15.0)
    hash_ms = _hash_ms()
    with tokenward("http://127.0.0.1:9") as ours:
        password = Secret(secrets.token_urlsafe(18))
        asyncio.run(_people(ours, password))
        requests = _introspections(ours)
        port = urlsplit(ours.issuer.url).port or 0
        asyncio.run(at_rate(port, requests, seconds=_SETTLING))
        quiet, stormy, answers = [], [], Counter[int]()
        for _ in range(rounds):
            quiet.append(asyncio.run(at_rate(port, requests, seconds=seconds)))
            with _storm(port, seconds + 2 * _SETTLING, password) as storm:
                time.sleep(_SETTLING)
                stormy.append(asyncio.run(at_rate(port, requests, seconds=seconds)))
                told, _ = storm.communicate()
            answers.update({int(status): count for status, count in json.loads(told).items()})
    if set(answers) - {303, 403, 503}:
        raise RuntimeError(f"the storm met other answers than it should: {dict(answers)}")
    return Measured(hash_ms, tuple(quiet), tuple(stormy), answers, rounds * (seconds + 2 * _SETTLING))


async def at_rate(port: int, requests: Sequence[bytes], *, seconds: float) -> Round:
    """Send them in turn, each at its moment; what it waits for a connection counts as its time.

    Raises:
        RuntimeError: an answer was an error.
    """
    idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        idle.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    loop, took = asyncio.get_running_loop(), []
    start = loop.time() + 0.05

    async def one(due: float, request: bytes) -> None:
        connection = await idle.get()
        answer = await exchange(connection, request)
        took.append((loop.time() - due) * 1000)
        idle.put_nowait(connection)
        if answer.status != 200:
            raise RuntimeError(f"introspection answered {answer.status}")

    async with asyncio.TaskGroup() as group:
        for number in range(round(RATE * seconds)):
            due = start + number / RATE
            await asyncio.sleep(due - loop.time())
            group.create_task(one(due, requests[number % len(requests)]))
    while not idle.empty():
        idle.get_nowait()[1].close()
    hundredths = statistics.quantiles(took, n=100)
    return Round(len(took) / seconds, hundredths[49], hundredths[98])


def lines(measured: Measured) -> list[str]:
    """The result, for the terminal."""
    calm, storm = _typical(measured.quiet), _typical(measured.stormy)
    told = [f"argon2id {_parameters()}: {measured.hash_ms:.0f} ms a hash alone"]
    told.append(
        f"storm: {_rate(measured):.1f} sign-ins/s, {_in(measured):.1f} with the right password, "
        f"{measured.answers[503]} of {measured.answers.total()} turned away"
    )
    told += [
        f"introspection at {RATE}/s {when}: p50 {each.p50:.2f} ms, p99 {each.p99:.2f} ms"
        for when, each in (("without a storm", calm), ("in a storm", storm))
    ]
    return [*told, f"p99 in a storm: {measured.ratio:.2f} times what it is without"]


def document(measured: Measured, machine: dict[str, str], *, busy: bool) -> str:
    """`docs/benchmarks-sign-in.md`, whole."""
    about = "\n".join(f"| {name} | {value} |" for name, value in machine.items())
    rows = "\n".join(
        f"| {number} | {calm.p50:.2f} | {calm.p99:.2f} | {storm.p50:.2f} | {storm.p99:.2f} | "
        f"{storm.p99 / calm.p99:.2f} |"
        for number, (calm, storm) in enumerate(zip(measured.quiet, measured.stormy, strict=True), 1)
    )
    warning = "The machine was busy with something else: measure again.\n\n" if busy else ""
    verdict = "kept" if measured.ratio <= ALLOWED else "not kept"
    return f"""\
# Benchmarks: a storm of sign-ins

Written by `make bench ARGS="--only sign-in --write"`. The issuer of `tokenward up` on SQLite answers {RATE}
introspections a second, each sent at its moment over {CONNECTIONS} connections; what one waits counts as its
time. Meanwhile, in every second round, {BROWSERS} browsers sign in as fast as they are answered, each time
from another address: a quarter with the right password, a quarter under names that nobody has. Load and
server share the machine.

{warning}Passwords are hashed by argon2id with {_parameters()}: memory and passes of the second
option that RFC 9106 §4 recommends, in one lane, on half of the processors ({AT_ONCE} at once
here), by threads of their own that give way to everything else.
One hash takes {measured.hash_ms:.0f} ms alone.

The storm signed in {_rate(measured):.1f} times a second, {_in(measured):.1f} of them with the right
password; {measured.answers[503]} of {measured.answers.total()} were turned away. The p99 of introspection is
{measured.ratio:.2f} times what it is without (the median of the rounds); at most {ALLOWED} is the aim:
{verdict}.

| round | p50 without, ms | p99 without, ms | p50 in a storm, ms | p99 in a storm, ms | ratio of p99 |
|---|---|---|---|---|---|
{rows}

| | |
|---|---|
{about}
"""


def _typical(rounds: Sequence[Round]) -> Round:
    return Round(
        *(statistics.median(column) for column in zip(*((r.rate, r.p50, r.p99) for r in rounds), strict=True))
    )


def _rate(measured: Measured) -> float:
    return (measured.answers[303] + measured.answers[403]) / measured.seconds


def _in(measured: Measured) -> float:
    return measured.answers[303] / measured.seconds


def _parameters() -> str:
    chosen = PARAMETERS
    return f"m={chosen.memory_cost // 1024} MiB, t={chosen.time_cost}, p={chosen.parallelism}"


def _hash_ms() -> float:
    hasher, took = PasswordHasher.from_parameters(PARAMETERS), []
    for _ in range(9):
        started = time.perf_counter()
        hasher.hash(b"correct horse battery staple")
        took.append((time.perf_counter() - started) * 1000)
    return statistics.median(took)


def _introspections(ours: Ours) -> list[bytes]:
    case = next(case for case in CASES if case.title == "introspection, known tokens")
    wanted = case.target(ours.issuer, ours=True).requests()
    return [written("POST", case.path, {"authorization": each.authorization}, each.body) for each in wanted]


async def _people(ours: Ours, password: Secret) -> None:
    configuration = load_configuration(ours.database.parent.parent / "tokenward.yaml").configuration
    if configuration is None:
        raise RuntimeError("the configuration of the benchmark has errors")
    passwords = Passwords()
    hashed = await passwords.hash(password)
    passwords.close()
    async with foundation(configuration) as ground:
        for number in range(PERSONS):
            await ground.store.add_user(User(identifier(), f"person-{number}", hashed, ground.clock.time()))


def _storm(port: int, seconds: float, password: Secret) -> subprocess.Popen[str]:
    command = [sys.executable, str(Path(__file__).with_name("sign_in_storm.py"))]
    storm = subprocess.Popen(
        [*command, str(port), str(seconds), str(BROWSERS), str(PERSONS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert storm.stdin is not None
    storm.stdin.write(password.reveal())
    storm.stdin.close()
    storm.stdin = None
    return storm
