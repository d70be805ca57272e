"""The pattern database on Hyperscan (Vectorscan): one automaton over all patterns."""

from collections.abc import Collection, Sequence
from hashlib import sha256

import hyperscan

from tokenward.leaks.detection import cache
from tokenward.leaks.detection.patterns import Hits, PatternError

# Of most patterns nobody asks where they end again, and `{20,}` would otherwise report every end.
_FIRST, _EVERY = hyperscan.HS_FLAG_SINGLEMATCH, 0


class HyperscanDatabase:
    """Compiled once (one to two seconds), then kept in the user's cache."""

    def __init__(self, patterns: Sequence[str], every: Collection[int] = ()) -> None:
        expressions = [pattern.encode() for pattern in patterns]
        flags = [_EVERY if which in every else _FIRST for which in range(len(patterns))]
        content = bytes([0]).join([*expressions, repr(flags).encode()])
        name = f"patterns-{sha256(content).hexdigest()}"
        self._database = _kept(name) or _compiled(name, expressions, flags)
        self._database.scratch = hyperscan.Scratch(self._database)

    def search(self, data: bytes) -> Hits:
        """See `PatternDatabase.search`."""
        hits: Hits = {}

        def note(pattern: int, _start: int, end: int, _flags: int, _context: object) -> None:
            if pattern in hits:
                hits[pattern].append(end)
            else:
                hits[pattern] = [end]

        self._database.scan(data, match_event_handler=note)
        return hits


def _kept(name: str) -> hyperscan.Database | None:
    serialised = cache.read(name)
    if serialised is None:
        return None
    try:
        return hyperscan.loadb(serialised, hyperscan.HS_MODE_BLOCK)
    except hyperscan.HyperscanError:  # of another version or processor, or damaged
        return None


def _compiled(name: str, expressions: Sequence[bytes], flags: Sequence[int]) -> hyperscan.Database:
    database = _compile(expressions, flags)
    cache.write(name, hyperscan.dumpb(database))
    return database


def _compile(expressions: Sequence[bytes], flags: Sequence[int]) -> hyperscan.Database:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    count = len(expressions)
    try:
        database.compile(expressions=list(expressions), ids=list(range(count)), flags=list(flags))
    except hyperscan.HyperscanError as error:
        if count > 1:
            for expression in expressions:  # the message does not say which one it is
                _compile([expression], [_FIRST])
        raise PatternError(expressions[0].decode(), str(error)) from None
    return database
