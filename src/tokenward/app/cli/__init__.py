"""The command line.

`main` is what the script runs. What git calls before each commit, what scripts call for a token and pipelines
for each document goes around the parser of command lines: it takes longer to import than the work to do, and
there is next to nothing to parse.
"""

import errno
import gc
import os
import sys
from importlib import import_module

from tokenward.base.deferred import deferred

__getattr__ = deferred(__name__, {"application": "tokenward.app.cli.commands"})

BEFORE_A_COMMIT = ["scan", "--staged"]
"""The arguments that `git_hooks.PRE_COMMIT`, and a manager of hooks, calls us with."""

INTERRUPTED = 130
"""The exit code of what Ctrl-C ended: 128 and the number of SIGINT, as shells have it."""


_UNWRITTEN = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
"""What is wrong with standard output where nothing can be written to it. That nobody reads it is dealt with
where it is written."""


def main() -> None:
    """Run the command line."""
    _stand_in_for_closed_streams()
    try:
        _run(sys.argv[1:])
    except OSError as error:
        if error.errno not in _UNWRITTEN or error.filename is not None:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the end of the process flushes once more
        from tokenward.app.cli.console import COULD_NOT_RUN, complain  # noqa: PLC0415 - slow to import

        complain(f"the output cannot be written: {error.strerror}")
        sys.exit(COULD_NOT_RUN)


def _stand_in_for_closed_streams() -> None:
    """Take the places of standard streams that were closed, as by `>&-`.

    What is opened next, such as a pipe, would get their numbers, and what is printed would go there.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is not None:
            continue
        # Results that cannot be written are to be noticed, so there writing fails.
        held = os.open(os.devnull, os.O_RDONLY if name == "stdout" else os.O_RDWR)
        if held != number:
            os.dup2(held, number)
            os.close(held)
        os.set_inheritable(number, True)
        setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _run(arguments: list[str]) -> None:
    if (module := _at_once(arguments)) is not None:
        # Modules and rules are made to stay: looking for garbage among them is most of what is done in vain.
        gc.set_threshold(50_000)
        try:
            code = import_module(f"tokenward.app.cli.{module}").at_once(arguments)
        except KeyboardInterrupt:
            code = INTERRUPTED
        if code is not None:
            sys.exit(code)
    from tokenward.app.cli.commands import application  # noqa: PLC0415 - see above

    application()


def _at_once(arguments: list[str]) -> str | None:
    """The module whose `at_once` may do it without the parser; it gives None for what it leaves to that."""
    if arguments == BEFORE_A_COMMIT:
        return "before_commit"
    if arguments[:2] == ["audit", "openapi"]:
        return "audit_openapi_at_once"
    return "token_at_once" if arguments[:1] == ["token"] else None
