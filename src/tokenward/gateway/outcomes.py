"""What a decision comes to, once every check has let the call pass, or one has refused it.

Both tell the caller what it may know: a challenge where a better credential would help, the nonce for its
next proof, what is left of its limits, which pages may read the answer.
"""

from email.utils import formatdate

from tokenward.base.origins import SAFE
from tokenward.base.problems import (
    CREDENTIAL_IN_URL,
    INSUFFICIENT_DETAILS,
    INSUFFICIENT_SCOPE,
    INSUFFICIENT_TIER,
    SEVERAL_CREDENTIALS,
    STEP_UP_NEEDED,
    UNDOCUMENTED,
    UNDOCUMENTED_METHOD,
    UPGRADE_REQUIRED,
    Problem,
    Refusal,
    challenge,
)
from tokenward.gateway import cors, limits
from tokenward.gateway.access import AccessRequest, Allow, Deny
from tokenward.gateway.answer_headers import DEFAULTS
from tokenward.gateway.limits import UNLIMITED
from tokenward.gateway.proofs import Proofs
from tokenward.gateway.report_only import reported
from tokenward.gateway.resource_metadata import ResourceMetadata
from tokenward.gateway.steps import Case
from tokenward.gateway.tiers import BASIC, step_up
from tokenward.gateway.trace import traced
from tokenward.gateway.trust import Trust

# RFC 6750 §3: who fails for want of a better credential is told which. Every 401 says it anyway.
_CHALLENGED = frozenset(
    {INSUFFICIENT_DETAILS, INSUFFICIENT_SCOPE, INSUFFICIENT_TIER, SEVERAL_CREDENTIALS, CREDENTIAL_IN_URL}
)

_UNDOCUMENTED = frozenset({UNDOCUMENTED, UNDOCUMENTED_METHOD})
_METHODS = frozenset(
    {"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"}
)  # OpenAPI 3.1 §4.8.9

# A decision may be kept for these alone: from `high` on, a revocation is not to wait for anybody's memory.
_KEPT_TIERS = frozenset({"public", "low", "moderate"})
# All that was looked at, and what the API hears: whoever differs in one of them is somebody else. `headers`
# are all but those that name a trace, and `body` is that none comes.
_ASKED = ("peer", "method", "target", "host", "scheme", "headers", "body")

_SUNSET_SECONDS = 14 * 86_400  # before an API key's end its caller is told


def allowed(case: Case, proofs: Proofs | None, *, kept: int = 0) -> Allow:
    """The call passes.

    Args:
        case: after all steps.
        proofs: makes nonces; None where no proof is looked at.
        kept: seconds for which it may be kept, where nothing forbids it.
    """
    api, operation, below = case.matched
    if api.reports_until and (as_before := reported(case, None)) is not None:
        return as_before
    facts = case.entry.facts if case.entry is not None else None
    told = _told(case, proofs)
    if facts is not None and facts.is_api_key and facts.expires_at - case.now <= _SUNSET_SECONDS:
        # To the caller: all of this will answer it no longer (RFC 8594 §3).
        told["sunset"] = formatdate(facts.expires_at, usegmt=True)
    keep = kept and _may_be_kept(case, kept)
    return Allow(
        api.name,
        operation.label,
        api.pool,
        below,
        case.inside_jwt,
        facts,
        tuple((name.encode(), text.encode()) for name, text in told.items())
        + (operation.deprecation.told if operation.deprecation is not None else ()),
        api.answers.authenticated if facts is not None else api.answers.anonymous,
        cors.HIDDEN if api.cors is not None else (),
        max_age=kept if keep else 0,
        vary=_ASKED if keep else (),
        violations=case.violations,
        path=case.path,
        trace=traced(case.screened.trace),
        bounds=operation.bounds,
        websocket=operation.websocket,
        session=case.session is not None,
        unauthorized=facts is not None and not case.screened.authorization,
    )


def _may_be_kept(case: Case, seconds: int) -> bool:
    """Whether the same request would be let pass for so long, unless its credential is revoked meanwhile.

    Nothing that is good once, is counted, or shows a body; and nothing that is too risky to be late.
    """
    request, operation = case.request, case.matched.operation
    facts = case.entry.facts if case.entry is not None else None
    if operation.tier.name not in _KEPT_TIERS or operation.websocket or request.method not in SAFE:
        return False
    if operation.limits != UNLIMITED or _may_have_a_body(request):
        return False
    if facts is None:
        return True
    end = min(facts.expires_at, facts.believed_until)
    key = facts.key
    return (
        case.session is None
        and facts.cnf is None
        and (key is None or not (key.rate or key.addresses or key.origins))
        and end - case.now > seconds
    )


