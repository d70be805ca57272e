"""What introspection answered about live tokens. It would answer the same again, until something is revoked.

Only opaque tokens are remembered: a JWT ends with its signing key too, at a moment that no event tells. And
only those that were exchanged for nothing: they end with no token but themselves.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from tokenward.store.records import AccessToken, Client, FeedEvent
from tokenward.tokens.opaque import fingerprint
from tokenward.tokens.presented import is_jwt


@dataclass(frozen=True, slots=True)
class _Known:
    """A live token, and what each caller was answered about it, by client_id."""

    token_id: str
    expires_at: float
    answers: dict[str, tuple[Client, bytes]] = field(default_factory=dict)


class KnownAnswers:
    """A bounded memory of answers, keyed by the SHA-256 of the whole token; the oldest goes first.

    Args:
        fresh: whether every revocation is known by now; while it is not, nothing is answered from here.
        size: how many tokens are remembered.

    Attributes:
        generation: moves with every revocation. Whoever looks a token up notes it before and passes it to
            `keep`, which remembers nothing that was learnt before the latest revocation.
    """

    __slots__ = ("_fresh", "_known", "_size", "_token_keys", "generation")

    def __init__(self, *, fresh: Callable[[], bool], size: int = 100_000) -> None:
        self._fresh = fresh
        self._size = size
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._token_keys: dict[str, bytes] = {}
        self.generation = 0

    def get(self, text: str, caller: Client, now: float) -> tuple[str, bytes] | None:
        """The token's id, and what this caller was answered about it; None if nobody can say unlooked."""
        known = self._known.get(fingerprint(text))
        if known is None or not self._fresh():
            return None
        if known.expires_at <= now:
            self._drop(known.token_id)
            return None
        if (asked := known.answers.get(caller.client_id)) is None:
            return None
        # What a caller may know hangs on its registration, which changes without an event.
        return (known.token_id, asked[1]) if asked[0] is caller or asked[0] == caller else None

    def keep(self, text: str, caller: Client, token: AccessToken, answer: bytes, *, generation: int) -> None:
        """Remember an answer about a live token, unless something was revoked since `generation` was read."""
        if generation != self.generation or token.ancestors or is_jwt(text):
            return
        key = fingerprint(text)
        if key not in self._known:
            if len(self._known) >= self._size:
                self._drop(next(iter(self._known.values())).token_id)
            self._known[key] = _Known(token.token_id, token.expires_at)
            self._token_keys[token.token_id] = key
        self._known[key].answers[caller.client_id] = (caller, answer)

    def on_event(self, event: FeedEvent) -> None:
        """Forget the token that was revoked; at anything else, which is rare, everything."""
        if event.revoked == "token":
            self.forget(event.subject)
        else:
            self.clear()

    def forget(self, token_id: str) -> None:
        """The token has ended."""
        self.generation += 1
        self._drop(token_id)

    def clear(self) -> None:
        """Forget everything."""
        self.generation += 1
        self._known.clear()
        self._token_keys.clear()

    def _drop(self, token_id: str) -> None:
        key = self._token_keys.pop(token_id, None)
        if key is not None:
            del self._known[key]
