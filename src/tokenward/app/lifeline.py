"""What ties a process to its supervisor: it tells when it is ready, and ends when the supervisor does.

Both go through pipes: standard input, which closes however the supervisor went, and `ready=FD`. What it
is to know from the beginning is in a file without a name, `handed=FD`.
"""

import contextlib
import os
import signal
import sys
import threading

READY = b"ready"


def end_with_supervisor() -> None:
    """From now on, end as if told to (SIGTERM) once the supervisor is gone, however it went."""
    threading.Thread(target=_wait, name="lifeline", daemon=True).start()


def _wait() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def tell_ready(descriptor: int) -> None:
    """Tell the supervisor, once, that requests are answered from now on."""
    with contextlib.suppress(BrokenPipeError):  # it is gone, and we are about to hear of that
        os.write(descriptor, READY)
    os.close(descriptor)


def read_handed(descriptor: int) -> bytes:
    """All that the supervisor handed over, from its beginning, whoever read it before."""
    try:
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    finally:
        os.close(descriptor)
