"""The checks that make up a decision. `engine.STEPS` puts them in order.

A step passes by returning and refuses by raising `Refusal`; what it finds out it writes into the `Case`.
Only three may have to wait: authentication, for a token that is not remembered, the proof of a bound one, and
the contract, for the body.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tokenward.base.addresses import is_within
from tokenward.base.clock import Clock
from tokenward.base.problems import (
    INSUFFICIENT_DETAILS,
    INSUFFICIENT_SCOPE,
    INVALID_TOKEN,
    KEY_ELSEWHERE,
    KEY_RATE,
    MALFORMED,
    METHOD_OVERRIDE,
    NO_CREDENTIAL,
    RATE_LIMITED,
    SESSION_ENDED,
    UNAVAILABLE,
    UNDOCUMENTED,
    UNDOCUMENTED_METHOD,
    Refusal,
)
from tokenward.base.rates import Count, Counters, Tally
from tokenward.gateway import browser_sessions, cors, credentials, headers, limits, tiers
from tokenward.gateway.access import AccessRequest, Preflight, TokenFacts, Violation
from tokenward.gateway.browser_sessions import Shown
from tokenward.gateway.contract.violations import KINDS
from tokenward.gateway.credentials import Presented
from tokenward.gateway.headers import Screened
from tokenward.gateway.inside import InsideMinter
from tokenward.gateway.judges import Own, Task
from tokenward.gateway.paths import canonical_path
from tokenward.gateway.policy import Contract, Match, NoMatch, Policy
from tokenward.gateway.proofs import Proofs
from tokenward.gateway.throttle import UnknownTokenThrottle
from tokenward.gateway.verified import Entry, VerifiedTokens
from tokenward.gateway.websockets import check_handshake
from tokenward.tokens.binding import Confirmation, ConfirmationMember

# Visible ASCII but `#`: RFC 3986 §3.4 and the few more that browsers leave bare. Never a fragment.
_QUERY = bytes(byte for byte in range(0x21, 0x7F) if byte != ord("#"))
_MAX_QUERY = 16_384  # bytes


_NOTHING_SEEN = Screened()


@dataclass(frozen=True, slots=True)
class Means:
    """What the steps work with.

    Attributes:
        own: judges what our own issuer gives out.
        proofs: checks DPoP proofs; None where no token that needs one is accepted.
        minter: signs the inside JWTs.
        verified: the live tokens seen.
        throttle: bounds lookups of unknown tokens.
        counters: count calls, where an API, an operation or an API key has a limit.
        fresh: False while the revocation feed is unconfirmed; no credential can be judged then.
        clock: time.
    """

    own: Own
    proofs: Proofs | None
    minter: InsideMinter
    verified: VerifiedTokens
    throttle: UnknownTokenThrottle
    counters: Counters
    fresh: Callable[[], bool]
    clock: Clock


@dataclass(slots=True)
class Case:
    """What is known of one request so far. Each step reads what earlier ones wrote.

    Attributes:
        request: as it arrived.
        policy: the one in force when the decision began.
        now: seconds since the epoch.
        path: canonical.
        match: the operation that is meant.
        matched: the same, for the steps after `match_operation`: before, to ask for it is a fault.
        allowed: the methods of a path that lacks the one asked for.
        names: those of the query's parameters.
        screened: the headers that can carry a credential.
        presented: the only credential; None if there is none. Of a session, the token that it stands for.
        session: the session of a browser app, where that is the only credential.
        entry: the live token or API key; None for an anonymous call.
        violations: of the API's document.
        inside_jwt: what the backend gets.
        told: the limits that took part, for the caller to see.
        again: a door asks about what it let pass before. That is nobody's guess, so no throttle of guesses
            answers in place of the truth.
        proved: the key that was proved before, if it is asked about again.
    """

    request: AccessRequest
    policy: Policy
    now: float
    path: str = ""
    match: Match | None = None
    allowed: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    screened: Screened = _NOTHING_SEEN
    presented: Presented | None = None
    session: Shown | None = None
    entry: Entry | None = None
    violations: tuple[Violation, ...] = ()
    inside_jwt: str | None = field(default=None, repr=False)
    told: limits.Told = ()
    again: bool = False
    matched: Match = field(init=False, repr=False)
    proved: Confirmation | None = None


def canonicalise(_means: Means, case: Case) -> None:
    """One reading of the path, or none."""
    case.path = canonical_path(case.request.raw_path)


class Answered(Exception):  # noqa: N818 - an outcome, as Refusal is
    """The decision is made: `preflight` is the answer."""

    def __init__(self, preflight: Preflight) -> None:
        super().__init__(preflight.reason)
        self.preflight = preflight


def answer_preflight(means: Means, case: Case) -> None:
    """A browser that asks about a documented operation gets its answer here, and nobody's credential is read.

    Where the API has no CORS policy here, OPTIONS is a method like any other.
    """
    request = case.request
    if request.method != "OPTIONS" or (asked := cors.question(request.headers)) is None:
        return
    found = case.policy.match(asked.method, case.path)
    if isinstance(found, NoMatch) or found.api.cors is None or found.api.reports(case.now):
        return
    screen(means, case)
    case.match = found
    headers = cors.preflight(found.api.cors, asked)
    raise Answered(Preflight(found.api.name, found.operation.label, headers))


def match_operation(_means: Means, case: Case) -> None:
    """What is not documented does not exist."""
    found = case.policy.match(case.request.method, case.path)
    if isinstance(found, NoMatch):
        case.allowed = found.allowed
        if found.allowed:
            raise Refusal(UNDOCUMENTED_METHOD, f"documented are {', '.join(found.allowed)}")
        raise Refusal(UNDOCUMENTED, "no documented path matches")
    case.match = case.matched = found


def screen(_means: Means, case: Case) -> None:
    """Nothing malformed is looked at any further, and nothing that would be another method behind us."""
    well_formed(case)
    if case.request.query:
        case.names = credentials.parameter_names(case.request.query)
        if credentials.names_another_method(case.names):
            raise Refusal(METHOD_OVERRIDE, "the method that was decided on is the one that counts")
    if case.match is not None and case.match.operation.websocket:
        api = case.match.api
        check_handshake(case.request.headers, api.cors, [app.origin for app in api.apps.values()])


def well_formed(case: Case) -> None:
    """One reading of query and headers, or none."""
    query = case.request.query
    if query and (len(query) > _MAX_QUERY or query.translate(None, _QUERY)):
        raise Refusal(MALFORMED, "the query is too long, or holds a byte that must be percent-encoded")
    websocket = case.match is not None and case.match.operation.websocket
    case.screened = headers.screen(case.request.headers, websocket=websocket)


def extract(means: Means, case: Case) -> None:
    """At most one credential, where credentials belong."""
    api = case.matched.api
    basic = api.trust is not None and api.trust.takes_basic(case.now)
    sessions = []
    if api.apps:
        needless = case.matched.operation.tier.anonymous
        sessions = browser_sessions.shown(api.apps, case.request, needless=needless)
    case.presented = credentials.extract(
        case.screened, case.names, prefix=means.own.prefix, basic=basic, sessions=len(sessions)
    )
    case.session = sessions[0] if sessions else None


def check_page(_means: Means, case: Case) -> None:
    """A cookie is no proof of who asked the browser to call. It must have been the application's own page."""
    if case.session is not None:
        websocket = case.matched.operation.websocket
        browser_sessions.check_page(case.session.app, case.request, websocket=websocket)


