"""Every test that the page about the conformance suite names exists, and what has none says so."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
ROWS = [
    line.strip("|").split(" | ")
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith("| module")
]
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)))
WITHOUT = {"not built"}


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[name for _, name in NAMED])
def test_a_test_that_the_page_names_exists(file, name):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name in {getattr(node, "name", None) for node in tree.body}


def test_every_module_has_a_test_or_says_that_it_has_none():
    assert len(ROWS) > 80
    for row in ROWS:
        assert len(row) == 3, row
        assert "::" in row[2] or row[2].strip() in WITHOUT, row


def test_nobody_takes_the_page_for_a_certificate():
    assert "No certification is claimed, and the suite itself has not been run" in TEXT
