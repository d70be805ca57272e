"""What a language's rewriting gives back."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tokenward.base.references import Reference
from tokenward.leaks.fixing.spot import Spot


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A text without the secret.

    Attributes:
        text: all of it, as in `Source`.
        variable: the environment variable that it reads now; "" where it reads the place itself.
        notes: what else has to be done for it to work, a sentence each.
    """

    text: str = field(repr=False)
    variable: str = ""
    notes: tuple[str, ...] = ()


Rewrite = Callable[[Spot, Reference, str], Rewritten]
"""Spot, where the secret is kept, a name for an environment variable → the new text, or `ByHand`."""
