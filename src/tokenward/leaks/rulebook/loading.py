"""All rules, quickly: read and proved once, then kept in the user's cache as what came out.

A hook that runs before each commit has no time to parse and prove hundreds of rules, nor to read them. What
is kept is named by a hash of all that it follows from: the content of the user's files; of the rule files
that come with Tokenward and the code that reads them the place, the size and the times, by which Python, too,
tells whether byte code is that of its source.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.detection import cache
from tokenward.leaks.rule import Check, Expected, Pair, Rule

_HERE = Path(__file__).parent
_RULE, _RULES = _HERE.parent / "rule.py", _HERE.parent / "rules"
_LISTS = ("keywords", "paths", "not_paths", "examples", "counterexamples")


def load(extra: Sequence[Path] = ()) -> tuple[Rule, ...]:
    """All rules that come with Tokenward, and those of these files, each proved by its own examples.

    Raises:
        RuleError: a file or a rule in it is not as it should be; the message names both.
        OSError: a file cannot be read.
    """
    theirs = [(str(path), path.read_bytes()) for path in extra]
    name = f"rules-{_hash(theirs)}.json"
    found = cache.read(name)
    if found is not None:
        return tuple(_revived(row) for row in json.loads(found))

    from tokenward.leaks.rulebook.reading import parse  # noqa: PLC0415 - not needed the next time

    # Plain files, not `importlib.resources`, which takes longer to import than they to read.
    ours = [(path.name, path.read_bytes()) for path in sorted(_RULES.glob("*.toml"))]
    rules = parse([*ours, *theirs])
    cache.write(name, json.dumps([asdict(rule) for rule in rules], separators=(",", ":")).encode())
    return rules


def _hash(theirs: Sequence[tuple[str, bytes]]) -> str:
    digest = sha256()
    for name, status in _ours():
        # The time of the change itself, too: that of the content may be set to anything.
        stamp = (name, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        digest.update(repr(stamp).encode())
    for name, data in theirs:
        digest.update(sha256(name.encode()).digest() + sha256(data).digest())
    return digest.hexdigest()[:32]


def _ours() -> Iterator[tuple[str, os.stat_result]]:
    """The rules, and what makes rules of them: another version of it may make others of the same."""
    yield str(_RULE), _RULE.stat()
    for directory, ending in ((_RULES, ".toml"), (_HERE, ".py")):
        with os.scandir(directory) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.endswith(ending):
                    yield entry.path, entry.stat()


def _revived(row: dict[str, Any]) -> Rule:
    """A rule from the cache, which was checked before it went there."""
    for name in _LISTS:
        row[name] = tuple(row[name])
    pair = row["pair"]
    row["pair"] = None if pair is None else Pair(**pair)
    check = row["check"]
    row["check"] = None if check is None else _revived_check(check)
    row["severity"], row["confidence"] = Severity(row["severity"]), Confidence(row["confidence"])
    return Rule(**row)


def _revived_check(row: dict[str, Any]) -> Check:
    for name in ("valid", "refused"):
        row[name] = tuple(
            Expected(each["status"], tuple(each["at"]), tuple(each["values"])) for each in row[name]
        )
    return Check(**row)
