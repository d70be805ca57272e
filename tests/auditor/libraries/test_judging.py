"""Each entry of the table that is let through is a finding, and what is refused is none."""

import pytest

from tokenward.auditor.libraries.cases import ROWS
from tokenward.auditor.libraries.judging import FAMILIES, judged
from tokenward.auditor.libraries.trial import Outcomes
from tokenward.base.severity import Severity

HOSTILE = [row for row in ROWS if row.verdict == "reject"]
ENTRIES = sorted({row.entry for row in HOSTILE})


def outcomes(changes=None, **more):
    good = {row.id: "accepted" if row.verdict == "accept" else "refused" for row in ROWS}
    return Outcomes("library", "1.0", good | (changes or {}), **more)


def judge(*tried, unusable=None):
    return judged(tried, unusable or {}, subject="libraries", seconds=1.0)


def test_what_refuses_everything_hostile_has_no_finding():
    result = judge(outcomes())
    assert (result.findings, result.unseen, result.complete) == ((), (), True)


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_that_is_let_through_is_a_finding(entry):
    row = next(row for row in HOSTILE if row.entry == entry)
    (finding,) = judge(outcomes({row.id: "accepted"})).findings
    assert (finding.check.id, finding.place.source) == (f"library.{entry}", "library 1.0")
    assert finding.facts == {"rows": row.id}
    assert finding.check.references


def test_what_anybody_can_make_is_worse_than_what_only_the_issuer_can():
    anybody = next(row for row in HOSTILE if row.entry[0] == "S" and not row.needs_issuer_key)
    issuer = next(row for row in HOSTILE if row.entry[0] == "S" and row.needs_issuer_key)
    severities = [judge(outcomes({row.id: "accepted"})).findings[0].severity for row in (anybody, issuer)]
    assert severities == [Severity.CRITICAL, Severity.MEDIUM]


def test_what_the_specifications_allow_is_no_finding():
    notes = {row.id: "accepted" for row in ROWS if row.verdict == "note"}
    assert judge(outcomes(notes)).findings == ()


def test_a_strange_exception_is_a_finding_for_hostile_tokens_alone():
    (finding,) = judge(outcomes({HOSTILE[0].id: "TypeError"})).findings
    assert finding.check.id == "library.unnamed-exception"
    assert "TypeError" in finding.detail
    note = next(row for row in ROWS if row.verdict == "note")
    assert judge(outcomes({note.id: "TypeError"})).findings == ()


def test_a_row_without_a_verdict_is_a_finding():
    row = HOSTILE[0]
    (finding,) = judge(outcomes({row.id: "hung"}, told={row.id: "it gave no answer within 10 s"})).findings
    assert (finding.check.id, finding.severity) == ("library.no-verdict", Severity.HIGH)
    assert "within 10 s" in finding.detail


def test_good_tokens_that_are_refused_are_told():
    control = next(row for row in ROWS if row.verdict == "accept")
    (finding,) = judge(outcomes({control.id: "refused"})).findings
    assert (finding.check.id, finding.severity) == ("library.refuses-good", Severity.INFO)


def test_an_unusable_library_is_unseen_and_has_no_findings():
    bad = outcomes({HOSTILE[0].id: "accepted"}, complete=False)
    result = judge(bad, unusable={"library": "it accepts everything"})
    assert result.findings == ()
    assert [(each.what, each.why) for each in result.unseen] == [("library 1.0", "it accepts everything")]


def test_what_was_ended_early_says_so():
    result = judge(outcomes(complete=False))
    assert not result.complete
    assert result.unseen


def test_every_family_of_the_table_has_its_words():
    assert {row.entry[0] for row in ROWS} <= set(FAMILIES)
