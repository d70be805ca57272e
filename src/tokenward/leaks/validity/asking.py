"""Asking providers, politely: one question a secret, one after another at a host, and never a second try.

A host that asks to slow down, or cannot be reached, is not asked again: what is left there stays unknown.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.outbound import Answer, OutboundError
from tokenward.leaks.result import Validity
from tokenward.leaks.rule import Check
from tokenward.leaks.validity.answers import SLOW_DOWN, judge, reads_body
from tokenward.leaks.validity.request import CannotAsk, request

HOSTS_AT_ONCE = 4

PAUSE = 0.25
"""Seconds between one answer of a host and the next question to it."""

_FAILED: Mapping[str, str] = {
    "timeout": "it did not answer in time",
    "unreachable": "it cannot be reached",
    "address_refused": "its name leads to an address that is not public",
    "redirect_refused": "it answered with a redirect",
    "too_large": "its answer was too large",
}


class Transport(Protocol):
    """What carries questions: `OutboundClient`."""

    async def ask_async(
        self,
        method: Literal["GET", "POST"],
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        reads: bool = False,
    ) -> Answer:
        """One answer.

        Raises:
            OutboundError: there was none.
        """
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """About one secret.

    Attributes:
        fingerprint: of the secret.
        check: how its provider is asked.
        secret: its bytes.
        pair: what was found beside it; "" for nothing.
    """

    fingerprint: str
    check: Check
    secret: bytes = field(repr=False)
    pair: str = ""


async def ask(
    questions: Sequence[Question],
    transport: Transport,
    told: Callable[[str, Validity], None],
    *,
    clock: Clock = SYSTEM_CLOCK,
) -> None:
    """Ask every question, each secret's once.

    Args:
        questions: in whatever order.
        transport: carries them.
        told: is given each answer as it comes, with the fingerprint; so an interruption loses only the rest.
        clock: for the moments of the answers.
    """
    by_host: dict[str, dict[str, Question]] = {}
    for question in questions:
        by_host.setdefault(question.check.host, {}).setdefault(question.fingerprint, question)
    places = asyncio.Semaphore(HOSTS_AT_ONCE)

    async def at_host(host: str, of_host: Sequence[Question]) -> None:
        async with places:
            given_up = ""
            for number, question in enumerate(of_host):
                if given_up:
                    told(question.fingerprint, Validity("unknown", host, given_up, clock.time()))
                    continue
                if number:
                    await asyncio.sleep(PAUSE)
                validity, given_up = await _one(question, transport, clock)
                told(question.fingerprint, validity)

    await asyncio.gather(*(at_host(host, list(some.values())) for host, some in by_host.items()))


async def _one(question: Question, transport: Transport, clock: Clock) -> tuple[Validity, str]:
    """What came of it, and why nothing more is to be asked there; "" where that goes on."""
    check = question.check

    def unknown(why: str) -> Validity:
        return Validity("unknown", check.host, why, clock.time())

    try:
        asked = request(check, question.secret, question.pair)
        answer = await transport.ask_async(
            asked.method, asked.url, headers=asked.headers, body=asked.body, reads=reads_body(check)
        )
    except CannotAsk as error:
        return unknown(str(error)), ""
    except OutboundError as error:  # its detail is for logs that nobody keeps here
        why = _FAILED.get(error.code, "it gave no answer that can be read")
        return unknown(why), f"not asked, {why} before"
    if answer.status == SLOW_DOWN:
        return unknown("it asked to slow down"), "not asked, it asked to slow down before"
    state = judge(check, answer)
    return Validity(state, check.host, f"it answered {answer.status}", clock.time()), ""
