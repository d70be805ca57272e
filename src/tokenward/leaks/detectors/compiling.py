"""How detectors compile their patterns: over bytes, in linear time, with room for large automata."""

from typing import Any

from tokenward.leaks.compiling import over_bytes

# The automaton is built while it runs. In the 8 MB that RE2 allows by itself the largest one here is thrown
# away and built anew again and again, which makes its search half as fast.
_MEMORY = 48 << 20


def compiled(pattern: str | bytes) -> Any:  # noqa: ANN401 - re2 has no types
    """The pattern, in RE2's syntax. Keep it: compiling takes up to milliseconds."""
    return over_bytes(pattern, memory=_MEMORY)
