"""What the rest of the house may ask of the store about pushed authorization requests (RFC 9126).

The promises of `port` hold here, too. A request is answered once: whoever answers it takes its row away, by
one statement, and of any number of answers in any number of processes one finds it. With a code that happens
in the unit that adds the code (`port.Tokens.add_grant`).
"""

from typing import Protocol

from tokenward.store.pushed_records import PushedRequest

OPENED_SECONDS = 1800.0
"""How long after its `expires_at` a request is kept for a browser that came with it in time: to sign in takes
ten minutes at most, and the form of the consent page lives for as long."""


class PushedRequests(Protocol):
    """Authorization requests that wait for a person."""

    async def add_pushed_request(self, request: PushedRequest) -> None:
        """Add a request.

        Raises:
            AlreadyExists: the locator is taken.
        """

    async def pushed_request(self, request_id: str) -> PushedRequest | None:
        """The request, also for `OPENED_SECONDS` after its end; None for everything else alike.

        That is what is unknown or answered, or was pushed before its client was removed, or before that
        client's secret or key got into strange hands.
        """

    async def answer_pushed_request(self, request_id: str) -> bool:
        """Take the request away, for an answer without a code; False if it is gone."""
