import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from app.report_samples import AT, GITHUB, HOSTILE, ORDINARY, finding, result
from app.test_reports import UNSEEN
from tokenward.app.reports import html
from tokenward.app.reports.leaks import leak_report
from tokenward.app.reports.model import Kind, Location, Report, Row
from tokenward.base.severity import Severity
from tokenward.leaks.findings import Place

VOID = {"meta", "input"}


class _Page(HTMLParser):
    """Every element with its attributes, and the text by its element. Nothing may stay unclosed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.text.append((self._open[-1], data.strip()))

    def of(self, tag):
        return [data for element, data in self.text if element == tag]


def page(of=ORDINARY):
    return html.text(leak_report(of, at=AT, lasting_key=False))


def test_it_tells_what_where_and_what_to_do():
    read = _Page(page())
    assert read.of("h1") == ["Leaked secrets"]
    assert read.of("title") == [
        "Leaked secrets: 4 findings (1 critical, 2 high, 1 medium), 2 accepted, 5 could not be looked at"
    ]
    assert read.of("h2")[0] == "GitHub personal access token (classic)"
    assert {"ghp_… (40 characters)", "config/d.py:12:9", "src/a b.js:1:401"} <= set(read.of("code"))
    assert "tokenward tokens revoke" in read.of("code")
    told = read.of("dd")
    assert "https://login.example.com" in told
    assert "by a comment: made up for the tests" in told
    assert "by the baseline until 2027-03-01 by ann: revoked in March" in told
    assert "only in the history, 2026-01-03, Ann Example <ann@example.com>," in read.of("span")
    assert read.of("summary") == ["1 more", "2 accepted", "6 not looked at"]
    assert "Could not be looked at: damaged gzip data (5)" in read.of("p")


@pytest.mark.parametrize("of", [ORDINARY, HOSTILE, result(), result(interrupted=True)])
def test_the_page_needs_nothing_from_anywhere_and_runs_nothing(of):
    read = _Page(page(of))
    tags = {tag for tag, _ in read.elements}
    assert not tags & {"script", "link", "img", "iframe", "form", "object", "embed", "base", "svg", "button"}
    for tag, attributes in read.elements:
        assert not [
            name for name in attributes if name.startswith("on") or name in {"src", "style", "srcset"}
        ]
        if "href" in attributes:
            assert (tag, attributes["href"]) == ("a", "https://github.com/settings/tokens")
            assert attributes["rel"] == "noreferrer noopener"
    style = "".join(read.of("style"))
    assert "@import" not in style
    assert "url(" not in style


def test_the_policy_allows_this_style_and_nothing_else():
    text = page(HOSTILE)
    [policy] = [
        attributes["content"] for tag, attributes in _Page(text).elements if "http-equiv" in attributes
    ]
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_nothing_from_outside_is_more_than_text():
    text = page(HOSTILE)
    assert not UNSEEN.search(text)
    assert "<script" not in text
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 13
    kinds = [tag for tag, _ in _Page(page(result(finding(), accepted=(finding(),)))).elements]
    assert {tag for tag, _ in _Page(text).elements} <= {*kinds, "details", "summary", "dl", "li", "ul"}


@pytest.mark.parametrize(
    "uri", ["javascript:alert(1)", "data:text/html,x", "JavaScript:x", " https://x", "//x"]
)
def test_only_web_addresses_become_links(uri):
    row = Row(Kind("k", "k", Severity.LOW, uri=uri), Severity.LOW, "m")
    text = html.text(Report("scan", "t", "s", AT, (row,)))
    assert "<a " not in text


def test_each_severity_that_occurs_can_be_switched_off():
    boxes = [attributes["id"] for tag, attributes in _Page(page()).elements if tag == "input"]
    assert boxes == ["show-critical", "show-high", "show-medium"]
    style = "".join(_Page(page()).of("style"))
    for severity in Severity:
        name = severity.name.lower()
        assert f"#show-{name}:not(:checked)) article.{name}" in style


def test_an_interrupted_scan_is_no_success():
    early = page(result(interrupted=True))
    assert 'class="early"' in early
    assert 'class="none"' not in early
    assert 'class="none"' in page(result())
    assert 'class="early"' not in page(result())


def test_long_lists_end_and_say_so(monkeypatch):
    monkeypatch.setattr(html, "MOST_ROWS", 2)
    monkeypatch.setattr(html, "MOST_PLACES", 7)
    many = finding(GITHUB, *(Place("a", line, 1) for line in range(1, 1001)))
    text = page(result(many, many, many, accepted=(many, many, many)))
    assert text.count("<article") == 4
    assert text.count("and 1 more, which the JSON format has") == 2
    assert text.count("995 more</summary>") == 4
    assert text.count("and 993 more, which the JSON format has") == 4


def test_a_backtick_without_a_partner_stays_one():
    row = Row(Kind("k", "k", Severity.LOW), Severity.LOW, "m", next="`a` <b> `c")
    assert "`a` &lt;b&gt; `c" in html.text(Report("scan", "t", "s", AT, (row,)))


def test_code_is_code_in_every_sentence_of_a_finding_alone_or_among_others():
    kind = Kind("k", "k", Severity.LOW, attack="`a`<")
    place = (Location("a", 1),)
    row = Row(kind, Severity.LOW, "m", detail="`d`<", why="`w`<", next="`n`<", locations=place)
    for rows in ((row,), (row, row)):
        text = html.text(Report("scan", "t", "s", AT, rows))
        assert all(f"<code>{each}</code>&lt;" in text for each in "adwn")
