"""What is explained before anything is judged: in every format for people, and in JSON."""

import io
import json
import re

import jsonschema_rs
import pytest
from rich.console import Console

from app.report_samples import AT, EVIL
from tokenward.app.reports import html, markdown, sarif, terminal
from tokenward.app.reports import json as json_report
from tokenward.app.reports.audits import audit_report
from tokenward.auditor.findings import Entry, Result, Section

UNSEEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202f\u2060-\u206f\U000e0000-\U000e007f\ud800-\udfff]"
)

CLAIMS = Section(
    "Claims",
    (
        Entry("iss", "https://login.example.com", "who issued it", "RFC 7519 §4.1.1"),
        Entry("a-claim-with-a-long-name-of-its-own", "x" * 200, "private"),
        Entry("sid", "s"),
        Entry("exp", "1795000000", "when it ends: " + "in a while " * 12, "RFC 7519 §4.1.4"),
    ),
)
HOSTILE = Section("Header", (Entry(EVIL, EVIL, EVIL, "RFC 1"), Entry("", "", "", "")))


def report(*sections):
    result = Result("standard input", (), sections=sections)
    return audit_report("inspect", "Inspection of a credential", result, at=AT)


def shown(*sections, width=80):
    stream = io.StringIO()
    terminal.write(report(*sections), Console(file=stream, width=width, color_system=None))
    return stream.getvalue()


def test_the_terminal_tells_names_in_a_column_with_meaning_and_source():
    lines = shown(CLAIMS).splitlines()
    assert lines[0] == "Claims"
    assert lines[1] == f"  {'iss':<24}https://login.example.com"
    assert lines[2] == f"  {'':<24}who issued it (RFC 7519 §4.1.1)"
    assert "  a-claim-with-a-long-name-of-its-own" in lines
    assert f"  {'sid':<24}s" in lines
    assert lines.index("  a-claim-with-a-long-name-of-its-own") + 1 == lines.index(f"  {'':<24}{'x' * 54}")
    assert max(map(len, lines)) <= 80
    assert lines.index("No findings") > lines.index("Claims")


def test_a_short_meaning_stands_beside_its_value():
    section = Section("Claims", (Entry("sid", "s", "the session", "RFC 1"),))
    assert "  sid  s  the session (RFC 1)" in shown(section).splitlines()
    only_source = Section("Claims", (Entry("sid", "s", "", "RFC 1"),))
    assert "  sid  s  (RFC 1)" in shown(only_source).splitlines()


def test_html_and_markdown_tell_the_same():
    page, comment = html.text(report(CLAIMS)), markdown.text(report(CLAIMS))
    assert "<h2>Claims</h2>" in page
    assert "<dt>iss</dt><dd><code>https://login.example.com</code>" in page
    assert "who issued it (RFC 7519 §4.1.1)" in page
    assert "<summary>Claims</summary>" in comment
    assert "- `iss` `https://login.example.com`: `who issued it` (RFC 7519 §4.1.1)" in comment


@pytest.mark.parametrize("writer", [html, markdown, terminal])
def test_no_text_from_outside_is_taken_for_anything_else(writer):
    text = writer.text(report(HOSTILE))
    assert not UNSEEN.search(text)
    if writer is html:
        assert "<script" not in text
    if writer is markdown:
        assert "<script" not in re.sub("(`+).*?\\1", "", text)


def test_json_is_what_its_schema_says():
    document = json.loads(json_report.text(report(CLAIMS, HOSTILE)))
    jsonschema_rs.Draft202012Validator(json_report.schema(), validate_formats=True).validate(document)
    assert document["sections"][0]["entries"][0] == {
        "name": "iss",
        "value": "https://login.example.com",
        "meaning": "who issued it",
        "source": "RFC 7519 §4.1.1",
    }
    assert json.loads(json_report.text(report()))["sections"] == []


def test_sarif_leaves_it_out():
    assert "login.example.com" not in sarif.text(report(CLAIMS))


def test_a_comment_stays_within_what_a_code_host_takes():
    large = Section("Claims", tuple(Entry(f"c{number}", "v" * 500, "m" * 500) for number in range(500)))
    text = markdown.text(report(*[large] * 10))
    assert len(text) <= markdown.MOST
    assert "more: the other formats have them all" in text
