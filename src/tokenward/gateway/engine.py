"""The one decision. Every door calls `Engine.decide` and nothing else; `STEPS` is the order of the checks.

Whatever goes wrong on the way is a denial: the gateway fails closed. A known token is decided on without
touching anything but this process's memory.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import formatdate

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import (
    CREDENTIAL_IN_URL,
    INSUFFICIENT_SCOPE,
    INSUFFICIENT_TIER,
    SEVERAL_CREDENTIALS,
    STEP_UP_NEEDED,
    UNAVAILABLE,
    UNDOCUMENTED,
    UNDOCUMENTED_METHOD,
    UPGRADE_REQUIRED,
    Problem,
    Refusal,
    challenge,
)
from tokenward.base.rates import Counters, MemoryCounters
from tokenward.gateway import cors, limits, steps
from tokenward.gateway.access import AccessRequest, Allow, Decision, Deny, Step, TokenFacts, TokenResolver
from tokenward.gateway.answer_headers import DEFAULTS
from tokenward.gateway.inside import InsideMinter
from tokenward.gateway.judges import Own
from tokenward.gateway.limits import Dimension
from tokenward.gateway.outside import OutsideJwts
from tokenward.gateway.policy import Policy
from tokenward.gateway.proofs import Proofs
from tokenward.gateway.report_only import reported
from tokenward.gateway.resource_metadata import ResourceMetadata
from tokenward.gateway.steps import Answered, Case, Means
from tokenward.gateway.throttle import UnknownTokenThrottle
from tokenward.gateway.tiers import BASIC, step_up
from tokenward.gateway.trace import Trace, traced
from tokenward.gateway.trust import Trust
from tokenward.gateway.verified import VerifiedTokens
from tokenward.tokens.binding import Confirmation

_FAULTS = logging.getLogger("tokenward.gateway.engine")

# RFC 6750 §3: who fails for want of a better credential is told which. Every 401 says it anyway.
_CHALLENGED = frozenset({INSUFFICIENT_SCOPE, INSUFFICIENT_TIER, SEVERAL_CREDENTIALS, CREDENTIAL_IN_URL})

_UNDOCUMENTED = frozenset({UNDOCUMENTED, UNDOCUMENTED_METHOD})
_METHODS = frozenset(
    {"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"}
)  # OpenAPI 3.1 §4.8.9

_SUNSET_SECONDS = 14 * 86_400  # before an API key's end its caller is told


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
        clock: time, as decisions know it.
    """

    __slots__ = ("_https", "_means", "_observe", "_policy", "_resources", "clock", "minter", "verified")

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
        observe: Callable[[Decision, float], None] | None = None,
        https: bool = False,
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
            observe: told each decision and the seconds that it took, for log and metrics. Must not raise.
            https: whether clients come by https, and refusals shall keep them there.
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
        self._policy = policy
        self._resources = resources
        self._https = https
        self._observe = observe
        self.clock = clock

    @property
    def policy(self) -> Policy:
        """The policy that is in force."""
        return self._policy

    def swap_policy(self, policy: Policy) -> None:
        """Decide by another policy from the next request on; running decisions keep theirs."""
        self._policy = policy

    def resource_metadata(self, path: str) -> bytes | None:
        """The protected-resource metadata at that path (RFC 9728 §3.2), or None where none is."""
        return self._resources.document(self._policy, path) if self._resources is not None else None

    def fresh(self) -> bool:
        """Whether credentials can be judged now."""
        return self._means.fresh()

    async def decide(self, request: AccessRequest) -> Decision:
        """Allow or deny. Raises nothing: an unexpected fault is a denial with `unavailable`."""
        started = self.clock.monotonic()
        case = Case(request, self._policy, self.clock.time())
        decision: Decision
        try:
            for step in STEPS:
                pending = step.run(self._means, case)
                if pending is not None:
                    await pending
            decision = self._allow(case)
        except Answered as answered:
            decision = answered.preflight._replace(trace=_trace(case))
        except Exception as fault:  # noqa: BLE001 - fail closed, whatever it is
            decision = self._refuse(case, _as_refusal(fault))
        seconds = self.clock.monotonic() - started
        if self._observe is not None:
            self._observe(decision, seconds)
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
        case = Case(request, self._policy, self.clock.time(), again=True, proved=proved)
        try:
            for step in _AGAIN:
                pending = step(self._means, case)
                if pending is not None:
                    await pending
        except Exception as fault:  # noqa: BLE001 - as in decide
            refusal = _as_refusal(fault)
            return refusal if reported(case, refusal) is None else None
        return case.entry.facts if case.entry is not None else None

    async def explain(self, request: AccessRequest) -> tuple[Decision, list[Step]]:
        """The decision, and what each step found, up to the one that refused. Not observed."""
        case = Case(request, self._policy, self.clock.time())
        told: list[Step] = []
        for step in STEPS:
            try:
                pending = step.run(self._means, case)
                if pending is not None:
                    await pending
            except Answered as answered:
                told.append(Step(step.name, passed=True, why="a preflight: pages of this origin may call it"))
                return answered.preflight._replace(trace=_trace(case)), told
            except Exception as fault:  # noqa: BLE001 - as in decide
                refusal = _as_refusal(fault)
                told.append(Step(step.name, passed=False, why=str(refusal)))
                return self._refuse(case, refusal), told
            told.append(Step(step.name, passed=True, why=step.tell(case)))
        return self._allow(case), told

    def _refuse(self, case: Case, refusal: Refusal) -> Decision:
        return reported(case, refusal) or self._deny(case, refusal)

    def _allow(self, case: Case) -> Allow:
        match = case.matched
        if match.api.reports_until and (as_before := reported(case, None)) is not None:
            return as_before
        return Allow(
            match.api.name,
            match.operation.label,
            match.api.pool,
            match.below,
            case.inside_jwt,
            case.entry.facts if case.entry is not None else None,
            tuple((name.encode(), text.encode()) for name, text in (_sunset(case) | self._told(case)).items())
            + (match.operation.deprecation.told if match.operation.deprecation is not None else ()),
            defaults=match.api.answers.authenticated
            if case.entry is not None
            else match.api.answers.anonymous,
            hides=cors.HIDDEN if match.api.cors is not None else (),
            path=case.path,
            trace=_trace(case),
            bounds=match.operation.bounds,
            websocket=match.operation.websocket,
            violations=case.violations,
        )

    def _deny(self, case: Case, refusal: Refusal) -> Deny:
        problem = refusal.problem
        api, shadow = (case.match.api.name, "") if case.match else _shadow(case, problem)
        operation = case.match.operation if case.match else None
        told = self._told(case)
        if operation is not None and operation.deprecation is not None:
            told |= {name.decode(): value.decode() for name, value in operation.deprecation.told}
        if case.allowed:
            told["allow"] = ", ".join(case.allowed)  # RFC 9110 §15.5.6
        if problem is UPGRADE_REQUIRED:
            told["upgrade"] = "websocket"  # RFC 9110 §15.5.22
        if self._https:
            told["strict-transport-security"] = DEFAULTS["strict-transport-security"]
        if refusal.retry_after is not None:
            told["retry-after"] = str(refusal.retry_after)
        text = self._challenge(case, problem) if problem.status == 401 or problem in _CHALLENGED else ""
        facts = case.entry.facts if case.entry else None
        label = operation.label if operation else ""
        return Deny(
            problem,
            refusal.detail,
            text,
            told,
            api,
            label,
            facts,
            _trace(case),
            violations=case.violations,
            shadow=shadow,
        )

    def _challenge(self, case: Case, problem: Problem) -> str:
        parameters: dict[str, str] = {}
        if case.match and problem is INSUFFICIENT_SCOPE:
            parameters["scope"] = " ".join(sorted(case.match.operation.scopes))
        if case.match and problem is STEP_UP_NEEDED:
            parameters |= step_up(case.match.operation.tier)
        scheme = "Bearer"
        if self._means.proofs is not None and _wants_a_proof(case):
            scheme = "DPoP"
            parameters["algs"] = " ".join(self._means.proofs.algorithms)  # RFC 9449 §7.1
        if case.match and self._resources and (where := self._resources.url(case.match.api)):
            parameters["resource_metadata"] = where  # RFC 9728 §5.1
        realm = case.match.api.name if case.match else "tokenward"
        told = challenge(problem, realm=realm, scheme=scheme, **parameters)
        if problem.status != 401 or (trust := _offers_basic(case)) is None:
            return told
        basic = f'Basic realm="{realm}", charset="UTF-8"'  # RFC 7617 §2.1
        return f"{told}, {basic}" if trust.takes_tokens else basic

    def _told(self, case: Case) -> dict[str, str]:
        """What the answer says of this call beyond what it was about."""
        told = self._nonce(case)
        if case.told:
            told |= limits.headers(case.told)
        if case.match is not None and case.match.api.cors is not None:
            told |= cors.answer_headers(case.match.api.cors, case.request.headers, case.request.method)
        return told

    def _nonce(self, case: Case) -> dict[str, str]:
        """For whoever sent a proof, or should have: what the next one must have in it (RFC 9449 §8.2)."""
        proofs = self._means.proofs
        return {"dpop-nonce": proofs.nonce()} if proofs is not None and _wants_a_proof(case) else {}


