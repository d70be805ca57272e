"""Whose credential a text is, told by its form, and who judges it: the vocabulary, and our own forms.

A judge is asked about texts that are not remembered. Our own tokens and keys say by their beginning that they
are ours, so none of them is ever shown to anybody else (`trust`), be it damaged.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from tokenward.base.problems import INVALID_TOKEN, Refusal
from tokenward.gateway.access import TokenFacts, TokenResolver
from tokenward.gateway.credentials import Presented
from tokenward.gateway.outside import OutsideJwts
from tokenward.tokens import opaque


class Task(NamedTuple):
    """A text that somebody has to judge.

    Attributes:
        what: it seems to be, for the log; no part of a secret.
        name: under which the verdict is remembered.
        judge: gives what is live now, None for what is unknown, expired or revoked. Raises Refusal: why it is
            none, or UNAVAILABLE where that cannot be known.
        guessable: nobody knows how many guesses such a credential would take.
    """

    what: str
    name: str
    judge: Callable[[], Awaitable[TokenFacts | None]]
    guessable: bool = False


@dataclass(frozen=True, slots=True)
class Own:
    """What our own issuer gives out: opaque tokens, JWTs and API keys.

    Attributes:
        resolver: says what a token or a key stands for.
        jwts: verifies access tokens that are JWTs; None where none is accepted.
        prefix: how our opaque tokens begin.
    """

    resolver: TokenResolver
    jwts: OutsideJwts | None
    prefix: str
    _beginning: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_beginning", f"{self.prefix}_")

    def marks(self, presented: Presented) -> bool:
        """Whether its place or its beginning says that it is ours and nobody else's."""
        return presented.foreign or (presented.text.startswith(self._beginning) and not presented.basic)

    def task(self, presented: Presented, audience: str) -> Task:
        """Who judges it.

        The checksum stops accidents and cheap floods before any lookup; the throttle bounds the others.

        Raises:
            Refusal: INVALID_TOKEN, it is nothing of ours, or damaged.
        """
        text, name = presented.text, presented.name
        if presented.foreign:
            return Task("a foreign API key", name, partial(self._api_key, text), guessable=True)
        if "." in text:
            return Task("a JWT", name, partial(self._jwt, text, audience))
        parsed = opaque.parse(text, prefix=self.prefix)
        if parsed is not None and parsed.kind == "at":
            return Task(parsed.token_id, name, partial(self._token, text, parsed.token_id))
        if parsed is not None and parsed.kind == "ak":
            return Task(parsed.token_id, name, partial(self._api_key, text, parsed.token_id))
        raise Refusal(INVALID_TOKEN, "no access token or API key of ours, or a damaged one")

    async def _token(self, text: str, token_id: str) -> TokenFacts | None:
        facts = await self.resolver.resolve(text, token_id)
        return facts if facts is not None and facts.token_id == token_id else None

    async def _api_key(self, text: str, token_id: str | None = None) -> TokenFacts | None:
        facts = await self.resolver.resolve_api_key(text)
        return facts if facts is not None and token_id in {None, facts.token_id} else None

    async def _jwt(self, text: str, audience: str) -> TokenFacts | None:
        """Its signature is what the checksum is to an opaque token; its row says whether it lives."""
        if self.jwts is None:
            raise Refusal(INVALID_TOKEN, "a JWT is not accepted at this door")
        return await self._token(text, await self.jwts.token_id(text, audience))
