"""The baseline: which findings somebody looked at and accepts for now, why, and until when.

An entry names a secret by its fingerprint and the file that it is in, never a line: lines move. The same
secret in another file is a finding again. Every entry ends, at most a year ahead, and then counts again.

Entries are written in a fixed order, one member a line: a change of one entry is a change of its lines only.
"""

import hmac
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, Protocol, Self, TypeVar

from tokenward.leaks.result import Acceptance
from tokenward.tokens.strict_json import read_value

FORMAT: Final = "tokenward-baseline"
VERSION: Final = 1
LONGEST: Final = timedelta(days=366)
MOST_BYTES: Final = 64_000_000
_NEEDED = ("fingerprint", "path", "rule", "reason", "until")


class BaselineError(ValueError):
    """The baseline cannot be used; the message says where and why, for people."""


class WrongKey(BaselineError):  # noqa: N818 - says what it is
    """Its fingerprints were made under another key: compared with it, everything would be new."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One accepted secret in one file.

    Attributes:
        fingerprint: as in `Finding.fingerprint`.
        path: as in `Place.path`; bytes that are no UTF-8 spelled out.
        rule: its id, for whoever reads the file.
        reason: why it is accepted.
        until: the last day on which it is.
        by: who accepted it; "" where it does not say.
    """

    fingerprint: str
    path: str
    rule: str
    reason: str
    until: date
    by: str = ""


@dataclass(frozen=True, slots=True)
class Baseline:
    """All entries.

    Attributes:
        entries: ordered by path, rule and fingerprint; no two for the same fingerprint and path.
        key_check: tells whether a key is the one that "hmac:" fingerprints were made under; "" before the
            first one.
    """

    entries: tuple[Entry, ...] = ()
    key_check: str = ""


def read(data: bytes, name: str, today: date) -> Baseline:
    """The baseline that `data` holds.

    Args:
        data: of the file.
        name: of the file, for messages.
        today: no entry may end more than a year after it.

    Raises:
        BaselineError: it is none. The message names the line or the entry.
    """
    if len(data) > MOST_BYTES:
        raise BaselineError(f"{name}: over {MOST_BYTES // 1_000_000} MB")
    try:
        document = read_value(data.decode("utf-8"))
    except json.JSONDecodeError as error:
        conflict = " (a merge conflict?)" if b"\n<<<<<<<" in b"\n" + data else ""
        raise BaselineError(f"{name}:{error.lineno}:{error.colno}: {error.msg}{conflict}") from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BaselineError(f"{name}:{line}: not UTF-8") from None
    except (ValueError, RecursionError) as error:
        why = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise BaselineError(f"{name}: {why}") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise BaselineError(f'{name}: not a baseline: "format" must be "{FORMAT}"')
    if document.get("version") != VERSION:
        raise BaselineError(f'{name}: written for another version: "version" must be {VERSION}')
    check, entries = document.get("key_check", ""), document.get("entries")
    if not isinstance(check, str) or not isinstance(entries, list):
        raise BaselineError(f'{name}: "entries" must be a list, and "key_check" a text')
    found: dict[tuple[str, str], Entry] = {}
    for number, each in enumerate(entries, start=1):
        entry = _entry(each, f"{name}: entry {number}", today)
        if found.setdefault((entry.fingerprint, entry.path), entry) is not entry:
            raise BaselineError(
                f"{name}: entry {number} ({entry.path}): it is there twice; keep one of the two"
            )
    return Baseline(_ordered(found.values()), check)


def _entry(raw: object, where: str, today: date) -> Entry:
    if not isinstance(raw, dict):
        raise BaselineError(f"{where} is no object")
    texts: dict[str, Any] = {"by": "", **raw}
    if isinstance(texts.get("path"), str):
        where += f" ({texts['path']})"
    unknown = texts.keys() - {*_NEEDED, "by"}
    if unknown:
        raise BaselineError(f"{where}: unknown member {min(unknown)!r}")
    for name in (*_NEEDED, "by"):
        if not isinstance(texts.get(name), str) or (name != "by" and not texts[name].strip()):
            raise BaselineError(f'{where}: "{name}" must be a text')
    try:
        until = date.fromisoformat(texts["until"])
    except ValueError:
        raise BaselineError(f'{where}: "until" must be a day, such as {today.isoformat()}') from None
    if until > today + LONGEST:
        raise BaselineError(f'{where}: "until" is more than a year ahead: nobody would look again')
    return Entry(texts["fingerprint"], texts["path"], texts["rule"], texts["reason"], until, texts["by"])


