"""A report as SARIF 2.1.0, which GitHub code scanning, GitLab, Azure DevOps and editors show beside the code.

A result is one secret in one file, so that an alert closes when that file no longer holds it.

What is accepted is left out. SARIF has `suppressions` for it, but GitHub opens alerts for such results all
the same, or leaves them open; left out, they close. The other formats tell what is accepted, and why.
"""

import json
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from tokenward.app.reports.model import Kind, Location, Report, Row
from tokenward.app.reports.words import (
    confidence_word,
    moment,
    printable,
    problem_groups,
    severity_word,
    validity_members,
    whole,
)
from tokenward.base.severity import Confidence, Severity

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
FINGERPRINT = "tokenwardSecret/v1"

MOST_RESULTS = 25_000
"""GitHub refuses a file with more of them, and shows the 5,000 worst."""

MOST_LOCATIONS = 100
"""Of a result; GitHub shows no more."""

MOST_TAGS = 10

_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
# GitHub's bands: critical over 9.0, high from 7.0, medium from 4.0, low below.
_SCORES = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.5",
    Severity.INFO: "0.5",
}
_PRECISIONS = {
    Confidence.HIGH: "very-high",
    Confidence.MEDIUM: "high",
    Confidence.LOW: "medium",
    None: "very-high",
}


def text(report: Report) -> str:
    """The report in one line, in ASCII: services take files up to a size."""
    return json.dumps(_log(report), separators=(",", ":"), ensure_ascii=True) + "\n"


def _log(report: Report) -> dict[str, Any]:
    kinds = list({row.kind.id: row.kind for row in report.rows}.values())
    numbers = {kind.id: number for number, kind in enumerate(kinds)}
    parts = [(row, places) for row in report.rows for places in _by_path(row)]
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "Tokenward",
                "semanticVersion": version("tokenward"),
                "rules": [_rule(kind) for kind in kinds],
            }
        },
        # One upload a subject and command: without it GitHub takes two of them for the same analysis.
        "automationDetails": {"id": f"tokenward/{report.part}/"},
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": _plain(report.subject)}}},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report, left_out=max(0, len(parts) - MOST_RESULTS))],
        "results": [_result(row, places, numbers) for row, places in parts[:MOST_RESULTS]],
        "properties": {"accepted": len(report.accepted), **report.summary},
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _by_path(row: Row) -> list[list[Location]]:
    """Its locations, file by file, each with what is still in HEAD first; [[]] where it has none."""
    groups: dict[str, list[Location]] = {}
    for location in sorted(row.locations, key=lambda it: it.commit is not None and not it.commit.in_head):
        groups.setdefault(location.path, []).append(location)
    return list(groups.values()) or [[]]


def _rule(kind: Kind) -> dict[str, Any]:
    page = f"\n\n[{_plain(kind.uri)}]({kind.uri})" if kind.uri else ""
    help_ = kind.help or kind.title
    why = help_.partition("\n\n")[0]
    if kind.references:
        help_ += f"\n\nSee {', '.join(kind.references)}."
    told: dict[str, Any] = {
        "id": kind.id,
        "name": kind.title,  # viewers put it beside the id
        "shortDescription": {"text": _plain(kind.title)},
        "fullDescription": {"text": _plain(why)},
        "help": {"text": help_, "markdown": help_ + page},
        "defaultConfiguration": {"level": _LEVELS[kind.severity]},
        "properties": {
            "tags": list(kind.tags[:MOST_TAGS]),
            "precision": _PRECISIONS[kind.confidence],
            "problem.severity": {"error": "error", "warning": "warning", "note": "recommendation"}[
                _LEVELS[kind.severity]
            ],
            "security-severity": _SCORES[kind.severity],
        },
    }
    if kind.uri:
        told["helpUri"] = kind.uri
    return told


