"""A library meets the table through a harness; harnesses that hang, end, babble or lie are told apart."""

import sys
import time
import tracemalloc
from pathlib import Path

import pytest

from auditor.libraries.scripts import OURS, each_line, program
from tokenward.auditor.attacks import ON_ACCESS_TOKENS
from tokenward.auditor.libraries import harness
from tokenward.auditor.libraries.beside.python_libraries import ADAPTERS
from tokenward.auditor.libraries.cases import ROWS, cases, kit_for
from tokenward.auditor.libraries.harness import HarnessFailed, beside, running
from tokenward.auditor.libraries.trial import MOST_FAILURES, Outcomes, Unusable, tried

KIT = kit_for(int(time.time()))
FEW = [row for row in ROWS if row.entry in {"F01", "S01", "T02", "K05", "C00"}]
ONE = [next(row for row in ROWS if row.id == "T02.missing")]


def trial(command, rows=ONE, timeout=10.0):
    outcomes = Outcomes("library")
    with running(command, timeout) as harness:
        tried(harness, outcomes, KIT, rows=rows)
    return outcomes


def why_unusable(command, rows=ONE, timeout=10.0):
    with pytest.raises(Unusable) as told:
        trial(command, rows, timeout)
    return str(told.value)


def test_ours_lets_nothing_through_a_harness_either():
    outcomes = trial(OURS, ROWS)
    assert outcomes.complete
    assert [row.id for row in ROWS if row.verdict == "reject" and outcomes.did(row, "accepted")] == []
    assert [row.id for row in ROWS if row.verdict == "accept" and not outcomes.did(row, "accepted")] == []


def test_what_only_python_knows_is_left_out_and_nothing_else():
    written = {case.row.id for case in cases(KIT, int(time.time()))}
    left = {row.id for row in ROWS} - written
    assert left == {"F03.no-text-bytes", "F03.no-text-a-bytearray", "F03.a-subclass-of-str"}
    assert all(row.verdict == "note" for row in ON_ACCESS_TOKENS if row.id in left)


def test_a_library_of_this_python_shows_its_gaps():
    outcomes = trial([sys.executable, str(beside()), "joserfc"], FEW)
    accepted = {row.entry for row in FEW if row.verdict == "reject" and outcomes.did(row, "accepted")}
    assert accepted == {"K05"}
    assert outcomes.by_row["F01.lone-surrogate-in-the-claims"] == "UnicodeEncodeError"


def test_a_good_token_comes_before_each_attack():
    (case,) = cases(KIT, int(time.time()), ONE)
    with running(OURS, 10.0) as harness:
        assert [harness.ask(line).verdict for line in (case.before, case.line)] == ["accept", "reject"]


def test_every_adapter_says_how_it_is_used():
    assert all(adapter.use.endswith(".") for adapter in ADAPTERS.values())


def test_what_accepts_everything_tells_nothing():
    assert "does not look at tokens" in why_unusable(each_line('say("accept")'))


def test_what_says_more_than_was_asked_tells_nothing():
    """Its answers would be held against other tokens, and be findings."""
    told = why_unusable(each_line('say(verdict(line)); say("reject"); time.sleep(0.05)'), list(ROWS))
    # Whichever is seen first: the line itself, or that answers have fallen behind by one.
    assert "a line that nobody asked for" in told or "depend on something else than the token" in told


def test_what_refuses_everything_tells_nothing():
    told = why_unusable(each_line('say("reject no such key")'))
    assert "refuses a good token of ES256 (no such key)" in told


def test_what_refuses_a_good_token_later_tells_nothing():
    told = why_unusable(each_line('say(verdict(line) if number < 2 else "reject")'))
    assert "refused a good token that it accepted before" in told


def test_what_cannot_be_started_is_told():
    assert "no-such-program: No such file" in why_unusable(["no-such-program"])


def test_what_ends_at_once_is_told_with_its_last_words():
    told = why_unusable(program("raise SystemExit('there is no key here')"))
    assert told == "before the first attack, it ended with exit code 1: there is no key here"


def test_what_babbles_is_told():
    assert "answered 'hello\\n'" in why_unusable(each_line('say("hello")'))


