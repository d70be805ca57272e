"""A report of ours, read back from its JSON, and held against its schema: anybody may have written it."""

from datetime import datetime
from functools import cache
from typing import Any

import jsonschema_rs

from tokenward.app.reports.json import schema
from tokenward.leaks.response.reporting import MAX_DOCUMENT
from tokenward.tokens import strict_json

_LEVELS = 12


def read_findings(document: bytes) -> tuple[float, list[dict[str, Any]]]:
    """When a scan's report was made, in seconds since 1970, and its findings as they stand in it.

    Raises:
        ValueError: it is no report of `tokenward scan --format json`.
    """
    none = "this is no report of `tokenward scan --format json`"
    if len(document) > MAX_DOCUMENT:
        raise ValueError("the report is too large")
    told: dict[str, Any] | None
    try:
        text = document.decode("utf-8")
        deep = strict_json.extent(text, _LEVELS)[0] > _LEVELS
        told = None if deep else strict_json.read_value(text)
    except ValueError:
        raise ValueError(none) from None
    if told is None or not _validator().is_valid(told) or told["tool"]["part"] != "scan":
        raise ValueError(none)
    return datetime.fromisoformat(told["at"]).timestamp(), told["findings"]


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(schema(), validate_formats=True)
