import io
import sys

from tokenward.app.reports.progress import PATIENCE, progress
from tokenward.base.clock import ManualClock


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def _shown(monkeypatch, stream, seconds):
    """What standard error gets of a job of 2 MB that tells of itself at its beginning and after so long."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    # In the test itself: pytest sets it anew between a fixture and the test.
    monkeypatch.setattr(sys, "stderr", stream)
    clock = ManualClock()
    with progress("scanning [red]a\x1b[2Jb", clock) as meter:
        meter.add(1_000_000)
        clock.advance(seconds)
        meter.add(1_000_000)
    return stream.getvalue()


def test_where_nobody_watches_nothing_is_shown(monkeypatch):
    assert _shown(monkeypatch, io.StringIO(), 10 * PATIENCE) == ""


def test_a_job_that_is_over_soon_shows_nothing(monkeypatch):
    assert _shown(monkeypatch, _Terminal(), PATIENCE / 2) == ""


def test_a_terminal_shows_what_is_done_of_a_job_that_takes_longer(monkeypatch):
    shown = _shown(monkeypatch, _Terminal(), 2 * PATIENCE)
    assert "scanning [red]a\\x1b[2Jb" in shown
    assert "2.0 MB" in shown
    assert "\x1b[2J" not in shown
