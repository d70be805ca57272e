"""From what was accepted to what is missing: a gap lets many rows through, and each is told once.

Where no signature is verified, every forged token passes, whatever it was forged for. Where nobody looks at
`exp`, an `exp` of any type passes. Such rows are put under the gap that explains them.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tokenward.auditor.attacks import Attack, Kit
from tokenward.auditor.attacks.kit import decoded
from tokenward.auditor.probing.firing import Outcome
from tokenward.auditor.probing.likeness import Verdict

_ANY = "probe.any-token"
_UNSIGNED = "probe.signature"
_WITNESSES = ("S16.other-claims", "S16.the-stranger-s-signature")
"""Both pass only where no signature is verified at all."""

_MEMBERS: Mapping[str, tuple[str, str]] = {
    "C02.expired-for-a-day": ("exp", "probe.expired"),
    "C02.not-valid-before-tomorrow": ("nbf", "probe.not-yet-valid"),
    "C03.another-api": ("aud", "probe.audience"),
    "C04.another-issuer": ("iss", "probe.issuer"),
    "T01.session-cookie": ("typ", "probe.token-kind"),
}
"""A row that passes where nobody looks at a member, and the check that says so."""

_FOLLOWS: Mapping[str, str] = {
    "C01.exp-zero": "C02.expired-for-a-day",
    "C01.exp-negative": "C02.expired-for-a-day",
    "C02.expired-for-a-second": "C02.expired-for-a-day",
    "C02.expired-for-half-a-second": "C02.expired-for-a-day",
    "C02.not-valid-for-a-second": "C02.not-valid-before-tomorrow",
}
"""Rows that pass wherever another one does."""


@dataclass(slots=True)
class Gap:
    """What was accepted under one check.

    Attributes:
        names: of the trials that show it.
        followers: how many more were accepted because of it.
        statuses: that the answers had.
    """

    names: list[str] = field(default_factory=list)
    followers: int = 0
    statuses: set[int] = field(default_factory=set)


def gaps(outcomes: Iterable[Outcome], kit: Kit | None) -> dict[str, Gap]:
    """What is missing, by check.

    Args:
        outcomes: of all trials.
        kit: what rows of the attack table were forged with; None where none were.
    """
    wrong = [each for each in outcomes if each.answer is not None and _is_wrong(each)]
    accepted = {each.trial.row.id for each in wrong if each.trial.row is not None}
    everything = any(each.trial.check == _ANY for each in wrong)
    unsigned = all(witness in accepted for witness in _WITNESSES)
    unseen = {member: check for row, (member, check) in _MEMBERS.items() if row in accepted}
    found: dict[str, Gap] = {}
    for each in wrong:
        row, check = each.trial.row, each.trial.check
        cause = check
        if everything and each.trial.right is Verdict.REFUSED and each.trial.secret():
            cause = _ANY
        elif unsigned and (_is_unsigned(row) if row is not None else check == "probe.key-address"):
            cause = _UNSIGNED
        elif row is not None and _FOLLOWS.get(row.id) in accepted:
            cause = _MEMBERS[_FOLLOWS[row.id]][1]
        elif row is not None and kit is not None:
            changed = _changed(row, kit)
            if changed and changed <= unseen.keys():
                cause = unseen[min(changed)]
        gap = found.setdefault(cause, Gap())
        if each.answer is not None:
            gap.statuses.add(each.answer.status)
        if cause == check:
            gap.names.append(each.trial.name)
        else:
            gap.followers += 1
    return found


def _is_wrong(outcome: Outcome) -> bool:
    return outcome.verdict is not Verdict.UNCLEAR and outcome.verdict is not outcome.trial.right


def _is_unsigned(row: Attack) -> bool:
    """Whether its signature is not one of the issuer's over what it says."""
    return (
        not row.needs_issuer_key or row.code == "bad_signature" or row.entry == "F01" or row.entry[0] == "S"
    )


def _changed(row: Attack, kit: Kit) -> set[str]:
    """Members of header and claims that differ from the good token's; empty if the text is no such token."""
    try:
        head, body = (json.loads(decoded(part)) for part in str(row.forge(kit)).split(".")[:2])
    except (ValueError, RecursionError):
        return set()
    if not isinstance(head, dict) or not isinstance(body, dict):
        return set()
    return _differing(head, kit.header()) | _differing(body, kit.claims())


def _differing(one: Mapping[str, object], other: Mapping[str, object]) -> set[str]:
    nothing = object()
    return {name for name in one.keys() | other.keys() if one.get(name, nothing) != other.get(name, nothing)}
