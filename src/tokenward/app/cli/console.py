"""What every command shares: where it writes, how it reads credentials, how it ends.

Results go to standard output, talk goes to standard error, so that a result can be piped.
Exit codes: 0 good, 1 findings or refused, 2 could not run.
"""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Never

import typer
from rich.console import Console

from tokenward.base.redaction import redact
from tokenward.base.secret import Secret

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

REFUSED = 1
COULD_NOT_RUN = 2

ConfigPath = Annotated[
    Path,
    typer.Option("--config", "-c", envvar="TOKENWARD_CONFIG", help="The configuration file."),
]
DEFAULT_CONFIG = Path("tokenward.yaml")


def date(moment: float) -> str:
    """A moment, as a local date and time."""
    return datetime.fromtimestamp(moment).astimezone().strftime("%Y-%m-%d %H:%M")


def complain(text: str) -> None:
    """Say on standard error what went wrong and what to do."""
    from tokenward.app.reports.words import printable  # noqa: PLC0415 - most commands end well

    # Some of it may be a stranger's words, which must not steer the terminal.
    shown = "\n".join(printable(line) for line in redact(text).split("\n"))
    err.print(shown, style="red", markup=False)


def fail(text: str, *, code: int = COULD_NOT_RUN) -> Never:
    """Complain, and end."""
    complain(text)
    raise typer.Exit(code)


def read_data(source: str, most: int) -> bytes:
    """The first `most` bytes of `-` (standard input) or `@FILE`."""
    if source != "-" and not source.startswith("@"):
        fail("data is read from standard input (-) or a file (@FILE)")
    try:
        if source == "-":
            return sys.stdin.buffer.read(most)
        with Path(source[1:]).open("rb") as file:
            return file.read(most)
    except OSError as error:
        fail(f"cannot read {'standard input' if source == '-' else source[1:]}: {error.strerror}")


def read_credential(source: str, *, what: str, confirm: bool = False) -> Secret:
    """A credential from `-` (standard input, or a prompt at a terminal) or `@FILE`, never from the argument.

    An argument would stay in the shell's history and stand in the process list.
    """
    if source == "-" and sys.stdin.isatty():
        return Secret(typer.prompt(what, hide_input=True, confirmation_prompt=confirm))
    if source != "-" and not source.startswith("@"):
        fail(f"the {what} is read from standard input (-) or a file (@FILE), never from an argument")
    try:
        text = sys.stdin.readline() if source == "-" else Path(source[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        place = "standard input" if source == "-" else source[1:]
        fail(f"cannot read {place}: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}")
    text = text.rstrip("\r\n")
    if not text:
        fail(f"the {what} is empty")
    return Secret(text)