def _may_have_a_body(request: AccessRequest) -> bool:
    """Whether one comes, or may come where the door shows none (RFC 9112 §6.3)."""
    if request.body is not None:
        return request.body.expected
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0")
        for name, value in request.headers
    )


def denied(
    case: Case, refusal: Refusal, proofs: Proofs | None, resources: ResourceMetadata | None, *, https: bool
) -> Deny:
    """The call is refused.

    Args:
        case: as far as the decision got.
        refusal: why.
        proofs: as for `allowed`.
        resources: what is told of the APIs; None for nothing.
        https: whether clients come by https, and shall be kept there.
    """
    problem = refusal.problem
    api, shadow = (case.match.api.name, "") if case.match else _shadow(case, problem)
    operation = case.match.operation if case.match else None
    told = _told(case, proofs)
    if operation is not None and operation.deprecation is not None:
        told |= {name.decode(): value.decode() for name, value in operation.deprecation.told}
    if case.allowed:
        told["allow"] = ", ".join(case.allowed)  # RFC 9110 §15.5.6
    if problem is UPGRADE_REQUIRED:
        told["upgrade"] = "websocket"  # RFC 9110 §15.5.22
    if https:
        told["strict-transport-security"] = DEFAULTS["strict-transport-security"]
    if refusal.retry_after is not None:
        told["retry-after"] = str(refusal.retry_after)
    text = (
        _challenge(case, problem, proofs, resources)
        if problem.status == 401 or problem in _CHALLENGED
        else ""
    )
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
        traced(case.screened.trace),
        violations=case.violations,
        shadow=shadow,
    )


def _challenge(
    case: Case, problem: Problem, proofs: Proofs | None, resources: ResourceMetadata | None
) -> str:
    parameters: dict[str, str] = {}
    if case.match and problem is INSUFFICIENT_SCOPE:
        parameters["scope"] = " ".join(sorted(case.match.operation.scopes))
    if case.match and problem is INSUFFICIENT_DETAILS:
        parameters["authorization_details_type"] = case.match.operation.details or ""
    if case.match and problem is STEP_UP_NEEDED:
        parameters |= step_up(case.match.operation.tier)
    scheme = "Bearer"
    if proofs is not None and _wants_a_proof(case):
        scheme = "DPoP"
        parameters["algs"] = " ".join(proofs.algorithms)  # RFC 9449 §7.1
    if case.match and resources and (where := resources.url(case.match.api)):
        parameters["resource_metadata"] = where  # RFC 9728 §5.1
    realm = case.match.api.name if case.match else "tokenward"
    told = challenge(problem, realm=realm, scheme=scheme, **parameters)
    if problem.status != 401 or (trust := _offers_basic(case)) is None:
        return told
    basic = f'Basic realm="{realm}", charset="UTF-8"'  # RFC 7617 §2.1
    return f"{told}, {basic}" if trust.takes_tokens else basic


def _told(case: Case, proofs: Proofs | None) -> dict[str, str]:
    """What the answer says of this call beyond what it was about."""
    told: dict[str, str] = {}
    if proofs is not None and _wants_a_proof(case):
        # For whoever sent a proof, or should have: what the next one must have in it (RFC 9449 §8.2).
        told["dpop-nonce"] = proofs.nonce()
    if case.told:
        told |= limits.headers(case.told)
    if case.match is not None and case.match.api.cors is not None:
        told |= cors.answer_headers(case.match.api.cors, case.request.headers, case.request.method)
    return told


def _shadow(case: Case, problem: Problem) -> tuple[str, str]:
    """Of traffic to what no document lists: the API below whose mount it went, and the method."""
    api = case.policy.api_at(case.path) if problem in _UNDOCUMENTED else None
    if api is None:
        return "", ""
    return api.name, case.request.method if case.request.method in _METHODS else "other"


def _offers_basic(case: Case) -> Trust | None:
    """The trust of the API, if a name and a password would be good enough for the operation."""
    match = case.match
    trust = match.api.trust if match is not None and BASIC in match.operation.tier.credentials else None
    return trust if trust is not None and trust.takes_basic(case.now) else None


def _wants_a_proof(case: Case) -> bool:
    if case.presented is not None and case.presented.proofs is not None:
        return True
    if case.entry is not None and case.entry.facts.cnf is not None:
        return case.entry.facts.cnf.member == "jkt"
    return case.match is not None and case.match.operation.tier.sender_constrained
