"""What an adapter shows tokens from, wherever they come from."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Protocol

from tokenward.client.token import Token

if TYPE_CHECKING:
    from tokenward.flows.step_up import StepUp


class SignsIn(Protocol):
    """Lets a person sign in again, and waits for it: `sign_in` of the source, or what asks them first."""

    def __call__(self, *, acr_values: tuple[str, ...], max_age: int | None) -> object:
        """What is given back does not matter; what is raised goes to who made the call."""


class TokenSource(ABC):
    """Gives something good to show to an API.

    Attributes:
        resource: the API that it is for, an absolute URL, or "" where only the adapter is told.
        exchanged_as: what it is called when it is exchanged for something else (RFC 8693 §3).
    """

    exchanged_as: ClassVar[str] = "urn:ietf:params:oauth:token-type:access_token"
    resource: str

    @property
    def generation(self) -> int:
        """Grows with whom the tokens stand for: somebody who signs in, or nobody any more."""
        return 0

    def at_hand(self) -> Token | None:
        """A token that is good now, if nobody has to be asked or waited for; no I/O is done."""
        return None

    @abstractmethod
    def token(self) -> Token:
        """A token that is good now.

        Raises:
            TokenError: there is none; ServerUnavailable, SignInRequired: for a reason that says what to do.
        """

    @abstractmethod
    async def token_async(self) -> Token:
        """As `token`, without blocking the event loop.

        Raises:
            TokenError: as `token`.
        """

    @abstractmethod
    def reject(self, token: Token) -> bool:
        """Say that an API refused a token before its end; whether asking for another makes sense."""

    def step_up(self, sign_in: SignsIn, wanted: "StepUp", generation: int) -> None:
        """Let the person sign in as an API wants it (RFC 9470 §4).

        Args:
            sign_in: does it.
            wanted: how.
            generation: of this source when the call was made: somebody who came later was not refused yet.

        Raises:
            TokenError: nobody signed in, or not so.
        """
        if self.generation == generation:
            sign_in(acr_values=wanted.acr_values, max_age=wanted.max_age)
