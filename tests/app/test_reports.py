import io
import json
import re

import jsonschema_rs
import pytest
from rich.console import Console

from app.report_samples import AT, EVIL, GITHUB, HOSTILE, JWT, ORDINARY, PASSWORD, finding, result
from tokenward.app.reports import json as json_report
from tokenward.app.reports import terminal
from tokenward.app.reports.leaks import leak_report
from tokenward.app.reports.words import headline, printable, size
from tokenward.base.severity import Severity
from tokenward.leaks.findings import Place, Trouble

# What no text for people may hold: what is invisible or changes direction, and controls but the line break.
UNSEEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\U000e0000-\U000e007f\ud800-\udfff]"
)


def report(of=ORDINARY, *, lasting_key=False):
    return leak_report(of, at=AT, lasting_key=lasting_key)


def told(of, width=80, **console):
    stream = io.StringIO()
    terminal.write(report(of), Console(file=stream, width=width, **console))
    return stream.getvalue()


def test_the_terminal_tells_each_secret_with_its_places_and_what_to_do():
    text = told(ORDINARY)
    first = text.split("\n\n")[0].splitlines()
    assert first[0] == " CRITICAL  GitHub personal access token (classic) (certain)"
    assert first[1].strip() == "ghp_… (40 characters)"
    assert first[2].strip() == "config/settings.py:12:9"
    assert first[3].strip() == "3f2a91cd3f, 2026-01-03, Ann Example <ann@example.com>: still in HEAD"
    assert "only in the history" in first[5]
    assert "and 1 more" in text
    assert "config/d.py" not in text
    assert "Page: https://github.com/settings/tokens" in text
    assert "Next: Exchange it where it was issued" in text
    assert "Next: Tell its issuer, by `POST /leaks`" in text
    assert "Next: Look whether it is real. If so: replace it" in text
    assert "issuer: https://login.example.com" in text
    assert "src/a b.js:1:401 (decoded from base64, gzip)" in text
    assert "\n  db.bin\n" in text
    assert "Why:  It has no end of life" in text


def test_the_terminal_counts_what_could_not_be_looked_at():
    text = told(ORDINARY)
    assert "Could not be looked at: 5 files: damaged gzip data\n  broken0.gz\n" in text
    assert "and 2 more" in text
    assert "broken3.gz" not in text
    assert text.index("damaged gzip") < text.index("Left out: 1 file: left out on its word")


def test_the_terminal_tells_why_something_is_accepted():
    text = told(ORDINARY)
    assert "Accepted by a comment: 1 place: made up for the tests\n  tests/fixture.py:4:3\n" in text
    assert "Accepted by the baseline: 1 place: revoked in March\n  docs/example.md:9:1\n" in text


def test_the_terminal_ends_with_the_sum():
    assert told(ORDINARY).endswith(
        "\n4 findings (1 critical, 2 high, 1 medium), 2 accepted, 5 could not be looked at\n"
        "git history of /srv/app (3 refs): 1,204 files, 31.4 MB in 0.5 s (60.4 MB/s)\n"
    )
    assert told(result()).startswith("No findings\ngit history of /srv/app (3 refs): ")


def test_an_interrupted_scan_says_so_and_is_no_success():
    assert "Ended early" in told(result(interrupted=True))
    assert "Ended early" not in told(result())
    green = told(result(), force_terminal=True, color_system="standard", no_color=False)
    assert "\x1b[1;32m" in green
    assert "\x1b[1;32m" not in told(
        result(interrupted=True), force_terminal=True, color_system="standard", no_color=False
    )


def test_prose_fits_into_80_columns_and_paths_are_not_broken():
    long = "a/" * 60 + "x.py"
    text = told(
        result(finding(GITHUB, Place(long, 1, 1), why="word " * 60), troubles=(Trouble(long, "why " * 40),))
    )
    assert f"  {long}:1:1\n" in text
    over = [line for line in text.splitlines() if len(line) > 80]
    assert all(long in line for line in over)


def test_there_is_no_colour_where_it_is_no_terminal():
    assert "\x1b" not in told(ORDINARY)
    assert "\x1b" in told(ORDINARY, force_terminal=True, color_system="standard", no_color=False)


