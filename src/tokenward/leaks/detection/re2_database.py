"""The pattern database on RE2's set of patterns, for systems without a wheel of Hyperscan."""

from collections.abc import Sequence

import re2

from tokenward.leaks.compiling import told
from tokenward.leaks.detection.patterns import Hits, PatternError

_MEMORY = 256 << 20


class Re2Database:
    """Gives the same answer without offsets, several times slower."""

    def __init__(self, patterns: Sequence[str]) -> None:
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.max_mem = _MEMORY
        options.log_errors = False
        self._set = re2.Set.SearchSet(options)
        for pattern in patterns:
            try:
                self._set.Add(pattern.encode())
            except re2.error as error:
                raise PatternError(pattern, told(error)) from None
        self._empty = not patterns
        if not self._empty:
            self._set.Compile()

    def search(self, data: bytes) -> Hits:
        """See `PatternDatabase.search`."""
        if self._empty:
            return {}
        return {pattern: [] for pattern in self._set.Match(data) or ()}
