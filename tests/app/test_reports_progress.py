import io

from rich.console import Console

from tokenward.app.reports.progress import progress


def test_where_nobody_watches_nothing_is_shown():
    stream = io.StringIO()
    with progress(Console(file=stream), "scanning") as meter:
        meter.total(100)
        meter.add(50)
    assert stream.getvalue() == ""


def test_a_terminal_shows_what_is_done_of_how_much():
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100, color_system=None)
    with progress(console, "scanning [red]a\x1b[2Jb") as meter:
        meter.total(4_000_000)
        meter.add(1_000_000)
        meter.add(1_000_000)
    shown = stream.getvalue()
    assert "scanning [red]a\\x1b[2Jb" in shown
    assert "2.0 MB of 4.0 MB" in shown
    assert "\x1b[2J" not in shown
