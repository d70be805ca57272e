import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.base.severity import Confidence, Severity
from tokenward.leaks import baseline as baselines
from tokenward.leaks.baseline import (
    Baseline,
    BaselineError,
    Entry,
    WrongKey,
    gone,
    hold_against,
    key_check,
    split,
    updated,
)
from tokenward.leaks.findings import Place
from tokenward.leaks.result import Finding
from tokenward.leaks.rule import Rule

TODAY = date(2026, 11, 27)
SOON = TODAY + timedelta(days=90)
KEY = b"k" * 43
RULE = Rule("some-rule", "", "secret", "", Severity.HIGH, Confidence.HIGH, "")
SHA, HMAC = "sha256:" + "ab" * 32, "hmac:" + "cd" * 32


def found(*paths: str, fingerprint: str = SHA, line: int = 1) -> Finding:
    places = tuple(Place(path, line, 1) for path in paths)
    return Finding(RULE, Severity.HIGH, Confidence.HIGH, "…", fingerprint, places)


def update(baseline: Baseline, *findings: Finding, **changes) -> Baseline:
    return updated(
        baseline, findings, **{"key": KEY, "today": TODAY, "reason": "known", "until": SOON, **changes}
    )


def reread(baseline: Baseline, today: date = TODAY) -> Baseline:
    return baselines.read(baselines.written(baseline).encode(), "baseline.json", today)


def test_what_is_accepted_no_longer_counts_wherever_in_the_file_it_moves():
    baseline = reread(update(Baseline(), found("a.py", line=3), by_ann := found("b.py")))
    counting, accepted = split([found("a.py", line=700), by_ann], baseline, TODAY)
    assert counting == ()
    assert [each.places[0].path for each in accepted] == ["a.py", "b.py"]
    assert {each.acceptance for each in accepted} == {
        baselines.Acceptance("baseline", "known", "", SOON.isoformat())
    }


def test_the_same_secret_in_another_file_counts_and_says_why():
    baseline = update(Baseline(), found("a.py"))
    counting, accepted = split([found("a.py", "new.py", "a.py")], baseline, TODAY)
    assert [place.path for place in counting[0].places] == ["new.py"]
    assert "accepted in another file" in counting[0].why
    assert [place.path for place in accepted[0].places] == ["a.py", "a.py"]


def test_another_secret_in_the_same_file_counts():
    baseline = update(Baseline(), found("a.py"))
    other = found("a.py", fingerprint="sha256:" + "00" * 32)
    assert split([other], baseline, TODAY) == ((other,), ())


def test_an_entry_holds_to_the_end_of_its_last_day_and_then_the_finding_says_so():
    baseline = update(Baseline(), found("a.py", "b.py"), reason="rotates in spring")
    assert split([found("a.py")], baseline, SOON)[0] == ()
    (late,), accepted = split(
        [replace(found("a.py", "b.py"), why="It is long.")], baseline, SOON + timedelta(days=1)
    )
    assert accepted == ()
    assert [place.path for place in late.places] == ["a.py", "b.py"]
    assert late.why.startswith("It is long. It was accepted until 2027-02-25 (rotates in spring).")
    assert late.acceptance is None


def test_places_accepted_for_different_reasons_are_told_apart():
    baseline = update(update(Baseline(), found("a.py"), reason="one"), found("b.py"), reason="two", by="ann")
    _, accepted = split([found("a.py", "b.py")], baseline, TODAY)
    assert [(each.acceptance.reason, each.acceptance.by) for each in accepted] == [
        ("one", ""),
        ("two", "ann"),
    ]


def test_an_update_keeps_what_there_is_and_writes_an_ended_entry_anew():
    first = update(Baseline(), found("a.py"), reason="first", until=TODAY)
    again = update(first, found("b.py"), reason="second")
    assert [(entry.path, entry.reason) for entry in again.entries] == [("a.py", "first"), ("b.py", "second")]
    tomorrow = TODAY + timedelta(days=1)
    counting, _ = split([found("a.py")], again, tomorrow)
    renewed = update(again, *counting, reason="third", today=tomorrow)
    assert [(entry.path, entry.reason) for entry in renewed.entries] == [
        ("a.py", "third"),
        ("b.py", "second"),
    ]


def test_what_is_no_longer_there_is_named_and_left_out_on_request():
    baseline = update(Baseline(), found("a.py", "b.py"))
    fixed = gone(baseline, [found("b.py", "c.py")])
    assert [entry.path for entry in fixed] == ["a.py"]
    assert [entry.path for entry in update(baseline, found("c.py"), without=fixed).entries] == [
        "b.py",
        "c.py",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"reason": " "},
        {"until": TODAY - timedelta(days=1)},
        {"until": TODAY + timedelta(days=367)},
    ],
)
def test_an_entry_needs_a_reason_and_an_end_within_a_year(changes):
    with pytest.raises(ValueError, match=r"reason|end"):
        update(Baseline(), found("a.py"), **changes)


