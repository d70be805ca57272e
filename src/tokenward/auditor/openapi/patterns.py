"""What a regular expression of a schema lets through, as far as its text tells."""

import re
from functools import lru_cache

_ESCAPED = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_UNBOUNDED = re.compile(r"[*+]|\{\d*,\}")
# A repetition of nothing but repetitions, such as (a+)+ or (\w*,?)*: minutes for thirty characters. Anything
# else in it, such as the dash of (-[a-z]+)*, tells where each turn begins.
_NESTED = re.compile(r"\((?:\?:)?(?=[^()]*[*+])(?:[^()*+?{}|](?:[*+?]|\{\d*,\d*\}))+\)(?:[*+]|\{\d+,\})")
_ALTERNATIVES = re.compile(r"\((?:\?:)?([^()|])\|\1\)[*+]")

_DEEPEST = 50
"""Groups in groups around a whole pattern that are looked into. Nobody writes so many who means well."""


@lru_cache(maxsize=10_000)
def anchored(pattern: str) -> bool:
    """It begins with `^` or ends with `$` at each end: JSON Schema searches, it does not match."""
    plain = _ESCAPED.sub("x", pattern[:5000])
    return all(_one_anchored(each, _DEEPEST) for each in _alternatives(plain))


def _one_anchored(plain: str, deepest: int) -> bool:
    inner = plain
    if deepest and inner.startswith("(") and inner.endswith(")") and _closes_at_end(inner):
        inner = re.sub(r"^\((?:\?[:=!<]*)?", "", inner)[:-1]
        return all(_one_anchored(each, deepest - 1) for each in _alternatives(inner))
    return inner.startswith(("^", "(?=^", "(^")) and inner.endswith(("$", "$)"))


def _closes_at_end(text: str) -> bool:
    level = 0
    for at, each in enumerate(text):
        level += (each == "(") - (each == ")")
        if level == 0:
            return at == len(text) - 1
    return False


def _alternatives(plain: str) -> list[str]:
    """Those at the outermost level."""
    found, level, start = [], 0, 0
    for at, each in enumerate(plain):
        level += (each == "(") - (each == ")")
        if each == "|" and level == 0:
            found.append(plain[start:at])
            start = at + 1
    return [*found, plain[start:]]


@lru_cache(maxsize=10_000)
def bounded(pattern: str) -> bool:
    """It says how long a text may be."""
    return anchored(pattern) and not _UNBOUNDED.search(_ESCAPED.sub("x", pattern[:5000]))


@lru_cache(maxsize=10_000)
def explodes(pattern: str) -> bool:
    """A backtracking engine may need exponential time for it."""
    plain = _ESCAPED.sub("x", pattern[:5000])
    return bool(_NESTED.search(plain) or _ALTERNATIVES.search(plain))
