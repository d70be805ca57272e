"""What has to be changed of a client's request on its way up, for doors that do not write it themselves.

An engine in front forwards the client's own request. It learns here which headers go and which are set, so
that the backend sees what the embedded proxy would have sent (`headers.outgoing`).
"""

from typing import NamedTuple

from tokenward.gateway.access import AccessRequest, Allow
from tokenward.gateway.headers import ours, passing

# How the message is framed and to whom it goes is between the engine and the upstream.
_OF_THE_ENGINE = frozenset({b"host", b"connection", b"content-length", b"transfer-encoding"})


class Edits(NamedTuple):
    """No name is in both, since engines do one before the other, and not all in the same order.

    Attributes:
        removed: names, in lower case, none of which may go up.
        put: names and values that take the place of whatever the client sent.
    """

    removed: list[bytes]
    put: list[tuple[bytes, bytes]]


def edits(allow: Allow, request: AccessRequest) -> Edits:
    """The difference between what the client sent and what the backend gets.

    Args:
        allow: the decision.
        request: on which it was made.
    """
    passes = passing(request.headers, own_credentials=allow.report_only)
    there = set(passes)
    removed = {
        header[0]: None
        for header in request.headers
        if header not in there and header[0] not in _OF_THE_ENGINE
    }
    put = ours(inside_jwt=allow.inside_jwt, trace=allow.trace)
    if b"cookie" in removed and (left := [value for name, value in passes if name == b"cookie"]):
        put.append((b"cookie", b"; ".join(left)))  # those that are not ours (RFC 9113 §8.2.3)
    named = {name for name, _ in put}
    return Edits([name for name in removed if name not in named], put)
