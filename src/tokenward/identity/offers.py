"""What a page needs to ask a browser for a passkey."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PasskeyOffer:
    """A form for a passkey.

    Attributes:
        field: its hidden field.
        options: for the page's script, as JSON: of a request (WebAuthn Level 3 §5.1.10.2) or a creation
            (§5.1.10.1).
    """

    field: str
    options: str
