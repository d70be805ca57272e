"""The scanners that are compared, each as a command and a way to read what it reports.

None of them is allowed to try a credential, to ask for updates or to send anything.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
    """

    path: str
    line: int
    rule: str


@dataclass(frozen=True, slots=True)
class Scanner:
    """A scanner.

    Attributes:
        name: for tables.
        command: scans a directory and writes a report to a file.
        read: what the report says, given the scanned directory.
        threads: whether it uses more than one core, so that times can be read fairly.
    """

    name: str
    command: Callable[[Path, Path], list[str]]
    read: Callable[[Path, str], Iterator[Reported]]
    threads: str = ""


def _ours(root: Path, report: Path) -> list[str]:
    program = Path(sys.executable).parent / "tokenward"
    return [str(program), "scan", str(root), "--format", "json", "--output", str(report), "--no-ignore"]


def _read_ours(_root: Path, text: str) -> Iterator[Reported]:
    for finding in json.loads(text)["findings"]:
        for place in finding["locations"]:
            yield Reported(place["path"].split("!")[0], place["line"], finding["rule"]["id"])


def _kingfisher(root: Path, report: Path) -> list[str]:
    flags = ["--no-validate", "--no-update-check", "--git-history", "none", "--format", "json"]
    return [str(CACHE / "bin" / "kingfisher"), "scan", str(root), *flags, "--output", str(report)]


def _read_kingfisher(root: Path, text: str) -> Iterator[Reported]:
    for one in json.loads(text)["findings"]:
        finding = one["finding"]
        yield Reported(_relative(root, finding["path"]), finding["line"], one["rule"]["id"])


def _detect_secrets(root: Path, report: Path) -> list[str]:
    program = CACHE / "bin" / "detect-secrets"
    return [
        "sh",
        "-c",
        'exec "$0" scan --all-files --no-verify "$1" > "$2"',
        str(program),
        str(root),
        str(report),
    ]


def _read_detect_secrets(root: Path, text: str) -> Iterator[Reported]:
    for path, found in json.loads(text)["results"].items():
        for one in found:
            yield Reported(_relative(root, path), one["line_number"], one["type"])


def _credsweeper(root: Path, report: Path) -> list[str]:
    program = CACHE / "bin" / "credsweeper"
    return [str(program), "--path", str(root), "--save-json", str(report), "--jobs", "2", "--log", "error"]


def _read_credsweeper(root: Path, text: str) -> Iterator[Reported]:
    for one in json.loads(text):
        for line in one["line_data_list"]:
            yield Reported(_relative(root, line["path"]), line["line_num"], one["rule"])


def _secretlint(root: Path, report: Path) -> list[str]:
    program = NODE / "node_modules" / ".bin" / "secretlint"
    settings = ["--secretlintrcJSON", _SECRETLINT, "--no-gitignore", "--no-maskSecrets"]
    return [str(program), *settings[:2], "--format", "json", "--output", str(report), f"{root}/**/*"]


def _read_secretlint(root: Path, text: str) -> Iterator[Reported]:
    for file in json.loads(text):
        for message in file["messages"]:
            yield Reported(
                _relative(root, file["filePath"]), message["loc"]["start"]["line"], message["ruleId"]
            )


def _relative(root: Path, path: str) -> str:
    try:
        return str(Path(path).resolve().relative_to(root.resolve()))
    except ValueError:
        return path.removeprefix("./")


OURS = Scanner("Tokenward", _ours, _read_ours, "2 processes")
KINGFISHER = Scanner("Kingfisher", _kingfisher, _read_kingfisher, "2 threads")
PEERS = (
    KINGFISHER,
    Scanner("detect-secrets", _detect_secrets, _read_detect_secrets, "all cores"),
    Scanner("CredSweeper", _credsweeper, _read_credsweeper, "2 processes"),
    Scanner("secretlint", _secretlint, _read_secretlint, "1 thread"),
)


def run(scanner: Scanner, root: Path, report: Path) -> list[Reported]:
    """What the scanner reports on a directory.

    Raises:
        RuntimeError: it wrote no report.
    """
    report.unlink(missing_ok=True)
    done = subprocess.run(
        scanner.command(root, report), capture_output=True, text=True, check=False, cwd=root
    )
    if not report.exists():
        raise RuntimeError(f"{scanner.name} ended with {done.returncode} and no report: {done.stderr[-500:]}")
    return list(scanner.read(root, report.read_text()))
