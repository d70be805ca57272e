"""The command line.

`main` is what the script runs. What git calls before each commit, what scripts call for a token and pipelines
for each document goes around the parser of command lines: it takes longer to import than the work to do, and
there is next to nothing to parse.
"""

import gc
import sys
from importlib import import_module

from tokenward.base.deferred import deferred

__getattr__ = deferred(__name__, {"application": "tokenward.app.cli.commands"})

BEFORE_A_COMMIT = ["scan", "--staged"]
"""The arguments that `git_hooks.PRE_COMMIT`, and a manager of hooks, calls us with."""

INTERRUPTED = 130
"""The exit code of what Ctrl-C ended: 128 and the number of SIGINT, as shells have it."""


def main() -> None:
    """Run the command line."""
    arguments = sys.argv[1:]
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
