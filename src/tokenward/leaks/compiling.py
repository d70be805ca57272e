"""Patterns over bytes, compiled by RE2: linear time, whatever the pattern and the text."""

import re2

USUAL_MEMORY = 8 << 20
"""Bytes that RE2 allows an automaton by itself."""


def told(error: re2.error) -> str:
    """What RE2 says about a pattern, which it gives in bytes."""
    [why] = error.args[:1] or [b""]
    return why.decode("utf-8", "replace") if isinstance(why, bytes) else str(why)


def over_bytes(
    pattern: str | bytes, *, memory: int = USUAL_MEMORY, any_case: bool = False
) -> "re2._Regexp[bytes]":
    """The pattern, for which each byte is a character, whatever encoding a file is in.

    RE2 takes bytes for UTF-8 by itself, and then no class matches a byte that is none. Keep what it gives:
    compiling takes up to milliseconds.

    Args:
        pattern: in RE2's syntax.
        memory: bytes that its automaton may take while it runs.
        any_case: letters match in either case.

    Raises:
        re2.error: the pattern is not in RE2's syntax.
    """
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    options.max_mem = memory
    options.case_sensitive = not any_case
    return re2.compile(pattern.encode() if isinstance(pattern, str) else pattern, options)
