"""What `/account` shows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tokenward.store.people_records import FactorSummary, Session
from tokenward.store.records import ApiKey
from tokenward.tokens.authorization_details.types import DetailType
from tokenward.tokens.authorization_details.wording import Told


class Api(Protocol):
    """What people are told of an API; a resource of the issuer's has these attributes."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def scopes(self) -> Mapping[str, str]:
        """Scope → what it allows, in the words of the consent page."""

    @property
    def details(self) -> Mapping[str, DetailType]:
        """Types of authorization details, by name (RFC 9396)."""


Words = Callable[[str], Api]
"""Tells of an audience, known or not."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What can be done at one API.

    Attributes:
        api: what people call it.
        scopes: scope → what it allows; of a scope that is no longer, its name.
        details: what exactly, each once, for as long as there are tokens for it.
    """

    api: str
    scopes: Mapping[str, str]
    details: tuple[Told, ...] = ()


@dataclass(frozen=True, slots=True)
class Application:
    """A client that may act for the person.

    Attributes:
        client_id: which.
        name: as registered.
        allowed: what it may do, each API once.
        since: when the person first allowed it, seconds since the epoch.
        acts: whether it holds tokens for the person now.
    """

    client_id: str
    name: str
    allowed: tuple[Allowed, ...]
    since: float
    acts: bool


@dataclass(frozen=True, slots=True)
class LinkedAccount:
    """A person's account at an identity provider.

    Attributes:
        name: of the provider.
        label: what people call it; its name, where it is no longer configured.
        subject: the provider's name for the person.
        linked_at: since when.
        last_used_at: when they last signed in by it, if they did.
    """

    name: str
    label: str
    subject: str
    linked_at: float
    last_used_at: float | None


@dataclass(frozen=True, slots=True)
class Key:
    """An API key that the person answers for, and what it may do."""

    key: ApiKey
    allowed: Allowed


@dataclass(frozen=True, slots=True)
class AccountView:
    """What the page shows.

    Attributes:
        username: whose account.
        field: the hidden field of its forms.
        factors: what they can sign in with.
        accounts: theirs at identity providers.
        providers_work: whether there are providers.
        sessions: the live ones, the last used first.
        this_session: the one that looks.
        applications: those that may act for them, by name.
        api_keys: those that they answer for, the next to end first.
    """

    username: str
    field: str
    factors: FactorSummary
    accounts: Sequence[LinkedAccount]
    providers_work: bool
    sessions: Sequence[Session]
    this_session: str
    applications: Sequence[Application]
    api_keys: Sequence[Key]
