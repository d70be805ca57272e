"""What the rest of the house may ask of the store about clients that register themselves.

The promises of `port` hold here, too. A use of an initial access token and a registration access token count
once, in any number of processes: who takes one does it by the statement that finds it.
"""

from typing import Literal, Protocol

from tokenward.store.records import Client, ClientSecret
from tokenward.store.registration_records import InitialToken, Registration


class Registrations(Protocol):
    """Clients that registered themselves, and the tokens that let them."""

    async def add_initial_token(self, token: InitialToken) -> None:
        """Add a token.

        Raises:
            AlreadyExists: the locator is taken.
        """

    async def initial_token(self, token_id: str) -> InitialToken | None:
        """The token, also one that is used up or over; None if it is unknown."""

    async def initial_tokens(self) -> list[InitialToken]:
        """Every token, by age."""

    async def remove_initial_token(self, token_id: str) -> bool:
        """Delete it; False if it is unknown. What was registered by it stays."""

    async def register_client(
        self,
        client: Client,
        secret: ClientSecret | None,
        registration: Registration,
        *,
        at: float,
        most: int,
        initial_token: str | None,
    ) -> Literal["added", "full", "spent"]:
        """Add a client that registered itself, in one unit, and take one use of the initial access token.

        `full`: there are `most` of them, or some more where processes add them at once. `spent`: the token
        is used up, over or gone. Then nothing is added, and nothing taken.

        Raises:
            AlreadyExists: a locator or the client_id is taken.
        """

    async def registration(self, client_id: str) -> Registration | None:
        """What is kept beside a client that registered itself; None of any other."""

    async def registration_by_token(self, token_id: str) -> Registration | None:
        """The one whose registration access token has that locator now, if any."""

    async def change_registration(
        self, client: Client, secret: ClientSecret | None, registration: Registration, *, instead_of: str
    ) -> bool:
        """Put client and registration in the place of what is there.

        False, and nothing has changed, if its token is another one than `instead_of` meanwhile. Secrets are
        gone where the client proves itself otherwise from now on; `secret` is added.

        Raises:
            AlreadyExists: a locator is taken.
        """
