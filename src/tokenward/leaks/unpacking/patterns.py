"""Patterns over bytes, compiled by RE2."""

import re2


def over_bytes(pattern: str) -> "re2._Regexp[bytes]":
    """The pattern, for which each byte is a character, whatever encoding a file is in.

    RE2 takes bytes for UTF-8 by itself, and then no class matches a byte that is none.
    """
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    return re2.compile(pattern.encode(), options)
