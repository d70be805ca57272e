"""What `/account` shows."""

from collections.abc import Sequence
from dataclasses import dataclass

from tokenward.store.people_records import FactorSummary, Session
from tokenward.store.records import ApiKey


@dataclass(frozen=True, slots=True)
class Application:
    """A client that may act for the person.

    Attributes:
        client_id: which.
        name: as registered.
        scopes: what it may do, each once.
        since: when the person first allowed it, seconds since the epoch.
        acts: whether it holds tokens for the person now.
    """

    client_id: str
    name: str
    scopes: tuple[str, ...]
    since: float
    acts: bool


@dataclass(frozen=True, slots=True)
class AccountView:
    """What the page shows.

    Attributes:
        username: whose account.
        field: the hidden field of its forms.
        factors: what they can sign in with.
        sessions: the live ones, the last used first.
        this_session: the one that looks.
        applications: those that may act for them, by name.
        api_keys: those that they answer for, the next to end first.
    """

    username: str
    field: str
    factors: FactorSummary
    sessions: Sequence[Session]
    this_session: str
    applications: Sequence[Application]
    api_keys: Sequence[ApiKey]
