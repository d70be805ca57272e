"""What `tokenward inspect` does: from what is handed over to a report."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tokenward.app.audit_command import FailOn, conclude
from tokenward.app.recognising import leak_rules
from tokenward.app.reports.audits import audit_report
from tokenward.app.reports.writing import Format
from tokenward.auditor.inspection.guessing import LONGEST
from tokenward.auditor.inspection.inspecting import Means, inspect
from tokenward.auditor.inspection.reading import read
from tokenward.base.clock import SYSTEM_CLOCK


class Wanted(NamedTuple):
    """The options of the command.

    Attributes:
        data: what was handed over.
        name: where it is from, for people.
        jwks: file or URL of a JWK Set; "" for none.
        issuer: the issuer's URL; "" for none.
        key: a file with one key; None for none.
        audience: what must be in `aud`; "" for anything.
        wordlist: a file with secrets to try, one a line; None for none.
        fail_on: the least severity of a finding that makes the exit code 1.
        form: of the report.
        output: the report's file; None for standard output.
    """

    data: bytes
    name: str
    jwks: str = ""
    issuer: str = ""
    key: Path | None = None
    audience: str = ""
    wordlist: Path | None = None
    fail_on: FailOn = FailOn.LOW
    form: Format = Format.TERMINAL
    output: Path | None = None


def run(wanted: Wanted) -> int:
    """Inspect, and write the report.

    Returns:
        The exit code.

    Raises:
        ValueError: there is nothing to inspect, or what was named to verify with cannot be used.
        OSError: a file cannot be read or written.
    """
    handed = read(wanted.data)
    trust = None
    if wanted.jwks or wanted.issuer or wanted.key or wanted.audience:
        from tokenward.app.inspection_keys import read_trust  # noqa: PLC0415 - brings an HTTP client

        trust = read_trust(jwks=wanted.jwks, issuer=wanted.issuer, key=wanted.key, audience=wanted.audience)
    words = _Words(wanted.wordlist) if wanted.wordlist else ()
    result = inspect(handed, wanted.name, Means(leak_rules(), trust, words))
    report = audit_report("inspect", "Inspection of a credential", result, at=SYSTEM_CLOCK.time())
    return conclude(report, wanted.form, wanted.output, wanted.fail_on)


class _Words:
    """The lines of a file, read anew each time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.open("rb").close()  # what cannot be read is told before anything is

    def __iter__(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            while line := file.readline(LONGEST + 2):
                yield line.rstrip(b"\r\n")
