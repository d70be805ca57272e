"""The headers of an answer: what the API behind said, and what a decision tells beside it.

Every door that hands an API's answer on does it by `with_told`.
"""

from collections.abc import Sequence

Headers = Sequence[tuple[bytes, bytes]]

# Lists to which several may contribute: both sayings stand.
_JOINED = frozenset({b"ratelimit", b"ratelimit-policy"})


def with_told(own: Headers, told: Headers) -> list[tuple[bytes, bytes]]:
    """The headers that the client gets.

    Args:
        own: the API's, names in lower case.
        told: the decision's (`Allow.told`). What the API says itself stands, and a list is continued.
    """
    there = {name for name, _ in own}
    return [*own, *(each for each in told if each[0] not in there or each[0] in _JOINED)]
