"""The headers of an answer: what the API behind said, and what a decision tells beside it.

Every door that hands an API's answer on does it by `with_told`.
"""

from collections.abc import Sequence

from tokenward.gateway.access import Allow

Headers = Sequence[tuple[bytes, bytes]]

# Lists to which several may contribute: both sayings stand.
_JOINED = frozenset({b"link", b"ratelimit", b"ratelimit-policy", b"vary"})

_REQUEST_ID = b"x-request-id"

_CACHE_CONTROL = b"cache-control"
# What says already who may keep an answer. A `private` that names fields is no such (RFC 9111 §5.2.2.7).
_SAID = frozenset({b"no-store", b"private", b"public"})
_SHARED = b"s-maxage="


def with_told(own: Headers, allow: Allow) -> list[tuple[bytes, bytes]]:
    """The headers that the client gets.

    What the API says itself stands, unless the decision hides it. Lists are continued.

    Args:
        own: the API's, names in lower case.
        allow: the decision.
    """
    if allow.hides:
        own = [each for each in own if not each[0].startswith(allow.hides)]
    there = {name for name, _ in own}
    if _REQUEST_ID in there:
        own = [each for each in own if each[0] != _REQUEST_ID]
    answer = [*own]
    if allow.told:
        answer += [each for each in allow.told if each[0] not in there or each[0] in _JOINED]
    answer += [each for each in allow.defaults if each[0] not in there]
    if allow.unauthorized:
        answer = _not_shared(answer)
    answer.append((_REQUEST_ID, allow.trace.request_id.encode("ascii")))
    return answer


def _not_shared(answer: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The answer, kept out of shared caches unless it says that they may have it.

    The API behind saw `Authorization`, and what it let caches keep it let the person's own keep alone.
    """
    said = [value for name, value in answer if name == _CACHE_CONTROL]
    directives = [each.strip().lower() for value in said for each in value.split(b",")]
    if any(each in _SAID or each.startswith(_SHARED) for each in directives):
        return answer
    others = [each for each in answer if each[0] != _CACHE_CONTROL]
    return [*others, (_CACHE_CONTROL, b", ".join([*said, b"private"]))]