def written(baseline: Baseline) -> str:
    """The file's text."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "key_check": baseline.key_check,
        "entries": [
            {
                "path": entry.path,
                "rule": entry.rule,
                "fingerprint": entry.fingerprint,
                "reason": entry.reason,
                "by": entry.by,
                "until": entry.until.isoformat(),
            }
            for entry in baseline.entries
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def key_check(key: bytes) -> str:
    """What a baseline keeps to know its key again: 32 hex digits that say nothing about it."""
    return hmac.digest(key, b"tokenward baseline: is this the key?", "sha256").hex()[:32]


def hold_against(baseline: Baseline, key: bytes | None) -> None:
    """Make sure that the fingerprints of this run and those of the baseline can be compared.

    Args:
        baseline: as read.
        key: of this run; None where there is none but a made-up one.

    Raises:
        WrongKey: there are entries that nothing could be compared with.
    """
    keyed = sum(entry.fingerprint.startswith("hmac:") for entry in baseline.entries)
    if not keyed:
        return
    if key is None:
        raise WrongKey(
            f"{keyed} of the baseline's entries need its key, which is not here and never committed: copy "
            ".tokenward/baseline.key from where it was made, or name the key with --baseline-key env:NAME"
        )
    if not hmac.compare_digest(key_check(key), baseline.key_check):
        raise WrongKey(f"the key is not the one under which {keyed} of the baseline's entries were made")


class HasPath(Protocol):
    """A place in a file."""

    @property
    def path(self) -> str:
        """As in `Place.path`."""


class HasId(Protocol):
    """A rule."""

    @property
    def id(self) -> str:
        """Stable."""


class Acceptable(Protocol):
    """What a baseline can accept: a finding of the scanner, or of somebody else with the same to say."""

    @property
    def fingerprint(self) -> str:
        """The same for the same thing, run after run; "" where it has none."""

    @property
    def places(self) -> Sequence[HasPath]:
        """Where it was seen."""

    @property
    def rule(self) -> HasId:
        """What it is."""

    @property
    def why(self) -> str:
        """As in `Finding.why`."""

    def narrowed(self, places: Sequence[Any], why: str, acceptance: Acceptance | None) -> Self:
        """The same with a part of its places."""


F = TypeVar("F", bound=Acceptable)


def split(findings: Iterable[F], baseline: Baseline, today: date) -> tuple[tuple[F, ...], tuple[F, ...]]:
    """What counts, and what the baseline accepts.

    Returns:
        The findings with those of their places that count, in the order given; and for each acceptance the
        finding with the places that it is for. An entry that has ended accepts nothing: the finding says so.
    """
    index: dict[str, dict[str, Entry]] = {}
    for entry in baseline.entries:
        index.setdefault(entry.fingerprint, {})[entry.path] = entry
    counting: list[F] = []
    accepted: list[F] = []
    for finding in findings:
        entries = index.get(finding.fingerprint)
        if entries is None:
            counting.append(finding)
            continue
        counts, passed = _split(finding, entries, today)
        accepted += passed
        if counts is not None:
            counting.append(counts)
    return tuple(counting), tuple(accepted)


def _split(finding: F, entries: dict[str, Entry], today: date) -> tuple[F | None, list[F]]:
    counting: list[HasPath] = []
    accepted: dict[Acceptance, list[HasPath]] = {}
    ended: list[Entry] = []
    for place in finding.places:
        entry = entries.get(_spelled(place.path))
        if entry is None:
            counting.append(place)
        elif entry.until < today:
            counting.append(place)
            ended.append(entry)
        else:
            acceptance = Acceptance("baseline", entry.reason, entry.by, entry.until.isoformat())
            accepted.setdefault(acceptance, []).append(place)
    passed = [finding.narrowed(places, finding.why, acceptance) for acceptance, places in accepted.items()]
    if not counting:
        return None, passed
    why = _why(finding.why, ended, moved=bool(passed))
    return finding.narrowed(counting, why, None), passed


def _why(why: str, ended: Iterable[Entry], *, moved: bool) -> str:
    said = [why] if why else []
    said += [
        f"It was accepted until {entry.until.isoformat()} ({entry.reason})." for entry in dict.fromkeys(ended)
    ]
    if moved:
        said.append("It is accepted in another file, not here.")
    return " ".join(said)


def gone(baseline: Baseline, findings: Iterable[Acceptable]) -> tuple[Entry, ...]:
    """Entries that were not seen in a scan of everything: what they accept is no longer there.

    Args:
        baseline: as read.
        findings: of the scan, whether they count or are accepted.
    """
    seen = {(finding.fingerprint, _spelled(place.path)) for finding in findings for place in finding.places}
    return tuple(entry for entry in baseline.entries if (entry.fingerprint, entry.path) not in seen)


def updated(
    baseline: Baseline,
    findings: Iterable[Acceptable],
    *,
    key: bytes,
    today: date,
    reason: str,
    until: date,
    by: str = "",
    without: Collection[Entry] = (),
) -> Baseline:
    """The baseline with an entry for every place of these findings.

    Args:
        baseline: what there is: its entries keep their reasons and ends.
        findings: what counts now, as `split` left it: an entry that has ended is written anew.
        key: the findings' "hmac:" fingerprints were made under it.
        today: the day of the change.
        reason: why they are accepted.
        until: the last day on which they are.
        by: who says so.
        without: entries to leave out, as `gone` tells them.

    Raises:
        WrongKey: the baseline was made under another key.
        ValueError: there is no reason, or the end is past or more than a year ahead.
    """
    hold_against(baseline, key)
    if not reason.strip():
        raise ValueError("a reason is needed: whoever reads the baseline must know why it was accepted")
    if not today <= until <= today + LONGEST:
        raise ValueError("the end must be a day from today on, at most a year ahead")
    entries = {(entry.fingerprint, entry.path): entry for entry in baseline.entries if entry not in without}
    for finding in findings:
        for path in {_spelled(place.path) for place in finding.places}:
            entries[finding.fingerprint, path] = Entry(
                finding.fingerprint, path, finding.rule.id, reason, until, by
            )
    keyed = any(entry.fingerprint.startswith("hmac:") for entry in entries.values())
    return Baseline(_ordered(entries.values()), key_check(key) if keyed else baseline.key_check)


def _ordered(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple(sorted(entries, key=lambda entry: (entry.path, entry.rule, entry.fingerprint)))


def _spelled(path: str) -> str:
    """The path as the file has it: JSON holds no halves of characters."""
    return path.encode("utf-8", "backslashreplace").decode()
