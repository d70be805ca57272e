"""One place at which a secret was seen: what a worker hands to whoever collects."""

from collections.abc import Mapping
from typing import NamedTuple

from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.blob import Origin


class Sighting(NamedTuple):
    """A tuple, so that thousands go cheaply from process to process. Never printed: it holds the secret.

    Attributes:
        rule: the id of the rule.
        secret: its bytes.
        severity: at this place.
        confidence: at this place.
        guessable: a person may have chosen the secret.
        facts: what was read from it and may be shown.
        why: what changed severity or confidence at this place, in a sentence; "" for nothing.
        path: as in `Place.path`.
        line: as in `Place.line`.
        column: as in `Place.column`.
        decoded: as in `Place.decoded`.
        object_id: of the git object that holds it; None outside git.
        origin: the commit, where the source knew it.
        allowed: the reason that an inline comment gives for letting it pass; None without one.
        in_name: what stands for it in the path, where the path is where it was seen; "" for others.
    """

    rule: str
    secret: bytes
    severity: Severity
    confidence: Confidence
    guessable: bool
    facts: Mapping[str, str]
    why: str
    path: str
    line: int
    column: int
    decoded: tuple[str, ...]
    object_id: str | None
    origin: Origin | None
    allowed: str | None
    in_name: str = ""

    def __repr__(self) -> str:
        return f"<Sighting of {self.rule} in {self.path}:{self.line}>"
