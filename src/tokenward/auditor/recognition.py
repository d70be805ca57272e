"""Who knows the formats of many providers' credentials: not the auditor, but the leak scanner's rules."""

from dataclasses import dataclass, field
from typing import Protocol

from tokenward.base.severity import Confidence, Severity


@dataclass(frozen=True, slots=True)
class Recognised:
    """A credential in a text.

    Attributes:
        secret: itself; never shown.
        rule: id of the rule that knows it.
        what: it is, such as "GitHub personal access token (classic)".
        provider: whose it is, such as "GitHub"; may be "".
        masked: what may be shown of it.
        severity: how bad it is that it stands there.
        confidence: that it is one.
        line: from 1, in the text.
        column: from 1, in characters.
    """

    secret: str = field(repr=False)
    rule: str
    what: str
    provider: str
    masked: str
    severity: Severity
    confidence: Confidence
    line: int
    column: int


class Recogniser(Protocol):
    """Finds the credentials in a text."""

    def __call__(self, text: str, /) -> tuple[Recognised, ...]:
        """All of them, in any order; the text may have any number of lines."""
        ...


def nobody(_text: str) -> tuple[Recognised, ...]:
    """A `Recogniser` that knows none."""
    return ()
