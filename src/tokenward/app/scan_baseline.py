"""The baseline of a scan: opened before it, applied after it, written anew if that was asked for."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from tokenward.base.entropy import random_bytes
from tokenward.base.files import draft, publish
from tokenward.leaks import baseline_key
from tokenward.leaks.baseline import (
    Acceptable,
    Baseline,
    Entry,
    gone,
    hold_against,
    read,
    split,
    updated,
    written,
)
from tokenward.leaks.result import ScanResult


@dataclass(frozen=True, slots=True)
class OpenBaseline:
    """A baseline and the key of this run's fingerprints.

    Attributes:
        baseline: what it holds; nothing where there is no file yet.
        path: of the file.
        key: under which "hmac:" fingerprints are made.
        lasting: whether the key is that of the baseline; another run then gives the same fingerprints.
    """

    baseline: Baseline
    path: Path
    key: bytes
    lasting: bool


def open_baseline(path: Path, reference: str, *, today: date, to_update: bool) -> OpenBaseline:
    """The baseline in that file, with its key.

    Args:
        path: of the file.
        reference: to the key, `env:` and the like; "" for the file beside the baseline.
        today: entries may end a year after it, not later.
        to_update: it is going to be written: neither it nor its key need be there yet.

    Raises:
        ValueError: it is no baseline, or the key does not fit; the message is for people.
        OSError: it cannot be read.
    """
    baseline = Baseline()
    if path.exists() or not to_update:
        baseline = read(path.read_bytes(), str(path), today)
    key = baseline_key.find(path, reference)
    hold_against(baseline, key)
    if key is None and to_update:
        key = baseline_key.make(path)
    return OpenBaseline(baseline, path, key or random_bytes(32), lasting=key is not None)


def apply(opened: OpenBaseline, result: ScanResult, today: date) -> tuple[ScanResult, tuple[Entry, ...]]:
    """The result without what the baseline accepts, and the entries that accepted nothing.

    Args:
        opened: the baseline.
        result: with findings of every confidence, so that no entry seems idle for that reason.
        today: entries that ended before it accept nothing.
    """
    counting, accepted = split(result.findings, opened.baseline, today)
    idle = gone(opened.baseline, (*result.findings, *result.accepted))
    return replace(result, findings=counting, accepted=(*result.accepted, *accepted)), idle


def write_baseline(
    opened: OpenBaseline,
    findings: Iterable[Acceptable],
    idle: Collection[Entry],
    *,
    reason: str,
    until: date,
    today: date,
) -> int:
    """Accept everything that still counts.

    Args:
        opened: the baseline as it was.
        findings: what counts.
        idle: entries to leave out.
        reason: why all this is accepted.
        until: the last day on which it is.
        today: the day of the change.

    Returns:
        How many entries the file holds now.

    Raises:
        ValueError: there is no reason, or the end is not within a year.
        OSError: it cannot be written; what was there was left as it was.
    """
    baseline = updated(
        opened.baseline,
        findings,
        key=opened.key,
        today=today,
        reason=reason,
        until=until,
        without=idle,
    )
    with draft(opened.path, written(baseline)) as path:
        publish(path, opened.path, replace=True)
    return len(baseline.entries)