def test_hostile_texts_cannot_reach_the_terminal():
    text = told(HOSTILE, width=400)
    assert not UNSEEN.search(text)
    # Shown and not obeyed, wherever it comes from.
    assert text.count("[bold]markup[/bold][link=http://x]") == 12
    assert "\\x1b[31mred" in text
    assert "\\u202egnp.exe" in text
    assert "\\xff" in text
    assert "\n##" not in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain/ünïcödé 漢字 😀.py", "plain/ünïcödé 漢字 😀.py"),
        ("a\tb", "a\\x09b"),
        ("a\u202eb", "a\\u202eb"),
        ("\udcff", "\\xff"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("\u2028", "\\u2028"),
        ("::error file=a::b", "\\x3a:error file=a::b"),
        ("x ::Stop-Commands::y", "x \\x3a:Stop-Commands::y"),
        ("##vso[task.x]##[error]", "\\x23#vso[task.x]\\x23#[error]"),
        ("std::warning_of(x)::y ## head", "std::warning_of(x)::y ## head"),
    ],
)
def test_what_cannot_be_seen_is_spelled_out(text, shown):
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (5e15, "5,000.0 TB"),
    ],
)
def test_sizes_are_told_in_the_largest_unit_that_fits(number, words):
    assert size(int(number)) == words


@pytest.mark.parametrize(
    "of",
    [ORDINARY, HOSTILE, result(), result(interrupted=True)],
    ids=["ordinary", "hostile", "empty", "early"],
)
def test_json_is_what_its_schema_says(of):
    text = json_report.text(report(of))
    assert text.isascii()
    document = json.loads(text)
    jsonschema_rs.Draft202012Validator(json_report.schema(), validate_formats=True).validate(document)
    text.encode("utf-8")


def test_the_schema_refuses_what_is_not_in_it():
    validator = jsonschema_rs.Draft202012Validator(json_report.schema())
    document = json.loads(json_report.text(report()))
    document["findings"][0]["secret"] = "x"
    assert not validator.is_valid(document)


def test_json_has_every_place_and_every_fact():
    document = json.loads(json_report.text(report()))
    assert document["summary"] == {
        "findings": 4,
        "accepted": 2,
        "problems": 6,
        "unseen": 5,
        "by_severity": {"critical": 1, "high": 2, "medium": 1, "low": 0, "info": 0},
        "files": 1204,
        "bytes": 31_400_000,
        "seconds": 0.52,
    }
    assert document["complete"] is True
    first, _, third, fourth = document["findings"]
    assert len(first["locations"]) == 6
    assert first["locations"][1]["commit"] == {
        "id": "3f2a91cd" * 5,
        "author": "Ann Example <ann@example.com>",
        "date": "2026-01-03T10:11:12+01:00",
        "in_head": False,
    }
    assert third["facts"] == {"issuer": "https://login.example.com", "expires": "2027-01-01"}
    assert third["locations"][0]["decoded"] == ["base64", "gzip"]
    assert fourth["locations"][0]["line"] is None
    assert [row["acceptance"]["until"] for row in document["accepted"]] == [None, "2027-03-01"]
    assert len(document["problems"]) == 6


def test_a_hostile_path_comes_through_json_as_it_is_but_for_what_is_no_unicode():
    document = json.loads(json_report.text(report(HOSTILE)))
    assert document["findings"][0]["locations"][0]["path"] == EVIL.replace("\udcff", "\\xff")


def test_fingerprints_under_a_key_of_this_run_only_are_marked():
    def lasts(*, lasting_key):
        document = json.loads(json_report.text(report(lasting_key=lasting_key)))
        return [row["fingerprint_lasts"] for row in document["findings"]]

    assert lasts(lasting_key=False) == [True, True, False, False]
    assert lasts(lasting_key=True) == [True] * 4


def test_entries_of_the_baseline_that_accept_nothing_are_counted():
    def notes(unused, of):
        return leak_report(of, at=AT, lasting_key=True, unused=unused).notes

    assert notes(0, result()) == ()
    assert notes(1, result()) == (
        "1 entry of the baseline accepts nothing any more: `--update-baseline` takes them out.",
    )
    assert notes(8, ORDINARY)[1].startswith("8 entries of the baseline accept nothing any more")


def test_a_rate_is_told_of_what_is_large_enough():
    assert "MB/s" in report(result(size=1_000_000)).pace
    assert "/s" not in report(result(size=999_999)).pace
    assert "/s" not in report(result(seconds=0.0)).pace


def test_the_headline_counts_by_severity():
    low = finding(JWT, severity=Severity.LOW)
    assert headline(report(result(low, low))) == "2 findings (2 low)"
    assert headline(report(result(finding(PASSWORD)))) == "1 finding (1 medium)"


def test_the_terminal_tells_the_worst_of_very_many_and_how_many_more_there_are(monkeypatch):
    monkeypatch.setattr(terminal, "MOST_ROWS", 2)
    text = told(ORDINARY)
    assert text.count("Next: ") == 2
    assert "\nand 2 more findings, which the other formats have\n" in text
    assert "4 findings" in text
