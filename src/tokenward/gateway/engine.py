"""The one decision. Every door calls `Engine.decide` and nothing else; `STEPS` is the order of the checks.

Whatever goes wrong on the way is a denial: the gateway fails closed. A known token is decided on without
touching anything but this process's memory.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import UNAVAILABLE, Refusal
from tokenward.base.rates import Counters, MemoryCounters
from tokenward.gateway import steps
from tokenward.gateway.access import AccessRequest, Decision, Step, TokenFacts, TokenResolver
from tokenward.gateway.inside import InsideMinter
from tokenward.gateway.judges import Own
from tokenward.gateway.limits import Dimension
from tokenward.gateway.outcomes import allowed, denied
from tokenward.gateway.outside import OutsideJwts
from tokenward.gateway.policy import Policy
from tokenward.gateway.proofs import Proofs
from tokenward.gateway.report_only import reported
from tokenward.gateway.resource_metadata import ResourceMetadata
from tokenward.gateway.steps import Answered, Case, Means
from tokenward.gateway.throttle import UnknownTokenThrottle
from tokenward.gateway.trace import traced
from tokenward.gateway.verified import VerifiedTokens
from tokenward.tokens.binding import Confirmation

_FAULTS = logging.getLogger("tokenward.gateway.engine")


@dataclass(frozen=True, slots=True)
class _Row:
    """A step: its name, what it does, and what it found, told only when somebody asks.

    `once`: it is about the beginning of a call alone, so what goes on for long is not asked about it again.
    """

    name: str
    run: Callable[[Means, Case], Awaitable[None] | None]
    tell: Callable[[Case], str]
    once: bool = False


def _matched(case: Case) -> str:
    operation = case.matched.operation
    return f"{case.matched.api.name}: {operation.label}, tier {operation.tier.name}"


def _whose(case: Case) -> str:
    facts = case.entry.facts if case.entry else None
    return f"token {facts.token_id} of client {facts.client_id}" if facts else "anonymous, as the tier allows"


def _credential(case: Case) -> str:
    if case.session is not None:
        return f"a session of {case.session.app.name}"
    if case.presented is None:
        return "none"
    if case.presented.proofs is not None:
        return f"a token of scheme DPoP, and so many proofs: {len(case.presented.proofs)}"
    return "a bearer token" if case.screened.authorization else "an API key"


def _binding(case: Case) -> str:
    bound = case.entry is not None and case.entry.facts.cnf is not None
    return f"audience {case.matched.api.audience}{', and its key was proved' if bound else ''}"


def _terms(case: Case) -> str:
    return "as its terms allow" if case.entry and case.entry.facts.key else "no API key"


def _counted_by(*dimensions: Dimension) -> Callable[[Case], str]:
    def tell(case: Case) -> str:
        told = [(limit, level) for limit, level in case.told if limit.by in dimensions]
        return ", ".join(f"{level.left} left of {limit.name}" for limit, level in told) or "no limit"

    return tell


def _contract(case: Case) -> str:
    if case.matched.operation.contract is None:
        return "not checked"
    return f"reported: {', '.join(map(str, case.violations))}" if case.violations else "as documented"


def _if_known(text: Callable[[Case], str]) -> Callable[[Case], str]:
    return lambda case: text(case) if case.entry else "nothing to check"


STEPS: tuple[_Row, ...] = (
    _Row("canonicalise the path", steps.canonicalise, lambda case: case.path),
    _Row("answer a preflight", steps.answer_preflight, lambda _: "none", once=True),
    _Row("match API and operation", steps.match_operation, _matched),
    _Row("check limits by address", steps.check_address_limits, _counted_by("address"), once=True),
    _Row("check query and headers", steps.screen, lambda _: "well-formed"),
    _Row("extract one credential", steps.extract, _credential),
    _Row(
        "check a session's page",
        steps.check_page,
        lambda case: "one of the application's own" if case.session else "no session",
    ),
    _Row("authenticate", steps.authenticate, _whose),
    _Row("check the binding", steps.check_binding, _if_known(_binding)),
    _Row("check the place of a key", steps.check_key_place, _terms),
    _Row(
        "check the tier", steps.check_tier, _if_known(lambda c: f"enough for {c.matched.operation.tier.name}")
    ),
    _Row(
        "check the scopes",
        steps.check_scopes,
        _if_known(lambda case: " ".join(sorted(case.matched.operation.scopes)) or "none needed"),
    ),
    _Row(
        "check the authorization details",
        steps.check_details,
        _if_known(lambda case: case.matched.operation.details or "none needed"),
    ),
    _Row("check limits by caller", steps.check_limits, _counted_by("key", "client", "person"), once=True),
    _Row("check the contract", steps.check_contract, _contract),
    _Row(
        "mint the inside JWT",
        steps.mint,
        _if_known(lambda case: f"for {case.matched.api.audience}"),
        once=True,
    ),
)

_AGAIN = tuple(step.run for step in STEPS if not step.once)


class Engine:
    """The decision function with what it remembers.

    Attributes:
        verified: the live tokens seen. The follower of the revocation feed calls its `on_event`, and `clear`
            when the feed has a gap.
        minter: signs the inside JWTs.
        policy: in force; a decision keeps to the one with which it began.
        clock: time, as decisions know it.
    """

    __slots__ = (
        "_https",
        "_kept",
        "_means",
        "_observe",
        "_resources",
        "clock",
        "minter",
        "policy",
        "verified",
    )

    def __init__(
        self,
        policy: Policy,
        resolver: TokenResolver,
        minter: InsideMinter,
        fresh: Callable[[], bool],
        *,
        outside: OutsideJwts | None = None,
        proofs: Proofs | None = None,
        resources: ResourceMetadata | None = None,
        counters: Counters | None = None,
        observe: Callable[[AccessRequest, Decision, float], None] | None = None,
        https: bool = False,
        kept: int = 0,
        token_prefix: str = "tkw",  # noqa: S107 - how a token begins
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Put the engine together.

        Args:
            policy: the allow-list.
            resolver: says what a token stands for that is not remembered.
            minter: signs the inside JWTs.
            fresh: False while the revocation feed is unconfirmed; no credential can be judged then.
            outside: verifies access tokens that are JWTs; without it none is accepted.
            proofs: checks DPoP proofs; without it no token that is bound to a key is accepted.
            resources: what is told of the APIs; without it, nothing.
            counters: count calls where there is a limit; without them, those of this process do.
            observe: told each request with its decision and the seconds that it took, for log, metrics and
                uses. Must not raise.
            https: whether clients come by https, and refusals shall keep them there.
            kept: seconds for which an engine in front may answer by a decision, where nothing forbids it.
            token_prefix: how our opaque tokens begin.
            clock: time.
        """
        self.verified = VerifiedTokens()
        self.minter = minter
        self._means = Means(
            Own(resolver, outside, token_prefix),
            proofs,
            minter,
            self.verified,
            UnknownTokenThrottle(clock),
            counters or MemoryCounters(clock),
            fresh,
            clock,
        )
        self.policy = policy
        self._resources = resources
        self._https = https
        self._kept = kept
        self._observe = observe
        self.clock = clock

    def resource_metadata(self, path: str) -> bytes | None:
        """The protected-resource metadata at that path (RFC 9728 §3.2), or None where none is."""
        return self._resources.document(self.policy, path) if self._resources is not None else None

    def fresh(self) -> bool:
        """Whether credentials can be judged now."""
        return self._means.fresh()

    async def decide(self, request: AccessRequest) -> Decision:
        """Allow or deny. Raises nothing: an unexpected fault is a denial with `unavailable`."""
        started = self.clock.monotonic()
        case = Case(request, self.policy, self.clock.time())
        decision: Decision
        try:
            for step in STEPS:
                pending = step.run(self._means, case)
                if pending is not None:
                    await pending
            decision = allowed(case, self._means.proofs, kept=self._kept)
        except Answered as answered:
            decision = answered.preflight._replace(trace=traced(case.screened.trace))
        except Exception as fault:  # noqa: BLE001 - fail closed, whatever it is
            decision = self._refuse(case, as_refusal(fault))
        seconds = self.clock.monotonic() - started
        if self._observe is not None:
            self._observe(request, decision, seconds)
        return decision

    async def outlives(
        self, request: AccessRequest, proved: Confirmation | None = None
    ) -> Refusal | TokenFacts | None:
        """Why what was allowed would not be now; whose it is, if it would. For exchanges that go on for long.

        The same steps as for a new call, but for those that count calls. What is good once is not asked for
        anew: a proof, and how long ago the person signed in. The body has been passed on already.

        Args:
            request: what was allowed.
            proved: the key that was proved then. A token that is bound to another is refused.
        """
        case = Case(request, self.policy, self.clock.time(), again=True, proved=proved)
        try:
            for step in _AGAIN:
                pending = step(self._means, case)
                if pending is not None:
                    await pending
        except Exception as fault:  # noqa: BLE001 - as in decide
            refusal = as_refusal(fault)
            return refusal if reported(case, refusal) is None else None
        return case.entry.facts if case.entry is not None else None

    async def explain(self, request: AccessRequest) -> tuple[Decision, list[Step]]:
        """The decision, and what each step found, up to the one that refused. Not observed."""
        case = Case(request, self.policy, self.clock.time())
        told: list[Step] = []
        for step in STEPS:
            try:
                pending = step.run(self._means, case)
                if pending is not None:
                    await pending
            except Answered as answered:
                told.append(Step(step.name, passed=True, why="a preflight: pages of this origin may call it"))
                return answered.preflight._replace(trace=traced(case.screened.trace)), told
            except Exception as fault:  # noqa: BLE001 - as in decide
                refusal = as_refusal(fault)
                told.append(Step(step.name, passed=False, why=str(refusal)))
                return self._refuse(case, refusal), told
            told.append(Step(step.name, passed=True, why=step.tell(case)))
        return allowed(case, self._means.proofs, kept=self._kept), told

    def _refuse(self, case: Case, refusal: Refusal) -> Decision:
        return reported(case, refusal) or denied(
            case, refusal, self._means.proofs, self._resources, https=self._https
        )


def as_refusal(fault: Exception) -> Refusal:
    """A refusal as it is. Of any other fault only class and place: its text could hold a credential."""
    if isinstance(fault, Refusal):
        return fault
    place = fault.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_qualname}:{place.tb_lineno}" if place is not None else "?"
    _FAULTS.error("a decision failed: %s in %s", type(fault).__name__, where)
    return Refusal(UNAVAILABLE, f"{type(fault).__name__} in {where}")
