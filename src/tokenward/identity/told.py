"""Telling a person what happened to their account, from a request that did it."""

from tokenward.base.asgi import Scope
from tokenward.base.throttle import peer_of
from tokenward.identity.devices import device_of
from tokenward.identity.letters import Event, Letters
from tokenward.store.people_records import User


class Told:
    """Letters about what a request did."""

    def __init__(self, letters: Letters) -> None:
        self._letters = letters

    def of(self, scope: Scope, user: User, event: Event, what: str = "") -> None:
        """Tell the person; takes no time and never fails."""
        self._letters.tell(user, event, device=device_of(scope), address=peer_of(scope), what=what)