def authenticate(means: Means, case: Case) -> Awaitable[None] | None:
    """Whose token it is. Only a `public` operation passes without one, and it too refuses a bad one."""
    if case.presented is None and case.session is None:
        if case.matched.operation.tier.anonymous:
            return None
        raise Refusal(NO_CREDENTIAL, "no credential in the request")
    if not means.fresh():
        raise Refusal(UNAVAILABLE, "the revocation feed is unconfirmed", retry_after=1)
    if case.session is not None:
        return _by_session(means, case, case.session)
    return _by_token(means, case, case.presented) if case.presented is not None else None


def _by_token(means: Means, case: Case, presented: Presented) -> Awaitable[None] | None:
    trust = case.matched.api.trust
    case.entry = (
        means.verified.get(presented.name, case.now)
        if trust is None
        else trust.recall(means.verified, presented, means.own, case.now)
    )
    return None if case.entry is not None else _look_up(means, case, presented)


async def _by_session(means: Means, case: Case, session: Shown) -> None:
    """The token that the session stands for, judged like any. One that was revoked is replaced once."""
    refused = ""
    while True:
        text = await _exchanged(means, case, session, refused)
        case.presented = Presented(text)
        try:
            pending = _by_token(means, case, case.presented)
            if pending is not None:
                await pending
        except Refusal as refusal:
            if refusal.problem is not INVALID_TOKEN or refused:
                raise
            refused = text
        else:
            return


