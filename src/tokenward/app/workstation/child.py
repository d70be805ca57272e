"""Running a command as if it had been run by itself, with its output passed on through a mask.

Its exit code, and signals to us, are passed on. On a terminal it gets a terminal of its own, so that it asks,
paints and edits lines as it would without us; otherwise its output comes through pipes.
"""

import errno
import fcntl
import os
import pty
import select
import selectors
import signal
import subprocess
import termios
import tty
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import IO

from tokenward.app.workstation.masking import Masked, Secrets

FORWARDED = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
)
_FROM_KEYS = frozenset({signal.SIGINT, signal.SIGQUIT})
_IDLE = 0.05
"""Seconds without output after which a prompt is taken for one."""
_LEFT_BEHIND = 0.2
"""Seconds for which output of what the command left running is waited for, once it has ended."""
_PIECE = 65_536
_TYPED = 1024
_STDIN, _STDOUT, _STDERR = 0, 1, 2
_Handler = Callable[[int, FrameType | None], None]


@dataclass(slots=True)
class _Output:
    """From where bytes of the command come, where they go, and what is masked in between."""

    source: int
    target: int
    masked: Masked
    is_open: bool = True
    lost: str = ""


class OutputLost(Exception):  # noqa: N818 - what is the case
    """What the command wrote could not be passed on, as to a full disk: why, and the command's exit code."""

    def __init__(self, reason: str, code: int) -> None:
        super().__init__(reason)
        self.code = code


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    secrets: Secrets,
    *,
    started: Callable[[], object] = lambda: None,
) -> int:
    """Run a command to its end.

    Args:
        command: the program and its arguments; no shell is between.
        environment: all of it.
        secrets: what is masked in its output.
        started: is called when it runs.

    Returns:
        Its exit code; 128 and the number of the signal that ended it, as shells have it.

    Raises:
        OSError: it cannot be run.
        OutputLost: it ran, and some of its output went nowhere, although somebody waits for it.
    """
    terminal: int | None = None
    with ExitStack() as stack:
        signals = stack.enter_context(_Signals.caught())
        if os.isatty(_STDIN) and os.isatty(_STDOUT):
            child, outputs, terminal = _on_a_terminal(command, environment, secrets, stack)
        else:
            child, outputs = _with_pipes(command, environment, secrets)
        signals.go_to(child, terminal)
        started()
        _pass_on(child, outputs, terminal, signals.wakeup)
    code = child.wait()
    code = code if code >= 0 else 128 - code
    if reason := next((output.lost for output in outputs if output.lost), ""):
        raise OutputLost(reason, code)
    return code


def _with_pipes(
    command: Sequence[str], environment: Mapping[str, str], secrets: Secrets
) -> tuple["subprocess.Popen[bytes]", list[_Output]]:
    # What goes to one file goes there in the order in which it was written.
    together = os.path.sameopenfile(_STDOUT, _STDERR)
    child = subprocess.Popen(  # noqa: S603 - the person's own command, without a shell
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if together else subprocess.PIPE,
    )
    outputs = []
    for pipe, target in ((child.stdout, _STDOUT), (child.stderr, _STDERR)):
        if pipe is not None:
            outputs.append(_output(pipe, target, secrets))
    return child, outputs


def _on_a_terminal(
    command: Sequence[str], environment: Mapping[str, str], secrets: Secrets, stack: ExitStack
) -> tuple["subprocess.Popen[bytes]", list[_Output], int]:
    ours, its = pty.openpty()
    stack.callback(os.close, ours)
    try:
        before = termios.tcgetattr(_STDIN)
        termios.tcsetattr(its, termios.TCSANOW, before)
        _copy_size(ours)
        apart = not os.isatty(_STDERR)

        child = subprocess.Popen(  # noqa: S603 - the person's own command, without a shell
            command,
            env=environment,
            stdin=its,
            stdout=its,
            stderr=subprocess.PIPE if apart else its,
            start_new_session=True,
            # Its terminal, from which it gets Ctrl-C. There is no other thread yet.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
        )
    finally:
        os.close(its)
    stack.callback(termios.tcsetattr, _STDIN, termios.TCSADRAIN, before)
    tty.setraw(_STDIN, termios.TCSADRAIN)
    os.set_blocking(ours, False)
    outputs = [_Output(os.dup(ours), _STDOUT, Masked(secrets))]
    if child.stderr is not None:
        outputs.append(_output(child.stderr, _STDERR, secrets))
    return child, outputs, ours


def _output(pipe: IO[bytes], target: int, secrets: Secrets) -> _Output:
    """The pipe's end, without the file object around it."""
    with pipe:
        return _Output(os.dup(pipe.fileno()), target, Masked(secrets))


def _copy_size(terminal: int) -> None:
    """Give that terminal the size of ours."""
    with suppress(OSError):
        size = fcntl.ioctl(_STDOUT, termios.TIOCGWINSZ, b"\0" * 8)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)


