"""Where a report goes: to standard output, or to a file that is there whole or not at all."""

import sys
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from tokenward.app.reports.model import Report


class Format(StrEnum):
    """What `--format` takes."""

    TERMINAL = "terminal"
    JSON = "json"
    SARIF = "sarif"
    HTML = "html"
    MARKDOWN = "markdown"


class Writer(Protocol):
    """A module of this package that writes a report as text."""

    def text(self, report: Report) -> str:
        """The whole report."""


def _writer(chosen: Format) -> Writer:
    # Imported when it is asked for: a commit hook is not to wait for templates that it does not fill.
    module: Any = import_module(f"tokenward.app.reports.{chosen}")
    writer: Writer = module
    return writer


def write_report(report: Report, chosen: Format, output: Path | None) -> None:
    """Write it to `output`, or where there is none to standard output.

    A file gets mode 0644, as other reports do: CI systems collect it as another user, and it holds no secret.
    Where `output` is no ordinary file, such as a pipe or /dev/stdout, it is written to and not replaced.

    Raises:
        OSError: it cannot be written. What was there before is left as it was.
    """
    if output is not None:
        _write_file(output, _writer(chosen).text(report))
    elif chosen is Format.TERMINAL:
        from tokenward.app.reports import terminal  # noqa: PLC0415 - as above

        terminal.show(report)
    else:
        # Bytes: the text of a report does not depend on the locale.
        sys.stdout.flush()
        sys.stdout.buffer.write(_writer(chosen).text(report).encode())
        sys.stdout.buffer.flush()


def _write_file(output: Path, text: str) -> None:
    if output.exists() and not output.is_file():
        with output.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        return
    from tokenward.base.files import draft, publish  # noqa: PLC0415 - as above

    target = output.resolve()  # a link stays a link
    with draft(target, text) as path:
        publish(path, target, replace=True)
