"""How far a long job is, on standard error while it runs, and only if somebody is watching."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.text import Text

from tokenward.app.reports.words import printable, size
from tokenward.base.clock import SYSTEM_CLOCK

_EVERY = 0.1  # seconds between two drawings


class Meter(Protocol):
    """What a job tells of itself."""

    def total(self, number: int) -> None:
        """How many bytes there are, once that is known, or what is known so far."""
        ...

    def add(self, number: int) -> None:
        """That many bytes are done."""
        ...


class _Nobody:
    def total(self, number: int) -> None:
        pass

    def add(self, number: int) -> None:
        pass


class _Bar:
    def __init__(self, progress: Progress, what: str) -> None:
        self._progress = progress
        self._task = progress.add_task(printable(what), total=None)
        self._drawn = 0.0

    def total(self, number: int) -> None:
        self._progress.update(self._task, total=number)

    def add(self, number: int) -> None:
        self._progress.advance(self._task, number)
        now = SYSTEM_CLOCK.monotonic()
        if now - self._drawn >= _EVERY:
            self._drawn = now
            self._progress.refresh()


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Bytes done, and how many a second."""
        done = size(int(task.completed))
        whole = f" of {size(int(task.total))}" if task.total is not None else ""
        rate = f", {size(int(task.speed))}/s" if task.speed else ""
        return Text(f"{done}{whole}{rate}")


@contextmanager
def progress(console: Console, what: str) -> Iterator[Meter]:
    """A bar for as long as the context lasts, which leaves no trace.

    Args:
        console: of standard error. Where it is no terminal, nothing is shown.
        what: is being done, such as "scanning src".
    """
    if not console.is_terminal:
        yield _Nobody()
        return
    # No markup: `what` may name a file.
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), _Rate())
    # Drawn as the job tells of itself: a thread that draws by itself would be there when a job forks.
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as shown:
        yield _Bar(shown, what)
