"""What ties a process to its supervisor: a pipe on standard input. When it closes, the process ends."""

import os
import signal
import sys
import threading


def end_with_supervisor() -> None:
    """From now on, end as if told to (SIGTERM) once the supervisor is gone, however it went."""
    threading.Thread(target=_wait, name="lifeline", daemon=True).start()


def _wait() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
