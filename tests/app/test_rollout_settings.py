"""`report_only` in the configuration: it ends, and `tokenward check` says what it means meanwhile."""

import pytest

from app.test_config import GOOD, write  # noqa: F401 - the fixture
from tokenward.app.config import load
from tokenward.app.rollout_check import rollout_remarks
from tokenward.base.clock import ManualClock

HERE = "    risk: moderate\n"
LAST_DAY_OVER = 1_800_057_600  # 2027-01-16T00:00:00Z


def with_report(said):
    return GOOD.replace(HERE, f"{HERE}    report_only: {said}\n")


def test_the_last_day_is_whole_and_in_utc(write):  # noqa: F811
    (api,) = load(write(with_report("{until: 2027-01-15}"))).configuration.policy.apis
    assert api.reports_until == LAST_DAY_OVER
    assert api.reports(LAST_DAY_OVER - 1)
    assert not api.reports(LAST_DAY_OVER)
    (usual,) = load(write(GOOD)).configuration.policy.apis
    assert not usual.reports(0.0)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("true", "wrong-type"),
        ("{}", "missing-key"),
        ("{until: never}", "date"),
        ("{until: 2027-02-30}", "date"),
        ("{until: 15.1.2027}", "date"),
    ],
)
def test_it_has_an_end_or_the_file_is_refused(write, said, code):  # noqa: F811
    loaded = load(write(with_report(said)))
    assert [(it.code, it.severity, it.line) for it in loaded.findings] == [(code, "error", 13)]


@pytest.mark.parametrize(
    ("now", "severity", "code", "word"),
    [
        (LAST_DAY_OVER - 86_400 * 3, "warning", "report-only", "NOTHING IS ENFORCED at bank for 3 more days"),
        (LAST_DAY_OVER - 86_400 * 200, "error", "report-only", "200 days"),
        (LAST_DAY_OVER, "warning", "report-only-ended", "2027-01-15 is over"),
    ],
)
def test_check_says_loudly_what_is_not_guarded(write, now, severity, code, word):  # noqa: F811
    settings = load(write(with_report("{until: 2027-01-15}"))).settings
    (remark,) = rollout_remarks(settings, ManualClock(now))
    assert (remark.keys, remark.severity, remark.code) == (
        ("apis", "bank", "report_only", "until"), severity, code,
    )  # fmt: skip
    assert word in remark.text
    assert list(rollout_remarks(load(write(GOOD)).settings)) == []
