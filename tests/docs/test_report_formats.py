"""The page on formats names every format, and every member of the JSON."""

import json
import re
from pathlib import Path

import pytest

from tokenward.app.reports import sarif
from tokenward.app.reports.json import schema
from tokenward.app.reports.writing import Format
from tokenward.leaks import baseline

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "reference" / "report-formats.md").read_text("utf-8")


def _members(part):
    """Every name of a member, at any depth."""
    for name, inner in part.get("properties", {}).items():
        yield name
        yield from _members(inner)
    inside = [*part.get("anyOf", []), *part.get("$defs", {}).values()]
    for each in inside if "items" not in part else [part["items"]]:
        yield from _members(each)


def test_every_member_of_the_schema_is_on_the_page():
    named = set(re.findall(r"`([a-z0-9_]+)`", PAGE))
    assert set(_members(schema())) - named == set()


@pytest.mark.parametrize("chosen", Format)
def test_every_format_has_a_row(chosen):
    assert f"| `{chosen}` |" in PAGE


def test_the_numbers_of_sarif_are_those_of_the_code():
    assert f"more than {sarif.MOST_RESULTS:,} results" in PAGE
    assert f"{sarif.MOST_LOCATIONS} locations" in PAGE
    assert f"`{sarif.FINGERPRINT}`" in PAGE


def test_the_baseline_on_the_page_is_one():
    page = (DOCS / "how-to" / "accept-a-finding.md").read_text("utf-8")
    [block] = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    until = json.loads(block)["entries"][0]["until"]
    read = baseline.read(block.encode(), "page", baseline.date.fromisoformat(until))
    assert baseline.written(read) == block
