"""All rules, quickly: read and proved once, then kept in the user's cache as what came out.

A hook that runs before each commit has no time to parse and prove hundreds of rules. What is kept is named by
a hash of all that it follows from: the rule files, those of the user included, and the code that reads them.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from tokenward.leaks.detection import cache
from tokenward.leaks.findings import Confidence, Severity
from tokenward.leaks.rule import Pair, Rule

_HERE = Path(__file__).parent
_LISTS = ("keywords", "paths", "not_paths", "examples", "counterexamples")


def load(extra: Sequence[Path] = ()) -> tuple[Rule, ...]:
    """All rules that come with Tokenward, and those of these files, each proved by its own examples.

    Raises:
        RuleError: a file or a rule in it is not as it should be; the message names both.
        OSError: a file cannot be read.
    """
    # Plain files, not `importlib.resources`, which takes longer to import than they to read.
    files = [(path.name, path.read_bytes()) for path in sorted((_HERE.parent / "rules").glob("*.toml"))]
    files += [(str(path), path.read_bytes()) for path in extra]
    name = f"rules-{_hash([*_code(), *files])}.json"
    found = cache.read(name)
    if found is not None:
        return tuple(_revived(row) for row in json.loads(found))

    from tokenward.leaks.rulebook.reading import parse  # noqa: PLC0415 - not needed the next time

    rules = parse(files)
    cache.write(name, json.dumps([asdict(rule) for rule in rules], separators=(",", ":")).encode())
    return rules


def _code() -> list[tuple[str, bytes]]:
    """What makes rules of the files: another version of it may make others of the same."""
    return [
        (path.name, path.read_bytes()) for path in (_HERE.parent / "rule.py", *sorted(_HERE.glob("*.py")))
    ]


def _hash(files: Sequence[tuple[str, bytes]]) -> str:
    digest = sha256()
    for name, data in files:
        digest.update(sha256(name.encode()).digest() + sha256(data).digest())
    return digest.hexdigest()[:32]


def _revived(row: dict[str, Any]) -> Rule:
    """A rule from the cache, which was checked before it went there."""
    for name in _LISTS:
        row[name] = tuple(row[name])
    pair = row["pair"]
    row["pair"] = None if pair is None else Pair(**pair)
    row["severity"], row["confidence"] = Severity(row["severity"]), Confidence(row["confidence"])
    return Rule(**row)
