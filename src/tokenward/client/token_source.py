"""What an adapter shows tokens from, wherever they come from."""

from abc import ABC, abstractmethod
from typing import ClassVar

from tokenward.client.token import Token


class TokenSource(ABC):
    """Gives something good to show to an API.

    Attributes:
        resource: the API that it is for, an absolute URL, or "" where only the adapter is told.
        exchanged_as: what it is called when it is exchanged for something else (RFC 8693 §3).
        generation: grows with whom the tokens stand for: another person who signs in, or nobody any more.
    """

    exchanged_as: ClassVar[str] = "urn:ietf:params:oauth:token-type:access_token"
    resource: str
    generation: int = 0

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
