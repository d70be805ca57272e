"""A program that verifies tokens: a line of JSON goes in, a line with its verdict comes out.

It is somebody else's: it may hang, end, write nonsense or say what is not true, and each is told apart.
"""

import contextlib
import os
import queue
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

ACCEPT, REJECT, ERROR = "accept", "reject", "error"
OUT_OF_STEP = "out of step"
MAX_LINE = 4096  # characters of an answer
TOLD = 300  # characters of what it wrote on standard error
GRACE = 2.0  # seconds to end by itself when there is nothing more to read
_LAST_BYTES = 4096  # of standard error, in which its last line is looked for
_END = ""


class HarnessFailed(Exception):  # noqa: N818 - says what it is
    """It gave no verdict.

    Attributes:
        kind: "hung", "ended", "nonsense", or `OUT_OF_STEP` where it said more than was asked.
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Answer:
    """A verdict.

    Attributes:
        verdict: `ACCEPT`, `REJECT`, or `ERROR` where something refused that is not foreseen for it.
        reason: what was said besides: why, or the name of the exception.
    """

    verdict: str
    reason: str = ""


@dataclass
class Harness:
    """The program, started when it is asked and again after it ended.

    Args:
        command: program and arguments; no shell is between.
        timeout: seconds for one answer.

    Attributes:
        starts: how often it was started.
    """

    command: Sequence[str]
    timeout: float = 10.0
    starts: int = 0
    _running: "_Running | None" = field(default=None, repr=False)

    def ask(self, line: str) -> Answer:
        """Its verdict on a line of `cases`.

        Raises:
            HarnessFailed: it gave none, and was ended. The text says how, and what it complained of last.
            OSError: it cannot be started.
        """
        if self._running is None:
            self.starts += 1
            self._running = _Running(self.command)
        try:
            return self._running.ask(line, self.timeout)
        except HarnessFailed:
            self.close()
            raise

    def close(self) -> None:
        """End it."""
        if self._running is not None:
            self._running.close()
            self._running = None


class _Running:
    def __init__(self, command: Sequence[str]) -> None:
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the user's own command
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,  # a group of its own, so that what it starts ends with it
            )
        except OSError:
            self._complaints.close()
            raise
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=_read, args=(self._process.stdout, self._lines), daemon=True)
        self._reader.start()

    def ask(self, line: str, timeout: float) -> Answer:
        if not self._lines.empty() and self._lines.queue[0] != _END:
            raise HarnessFailed(
                OUT_OF_STEP, f"it wrote a line that nobody asked for: {self._lines.get()[:80]!r}"
            )
        # A harness that stops reading must not stop us: what is written does not fit into the pipe then.
        writer = threading.Thread(target=self._write, args=(line,), daemon=True)
        writer.start()
        try:
            answer = self._lines.get(timeout=timeout)
        except queue.Empty:
            raise HarnessFailed(
                "hung", f"it gave no answer within {timeout:g} s{self._complaint()}"
            ) from None
        if answer == _END:
            try:
                how = f"ended with exit code {self._process.wait(GRACE)}"
            except subprocess.TimeoutExpired:
                how = "closed its standard output"
            raise HarnessFailed("ended", f"it {how}{self._complaint()}")
        verdict, _, reason = answer.strip().partition(" ")
        if verdict not in {ACCEPT, REJECT, ERROR}:
            raise HarnessFailed(
                "nonsense", f"it answered {answer[:80]!r}, which is neither accept nor reject"
            )
        return Answer(verdict, reason[:80])

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None  # noqa: S101 - a pipe, as asked for
        with contextlib.suppress(OSError, ValueError):  # it has ended, which the reader tells
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()

    def _complaint(self) -> str:
        size = self._complaints.seek(0, os.SEEK_END)
        self._complaints.seek(max(0, size - _LAST_BYTES))
        lines = self._complaints.read(_LAST_BYTES).decode("utf-8", "replace").strip().splitlines()
        return f": {lines[-1].strip()[:TOLD]}" if lines else ""

    def close(self) -> None:
        if self._process.returncode is None:
            # All of the group: whoever else holds the pipe would keep its reader, and us, waiting.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(GRACE)
        for pipe in (self._process.stdin, self._process.stdout, self._complaints):
            with contextlib.suppress(OSError, ValueError):
                if pipe is not None:
                    pipe.close()


def _read(stream: IO[str] | None, lines: "queue.Queue[str]") -> None:
    assert stream is not None  # noqa: S101 - a pipe, as asked for
    with contextlib.suppress(ValueError):  # closed meanwhile
        while line := stream.readline(MAX_LINE):
            lines.put(line)
    lines.put(_END)


@contextlib.contextmanager
def running(command: Sequence[str], timeout: float) -> Iterator[Harness]:
    """A harness that is ended on leaving."""
    harness = Harness(command, timeout)
    try:
        yield harness
    finally:
        harness.close()


def beside() -> Path:
    """The harness for Python's libraries, for whichever Python has them."""
    return Path(__file__).parent / "beside" / "python_libraries.py"
