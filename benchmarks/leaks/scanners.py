"""The scanners that are compared, each as a command and a way to read what it reports.

None of them is allowed to try a credential, to ask for updates or to send anything.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

CACHE = Path(__file__).parent.parent / ".cache" / "leaks"
NODE = CACHE / "node"
_SECRETLINT = json.dumps({"rules": [{"id": "@secretlint/secretlint-rule-preset-recommend"}]})


@dataclass(frozen=True, slots=True)
class Reported:
    """One report of a scanner.

    Attributes:
        path: relative to what was scanned.
        line: from 1.
        rule: in the scanner's own words.
        secret: what is the same wherever the same secret stands, if the scanner says so.
    """

    path: str
    line: int
    rule: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Scanner:
    """A scanner.

    Attributes:
        name: for tables.
        command: scans a directory and writes a report to a file, or prints it.
        read: what the report says, given the scanned directory.
        threads: whether it uses more than one core, so that times can be read fairly.
        prints: whether its report comes on standard output.
        deep: what makes it open what is nested; only artifacts are scanned with it.
    """

    name: str
    command: Callable[[Path, Path], list[str]]
    read: Callable[[Path, str], Iterator[Reported]]
    threads: str
    deep: tuple[str, ...] = ()
    prints: bool = False

    @property
    def installed(self) -> bool:
        return Path(self.command(Path(), Path())[0]).exists()


_TOKENWARD = str(Path(sys.executable).parent / "tokenward")
_KINGFISHER = str(CACHE / "bin" / "kingfisher")
_QUIET = ("--no-validate", "--no-update-check")


def _ours(root: Path, report: Path) -> list[str]:
    return [_TOKENWARD, "scan", str(root), "--format", "json", "--output", str(report), "--no-ignore"]


def _read_ours(_root: Path, text: str) -> Iterator[Reported]:
    for finding in json.loads(text)["findings"]:
        for place in finding["locations"]:
            yield Reported(
                place["path"].split("!")[0], place["line"], finding["rule"]["id"], finding["fingerprint"]
            )


def _kingfisher(root: Path, report: Path) -> list[str]:
    flags = [*_QUIET, "--git-history", "none", "--format", "json", "--output", str(report)]
    return [_KINGFISHER, "scan", str(root), *flags]


def _read_kingfisher(root: Path, text: str) -> Iterator[Reported]:
    for one in json.loads(text)["findings"]:
        finding = one["finding"]
        place = _relative(root, finding["path"]), finding["line"]
        yield Reported(*place, one["rule"]["id"], finding["snippet"])


def _detect_secrets(root: Path, _report: Path) -> list[str]:
    return [str(CACHE / "bin" / "detect-secrets"), "scan", "--all-files", "--no-verify", str(root)]


def _read_detect_secrets(root: Path, text: str) -> Iterator[Reported]:
    for path, found in json.loads(text)["results"].items():
        for one in found:
            yield Reported(_relative(root, path), one["line_number"], one["type"], one["hashed_secret"])


def _credsweeper(root: Path, report: Path) -> list[str]:
    program = CACHE / "bin" / "credsweeper"
    return [str(program), "--path", str(root), "--save-json", str(report), "--jobs", "2", "--log", "error"]


def _read_credsweeper(root: Path, text: str) -> Iterator[Reported]:
    for one in json.loads(text):
        for line in one["line_data_list"]:
            yield Reported(_relative(root, line["path"]), line["line_num"], one["rule"], line["value"])


def _secretlint(root: Path, report: Path) -> list[str]:
    program = NODE / "node_modules" / ".bin" / "secretlint"
    flags = ["--secretlintrcJSON", _SECRETLINT, "--format", "json", "--output", str(report)]
    hidden = (f"{root}/**/.*", f"{root}/**/.*/**/*")  # one star does not stand for a name with a dot
    return [str(program), *flags, f"{root}/**/*", *hidden]


def _read_secretlint(root: Path, text: str) -> Iterator[Reported]:
    for file in json.loads(text):
        for message in file["messages"]:
            place = _relative(root, file["filePath"]), message["loc"]["start"]["line"]
            yield Reported(*place, message["ruleId"], f"{place}")


def _relative(root: Path, path: str) -> str:
    try:
        return str(Path(path).resolve().relative_to(root.resolve()))
    except ValueError:
        return path.removeprefix("./")


OURS = Scanner("Tokenward", _ours, _read_ours, "2 processes")
KINGFISHER = Scanner(
    "Kingfisher", _kingfisher, _read_kingfisher, "2 threads", deep=("--extraction-depth", "8")
)
DETECT_SECRETS = Scanner("detect-secrets", _detect_secrets, _read_detect_secrets, "2 processes", prints=True)
CREDSWEEPER = Scanner("CredSweeper", _credsweeper, _read_credsweeper, "2 processes", deep=("--depth", "8"))
SECRETLINT = Scanner("secretlint", _secretlint, _read_secretlint, "1 thread")
SCANNERS = (OURS, KINGFISHER, DETECT_SECRETS, CREDSWEEPER, SECRETLINT)


# Of these, only Kingfisher does the same work: a history with who committed what, and what is staged.
HISTORIES: dict[str, Callable[[Path, Path], list[str]]] = {
    OURS.name: lambda repository, report: [
        *(_TOKENWARD, "scan", "--history", str(repository)),
        *("--format", "json", "--output", str(report)),
    ],
    KINGFISHER.name: lambda repository, report: [
        *(_KINGFISHER, "scan", str(repository), *_QUIET, "--git-history", "full"),
        *("--commit-metadata", "true", "--format", "json", "--output", str(report)),
    ],
}
STAGED: dict[str, list[str]] = {
    OURS.name: [_TOKENWARD, "scan", "--staged"],
    KINGFISHER.name: [_KINGFISHER, "scan", ".", "--staged", *_QUIET],
}


def installed() -> list[Scanner]:
    """All that are there; ours always is."""
    for scanner in SCANNERS:
        if not scanner.installed:
            print(f"{scanner.name} is not installed: left out", file=sys.stderr)
    return [scanner for scanner in SCANNERS if scanner.installed]


def run(
    scanner: Scanner, root: Path, report: Path, *, deep: bool = False, seconds: float | None = None
) -> list[Reported]:
    """What the scanner reports on a directory.

    Args:
        scanner: which one.
        root: the directory.
        report: a file for what it writes.
        deep: whether it is told to open what is nested.
        seconds: how long it may take.

    Raises:
        RuntimeError: it wrote no report.
        subprocess.TimeoutExpired: it took too long.
    """
    report.unlink(missing_ok=True)
    command = [*scanner.command(root, report), *(scanner.deep if deep else ())]
    process = subprocess.Popen(
        command,
        cwd=root,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        printed, told = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # its workers too, which would hold the lines to us
        process.communicate()
        raise
    if scanner.prints:
        report.write_text(printed)
    if not report.exists():
        raise RuntimeError(f"{scanner.name} ended with {process.returncode} and no report: {told[-500:]}")
    return list(scanner.read(root, report.read_text()))