async def _exchanged(means: Means, case: Case, session: Shown, refused: str) -> str:
    peer = case.request.peer
    if case.again:
        return await session.app.tokens.token(session.session, refused=refused)
    means.throttle.admit(peer)
    try:
        return await session.app.tokens.token(session.session, refused=refused)
    except Refusal as refusal:
        if refusal.problem is SESSION_ENDED:
            means.throttle.count(peer)
        raise
    finally:
        means.throttle.end(peer)


async def _look_up(means: Means, case: Case, presented: Presented) -> None:
    # Noted first: what a JWT was verified with may be removed while its row is looked up, or before.
    generation = means.verified.generation
    api = case.matched.api
    # What is asked about again is the gateway's own question: nobody at that address takes its place.
    peer = "" if case.again else case.request.peer
    task = (
        means.own.task(presented, api.audience)
        if api.trust is None
        else api.trust.task(presented, api.audience, means.own, peer)
    )
    guess = not case.again and case.session is None
    facts = await (_judge_guess if guess else _judge)(means, case, task)
    case.entry = means.verified.keep(task.name, facts, generation=generation)


async def _judge_guess(means: Means, case: Case, task: Task) -> TokenFacts:
    means.throttle.admit(case.request.peer, guessable=task.guessable)
    try:
        return await _judge(means, case, task)
    except Refusal as refusal:
        if refusal.problem is INVALID_TOKEN:
            means.throttle.count(case.request.peer)
        raise
    finally:
        means.throttle.end(case.request.peer)


async def _judge(means: Means, case: Case, task: Task) -> TokenFacts:
    facts = await task.judge()
    case.now = means.clock.time()
    if facts is None or facts.expires_at <= case.now:
        raise Refusal(INVALID_TOKEN, f"{task.what} is unknown, expired or revoked")
    return facts


def check_binding(means: Means, case: Case) -> Awaitable[None] | None:
    """A token is good at the one audience that it was issued for, and with the key that it is bound to.

    One that is bound is no bearer token, and no other has a proof (RFC 9449 §7.1, §7.2).
    """
    if case.entry is None or case.presented is None:
        return None
    facts, presented = case.entry.facts, case.presented
    if facts.audience != case.matched.api.audience:
        raise Refusal(INVALID_TOKEN, f"token {facts.token_id} is for another audience")
    if facts.cnf is None:
        if presented.proofs is not None:
            raise Refusal(INVALID_TOKEN, f"token {facts.token_id} is not bound to a key")
        return None
    return _BINDINGS[facts.cnf.member](means, case, presented, facts.cnf)


def _by_proof(
    means: Means, case: Case, presented: Presented, bound_to: Confirmation
) -> Awaitable[None] | None:
    """RFC 9449 §7. A proof is good once, so later only its key counts."""
    if case.again and case.proved == bound_to:
        return None
    if presented.proofs is None or means.proofs is None:
        raise Refusal(INVALID_TOKEN, "a token that is bound to a key came as a bearer token")
    return means.proofs.check(case.request, case.path, presented.proofs, presented.text, bound_to.thumbprint)


def _by_certificate(_means: Means, case: Case, presented: Presented, bound_to: Confirmation) -> None:
    """RFC 8705 §3: such a token stays a bearer token, and the connection proves the key."""
    shown = case.request.certificate
    if presented.proofs is not None or shown is None or Confirmation.of(shown) != bound_to:
        raise Refusal(INVALID_TOKEN, "a token that is bound to a certificate came without it")


_BINDINGS: dict[ConfirmationMember, Callable[[Means, Case, Presented, Confirmation], Awaitable[None] | None]]
_BINDINGS = {"jkt": _by_proof, "x5t#S256": _by_certificate}