class _Signals:
    """Passes signals on to the command; what comes before it runs waits for it.

    Attributes:
        wakeup: a descriptor from which something can be read when a signal has come.
    """

    def __init__(self, wakeup: int) -> None:
        self.wakeup = wakeup
        self._child: subprocess.Popen[bytes] | None = None
        self._terminal: int | None = None
        self._early: list[int] = []

    @classmethod
    @contextmanager
    def caught(cls) -> Generator["_Signals"]:
        """Nothing is done with signals here until this is left."""
        reading, writing = os.pipe()
        for end in (reading, writing):
            os.set_blocking(end, False)
        signals = cls(reading)
        handlers: dict[int, _Handler] = {signal.SIGWINCH: signals._resize, signal.SIGCHLD: _nothing}
        handlers |= dict.fromkeys(FORWARDED, signals._forward)
        before = {
            number: signal.signal(number, handler)
            for number, handler in handlers.items()
            if signal.getsignal(number) is not signal.SIG_IGN  # the command ignores it, too
        }
        woken = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        try:
            yield signals
        finally:
            signal.set_wakeup_fd(woken)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(reading)
            os.close(writing)

    def go_to(self, child: "subprocess.Popen[bytes]", terminal: int | None) -> None:
        """Whose they are; `terminal` is our end of the terminal that it has for itself, if any."""
        self._child, self._terminal = child, terminal
        while self._early:
            self._forward(self._early.pop(0), None)

    def _forward(self, number: int, _frame: FrameType | None) -> None:
        if self._child is None:
            self._early.append(number)
            return
        # Keys of a terminal that both share have reached the command already.
        if self._terminal is None and number in _FROM_KEYS and _is_in_foreground():
            return
        with suppress(ProcessLookupError):
            self._child.send_signal(number)

    def _resize(self, _number: int, _frame: FrameType | None) -> None:
        if self._terminal is not None:
            _copy_size(self._terminal)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """Being woken is all."""


def _is_in_foreground() -> bool:
    try:
        with open("/dev/tty", "rb", buffering=0) as terminal:  # noqa: PTH123 - no file
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False


def _pass_on(
    child: "subprocess.Popen[bytes]", outputs: list[_Output], terminal: int | None, wakeup: int
) -> None:
    """Pass output on, and keys, until the command has ended and all that it wrote has come."""
    with selectors.DefaultSelector() as selector:
        selector.register(wakeup, selectors.EVENT_READ)
        for output in outputs:
            selector.register(output.source, selectors.EVENT_READ, output)
        if terminal is not None:
            _Keys(terminal, selector)
        while child.poll() is None or any(output.is_open for output in outputs):
            ready = selector.select(_patience(child, outputs))
            if not ready and child.poll() is not None:
                break
            for output in outputs if not ready else ():
                _write(output, output.masked.idle(), selector)
            for key, _ in ready:
                _serve(key, selector)
        for output in outputs:
            _write(output, output.masked.end(), selector)
            _close(output, selector)


def _serve(key: selectors.SelectorKey, selector: selectors.BaseSelector) -> None:
    """Do what one descriptor is ready for."""
    if isinstance(key.data, _Keys):
        key.data.go_on()
    elif isinstance(key.data, _Output):
        if key.data.is_open:
            _take(key.data, selector)
    else:  # a signal came; its handler has run
        with suppress(BlockingIOError):
            os.read(key.fd, _PIECE)


def _patience(child: "subprocess.Popen[bytes]", outputs: list[_Output]) -> float | None:
    """Seconds until something is done without anything having come."""
    if child.poll() is not None:
        return _LEFT_BEHIND
    return _IDLE if any(output.masked.is_waiting for output in outputs) else None


def _take(output: _Output, selector: selectors.BaseSelector) -> None:
    try:
        piece = os.read(output.source, _PIECE)
    except BlockingIOError:
        return
    except OSError as error:
        if error.errno != errno.EIO:  # how a terminal says that nobody holds it any more
            raise
        piece = b""
    if piece:
        _write(output, output.masked.feed(piece), selector)
    else:
        _write(output, output.masked.end(), selector)
        _close(output, selector)


def _write(output: _Output, data: bytes, selector: selectors.BaseSelector) -> None:
    while data and output.is_open:
        try:
            data = data[os.write(output.target, data) :]
        except BlockingIOError:  # somebody made it so, and it is theirs, too
            select.select((), (output.target,), ())
        except OSError as error:  # nobody reads it any more, or nothing more fits: the command is to notice
            if error.errno not in {errno.EPIPE, errno.EIO}:
                output.lost = error.strerror or type(error).__name__
            _close(output, selector)


def _close(output: _Output, selector: selectors.BaseSelector) -> None:
    if output.is_open:
        output.is_open = False
        selector.unregister(output.source)
        os.close(output.source)


class _Keys:
    """What is typed, on its way to the command's terminal. What that does not take yet waits."""

    def __init__(self, terminal: int, selector: selectors.BaseSelector) -> None:
        self._terminal = terminal
        self._selector = selector
        self._typed = b""
        self._turn(to_write=False)

    def go_on(self) -> None:
        """Do what is possible now."""
        try:
            if not self._typed:
                self._typed = os.read(_STDIN, _TYPED)
            self._typed = self._typed[os.write(self._terminal, self._typed) :]
        except BlockingIOError:
            pass
        except OSError:  # one of the two terminals is gone
            self._typed = b""
        self._turn(to_write=bool(self._typed))

    def _turn(self, *, to_write: bool) -> None:
        """Wait for the one side or the other."""
        for descriptor in (_STDIN, self._terminal):
            with suppress(KeyError):
                self._selector.unregister(descriptor)
        if to_write:
            self._selector.register(self._terminal, selectors.EVENT_WRITE, self)
        else:
            self._selector.register(_STDIN, selectors.EVENT_READ, self)
