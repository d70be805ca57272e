"""An API's first rollout: the engine decides and tells, and what passed before the gateway came still passes.

"As before" means that the API sees of a call what it saw without a gateway: the client's own credentials, no
inside JWT, its own answers unchanged. What no enforcement may wait for holds all the same: nobody speaks in
the gateway's name, and nothing passes that two programs could read in two ways.
"""

from tokenward.base.problems import AMBIGUOUS_PATH, MALFORMED, UPGRADE_REFUSED, UPGRADE_REQUIRED, Refusal
from tokenward.gateway import steps
from tokenward.gateway.access import Allow
from tokenward.gateway.policy import Api, is_reserved
from tokenward.gateway.steps import Case
from tokenward.gateway.trace import traced

_NEVER = frozenset({MALFORMED, AMBIGUOUS_PATH, UPGRADE_REFUSED})
_ECHOING = frozenset({"TRACE", "CONNECT"})  # RFC 9110 §9.3.8, §9.3.6: one shows headers, one makes a tunnel


def reported(case: Case, refusal: Refusal | None) -> Allow | None:
    """The call let pass, with what it would be refused for; None where the API is enforced, or it never may.

    Args:
        case: as far as the decision got.
        refusal: what it came to; None if nothing speaks against the call.
    """
    if refusal is not None and (refusal.problem in _NEVER or _is_echoing(case.request.method)):
        return None
    api = case.match.api if case.match is not None else _mounted(case)
    if api is None or not api.reports(case.now):
        return None
    try:
        steps.well_formed(case)  # a decision that ended early did not look
    except Refusal:
        return None
    return Allow(
        api.name,
        case.match.operation.label if case.match is not None else "",
        api.pool,
        case.path[len(api.mount) :] or "/",
        None,
        case.entry.facts if case.entry is not None else None,
        path=case.path,
        trace=traced(case.screened.trace),
        violations=case.violations,
        report_only=True,
        websocket=_is_handshake(case, refusal),
        would_deny=refusal.problem if refusal is not None else None,
    )


def _is_handshake(case: Case, refusal: Refusal | None) -> bool:
    asked = refusal is None or refusal.problem is not UPGRADE_REQUIRED
    return asked and case.match is not None and case.match.operation.websocket


def _is_echoing(method: str) -> bool:
    # Names of methods are case-sensitive, but what sends them on, or receives them, may write them large.
    return method.upper() in _ECHOING


def _mounted(case: Case) -> Api | None:
    return None if not case.path or is_reserved(case.path) else case.policy.api_at(case.path)