def test_a_line_that_nobody_asked_for_is_told():
    with running(each_line('say("accept\\naccept")'), 10.0) as harness:
        harness.ask("{}")
        time.sleep(0.3)
        with pytest.raises(HarnessFailed, match="nobody asked for"):
            harness.ask("{}")


def test_what_does_not_read_is_told_and_does_not_keep_us():
    rows = [row for row in ROWS if row.id == "F05.a-million-characters"] or ONE
    assert "no answer within 0.5 s" in why_unusable(program("time.sleep(60)"), rows, timeout=0.5)


@pytest.mark.parametrize(
    ("what", "outcome"),
    [("time.sleep(60)", "hung"), ("sys.exit('out of memory')", "ended"), ('say("perhaps")', "nonsense")],
    ids=["hangs", "ends", "babbles"],
)
def test_an_attack_without_a_verdict_is_its_outcome_and_the_next_is_tried(what, outcome):
    rows = [*ONE, next(row for row in ROWS if row.id == "T02.empty")]
    unnamed = 'b\'"typ":\' not in base64.urlsafe_b64decode(seen(line).split(".")[0] + "==")'
    harness = each_line(f'{what} if "." in seen(line) and {unnamed} else say(verdict(line))')
    outcomes = trial(harness, rows, timeout=3.0)
    assert outcomes.by_row == {"T02.missing": outcome, "T02.empty": "refused"}
    assert outcomes.complete


def test_after_so_many_failures_the_rest_is_left_out():
    rows = [row for row in ROWS if row.entry == "T02"]
    outcomes = trial(
        each_line(
            'say(verdict(line)) if verdict(line) == "accept" or "." not in seen(line) else sys.exit(3)'
        ),
        rows,
    )
    assert not outcomes.complete
    assert len(outcomes.told) == len(outcomes.by_row) == MOST_FAILURES < len(rows)
    assert "exit code 3" in next(iter(outcomes.told.values()))


def test_what_a_library_prints_is_no_answer():
    noisy = f"""
import sys
sys.path.insert(0, {str(beside().parent)!r})
import python_libraries as ours
prints = lambda asked: lambda token: print("reject this")
ours.ADAPTERS["noisy"] = ours.Adapter("Prints.", lambda: (prints, ()))
ours.serve("noisy")
"""
    (case,) = cases(KIT, int(time.time()), ONE)
    with running([sys.executable, "-c", noisy], 10.0) as harness:
        assert harness.ask(case.before).verdict == "accept"
        time.sleep(0.3)
        assert harness.ask(case.before).verdict == "accept"


def test_a_harness_that_failed_is_started_again():
    with running(each_line('say("accept") if number == 0 else sys.exit(1)'), 10.0) as harness:
        harness.ask("{}")
        with pytest.raises(HarnessFailed):
            harness.ask("{}")
        assert harness.ask("{}").verdict == "accept"
        assert harness.starts == 2


def test_nothing_is_left_running():
    with running(program("time.sleep(60)"), 0.2) as harness:
        with pytest.raises(HarnessFailed):
            harness.ask("{}")
        assert harness._running is None


def test_what_a_harness_starts_ends_with_it(tmp_path):
    """It holds the pipe: whoever waits for the pipe's end waits for it."""
    mark = tmp_path / "pid"
    child = "import os,time; open(MARK, 'w').write(str(os.getpid())); time.sleep(60)".replace(
        "MARK", repr(str(mark))
    )
    start = f"__import__('subprocess').Popen([sys.executable, '-c', {child!r}]); time.sleep(60)"
    with running(program(start), 2.0) as harness, pytest.raises(HarnessFailed, match="no answer"):
        harness.ask("{}")
    pid = int(mark.read_text())
    deadline = time.monotonic() + 5
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid):
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_one_that_closes_its_output_and_stays_is_told(monkeypatch):
    monkeypatch.setattr(harness, "GRACE", 0.2)
    assert "it closed its standard output" in why_unusable(
        program("__import__('os').close(1); time.sleep(60)")
    )


def test_of_many_complaints_only_the_end_is_read():
    complaints = "sys.stderr.write('x' * 20_000_000 + '\\nout of memory'); sys.exit(1)"
    tracemalloc.start()
    try:
        assert "exit code 1: out of memory" in why_unusable(program(complaints))
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
