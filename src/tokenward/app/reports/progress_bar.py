"""The bar of a long job, on standard error."""

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.text import Text

from tokenward.app.reports.words import printable, size
from tokenward.base.clock import SYSTEM_CLOCK

_EVERY = 0.1  # seconds between two drawings


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Bytes done, and how many a second; of steps, how many of how many."""
        if task.total is not None:
            return Text(f"{task.completed:.0f}/{task.total:.0f}")
        rate = f", {size(int(task.speed))}/s" if task.speed else ""
        return Text(f"{size(int(task.completed))}{rate}")


class Bar:
    """Is there from the beginning until `end`, and leaves no trace."""

    def __init__(self, what: str, steps: int = 0) -> None:
        """Begin.

        Args:
            what: is being done, such as "scanning src".
            steps: of which it is made; 0 where it is bytes, and nobody knows how many.
        """
        # No markup: `what` may name a file.
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), _Rate())
        # Drawn as the job tells of itself: a thread that draws by itself would be there when a job forks.
        console = Console(stderr=True)
        self._shown = Progress(*columns, console=console, transient=True, auto_refresh=False)
        self._shown.start()
        self._task = self._shown.add_task(printable(what), total=steps or None)
        self._drawn = 0.0

    def show(self, done: int) -> None:
        """So many bytes are done."""
        self._shown.update(self._task, completed=done)
        now = SYSTEM_CLOCK.monotonic()
        if now - self._drawn >= _EVERY:
            self._drawn = now
            self._shown.refresh()

    def end(self) -> None:
        """Take it away."""
        self._shown.stop()
