"""What is under way at a door, and ends before its time: its credential was revoked, or the process leaves.

A decision is good for the moment in which it was made. An exchange that goes on is asked about again when
something was revoked, when the policy is another, when its credential has ended, and now and then if nobody
would tell us of a revocation. An answer that has an
end of its own may outlive its credential's, as long as nobody revoked that; a stream of events or a WebSocket
may not. While revocations are unconfirmed, what needs a credential does not go on, as nothing new begins.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Never

from tokenward.base.problems import TOO_MANY_REQUESTS, UNAVAILABLE, Refusal
from tokenward.gateway.access import AccessRequest, TokenFacts
from tokenward.gateway.engine import Engine
from tokenward.gateway.policy import Policy

LEAVING = Refusal(UNAVAILABLE, "the process ends")
"""Why everything without an end is ended when the process is."""

TICK = 0.25
"""Seconds between two looks."""

SESSION_SECONDS = 1.0
"""How often it is asked whether the session of a browser app goes on: nobody tells us of its end."""

AT_ONCE = 16
"""How many are asked about at a time: another issuer that answers slowly must not hold up the others."""


@dataclass(slots=True, eq=False)
class Held:
    """One exchange.

    Attributes:
        request: what was allowed.
        facts: whose it is; None for an anonymous one, which no revocation concerns, only another policy.
        generation: of the verified tokens, from before it was allowed.
        policy: by which it was allowed.
        endless: it has no end of its own.
        cut: ends it; set by whoever carries it.
        ended: why it was ended.
        asked: whether it is being asked about.
        session: it is by the session of a browser app.
        asked_at: when it was last asked about, or allowed; seconds since 1970.
    """

    request: AccessRequest
    facts: TokenFacts | None
    generation: int
    policy: Policy
    endless: bool = False
    cut: Callable[[Refusal], object] | None = None
    ended: Refusal | None = None
    asked: bool = False
    session: bool = False
    asked_at: float = 0.0

    def end(self, refusal: Refusal) -> None:
        """End it now."""
        self.ended = refusal
        if self.cut is not None:
            self.cut(refusal)


class Running:
    """All exchanges of a door.

    Attributes:
        leaving: whether the process is about to end: nothing new should be sent here.
    """

    __slots__ = ("_engine", "_held", "_turns", "leaving")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._held: set[Held] = set()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self.leaving = False

    def hold(self, request: AccessRequest) -> Held:
        """What is about to be decided on, and has no end of its own. It is added once it is allowed.

        Made before the decision: what is revoked meanwhile is news for it.
        """
        return Held(request, None, self._engine.verified.generation, self._engine.policy, endless=True)

    def add(self, held: Held) -> None:
        """It begins."""
        held.asked_at = self._engine.clock.time()
        self._held.add(held)

    def remove(self, held: Held) -> None:
        """It is over."""
        self._held.discard(held)

    def leave(self) -> None:
        """End what would go on for ever; the rest may finish."""
        self.leaving = True
        for held in tuple(self._held):
            if held.endless:
                held.end(LEAVING)

    async def watch(self) -> Never:
        """Look at all of them again and again, until cancelled. No look waits for the answers to another."""
        async with asyncio.TaskGroup() as looks:
            while True:
                await asyncio.sleep(TICK)
                looks.create_task(self.look())

    async def look(self) -> None:
        """End those that would not be allowed any more."""
        due = [held for held in self._held if self._is_due(held)]
        for held in due:
            held.asked = True
        await asyncio.gather(*map(self._ask_again, due))

    def _is_due(self, held: Held) -> bool:
        if held.ended is not None or held.asked:
            return False
        if held.facts is None:
            return held.policy is not self._engine.policy
        over = self._engine.clock.time() >= held.facts.expires_at
        return held.endless if over else self._is_news(held)

    def _is_news(self, held: Held) -> bool:
        engine = self._engine
        moved = held.generation != engine.verified.generation or held.policy is not engine.policy
        old = held.facts is not None and engine.clock.time() >= held.facts.believed_until
        asks = held.session and engine.clock.time() >= held.asked_at + SESSION_SECONDS
        return moved or old or asks or not engine.fresh()

    async def _ask_again(self, held: Held) -> None:
        try:
            async with self._turns:
                generation, policy = self._engine.verified.generation, self._engine.policy
                proved = held.facts.cnf if held.facts is not None else None
                answer = await self._engine.outlives(held.request, proved)
        finally:
            held.asked, held.asked_at = False, self._engine.clock.time()
        if not isinstance(answer, Refusal):
            held.facts, held.generation, held.policy = answer, generation, policy
        elif answer.problem is not TOO_MANY_REQUESTS:  # then it is asked about at the next look
            held.end(answer)
