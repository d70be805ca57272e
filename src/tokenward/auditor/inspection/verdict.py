"""Whether a signature was checked, and what came of it."""

from dataclasses import dataclass
from typing import Literal

State = Literal["unchecked", "good", "refused", "impossible"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verifying a credential came to.

    Attributes:
        state: nobody asked for it, or it passed, was refused, or could not be told.
        words: that, for people.
        code: of the refusal, a key of `tokens.errors.CODES`.
    """

    state: State
    words: str
    code: str = ""


UNCHECKED = Verdict(
    "unchecked", "not checked: anybody may have written this. Name --issuer, --jwks or --key to check it"
)
"""Nobody named a key."""
