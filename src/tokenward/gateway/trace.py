"""What names one exchange for client, log and backend: a request id, and its place in a trace.

The request id is always ours. The trace is the client's if its `traceparent` is valid (W3C Trace Context
§2.2, §4.2), otherwise it begins here, and is named as the request.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from tokenward.base.entropy import random_bytes

_PARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_VALUE = rb"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
_MEMBER = re.compile(rb"[a-z0-9][a-z0-9_\-*/@]{0,255}=" + _VALUE)
_MEMBERS = 32
_STATE_SIZE = 512  # bytes; more may be dropped (§3.3.1.5)
_NEW_FLAGS = "01"  # sampled: the decision log has recorded it


class Trace(NamedTuple):
    """The names of one exchange.

    Attributes:
        request_id: 32 hexadecimal digits.
        trace_id: likewise.
        parent: the `traceparent` for whoever is called next, with this hop as the parent.
        state: the `tracestate` that goes with it, or "".
        caller: the span of whoever called, 16 hexadecimal digits; "" where the trace begins here.
    """

    request_id: str
    trace_id: str
    parent: str
    state: str = ""
    caller: str = ""


UNTRACED = Trace("", "", "")


def traced(headers: Sequence[tuple[bytes, bytes]]) -> Trace:
    """The names of an exchange that came with these `traceparent` and `tracestate` headers."""
    fresh = random_bytes(24).hex()
    request_id, span = fresh[:32], fresh[32:]
    continued = _continued(headers) if headers else None
    if continued is None:
        return Trace(request_id, request_id, f"00-{request_id}-{span}-{_NEW_FLAGS}")
    trace_id, caller, flags = continued
    state = _state([value for name, value in headers if name == b"tracestate"])
    return Trace(request_id, trace_id, f"00-{trace_id}-{span}-{flags}", state, caller)


def _continued(headers: Sequence[tuple[bytes, bytes]]) -> tuple[str, str, str] | None:
    """The trace, its last span and its flags, of the only `traceparent`, if it is valid."""
    parents = [value for name, value in headers if name == b"traceparent"]
    match = _PARENT.fullmatch(parents[0]) if len(parents) == 1 else None
    if match is None:
        return None
    version, trace_id, span, flags, rest = match.groups()
    if version == b"ff" or (version == b"00" and rest is not None):
        return None
    if not trace_id.strip(b"0") or not span.strip(b"0"):
        return None
    # Of another version, and of flags that came later, only what version 00 knows is said (§4.1, §3.2.2.5).
    return trace_id.decode("ascii"), span.decode("ascii"), f"0{int(flags, 16) & 1}"


def _state(states: Sequence[bytes]) -> str:
    """All of them as one list; nothing if any is not valid, or it is too long."""
    members = [member for state in states for each in state.split(b",") if (member := each.strip(b" \t"))]
    joined = b",".join(members)
    if len(members) > _MEMBERS or len(joined) > _STATE_SIZE or not all(map(_MEMBER.fullmatch, members)):
        return ""
    return joined.decode("ascii")