def test_the_file_is_in_order_and_the_same_for_the_same_entries():
    findings = [found("b.py", "a.py"), found("a.py", fingerprint=HMAC)]
    text = baselines.written(update(Baseline(), *findings))
    assert text == baselines.written(update(Baseline(), *reversed(findings)))
    assert [(each["path"], each["fingerprint"][:4]) for each in json.loads(text)["entries"]] == [
        ("a.py", "hmac"),
        ("a.py", "sha2"),
        ("b.py", "sha2"),
    ]
    changed = baselines.written(update(Baseline(), *findings, found("aa.py")))
    assert len([line for line in changed.splitlines() if line not in text.splitlines()]) == 1  # its path


@given(
    st.lists(
        st.tuples(st.text(st.characters(codec=None), min_size=1), st.sampled_from([SHA, HMAC])), max_size=5
    )
)
def test_whatever_the_path_it_comes_back_and_matches(pairs):
    findings = [found(path, fingerprint=mark) for path, mark in pairs if path.strip()]
    baseline = update(Baseline(), *findings)
    assert reread(baseline) == baseline
    assert split(findings, baseline, TODAY)[0] == ()


@pytest.mark.parametrize("path", ["caf\udce9.py", "\ud800", "a\nb\u202e"])
def test_a_name_that_is_no_utf_8_comes_back_and_matches(path):
    baseline = update(Baseline(), found(path))
    assert reread(baseline) == baseline
    assert split([found(path)], baseline, TODAY)[0] == ()
    assert gone(baseline, [found(path)]) == ()


def test_a_wrong_or_missing_key_is_an_error_and_not_a_thousand_findings():
    baseline = reread(update(Baseline(), found("a.py", fingerprint=HMAC)))
    hold_against(baseline, KEY)
    with pytest.raises(WrongKey, match="not the one"):
        hold_against(baseline, b"K" * 43)
    with pytest.raises(WrongKey, match="--baseline-key env:NAME"):
        hold_against(baseline, None)
    with pytest.raises(WrongKey):
        update(baseline, found("b.py"), key=b"K" * 43)


def test_where_no_entry_needs_a_key_none_is_needed():
    baseline = update(Baseline(), found("a.py"))
    assert baseline.key_check == ""
    hold_against(baseline, None)
    hold_against(baseline, b"K" * 43)


def test_the_check_value_tells_nothing_that_a_fingerprint_would():
    assert len(key_check(KEY)) == 32
    assert key_check(KEY) != key_check(b"K" * 43)


def entry(**changes) -> dict[str, object]:
    whole = {
        "path": "a.py",
        "rule": "r",
        "fingerprint": SHA,
        "reason": "known",
        "by": "",
        "until": "2027-01-01",
    }
    return {**whole, **changes}


def document(*entries: object, **changes) -> bytes:
    return json.dumps(
        {"format": "tokenward-baseline", "version": 1, "key_check": "", "entries": list(entries), **changes}
    ).encode()


def test_an_entry_need_not_say_who():
    raw = entry()
    del raw["by"]
    assert baselines.read(document(raw), "b.json", TODAY).entries == (
        Entry(SHA, "a.py", "r", "known", date(2027, 1, 1)),
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "b.json:1:1: "),
        (b'{\n "format": "tokenward-baseline",\n "entries": [}', "b.json:3:14: "),
        (b'{\n<<<<<<< ours\n "a": 1\n', "b.json:2:1: .*merge conflict"),
        (b'{\n"a": "\xff"}', "b.json:2: not UTF-8"),
        (b"[" * 100_000, "b.json: "),
        (b'{"format": "tokenward-baseline", "format": "x"}', "b.json: "),
        (b"[]", 'not a baseline: "format"'),
        (b"{}", 'not a baseline: "format"'),
        (document(version=2), "another version"),
        (document(version="1"), "another version"),
        (document(entries={}), '"entries" must be a list'),
        (document(key_check=1), '"key_check" a text'),
        (document("x"), "entry 1 is no object"),
        (document(entry(), entry(path="b.py", line=3)), r"entry 2 \(b.py\): unknown member 'line'"),
        (document(entry(reason="  ")), r'entry 1 \(a.py\): "reason" must be a text'),
        (document(entry(by=None)), '"by" must be a text'),
        (document(entry(fingerprint=1)), '"fingerprint" must be a text'),
        (document(entry(until="")), '"until" must be a text'),
        (document(entry(until="soon")), '"until" must be a day, such as 2026-11-27'),
        (document(entry(until="2028-01-01")), "more than a year ahead"),
        (document(entry(), entry(reason="other")), r"entry 2 \(a.py\): it is there twice"),
    ],
)
def test_a_file_that_cannot_be_used_says_where_and_why(data, message):
    with pytest.raises(BaselineError, match=message):
        baselines.read(data, "b.json", TODAY)


@pytest.mark.parametrize("name", ["path", "rule", "fingerprint", "reason", "until"])
def test_no_member_can_be_left_out(name):
    raw = entry()
    del raw[name]
    with pytest.raises(BaselineError, match=f'"{name}" must be a text'):
        baselines.read(document(raw), "b.json", TODAY)


def test_a_file_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(baselines, "MOST_BYTES", 10)
    with pytest.raises(BaselineError, match="MB"):
        baselines.read(b" " * 11, "b.json", TODAY)
