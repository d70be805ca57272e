"""A report as JSON, for programs. Its shape is `report.schema.json`, and stays what it is within a version.

Everything is ASCII: whoever prints the file to a terminal prints no control character with it.
"""

import json
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from tokenward.app.reports.model import Location, Report, Row
from tokenward.app.reports.words import SEVERITIES, moment, severity_word, validity_members, whole
from tokenward.auditor.findings import Entry

FORMAT = "tokenward-report"
VERSION = 1


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of what `text` gives."""
    loaded: dict[str, Any] = json.loads(
        files("tokenward.app.reports").joinpath("report.schema.json").read_bytes()
    )
    return loaded


def text(report: Report) -> str:
    """The report, indented, with a line break at its end."""
    return json.dumps(_document(report), indent=2, ensure_ascii=True) + "\n"


def _document(report: Report) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "tool": {"name": "tokenward", "version": version("tokenward"), "part": report.part},
        "title": report.title,
        "subject": whole(report.subject),
        "at": moment(report.at),
        "complete": report.complete,
        "summary": {
            "findings": len(report.rows),
            "accepted": len(report.accepted),
            "problems": len(report.problems),
            "unseen": report.unseen,
            "by_severity": {severity_word(each): report.count(each) for each in SEVERITIES},
            **report.summary,
        },
        "notes": [whole(each) for each in report.notes],
        "sections": [
            {"title": whole(each.title), "entries": [_entry(entry) for entry in each.entries]}
            for each in report.sections
        ],
        "findings": [_row(row) for row in report.rows],
        "accepted": [_row(row) for row in report.accepted],
        "problems": [
            {"path": whole(each.path), "why": whole(each.why), "skipped": each.skipped}
            for each in report.problems
        ],
    }


def _entry(entry: Entry) -> dict[str, str]:
    return {
        "name": whole(entry.name),
        "value": whole(entry.value),
        "meaning": whole(entry.meaning),
        "source": entry.source,
    }


def _row(row: Row) -> dict[str, Any]:
    told: dict[str, Any] = {
        "rule": {
            "id": row.kind.id,
            "title": row.kind.title,
            "uri": row.kind.uri,
            "attack": row.kind.attack,
            "references": list(row.kind.references),
        },
        "severity": severity_word(row.severity),
        "confidence": None if row.confidence is None else row.confidence.name.lower(),
        "message": whole(row.message),
        "detail": whole(row.detail),
        "shown": whole(row.shown),
        "why": whole(row.why),
        "next": whole(row.next),
        "fingerprint": row.fingerprint,
        "fingerprint_lasts": row.lasting,
        "facts": {whole(name): whole(value) for name, value in row.facts.items()},
        "locations": [_location(location) for location in row.locations],
    }
    if row.validity is not None:
        told["validity"] = validity_members(row.validity)
    if row.acceptance is not None:
        accepted = row.acceptance
        told["acceptance"] = {
            "how": accepted.how,
            "reason": whole(accepted.reason),
            "by": whole(accepted.by),
            "until": accepted.until or None,
        }
    return told


def _location(location: Location) -> dict[str, Any]:
    commit = location.commit
    return {
        "path": whole(location.path),
        "line": location.line or None,
        "column": location.column or None,
        "pointer": whole(location.pointer),
        "decoded": list(location.decoded),
        "commit": commit
        and {
            "id": commit.id,
            "author": whole(commit.author),
            "date": commit.date,
            "in_head": commit.in_head,
        },
    }
