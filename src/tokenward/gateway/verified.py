"""What the gateway remembers of tokens that it has seen to be live.

Keyed by the SHA-256 of the whole token, never by a part of it. Unknown tokens are not remembered: a flood of
them costs bounded lookups and no memory. Revocations come in by the feed.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tokenward.gateway.access import TokenFacts
from tokenward.gateway.inside import InsideJwt
from tokenward.store.records import API_KEY_CLIENT, FeedEvent, RevokedBy
from tokenward.tokens.opaque import fingerprint


@dataclass(slots=True)
class Entry:
    """A live token, and the inside JWT minted for its one audience, which lives and dies with it.

    `until` is the end of what is known of it, in seconds since 1970: the token's, or an earlier one.
    """

    facts: TokenFacts
    until: float
    inside: InsideJwt | None = None


_Family = tuple[RevokedBy, str]


def _families(facts: TokenFacts) -> Iterator[_Family]:
    """What the credential ends with, beside itself and what ends many at once."""
    if facts.is_api_key:
        yield "api_key", facts.token_id
    if facts.grant_id is not None:
        yield "grant", facts.grant_id
    for ancestor in facts.ancestors:
        if ancestor.startswith(API_KEY_CLIENT):
            yield "api_key", ancestor.removeprefix(API_KEY_CLIENT)
        else:
            yield "token", ancestor


@dataclass(slots=True)
class _Index:
    """The keys of the entries, by the names that single revocations use."""

    token: dict[str, bytes] = field(default_factory=dict)
    family: dict[_Family, set[bytes]] = field(default_factory=dict)


class VerifiedTokens:
    """A bounded memory of live tokens; the oldest goes first.

    Attributes:
        generation: moves with every revocation. Whoever looks a token up notes it before and passes it to
            `keep`, which remembers nothing that was learnt before the latest revocation.
        hits: how often a token was remembered.
        misses: how often it was not, and had to be looked up.
    """

    __slots__ = ("_entries", "_index", "_size", "generation", "hits", "misses")

    def __init__(self, size: int = 100_000) -> None:
        self._size = size
        # Ordered, because a plain dict walks over the places of all that left before its first entry.
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()
        self._index = _Index()
        self.generation = 0
        self.hits = self.misses = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, token: str, now: float) -> Entry | None:
        """The entry of a token that has not ended yet."""
        key = fingerprint(token)
        entry = self._entries.get(key)
        if entry is not None and now < entry.until:
            self.hits += 1
            return entry
        self.misses += 1
        self._drop(key)
        return None

    def keep(self, token: str, facts: TokenFacts, *, generation: int) -> Entry:
        """Remember the facts, unless something was revoked since `generation` was read.

        The entry is returned either way: the request that asked was there before the revocation.
        """
        entry = Entry(facts, min(facts.expires_at, facts.believed_until))
        if generation != self.generation:
            return entry
        key = fingerprint(token)
        self._drop(key)
        while len(self._entries) >= self._size:
            self._drop(next(iter(self._entries)))
        self._entries[key] = entry
        if not facts.is_api_key:
            self._index.token[facts.token_id] = key
        for family in _families(facts):
            self._index.family.setdefault(family, set()).add(key)
        return entry

    def on_event(self, event: FeedEvent) -> None:
        """Forget whatever the event revokes, and whoever it tells news of."""
        self.generation += 1
        if event.revoked in {"token", "grant", "api_key"}:
            doomed = list(self._index.family.get((event.revoked, event.subject), ()))
            if event.revoked == "token" and event.subject in self._index.token:
                doomed.append(self._index.token[event.subject])
        else:
            # Whatever its age: a token issued after `before` dies too if its grant was made before.
            # Forgetting one that lives costs no more than a lookup.
            concerns = _CONCERNS[event.revoked]
            doomed = [key for key, entry in self._entries.items() if concerns(entry.facts, event.subject)]
        for key in doomed:
            self._drop(key)

    def clear(self) -> None:
        """Forget everything: the feed has a gap."""
        self.generation += 1
        self._entries.clear()
        self._index = _Index()

    def _drop(self, key: bytes) -> None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        # A token of another issuer may be remembered at several APIs, under one id.
        if self._index.token.get(entry.facts.token_id) == key:
            del self._index.token[entry.facts.token_id]
        for family in _families(entry.facts):
            siblings = self._index.family[family]
            siblings.discard(key)
            if not siblings:
                del self._index.family[family]


# Revocations of many tokens at once are rare, so they walk through all entries (some 10 ms for 100 000).
_CONCERNS: dict[str, Callable[[TokenFacts, str], bool]] = {
    # What was exchanged ends with the tokens of whichever clients it was exchanged for: only the store knows.
    "client": lambda facts, subject: facts.client_id == subject or bool(facts.ancestors),
    "user": lambda facts, subject: facts.user_id == subject,
    "claims": lambda facts, subject: facts.user_id == subject,
    "all": lambda _facts, _subject: True,
}
