"""`x-tokenward-allow`: what somebody accepted beside the place, with a reason and a last day.

It stands at the object or at anything around it, and holds for everything below:

    x-tokenward-allow:
      - {check: openapi.http-basic, reason: one partner until its migration, until: 2027-03-31}

Without a reason, after its last day, or for longer than a year it lets nothing pass, and is a finding itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain
from typing import Any

from tokenward.auditor.findings import Check, Suppression
from tokenward.auditor.openapi.nodes import Node
from tokenward.auditor.openapi.rule import Hit
from tokenward.base.severity import Severity

KEY = "x-tokenward-allow"
LONGEST = timedelta(days=366)

USELESS = Check(
    "openapi.allow-useless",
    "An acceptance that lets nothing pass",
    Severity.LOW,
    why="It is expired, has no reason, or names nothing: what it was for counts again.",
    attack="Exceptions that nobody looks at any more are where an attacker looks first.",
    fix="Mend what it was for; or write `check`, `reason` and `until` (a day, at most a year ahead) anew.",
    references=("OWASP API9:2023",),
    recommendation="as-code",
)


@dataclass(slots=True, eq=False)
class _Allowance:
    node: Node
    check: str
    suppression: Suppression
    used: bool = False


class Allowances:
    """Those of a document, read where they are met.

    Args:
        today: the day it is.
        known: ids of all checks.
    """

    def __init__(self, today: date, known: frozenset[str]) -> None:
        self._today = today
        self._known = known
        self._read: dict[int, dict[str, list[_Allowance]]] = {}
        self._useless: list[Hit] = []

    def of(self, node: Node, check: str) -> Suppression | None:
        """What lets this finding pass; the nearest counts."""
        for each in node.ancestors():
            if type(each.value) is dict and KEY in each.value:
                for allowance in self._at(each).get(check, ()):
                    allowance.used = True
                    return allowance.suppression
        return None

    def read_all(self, root: Node) -> None:
        """Read those that no finding has met, too."""
        stack = [root]
        seen: set[int] = set()  # aliases share values
        while stack:
            node = stack.pop()
            if id(node.value) in seen:
                continue
            seen.add(id(node.value))
            if type(node.value) is dict:
                if KEY in node.value:
                    self._at(node)
                stack += [each for each in node.members() if isinstance(each.value, dict | list)]
            else:
                stack += [each for each in node.items() if isinstance(each.value, dict | list)]

    def useless(self) -> Iterator[Hit]:
        """What lets nothing pass, and why."""
        yield from self._useless
        for by_check in self._read.values():
            for allowance in chain.from_iterable(by_check.values()):
                if not allowance.used:
                    told = f"{allowance.check}: nothing of the sort is found here any more."
                    yield Hit(allowance.node, told, Severity.INFO)

    def _at(self, node: Node) -> dict[str, list[_Allowance]]:
        """By check, so that thousands of them do not keep each finding waiting."""
        known = self._read.get(id(node.value))
        if known is None:
            known = self._read[id(node.value)] = {}
            said = node.child(KEY)
            if said is not None and type(said.value) is not list:
                self._useless.append(Hit(said, "It is no list."))
            elif said is not None:
                for each in said.items():
                    read = self._one(each)
                    if isinstance(read, _Allowance):
                        known.setdefault(read.check, []).append(read)
                    else:
                        self._useless.append(Hit(each, read))
        return known

    def _one(self, node: Node) -> "_Allowance | str":
        check, reason, until = node.text("check"), node.text("reason").strip(), _day(node.fields.get("until"))
        if check not in self._known:
            return f"There is no check {check[:100]!r}."
        if not reason:
            return f"{check}: it has no reason."
        if until is None:
            return f"{check}: it has no last day, such as `until: 2027-03-31`."
        if until < self._today:
            return f"{check}: it ended on {until.isoformat()}."
        if until > self._today + LONGEST:
            return f"{check}: it is to last until {until.isoformat()}, which is longer than a year."
        return _Allowance(node, check, Suppression(reason, until))


def _day(said: Any) -> date | None:  # noqa: ANN401 - any data
    try:
        return date.fromisoformat(said) if isinstance(said, str) else None
    except ValueError:
        return None
