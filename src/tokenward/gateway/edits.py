"""What has to be changed of a client's request on its way up, for doors that do not write it themselves.

An engine in front forwards the client's own request. It learns here which headers go and which are set, so
that the backend sees what the embedded proxy would have sent (`headers.outgoing`).
"""

from collections.abc import Iterable
from typing import NamedTuple

from tokenward.gateway.access import AccessRequest, Allow
from tokenward.gateway.headers import outgoing

# How the message is framed and to whom it goes is between the engine and the upstream.
_OF_THE_ENGINE = frozenset({"host", "connection", "content-length", "transfer-encoding"})


class Edits(NamedTuple):
    """Removing comes before setting.

    Attributes:
        removed: names, in lower case, none of which may go up as the client sent it.
        put: names and values that take the place of whatever the client sent.
    """

    removed: list[str]
    put: list[tuple[str, str]]


def edits(allow: Allow, request: AccessRequest, scheme: str) -> Edits:
    """The difference between what the client sent and what the backend gets.

    Args:
        allow: the decision.
        request: on which it was made.
        scheme: `http` or `https`, as the client used it.
    """
    sent = _by_name((name.decode("ascii"), value.decode("utf-8")) for name, value in request.headers)
    passes = _by_name(
        outgoing(
            request.headers,
            inside_jwt=allow.inside_jwt,
            peer=request.peer,
            scheme=scheme,
            host=request.host,
            trace=allow.trace,
            own_credentials=allow.report_only,
        )
    )
    changed = [name for name, values in sent.items() if passes.get(name) != values]
    removed = [name for name in changed if name not in _OF_THE_ENGINE]
    put = [
        (name, ("; " if name == "cookie" else ", ").join(values))  # RFC 9113 §8.2.3, RFC 9110 §5.3
        for name, values in passes.items()
        if sent.get(name) != values
    ]
    return Edits(removed, put)


def _by_name(headers: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name, []).append(value)
    return found
