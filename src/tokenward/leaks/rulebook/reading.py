"""Rule files: TOML, a `[[rule]]` a row, read strictly.

The head of a file may say `provider` and `rotate` for all of its rules, and how to ask the provider whether a
credential is live (`checks`). A row has the fields of `Rule`, severity and confidence in words, `pair` as an
inline table, and `check` as the name of one. Patterns may use the abbreviations of
`macros`. The rules that come with Tokenward and those of a user go the same way: whatever is unknown, missing
or not as the rule says of itself stops the scan before it begins.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from enum import IntEnum
from typing import Any, TypeVar

import re2

from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.compiling import told
from tokenward.leaks.rule import Check, Pair, Rule, RuleError
from tokenward.leaks.rulebook import macros
from tokenward.leaks.rulebook.checks import read_checks
from tokenward.leaks.rulebook.checksums import CHECKSUMS
from tokenward.leaks.rulebook.matching import compiled
from tokenward.leaks.rulebook.proof import example_seed, prove
from tokenward.leaks.rulebook.templates import TemplateError, fill

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_HEAD = frozenset({"provider", "rotate", "check", "rule"})
_NEEDED = (
    "id",
    "provider",
    "what",
    "pattern",
    "severity",
    "confidence",
    "rotate",
    "examples",
    "counterexamples",
)
_LISTS = ("keywords", "paths", "not_paths", "examples", "counterexamples")
_TYPES: Mapping[str, type] = {
    "id": str,
    "provider": str,
    "what": str,
    "pattern": str,
    "severity": str,
    "confidence": str,
    "rotate": str,
    "keywords": list,
    "entropy": float,
    "checksum": str,
    "paths": list,
    "not_paths": list,
    "pair": dict,
    "guessable": bool,
    "client_secret": bool,
    "check": str,
    "production": bool,
    "examples": list,
    "counterexamples": list,
}
_PAIR_TYPES: Mapping[str, type] = {"what": str, "pattern": str, "within": int, "needed": bool}

_Level = TypeVar("_Level", bound=IntEnum)


def parse(files: Iterable[tuple[str, bytes]]) -> tuple[Rule, ...]:
    """The rules of these files, given by name and content, each proved by its own examples.

    Raises:
        RuleError: a file or a rule in it is not as it should be; the message names both.
    """
    rules: dict[str, Rule] = {}
    for name, data in files:
        try:
            for rule in _rules(data):
                _add(rule, rules)
        except (RuleError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RuleError(f"{name}: {error}") from error
    return tuple(rules.values())


def _add(rule: Rule, rules: dict[str, Rule]) -> None:
    if rule.id in rules:
        raise RuleError(f"{rule.id}: the id is used twice")
    prove([rule])
    rules[rule.id] = rule


def _rules(data: bytes) -> list[Rule]:
    table = tomllib.loads(data.decode())
    unknown = table.keys() - _HEAD
    if unknown:
        raise RuleError(f"unknown field {min(unknown)}")
    rows = table.pop("rule", [])
    if not isinstance(rows, list) or not rows:
        raise RuleError("no [[rule]] in it")
    checks = read_checks(table.pop("check", {}))
    rules = [_rule(table | row, checks) for row in rows]
    idle = checks.keys() - {row.get("check") for row in rows}
    if idle:
        raise RuleError(f"no rule names check {min(idle)}")
    return rules


def _rule(row: dict[str, Any], checks: Mapping[str, Check]) -> Rule:
    identity = row.get("id")
    if not isinstance(identity, str) or not _ID.fullmatch(identity):
        raise RuleError(f"{identity}: an id is lower-case words with hyphens")
    try:
        rule = _read(row, checks)
        _check(rule)
    except RuleError as error:
        raise RuleError(f"{identity}: {error}") from error
    return rule


def _read(row: dict[str, Any], checks: Mapping[str, Check]) -> Rule:
    _check_types(row, _TYPES)
    missing = [name for name in _NEEDED if not row.get(name)]
    if missing:
        raise RuleError(f"{missing[0]} is missing")
    row["severity"] = _level(Severity, row["severity"])
    row["confidence"] = _level(Confidence, row["confidence"])
    row["pattern"] = macros.expand(row["pattern"])
    for name in _LISTS:
        row[name] = _texts(name, row.get(name, []))
    if "pair" in row:
        row["pair"] = _pair(row["pair"])
    if "check" in row:
        if row["check"] not in checks:
            raise RuleError(f"the file has no check {row['check']}")
        row["check"] = checks[row["check"]]
    return Rule(**row)


def _check_types(row: Mapping[str, Any], types: Mapping[str, type]) -> None:
    for name, value in row.items():
        if name not in types:
            raise RuleError(f"unknown field {name}")
        if type(value) is not types[name] and not (types[name] is float and type(value) is int):
            raise RuleError(f"{name} is not a {types[name].__name__}")


def _level(levels: type[_Level], word: str) -> _Level:
    for level in levels:
        if level.name.lower() == word:
            return level
    raise RuleError(f"{word} is not one of {', '.join(level.name.lower() for level in levels)}")


def _texts(name: str, values: list[Any]) -> tuple[str, ...]:
    if not all(isinstance(value, str) and value for value in values):
        raise RuleError(f"{name} is not a list of texts")
    return tuple(values)


def _pair(row: dict[str, Any]) -> Pair:
    _check_types(row, _PAIR_TYPES)
    missing = {field.name for field in fields(Pair)[:2]} - row.keys()
    if missing:
        raise RuleError(f"{min(missing)} of pair is missing")
    row["pattern"] = macros.expand(row["pattern"])
    _check_pattern(row["pattern"])
    return Pair(**row)


def _check(rule: Rule) -> None:
    _check_pattern(rule.pattern)
    if rule.checksum and rule.checksum not in CHECKSUMS:
        raise RuleError(f"no checksum is named {rule.checksum}")
    if not 0 <= rule.entropy <= 8:
        raise RuleError("entropy is in bits a character, from 0 to 8")
    if not rule.rotate.startswith("https://"):
        raise RuleError("rotate is the https address of a page")
    if rule.production and rule.check is None:
        raise RuleError("production goes with check")
    if rule.pair is None and rule.check is not None and any("{pair}" in text for text in rule.check.texts):
        raise RuleError("its check sends {pair}, and the rule has none")
    for number, template in enumerate(rule.examples):
        try:
            text = fill(template, example_seed(rule, number)).lower()
        except TemplateError as error:
            raise RuleError(f"example {number + 1}: {error}") from error
        if rule.keywords and not any(word.lower().encode() in text for word in rule.keywords):
            raise RuleError(f"none of the keywords is in example {number + 1}")


def _check_pattern(pattern: str) -> None:
    if not pattern.isascii():
        raise RuleError("the pattern has characters outside of ASCII; it is over bytes: \\xHH")
    try:
        matcher = compiled(pattern)
    except re2.error as error:
        raise RuleError(f"the pattern does not compile: {told(error)}") from error
    if matcher.groups > 1:
        raise RuleError("the pattern has more than one group; write (?:...) for the others")
    if matcher.search(b"") is not None:
        raise RuleError("the pattern matches nothing at all")