def _shadow(case: Case, problem: Problem) -> tuple[str, str]:
    """Of traffic to what no document lists: the API below whose mount it went, and the method."""
    api = case.policy.api_at(case.path) if problem in _UNDOCUMENTED else None
    if api is None:
        return "", ""
    return api.name, case.request.method if case.request.method in _METHODS else "other"


def _sunset(case: Case) -> dict[str, str]:
    """To the caller, that its API key ends soon: all of this will answer it no longer (RFC 8594 §3)."""
    facts = case.entry.facts if case.entry is not None else None
    if facts is None or not facts.is_api_key or facts.expires_at - case.now > _SUNSET_SECONDS:
        return {}
    return {"sunset": formatdate(facts.expires_at, usegmt=True)}


def _offers_basic(case: Case) -> Trust | None:
    """The trust of the API, if a name and a password would be good enough for the operation."""
    match = case.match
    trust = match.api.trust if match is not None and BASIC in match.operation.tier.credentials else None
    return trust if trust is not None and trust.takes_basic(case.now) else None


def _trace(case: Case) -> Trace:
    return traced(case.screened.trace)


def _wants_a_proof(case: Case) -> bool:
    if case.presented is not None and case.presented.proofs is not None:
        return True
    if case.entry is not None and case.entry.facts.cnf is not None:
        return case.entry.facts.cnf.member == "jkt"
    return case.match is not None and case.match.operation.tier.sender_constrained


def _as_refusal(fault: Exception) -> Refusal:
    """A refusal as it is. Of any other fault only class and place: its text could hold a credential."""
    if isinstance(fault, Refusal):
        return fault
    place = fault.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_qualname}:{place.tb_lineno}" if place is not None else "?"
    _FAULTS.error("a decision failed: %s in %s", type(fault).__name__, where)
    return Refusal(UNAVAILABLE, f"{type(fault).__name__} in {where}")