def _result(row: Row, places: list[Location], numbers: dict[str, int]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "ruleId": row.kind.id,
        "ruleIndex": numbers[row.kind.id],
        "level": _LEVELS[row.severity],
        "message": {"text": _message(row, places)},
        "locations": [_location(place) for place in places[:1]],
        "properties": _properties(row),
    }
    if len(places) > 1:
        told["relatedLocations"] = [
            {"id": number, **_location(place), "message": {"text": "It stands here, too."}}
            for number, place in enumerate(places[1:MOST_LOCATIONS], start=1)
        ]
    if row.fingerprint and row.lasting:
        told["partialFingerprints"] = {FINGERPRINT: row.fingerprint}
    return told


def _message(row: Row, places: list[Location]) -> str:
    # A detail may end with what was found, such as an address; the next sentence is another.
    parts = [row.message if row.message.endswith((".", "!", "?")) else f"{row.message}."]
    if row.shown:
        parts.append(f"{row.shown}.")
    if places and places[0].commit is not None and not places[0].commit.in_head:
        parts.append("It is only in the history.")
    others = len({location.path for location in row.locations}) - 1
    if others > 0:
        parts.append(f"It is in {others:,} more {'file' if others == 1 else 'files'}.")
    return _plain(" ".join([*parts, row.why, row.next]).strip())


def _properties(row: Row) -> dict[str, Any]:
    told: dict[str, Any] = {
        "severity": severity_word(row.severity),
        "confidence": confidence_word(row.confidence),
        "facts": {whole(name): whole(value) for name, value in row.facts.items()},
    }
    if row.validity is not None:
        told["validity"] = validity_members(row.validity)
    return told


def _location(place: Location) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(place.path), "uriBaseId": "%SRCROOT%"}}
    # GitHub wants a line, even of a binary file.
    physical["region"] = {
        "startLine": place.line or 1,
        **({"startColumn": place.column} if place.column else {}),
    }
    told: dict[str, Any] = {"physicalLocation": physical}
    if name := _name(place):
        told["logicalLocations"] = [{"fullyQualifiedName": whole(name)}]
    properties: dict[str, Any] = {}
    if place.decoded:
        properties["decoded"] = [whole(each) for each in place.decoded]
    if place.commit is not None:
        properties["commit"] = {
            "id": place.commit.id,
            "author": whole(place.commit.author),
            "date": whole(place.commit.date),
            "inHead": place.commit.in_head,
        }
    if properties:
        told["properties"] = properties
    return told


def _name(place: Location) -> str:
    """What people call the place, where that is no file and line: a pointer, an address, or one into it."""
    if place.line or "://" not in place.path:
        return place.pointer
    return f"{place.path}#{place.pointer}" if place.pointer else place.path  # RFC 6901 §6


def _invocation(report: Report, *, left_out: int) -> dict[str, Any]:
    told = [
        {
            "level": "note" if skipped else "error",
            "message": {"text": _plain(why if len(members) == 1 else f"{why} ({len(members):,} files)")},
            "locations": [
                {"physicalLocation": {"artifactLocation": {"uri": _uri(each.path), "uriBaseId": "%SRCROOT%"}}}
                for each in members[:MOST_LOCATIONS]
            ],
        }
        for why, skipped, members in problem_groups(report.problems)
    ]
    if left_out:
        told.append({"level": "warning", "message": {"text": f"{left_out:,} more results are left out."}})
    if not report.complete:
        told.append({"level": "error", "message": {"text": "Ended early: this is what was seen until then."}})
    return {
        # Without a result, "successful" would say that there is nothing.
        "executionSuccessful": report.complete and not report.unseen,
        "endTimeUtc": moment(report.at),
        "toolExecutionNotifications": told,
    }


def _uri(path: str) -> str:
    """A relative reference (RFC 3986 §4.2): a name's bytes, percent-encoded, never taken for a scheme."""
    return quote(
        path.encode("utf-8", "surrogateescape" if _is_bytes(path) else "backslashreplace"), safe="/!"
    )


def _is_bytes(path: str) -> bool:
    return not any("\ud800" <= each <= "\udfff" and not "\udc80" <= each <= "\udcff" for each in path)


def _plain(message: str) -> str:
    """Text of a message: brackets and braces mean links and arguments there (SARIF §3.11.5, §3.11.6)."""
    escaped = printable(message).replace("[", "\\[").replace("]", "\\]")
    return escaped.replace("{", "{{").replace("}", "}}")
