"""Whose credentials count at one API, beside or in place of our own issuer's.

Each credential has exactly one judge, found by what it looks like and never by trying: a token that is shown
to a server which did not issue it has leaked. In this order:

| what it looks like                            | who judges it                                             |
|-----------------------------------------------|-----------------------------------------------------------|
| `Authorization: Basic`                        | the list of users, until its last day                     |
| an API key, or a text that begins as ours do  | our own issuer                                            |
| a JWT that names an issuer                    | the trusted source of exactly that issuer, or our own     |
| anything else                                 | the trusted source with whose prefix it begins            |

The issuer that a JWT names is only a claim here; whoever judges it verifies that.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Protocol

from tokenward.base.entropy import identifier
from tokenward.base.problems import INVALID_TOKEN, Refusal
from tokenward.gateway.access import TokenFacts
from tokenward.gateway.credentials import Presented
from tokenward.gateway.judges import Own, Task
from tokenward.gateway.verified import Entry, VerifiedTokens
from tokenward.tokens.errors import InvalidToken
from tokenward.tokens.presented import claimed_issuer, is_jwt


class Source(Protocol):
    """An issuer that is not ours, as one API trusts it."""

    async def judge(self, text: str, peer: str, /) -> TokenFacts | None:
        """What a token of it stands for that is live now; None if it is unknown, expired or revoked.

        Raises:
            Refusal: INVALID_TOKEN, whose detail says why; UNAVAILABLE, the answer cannot be known;
                TOO_MANY_REQUESTS, this peer waits for too many answers.
        """
        ...


class BasicUsers(Protocol):
    """Users who may still show a name and a password."""

    def accepted(self, now: float) -> bool:
        """Whether their last day has not passed."""
        ...

    def name(self, text: str) -> str:
        """Under which these credentials are remembered: nobody can find out from it what they are."""
        ...

    async def judge(self, text: str, peer: str) -> TokenFacts | None:
        """Whose they are.

        Raises:
            Refusal: BASIC_REFUSED; TOO_MANY_REQUESTS, this peer guesses; UNAVAILABLE.
        """
        ...


def _nothing() -> Mapping[str, Source]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Trust:
    """The sources of trust of one API.

    Attributes:
        own: whether what our own issuer gave out is good here.
        issuers: exact `iss` → who judges the JWTs that name it.
        opaque: beginning of a token → who judges what is no JWT. No key is the beginning of another.
        basic: users with passwords, if there are any.
    """

    own: bool = True
    issuers: Mapping[str, Source] = field(default_factory=_nothing)
    opaque: Mapping[str, Source] = field(default_factory=_nothing)
    basic: BasicUsers | None = None
    # Two APIs that get the same token, and one API before and after a change of policy, have nothing in
    # common: what one knows, no other ever reads.
    _realm: str = field(default_factory=identifier, init=False, repr=False)

    def takes_basic(self, now: float) -> bool:
        """Whether a name and a password are looked at."""
        return self.basic is not None and self.basic.accepted(now)

    @property
    def takes_tokens(self) -> bool:
        """Whether there is any bearer token that could be good."""
        return self.own or bool(self.issuers) or bool(self.opaque)

    def servers(self, own: str) -> list[str]:
        """Whose tokens are good here: the identifiers of the issuers, `own` being ours."""
        return [own, *self.issuers] if self.own else list(self.issuers)

    def recall(self, verified: VerifiedTokens, presented: Presented, own: Own, now: float) -> Entry | None:
        """What is remembered of a credential that was good here.

        What our own issuer gave out is remembered under its own text, whichever API it came to.
        """
        if own.marks(presented):
            return verified.get(presented.name, now) if self.own else None
        entry = verified.get(self._name(presented), now)
        if entry is None and self.own and is_jwt(presented.text):
            return verified.get(presented.name, now)
        return entry

    def task(self, presented: Presented, audience: str, own: Own, peer: str) -> Task:
        """Who judges it.

        Raises:
            Refusal: INVALID_TOKEN, nobody does.
        """
        text = presented.text
        if presented.basic and self.basic is not None:
            judge = partial(self.basic.judge, text, peer)
            return Task("a user name with its password", self._name(presented), judge)
        if own.marks(presented):
            return self._ours(presented, audience, own)
        issuer = _named_issuer(text)
        if not issuer:
            # What is nearly a JWT may be one of ours that was damaged, so a prefix has to say whose it is.
            told = (
                self.opaque if issuer is None else {start: it for start, it in self.opaque.items() if start}
            )
            source = next((it for start, it in told.items() if text.startswith(start)), None)
        elif (source := self.issuers.get(issuer)) is None:
            return self._ours(presented, audience, own)
        if source is None:
            raise Refusal(INVALID_TOKEN, "a token that nobody who is trusted here would know")
        return Task("a token of another issuer", self._name(presented), partial(source.judge, text, peer))

    def _ours(self, presented: Presented, audience: str, own: Own) -> Task:
        if not self.own:
            raise Refusal(INVALID_TOKEN, "of our own issuer, or of nobody who is trusted here")
        return own.task(presented, audience)

    def _name(self, presented: Presented) -> str:
        """With a space in it, so that no token is taken for it."""
        if presented.basic and self.basic is not None:
            return f"{self._realm} Basic {self.basic.name(presented.text)}"
        return f"{self._realm} {presented.name}"


def _named_issuer(text: str) -> str | None:
    """The `iss` of a JWT; None for a token that is none, "" for what has its dots and names no issuer."""
    if not is_jwt(text):
        return None
    try:
        return claimed_issuer(text) or ""
    except InvalidToken:
        return ""
