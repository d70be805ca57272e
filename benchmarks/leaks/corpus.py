"""A labelled corpus: secrets of every rule in files of many languages, and files that only look like it.

The secrets are made from the examples of our own rules, filled by another seed than the rules' own proof. So
our recall on it says only that detection works in such files. It is made for what others find of it, and for
what is reported in the files without a secret.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from carriers import CARRIERS
from lookalikes import lookalikes

from tokenward.leaks.rule import Rule
from tokenward.leaks.rulebook.matching import matches
from tokenward.leaks.rulebook.templates import sample
from tokenward.leaks.text import Text

LOOKALIKES = "lookalikes"
NAMES = ("service_token", "accessToken", "API_TOKEN", "auth_key", "credential")


@dataclass(frozen=True, slots=True)
class Planted:
    """One secret of the corpus.

    Attributes:
        rule: whose secret it is.
        path: of the file, relative to the corpus.
        line: on which it stands, from 1.
        secret: its bytes.
    """

    rule: str
    path: str
    line: int
    secret: bytes


def build(root: Path, rules: Sequence[Rule], *, seed: int = 20261127) -> list[Planted]:
    """Write the corpus below `root`; says what was planted where."""
    random = Random(seed)
    planted = [
        _plant(root, rule, number, random, seed=seed)
        for rule in rules
        for number in range(len(rule.examples))
    ]
    for path, text in lookalikes(seed).items():
        _write(root / LOOKALIKES / path, text.encode())
    return planted


def _plant(root: Path, rule: Rule, number: int, random: Random, *, seed: int) -> Planted:
    filled = sample(rule.examples[number], f"corpus/{seed}/{rule.id}/{number}")
    found = next(iter(matches(rule, Text(filled.data, filled.path))))
    path, data = _carried(rule, found.secret, random) or (filled.path, filled.data)
    path = f"{rule.id}-{number}/{path}"
    _write(root / path, data)
    return Planted(rule.id, path, data.count(b"\n", 0, data.index(found.secret)) + 1, found.secret)


def _carried(rule: Rule, secret: bytes, random: Random) -> tuple[str, bytes] | None:
    """The secret in a carrier, if the rule's pattern needs nothing around it."""
    if b"\n" in secret:
        return None
    carriers = sorted(CARRIERS)
    path = carriers[random.randrange(len(carriers))]
    text = CARRIERS[path].replace("@NAME@", random.choice(NAMES)).encode().replace(b"@VALUE@", secret)
    alone = (one.secret for one in matches(rule, Text(text, path)))
    return (path, text) if secret in alone else None


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
