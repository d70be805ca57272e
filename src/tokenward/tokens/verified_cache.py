"""What was verified a moment ago: a cache around a validator, for tokens that come again and again.

A cached verdict answers less than a validator does, so it is only kept where nothing else could be answered:
for the whole token, within one validator, after full success, for a minute, under the same keys, and never
where a proof took part.
"""

from collections import OrderedDict
from contextlib import suppress
from hashlib import sha256
from typing import NamedTuple, Protocol

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.tokens.binding import Proof
from tokenward.tokens.claims import VerifiedClaims
from tokenward.tokens.jws import MAX_TOKEN
from tokenward.tokens.key_source import KeySource

MAX_SECONDS = 60.0  # for which a verdict is believed


class Validator(Protocol):
    """What can be cached: a `JwtValidator`, or one around it."""

    @property
    def keys(self) -> KeySource:
        """Where the keys come from; their generation is part of every verdict."""
        ...

    @property
    def once(self) -> bool:
        """Whether its tokens answer one request only."""
        ...

    def validate(self, token: object, *, proof: Proof | None = None) -> VerifiedClaims:
        """The claims of a good token, or InvalidToken."""
        ...

    async def validate_async(self, token: object, *, proof: Proof | None = None) -> VerifiedClaims:
        """The same without blocking."""
        ...


class _Entry(NamedTuple):
    """A verdict and when it holds; times in seconds since 1970."""

    generation: int
    since: float
    until: float
    claims: VerifiedClaims


_Place = tuple[OrderedDict[bytes, _Entry], bytes, int]


class CachedValidator:
    """A validator that remembers good tokens; the oldest are forgotten first.

    A verdict holds from the token's `nbf` and `iat` to its `exp`, without leeway: within the leeway, the
    validator is asked each time. It ends with the key set under which it was made, and with `bump`.

    There is no lock. Threads that verify the same token at once do so each for itself.
    """

    def __init__(
        self, validator: Validator, *, max_entries: int = 10_000, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        """Remember nothing yet.

        Args:
            validator: judges what is not remembered.
            max_entries: the most tokens remembered, some 3 kB each.
            clock: what time it is; the validator's.

        Raises:
            ValueError: a setting is bad.
        """
        if not hasattr(validator, "keys") or not hasattr(validator.keys, "generation"):
            raise ValueError("a validator that does not tell when its keys change cannot be cached")
        if validator.once:
            raise ValueError("tokens of this kind answer one request each, and cannot be cached")
        if max_entries < 1:
            raise ValueError("max_entries must be positive")
        self._validator = validator
        self._keys = validator.keys
        self._max_entries = max_entries
        self._time = clock.time
        # Ordered, because a plain dict walks over the places of all that left before its first entry.
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def bump(self) -> None:
        """Forget everything, what is being verified right now too: at a revocation, or a change of policy."""
        self._entries = OrderedDict()

    def validate(self, token: object, *, proof: Proof | None = None) -> VerifiedClaims:
        """The claims of a good token.

        Raises:
            InvalidToken: as the validator.
        """
        found = self._recall(token, proof)
        if type(found) is VerifiedClaims:
            return found
        claims = self._validator.validate(token, proof=proof)
        self._keep(found, claims)
        return claims

    async def validate_async(self, token: object, *, proof: Proof | None = None) -> VerifiedClaims:
        """As `validate`, fetching keys without blocking.

        Raises:
            InvalidToken: as the validator.
        """
        found = self._recall(token, proof)
        if type(found) is VerifiedClaims:
            return found
        claims = await self._validator.validate_async(token, proof=proof)
        self._keep(found, claims)
        return claims

    def _recall(self, token: object, proof: Proof | None) -> VerifiedClaims | _Place | None:
        """The claims; or where they may be kept, once they are verified; or None, if they must not be."""
        # A subclass of str could be another text for the hash than for the validator.
        if proof is not None or type(token) is not str or len(token) > MAX_TOKEN or not token.isascii():
            return None
        entries, generation = self._entries, self._keys.generation
        key = sha256(token.encode()).digest()
        entry = entries.get(key)
        if entry is not None and entry[0] == generation and entry[1] <= self._time() < entry[2]:
            return entry[3]
        return None if generation is None else (entries, key, generation)

    def _keep(self, place: VerifiedClaims | _Place | None, claims: VerifiedClaims) -> None:
        if not isinstance(place, tuple) or "cnf" in claims:
            return
        # Both from before it was verified: after a `bump` nobody reads those entries, and if the keys changed
        # meanwhile, their generation never equals that one.
        entries, key, generation = place
        now = self._time()
        since = max(now, claims.get("nbf", 0), claims.get("iat", 0))
        until = min(claims["exp"], now + MAX_SECONDS)
        if until <= since:
            return
        entries.pop(key, None)
        while len(entries) >= self._max_entries:
            with suppress(KeyError):  # another thread was faster
                entries.popitem(last=False)
        entries[key] = _Entry(generation, since, until, claims)
