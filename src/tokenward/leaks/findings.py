"""What a scan says: findings with their places, and what could not be scanned."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tokenward.base.severity import Confidence, Severity


@dataclass(frozen=True, slots=True)
class Commit:
    """The commit that brought a secret into a repository.

    Attributes:
        id: the object id, in hex.
        author: name and address as the commit gives them.
        date: the author date, RFC 3339.
        in_head: whether the place still holds the secret in HEAD.
    """

    id: str
    author: str
    date: str
    in_head: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where a secret was seen.

    Attributes:
        path: of the file, relative to what was scanned; members of containers follow after "!".
        line: from 1; 0 where lines mean nothing (binary files).
        column: from 1, in characters of that line; 0 as above.
        decoded: the encodings undone to see it, outermost first, such as ("base64", "gzip").
        commit: who brought it in; None outside git.
    """

    path: str
    line: int
    column: int
    decoded: tuple[str, ...] = ()
    commit: Commit | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A secret as a detector hands it over, before filters and deduplication.

    Attributes:
        rule: the id of the rule.
        start: offset in the text's bytes at which the secret begins.
        end: offset just after it.
        secret: its bytes, without quotes and escapes; never shown.
        confidence: may be above or below the rule's own.
        facts: what was read from it and may be shown, such as a JWT's issuer. Never a secret.
        severity: overrides the rule's, where the detector knows better (an expired JWT, an encrypted key).
        guessable: a person may have chosen it, so that a plain hash of it would give it away.
    """

    rule: str
    start: int
    end: int
    secret: bytes = field(repr=False)
    confidence: Confidence
    facts: Mapping[str, str] = field(default_factory=dict)
    severity: Severity | None = None
    guessable: bool = False


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that could not be scanned, or not to its end: never silent, never a crash.

    Attributes:
        path: as in `Place`.
        why: in words, such as "archive nested deeper than 8".
        skipped: it was left out on purpose, or is not here: on somebody's word, or because it is scanned
            elsewhere. False where a bound, a format or damage kept the scan from looking.
    """

    path: str
    why: str
    skipped: bool = False
