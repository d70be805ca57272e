"""The result of a scan: one finding a secret, with all its places, and a summary that hides nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.findings import Place, Trouble
from tokenward.leaks.rule import Rule


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Why a finding does not count.

    Attributes:
        how: by a comment beside the secret, or by an entry of the baseline.
        reason: as somebody wrote it.
        by: who that was; "" where it does not say.
        until: the last day on which it holds, as YYYY-MM-DD; "" where it has no end.
    """

    how: Literal["comment", "baseline"]
    reason: str
    by: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class Validity:
    """Whether a secret is live, by who issued it.

    Attributes:
        state: "valid": it was accepted; "refused": it was not; "ended": it was live, and its issuer ended it
            because it was told; "unknown": nobody could tell, or nobody was asked.
        asked: the host.
        why: what the state follows from, such as "it answered 401".
        at: when, in seconds since 1970.
    """

    state: Literal["valid", "refused", "ended", "unknown"]
    asked: str
    why: str
    at: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One secret. It was seen in at least one place.

    Attributes:
        rule: what it is.
        severity: the worst of its places.
        confidence: the best of its places.
        masked: what may be shown of it: at most the first four characters and its length.
        fingerprint: "sha256:" and 64 hex digits for a format with a valid checksum, which nobody can guess;
            otherwise "hmac:" and 64 hex digits under the baseline's key.
        places: where it was seen, in order of path and line, oldest commit first.
        facts: what was read from it and may be shown.
        why: in a sentence, for people: what raised or lowered severity and confidence.
        acceptance: why it does not count; None for what does. A secret of which some places are accepted is
            two findings.
        validity: whether it is live; None where nobody wanted to know.
    """

    rule: Rule
    severity: Severity
    confidence: Confidence
    masked: str
    fingerprint: str
    places: tuple[Place, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    why: str = ""
    acceptance: Acceptance | None = None
    validity: Validity | None = None

    def narrowed(self, places: Sequence[Place], why: str, acceptance: Acceptance | None) -> "Finding":
        """The same with a part of its places, which are accepted, or not."""
        return replace(self, places=tuple(places), why=why, acceptance=acceptance)


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What was scanned, what was found, what was not scanned.

    Attributes:
        source: in words, such as "directory tree src" or "git history of /srv/app (3 refs)".
        findings: worst first, then by path.
        accepted: findings that a baseline or an inline comment lets pass, not in `findings`.
        troubles: what could not be scanned.
        files: how many blobs were searched, members of containers included.
        size: bytes searched.
        seconds: wall-clock time.
        interrupted: the scan was ended early; what is here is what was seen until then.
    """

    source: str
    findings: tuple[Finding, ...]
    accepted: tuple[Finding, ...]
    troubles: tuple[Trouble, ...]
    files: int
    size: int
    seconds: float
    interrupted: bool = False

    def told(self, validities: Mapping[str, Validity]) -> "ScanResult":
        """The same with what was answered about some of what counts, by fingerprint."""
        findings = tuple(
            replace(finding, validity=validities.get(finding.fingerprint, finding.validity))
            for finding in self.findings
        )
        return replace(self, findings=findings)
