"""Every line of the ledger names code and a test that exist."""

import ast
import csv
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LEDGER = ROOT / "docs" / "specs.tsv"
COLUMNS = ["spec", "section", "requirement", "code", "test"]
COVERED = {
    "RFC 6749", "RFC 6750", "RFC 7009", "RFC 7515", "RFC 7516", "RFC 7517", "RFC 7518", "RFC 7519",
    "RFC 7636", "RFC 7638", "RFC 7662", "RFC 8252", "RFC 8414", "RFC 8707", "RFC 8725", "RFC 9068",
    "RFC 9110", "RFC 9207", "RFC 9457", "RFC 9700", "RFC 9701", "draft-ietf-oauth-v2-1-16",
    "OpenID Connect Core", "OpenID Connect Discovery",
}  # fmt: skip


def _lines():
    with LEDGER.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


HEAD, *ROWS = _lines()


@cache
def _names(path: str) -> frozenset[str]:
    """What a module defines: functions, classes, values, and methods as `Class.method`."""
    found = set()
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)]
        found |= {getattr(target, "name", getattr(target, "id", "")) for target in targets}
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{getattr(member, 'name', '')}" for member in node.body}
    return frozenset(found)


def test_the_ledger_has_its_columns_and_no_line_twice():
    assert HEAD == COLUMNS
    assert all(len(row) == len(COLUMNS) and all(row) for row in ROWS)
    assert len({tuple(row[:3]) for row in ROWS}) == len(ROWS)


def test_every_specification_that_we_claim_is_in_it():
    assert {row[0] for row in ROWS} >= COVERED


def test_a_section_is_one_or_several_numbers():
    for row in ROWS:
        assert re.fullmatch(r"[0-9A-Z][0-9.]*(?:, [0-9A-Z][0-9.]*)*", row[1]), row


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]} {row[1]} {number}" for number, row in enumerate(ROWS)])
def test_code_and_test_exist(row):
    code, symbol = row[3].split(":")
    test, name = row[4].split("::")
    assert symbol in _names(code)
    assert name in _names(test)


def test_a_name_that_is_gone_is_noticed():
    assert "redeem_twice" not in _names("src/tokenward/issuer/grants/authorization_code.py")
