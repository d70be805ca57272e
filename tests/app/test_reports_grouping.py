import io
import json

from rich.console import Console

from tokenward.app.reports import html, markdown, sarif, terminal
from tokenward.app.reports import json as json_report
from tokenward.app.reports.audits import audit_report
from tokenward.auditor.findings import Check, Finding, Place, Result
from tokenward.base.severity import Severity

CHECK = Check(
    "openapi.many",
    "Found everywhere",
    Severity.LOW,
    why="Because.",
    attack="Somebody counts.",
    fix="Mend it.",
    references=("OWASP API4:2023",),
    recommendation="as-code",
)
OTHER = Check("openapi.one", "Found once", Severity.HIGH, "So.", "Thus.", "Stop.", ("RFC 1",), "as-code")


def report(number):
    many = [
        Finding.of(CHECK, Place("a.yaml", f"/paths/{'x' * 70}/{line}", line, 3), f"Number {line}.")
        for line in range(1, number + 1)
    ]
    one = Finding.of(OTHER, Place("a.yaml", "/servers", 9, 1), "Only here.")
    return audit_report("audit", "Audit", Result("a.yaml", (*many, one)), at=0)


def told(of):
    stream = io.StringIO()
    terminal.write(of, Console(file=stream, width=80))
    return stream.getvalue()


def test_the_terminal_tells_once_what_many_have_in_common():
    text = told(report(300))
    assert " LOW  Found everywhere: 300 places\n" in text
    for sentence in ("Because.", "Somebody counts.", "Mend it.", "OWASP API4:2023"):
        assert text.count(sentence) == 1
    assert "a.yaml:10:3" in text
    assert "Number 10." in text
    assert "a.yaml:11:3" not in text
    assert "and 290 more, which the other formats have" in text
    assert text.index("Found once") < text.index("Found everywhere")
    assert max(map(len, text.splitlines())) <= 4 + 7 + 70 + 4  # a pointer stands on a line of its own, whole


def test_what_is_found_once_is_told_as_before():
    assert " LOW  Found everywhere\n  Number 1.\n" in told(report(1))


def test_markdown_tells_once_what_many_have_in_common():
    text = markdown.text(report(300))
    assert text.count("Found everywhere: 300 places") == 1
    assert "and 295 more" in text
    assert text.count("Mend it.") == 1
    assert len(text) < markdown.MOST


def test_the_page_has_all_of_them_in_one_card():
    text = html.text(report(2_000))
    assert text.count("<article") == 2
    assert text.count("Because.") == 1
    assert "<summary>1,990 more</summary>" in text
    assert "Number 2000." in text
    assert len(text) < 1_000_000


def test_programs_get_each_by_itself():
    of = report(300)
    results = json.loads(sarif.text(of))["runs"][0]["results"]
    assert len(results) == 301
    lines = {it["locations"][0]["physicalLocation"]["region"]["startLine"] for it in results}
    assert lines == set(range(1, 301))
    assert results[0]["locations"][0]["logicalLocations"] == [{"fullyQualifiedName": "/servers"}]
    assert len(json.loads(json_report.text(of))["findings"]) == 301


def test_a_name_that_fills_pages_is_cut_at_the_terminal_alone():
    pointer = f"/claims/{'a_' * 50_000}pin"
    found = Finding.of(OTHER, Place("token", pointer), "Here.")
    of = audit_report("inspect", "Inspection", Result("token", (found,)), at=0)
    assert "/claims/a_a_" in told(of)
    assert len(told(of)) < 1_000
    assert pointer in json_report.text(of)
