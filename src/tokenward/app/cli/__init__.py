"""The command line.

`main` is what the script runs. What git calls before each commit goes around the parser of command lines: it
takes longer to import than the scan to run, and there is nothing to parse.
"""

import gc
import sys

from tokenward.base.deferred import deferred

__getattr__ = deferred(__name__, {"application": "tokenward.app.cli.commands"})

BEFORE_A_COMMIT = ["scan", "--staged"]
"""The arguments that `git_hooks.PRE_COMMIT`, and a manager of hooks, calls us with."""

INTERRUPTED = 130
"""The exit code of what Ctrl-C ended: 128 and the number of SIGINT, as shells have it."""


def main() -> None:
    """Run the command line."""
    if sys.argv[1:] == BEFORE_A_COMMIT:
        # Modules and rules are made to stay: looking for garbage among them is most of what is done in vain.
        gc.set_threshold(50_000)
        try:
            from tokenward.app.cli.before_commit import before_commit  # noqa: PLC0415 - see above

            sys.exit(before_commit())
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
    from tokenward.app.cli.commands import application  # noqa: PLC0415 - see above

    application()