def check_key_place(_means: Means, case: Case) -> None:
    """An API key is good from the addresses and origins that it was given for."""
    key = case.entry.facts.key if case.entry is not None else None
    if key is None:
        return
    if key.addresses and not is_within(case.request.peer, key.addresses):
        raise Refusal(KEY_ELSEWHERE, f"API key {key.key_id} was used from another address")
    if key.origins:
        origins = [value for name, value in case.request.headers if name == b"origin"]
        if len(origins) != 1 or origins[0] not in key.origins:
            raise Refusal(KEY_ELSEWHERE, f"API key {key.key_id} was used from another origin, or from none")


def check_tier(_means: Means, case: Case) -> None:
    """The risk of the operation decides which credential is good enough."""
    if case.entry is not None:
        since = None if case.again else case.now
        session = case.session is not None
        tiers.admit(case.matched.operation.tier, case.entry.facts, since, session=session)


def check_scopes(_means: Means, case: Case) -> None:
    """Every scope of the operation is needed."""
    if case.entry is None:
        return
    needed = case.matched.operation.scopes
    if not needed <= case.entry.facts.scope:
        raise Refusal(INSUFFICIENT_SCOPE, f"missing {' '.join(sorted(needed - case.entry.facts.scope))}")


def check_details(_means: Means, case: Case) -> None:
    """The operation needs details of a type (RFC 9396). Whether they fit the call, the backend compares."""
    needed = case.matched.operation.details
    if case.entry is None or needed is None:
        return
    if all(detail.get("type") != needed for detail in case.entry.facts.authorization_details):
        raise Refusal(INSUFFICIENT_DETAILS, f"no authorization details of type {needed}")


def check_address_limits(means: Means, case: Case) -> Awaitable[None] | None:
    """How often an address may call. Before anything that costs more than that: it is for floods."""
    limited = case.matched.operation.limits
    return _count(means, case, limits.of_peer(limited, case.request.peer)) if limited.address else None


def check_limits(means: Means, case: Case) -> Awaitable[None] | None:
    """How often whoever calls may. Only what nothing before refused counts."""
    if case.entry is None:
        return None
    facts, limited = case.entry.facts, case.matched.operation.limits
    if not limited.caller and (facts.key is None or facts.key.rate is None):
        return None
    return _count(means, case, limits.of_caller(limited, facts))


_Counted = list[tuple[limits.Limit, Count]]


def _count(means: Means, case: Case, counted: _Counted) -> Awaitable[None] | None:
    if not counted:
        return None
    tally = means.counters.take([count for _, count in counted])
    if not isinstance(tally, Tally):
        return _settle_later(case, counted, tally)
    _settle(case, counted, tally)
    return None


async def _settle_later(case: Case, counted: _Counted, tally: Awaitable[Tally]) -> None:
    _settle(case, counted, await tally)


def _settle(case: Case, counted: _Counted, tally: Tally) -> None:
    told = tuple((limit, level) for (limit, _), level in zip(counted, tally.levels, strict=True))
    case.told += told
    if not tally.taken:
        empty = [limit for limit, level in told if not level.left]
        problem = KEY_RATE if empty[0].place == limits.OF_THE_KEY else RATE_LIMITED
        names = " and ".join(limit.counter for limit in empty)
        raise Refusal(problem, f"nothing left of {names}", retry_after=limits.retry_after(tally.levels))


def check_contract(_means: Means, case: Case) -> Awaitable[None] | None:
    """The request is as its API's document says. Last, so that no stranger makes us parse a body."""
    operation = case.matched.operation
    contract = operation.contract
    if contract is None:
        return None
    ending = operation.deprecation
    if ending is not None and ending.sunset is not None and ending.sunset <= case.now:
        _note(case, contract, (Violation("sunset", "", "past"),))
    _note(case, contract, contract.head(case.request, case.matched.below))
    return _check_body(case, contract) if not case.again and contract.reads_body(case.request) else None


async def _check_body(case: Case, contract: Contract) -> None:
    _note(case, contract, await contract.body(case.request))


def _note(case: Case, contract: Contract, violations: tuple[Violation, ...]) -> None:
    if violations:
        case.violations += violations
        if contract.enforced:
            raise Refusal(KINDS[violations[0].kind], str(violations[0]))


def mint(means: Means, case: Case) -> None:
    """The JWT that the backend gets instead of the token; kept with the token, it ends with it."""
    entry = case.entry
    if entry is None:
        return
    if entry.inside is None or not means.minter.serves(entry.inside, case.now):
        entry.inside = means.minter.mint(entry.facts)
    case.inside_jwt = entry.inside.text
