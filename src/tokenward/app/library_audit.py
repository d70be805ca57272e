"""What `tokenward audit library` does, whoever calls it: from Python's libraries or a harness to a report."""

import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tokenward.app.reports.audits import audit_report
from tokenward.app.reports.model import Report
from tokenward.auditor.libraries.beside.python_libraries import ADAPTERS
from tokenward.auditor.libraries.cases import kit_for
from tokenward.auditor.libraries.harness import beside, running
from tokenward.auditor.libraries.judging import judged
from tokenward.auditor.libraries.trial import Outcomes, Unusable, tried
from tokenward.base.clock import SYSTEM_CLOCK

_PATIENCE = 60.0  # seconds for a Python to tell which libraries it has


class CannotAudit(Exception):  # noqa: N818 - says what it is
    """Nothing could be tried; the message is for people."""


def audit_python(python: Path, names: Sequence[str], *, timeout: float) -> Report:
    """Audit the JWT libraries that a Python has.

    Args:
        python: the interpreter.
        names: of distributions; none for all that we know.
        timeout: seconds for each token.

    Raises:
        CannotAudit: it cannot be run, has none of them, or a name is unknown.
    """
    if unknown := [name for name in names if name not in ADAPTERS]:
        raise CannotAudit(
            f"{', '.join(unknown)}: known are {', '.join(ADAPTERS)}; for others write a harness"
        )
    found = _installed(python)
    if missing := [name for name in names if name not in found]:
        raise CannotAudit(f"{python} does not have {', '.join(missing)}")
    chosen = [name for name in names or found if names or name != "tokenward"]
    if not chosen:
        raise CannotAudit(f"{python} has none of {', '.join(ADAPTERS)}: name another with --python")
    commands = {name: [str(python), str(beside()), name] for name in chosen}
    releases = {name: found[name] for name in chosen}
    return _audit(commands, releases, subject=f"JWT libraries of {python}", timeout=timeout)


def audit_harness(command: str, *, timeout: float) -> Report:
    """Audit whatever a harness stands for.

    Args:
        command: as a shell would split it; no shell runs it.
        timeout: seconds for each token.

    Raises:
        CannotAudit: it cannot be run, or what it says means nothing.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise CannotAudit(f"--harness: {error}") from None
    if not words:
        raise CannotAudit("--harness is empty")
    return _audit({command: words}, {}, subject=command, timeout=timeout)


def _installed(python: Path) -> dict[str, str]:
    try:
        ran = subprocess.run(  # noqa: S603 - the user's own interpreter
            [python, beside(), "--list"], capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotAudit(
            f"{python} cannot be run: {getattr(error, 'strerror', None) or 'it hangs'}"
        ) from None
    try:
        found: dict[str, str] = json.loads(ran.stdout)
    except ValueError:
        complaint = ran.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise CannotAudit(f"{python} is no Python of 3.9 or later: {complaint[0][:200]}") from None
    return found


def _audit(
    commands: dict[str, list[str]], releases: dict[str, str], *, subject: str, timeout: float
) -> Report:
    began = SYSTEM_CLOCK.monotonic()
    kit = kit_for(int(SYSTEM_CLOCK.time()))
    results: list[Outcomes] = []
    unusable: dict[str, str] = {}
    try:
        for name, command in commands.items():
            sys.stderr.write(f"trying {name}\n")
            results.append(Outcomes(name, releases.get(name, "")))
            with running(command, timeout) as harness:
                try:
                    tried(harness, results[-1], kit)
                except Unusable as why:
                    unusable[name] = str(why)
    except KeyboardInterrupt:
        if not any(each.by_row for each in results):
            raise
    if len(unusable) == len(commands):
        raise CannotAudit("\n".join(f"{name}: {why}" for name, why in unusable.items()))
    result = judged(results, unusable, subject=subject, seconds=SYSTEM_CLOCK.monotonic() - began)
    return audit_report("audit", "Audit of JWT libraries", result, at=SYSTEM_CLOCK.time())
