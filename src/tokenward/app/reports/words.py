"""Words and numbers that every report has in common, and text that cannot take over a terminal or a page."""

import re
import unicodedata
from datetime import UTC, datetime

from tokenward.app.reports.model import Location, Problem, Report
from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.result import Validity

SEVERITIES = tuple(sorted(Severity, reverse=True))
"""Worst first."""

_CONFIDENCES = {Confidence.HIGH: "certain", Confidence.MEDIUM: "likely", Confidence.LOW: "possible"}

_LIVENESS = {"valid": "yes", "refused": "no", "ended": "not any more", "unknown": "unknown"}

# Controls, invisible and direction-changing characters, halves of characters, what has no meaning yet, and
# separators of lines: none of them can be seen, and each can make a text look like another.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class _Printable(dict[int, str]):
    """What each character is shown as; looked up once a character."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        shown = _spelled(character) if unicodedata.category(character) in _UNSEEN else character
        self[code] = shown
        return shown


_PRINTABLE = _Printable()

# Runners of pipelines take a line that begins so for an order: GitHub's, and those of Azure.
_ORDER = re.compile(
    r"::(?=(?:error|warning|notice|debug|group|endgroup|echo|add-mask|add-matcher|remove-matcher|add-path"
    r"|stop-commands|save-state|set-output|set-env)(?:::| ))|##(?=vso\[|\[)",
    re.IGNORECASE,
)


def printable(text: str) -> str:
    r"""`text` with everything that cannot be seen spelled out, such as `\x1b` or `\u202e`.

    A byte of a file name that is not UTF-8 (`surrogateescape`) comes out as `\xff`. What would be an order to
    the runner of a pipeline, wherever a line may be broken, is none any more.
    """
    if not (text.isascii() and text.isprintable()):
        text = text.translate(_PRINTABLE)
    return _ORDER.sub(lambda found: f"\\x{ord(found[0][0]):02x}{found[0][1]}", text)


def _spelled(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def whole(text: str) -> str:
    r"""`text` as valid Unicode: a byte of a file name that is not UTF-8 is spelled out, such as `\xff`."""
    if text.isascii():
        return text
    return "".join(_spelled(each) if "\ud800" <= each <= "\udfff" else each for each in text)


def severity_word(severity: Severity) -> str:
    """Such as "critical"."""
    return severity.name.lower()


def confidence_word(confidence: Confidence | None) -> str:
    """How people say it: certain, likely or possible; "" where there is no doubt to speak of."""
    return "" if confidence is None else _CONFIDENCES[confidence]


def liveness(validity: Validity) -> str:
    """Such as "yes (api.github.com, 2026-11-27T15:04:05Z: it answered 200)"."""
    return f"{_LIVENESS[validity.state]} ({validity.asked}, {moment(validity.at)}: {validity.why})"


def validity_members(validity: Validity) -> dict[str, str]:
    """The same for programs."""
    return {
        "state": validity.state,
        "asked": whole(validity.asked),
        "why": whole(validity.why),
        "at": moment(validity.at),
    }


def count(number: int, one: str, many: str = "") -> str:
    """Such as "1 finding", "1,204 findings"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size(number: int) -> str:
    """Bytes in the largest unit that fits: "0 bytes", "12.0 kB", "3.1 MB"."""
    if number < 1000:
        return count(number, "byte")
    value, units = number / 1000, ("kB", "MB", "GB", "TB")
    for unit in units:
        if value < 999.95 or unit == units[-1]:
            return f"{value:,.1f} {unit}"
        value /= 1000
    raise AssertionError


def moment(seconds: float) -> str:
    """RFC 3339, in UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def place(location: Location) -> str:
    """`path:line:column`, safe to print; without what is not known."""
    numbers = [str(number) for number in (location.line, location.column) if number]
    return ":".join([printable(location.path), *numbers])


def headline(report: Report) -> str:
    """What was found, in a line: "3 findings (1 critical, 2 medium), 2 could not be looked at"."""
    told = [f"{report.count(each)} {severity_word(each)}" for each in SEVERITIES if report.count(each)]
    found = count(len(report.rows), "finding") if report.rows else "No findings"
    parts = [f"{found} ({', '.join(told)})" if told else found]
    if report.accepted:
        parts.append(f"{len(report.accepted):,} accepted")
    if report.unseen:
        parts.append(f"{report.unseen:,} could not be looked at")
    return ", ".join(parts)


def idle_note(number: int) -> str:
    """That so many entries of a baseline are of no use any more."""
    verb = "accepts" if number == 1 else "accept"
    entries = count(number, "entry", "entries")
    return f"{entries} of the baseline {verb} nothing any more: `--update-baseline` takes them out."


def problem_groups(problems: tuple[Problem, ...]) -> list[tuple[str, bool, list[Problem]]]:
    """By reason, broken ones before skipped ones, most frequent first: (why, skipped, all of them)."""
    groups: dict[tuple[str, bool], list[Problem]] = {}
    for problem in problems:
        groups.setdefault((problem.why, problem.skipped), []).append(problem)
    ordered = sorted(groups.items(), key=lambda it: (it[0][1], -len(it[1]), it[0][0]))
    return [(why, skipped, members) for (why, skipped), members in ordered]
