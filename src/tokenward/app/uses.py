"""What a call that was decided on used, and from where."""

from tokenward.gateway.access import AccessRequest, Decision
from tokenward.store.usage import UsageLog


def note_uses(usage: UsageLog, request: AccessRequest, decision: Decision) -> None:
    """Note it. A refused call with a known credential is a use, too: somebody has it, and wants something.

    Of what other issuers gave out nothing is noted: it is not ours to end.
    """
    facts = decision.facts
    if facts is None or not facts.is_ours:
        return
    if facts.key is not None:  # by what it was exchanged for, it is used as well
        usage.note("api_key", facts.key.key_id, "gateway", request.peer)
    if not facts.is_api_key:
        usage.note("access_token", facts.token_id, "gateway", request.peer)
