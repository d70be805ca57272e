import pytest
from markdown_it import MarkdownIt

from app.report_samples import AT, EVIL, GITHUB, HOSTILE, ORDINARY, finding, result
from app.test_reports import UNSEEN
from tokenward.app.reports import markdown
from tokenward.app.reports.leaks import leak_report
from tokenward.leaks.findings import Place, Trouble
from tokenward.leaks.result import Acceptance

GITHUB_REFUSES = 65_536


def told(of=ORDINARY):
    return markdown.text(leak_report(of, at=AT, lasting_key=True))


def test_it_tells_what_where_and_what_to_do():
    text = told()
    assert text.startswith(
        "### Leaked secrets: 4 findings (1 critical, 2 high, 1 medium), 2 accepted, "
        "5 could not be looked at\n\n- **critical** "
    )
    assert (
        "- **critical** GitHub personal access token (classic) (certain): `ghp_… (40 characters)`\n" in text
    )
    assert "  - `config/old.py:12:9`, only in the history: `3f2a91cd3f 2026-01-03 Ann Example" in text
    assert "  - and 1 more\n" in text
    assert "Deleting the line is not enough. [Its page](https://github.com/settings/tokens)" in text
    assert "`docs/example.md:9:1`, by the baseline until 2027-03-01 (`ann`): `revoked in March`" in text
    assert (
        "- 5 files not looked at: `damaged gzip data`: `broken0.gz`, `broken1.gz`, `broken2.gz` and 2 more"
        in text
    )
    assert text.endswith("1,204 files, 31.4 MB in 0.5 s (60.4 MB/s)\n")


def test_an_interrupted_scan_says_so():
    assert "**Ended early" in told(result(interrupted=True))
    assert "**Ended early" not in told(result())


def _links(tokens):
    for token in tokens:
        if token.type in {"link_open", "image", "heading_open", "html_inline", "html_block", "strong_open"}:
            yield token.type, token.attrGet("href") or token.content.strip()
        yield from _links(token.children or [])


OWN = {
    ("heading_open", ""),
    ("strong_open", ""),
    ("link_open", "https://github.com/settings/tokens"),
    ("html_block", "</details>"),
    ("html_block", "<details><summary>What to do</summary>"),
    ("html_block", "<details><summary>1 accepted</summary>"),
    ("html_block", "<details><summary>1 file not looked at</summary>"),
}


def test_nothing_from_outside_is_more_than_code():
    text = told(HOSTILE)
    assert not UNSEEN.search(text)
    assert set(_links(MarkdownIt("commonmark").parse(text))) == OWN


@pytest.mark.parametrize(
    "nasty", ["`", "``", "`a", "a`", " ", "", "\\", "a\\`b", "|", "<!--", "@somebody", "#1", "x" * 999]
)
def test_any_text_is_one_code_span(nasty):
    place = finding(GITHUB, Place("a", 1, 1), masked="x", why=nasty or "\u00a0")
    tokens = MarkdownIt("commonmark").parse(told(result(place)))
    spans = [child for token in tokens for child in token.children or [] if child.type == "code_inline"]
    kept = nasty if len(nasty) <= 300 else nasty[:299] + "…"
    if nasty.strip():
        assert kept in [span.content for span in spans]
    assert not any(
        "<!--" in child.content and child.type != "code_inline" for t in tokens for child in t.children or []
    )


def test_it_is_short_enough_for_a_comment_and_says_what_is_missing():
    long = "x/" * 200
    accepted = finding(GITHUB, Place(long, 1, 1), acceptance=Acceptance("comment", long, long))
    text = told(
        result(
            *(finding(GITHUB, Place(f"{n}{long}", 1, 1), why=long) for n in range(500)),
            accepted=(accepted,) * 500,
            troubles=tuple(Trouble(long + str(n), long + str(n)) for n in range(500)),
        )
    )
    assert len(text) < GITHUB_REFUSES
    assert text.count(" more: the other formats have them all") == 3
    assert text.count("<details>") == text.count("</details>") == 3


def test_the_evil_text_is_shown_as_it_is():
    assert "<script>alert(1)</script>" in EVIL
    assert "`\\x1b[31mred" in told(HOSTILE)
