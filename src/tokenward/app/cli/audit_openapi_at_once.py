"""`tokenward audit openapi`, as pipelines call it once a document."""

import gc
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tokenward.app.audit_command import FailOn, conclude
from tokenward.app.openapi_audit import CannotAudit, audit
from tokenward.app.reports.writing import Format
from tokenward.auditor.openapi.profiles import PROFILES


class Asked(NamedTuple):
    """What the command was called with.

    Attributes:
        document: a file or an address.
        profile: a name of `PROFILES`.
        fail_on: the least severity that makes the exit code 1.
        form: of the report.
        output: its file; None for standard output.
    """

    document: str
    profile: str = "public"
    fail_on: FailOn = FailOn.LOW
    form: Format = Format.TERMINAL
    output: Path | None = None


def at_once(arguments: Sequence[str]) -> int | None:
    """The exit code of `tokenward audit openapi …`, all said; None where the parser has to look at it."""
    asked = _read(arguments[2:])
    return None if asked is None else run(asked)


def run(asked: Asked) -> int:
    """Audit the document and write the report, or say why not; the exit code."""
    gc.set_threshold(100_000)  # a document is made to stay: looking for garbage in it is done in vain
    try:
        report = audit(asked.document, asked.profile)
        return conclude(report, asked.form, asked.output, asked.fail_on)
    except CannotAudit as error:
        told = str(error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the end of the process flushes once more
        told = "nobody reads the report to its end"
    except OSError as error:
        told = f"{error.filename}: {error.strerror}"
    from tokenward.app.cli.console import COULD_NOT_RUN, complain  # noqa: PLC0415 - it is slow to import

    complain(told)
    return COULD_NOT_RUN


def _read(arguments: Sequence[str]) -> Asked | None:
    """Only `--name value` with a value of the option's, each option once at most, and one document."""
    taken = {"--profile": PROFILES, "--fail-on": tuple(FailOn), "--format": tuple(Format), "--output": None}
    given: dict[str, str] = {}
    documents = []
    left = iter(arguments)
    for word in left:
        if not word.startswith("-"):
            documents.append(word)
            continue
        value = next(left, "")
        if word not in taken or word in given or not value or value.startswith("-"):
            return None
        choices = taken[word]
        if choices is not None and value not in choices:
            return None
        given[word] = value
    if len(documents) != 1 or not documents[0]:
        return None
    return Asked(
        document=documents[0],
        profile=given.get("--profile", "public"),
        fail_on=FailOn(given.get("--fail-on", FailOn.LOW)),
        form=Format(given.get("--format", Format.TERMINAL)),
        output=Path(given["--output"]) if "--output" in given else None,
    )
