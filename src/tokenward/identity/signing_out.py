"""What a response to the browser needs after a session was ended."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SignedOut:
    """The issuer's port `SignedOut`.

    Attributes:
        user_id: who was signed in; "" where nobody was.
        headers: that make the browser forget its cookies.
        onwards: where to sign out, too: at the identity provider that vouched for the person; or None.
    """

    user_id: str
    headers: tuple[tuple[bytes, bytes], ...]
    onwards: str | None = None
