"""Becomes another program, which dies with who started it: `python -m …engines.tied PARENT COMMAND …`.

The kernel does it (prctl(2), PR_SET_PDEATHSIG), however the parent goes. Where there is no such kernel, a
parent that is killed leaves the program behind.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Never returns."""
    parent, *command = arguments
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != int(parent):  # it was gone before the kernel knew of us
            sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - the engine's own program


if __name__ == "__main__":
    main(sys.argv[1:])
