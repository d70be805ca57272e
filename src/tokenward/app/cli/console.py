"""What every command shares: where it writes, how it opens the configuration, how it ends.

Results go to standard output, talk goes to standard error, so that a result can be piped.
Exit codes: 0 good, 1 findings or refused, 2 could not run.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Never, TypeVar

import typer
from rich.console import Console
from rich.markup import escape

from tokenward.app.config import Configuration, load
from tokenward.app.foundation import Foundation, foundation
from tokenward.app.quantities import HOW_TO_WRITE_ONE, duration
from tokenward.base.problems import Refusal
from tokenward.base.redaction import redact
from tokenward.base.secret import Secret
from tokenward.gateway.access import Step
from tokenward.store.keeping import WrongMasterKey
from tokenward.store.port import AlreadyExists, StoreUnavailable

T = TypeVar("T")

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


def duration_option(text: str) -> int:
    """The seconds of an option that is written as in tokenward.yaml.

    Raises:
        BadParameter: it is no duration.
    """
    try:
        return duration(text)
    except ValueError:
        raise typer.BadParameter(HOW_TO_WRITE_ONE) from None


def tell_steps(steps: Iterable[Step], *, indent: str = "") -> None:
    """How a decision was come to, a line for each step."""
    for step in steps:
        mark = "[green]✓[/]" if step.passed else "[red]✗[/]"
        out.print(f"{indent}{mark} {step.name:24} {escape(step.why)}")


def fail(text: str, *, code: int = COULD_NOT_RUN) -> Never:
    """Say on standard error what went wrong and what to do, and end."""
    err.print(redact(text), style="red", markup=False)
    raise typer.Exit(code)


def open_configuration(path: Path) -> Configuration:
    """The configuration, or the end of the command with the first problem and the way to see all."""
    if not path.exists():
        fail(f"{path} does not exist: `tokenward init` makes one, `--config` names another")
    loaded = load(path)
    if loaded.configuration is None:
        first = loaded.findings[0]
        command = "tokenward check" if path == DEFAULT_CONFIG else f"tokenward check --config {path}"
        fail(f"{first.file}:{first.line}: {first.text}\n    {first.remedy}\n`{command}` tells every problem")
    return loaded.configuration


def with_foundation(path: Path, work: Callable[[Foundation], Awaitable[T]]) -> T:
    """Open the configuration and its store, do the work, close; refusals and faults end the command."""
    configuration = open_configuration(path)

    async def run() -> T:
        async with foundation(configuration) as ground:
            return await work(ground)

    try:
        return asyncio.run(run())
    except Refusal as refusal:
        fail(refusal.detail or refusal.problem.text, code=REFUSED)
    except AlreadyExists:
        fail("that exists already", code=REFUSED)
    except StoreUnavailable as error:
        fail(f"the store cannot be opened: {error}")
    except (ValueError, WrongMasterKey) as error:
        fail(str(error))


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
