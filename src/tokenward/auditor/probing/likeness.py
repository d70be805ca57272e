"""What "accepted" and "refused" look like at one API: learnt from answers that are known to be either.

A status alone says little: there are APIs that answer 200 with an error in the body, and those that answer
404 to whom they do not know. So the answers to a good token and those to none are held against each other,
and what tells them apart decides about the others.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum
from typing import Self

from tokenward.auditor.probing.wire import Answer, CannotProbe

_DEPTH = 3  # levels of a JSON document that are looked at
_MOST_MEMBERS = 200
_ALIKE = 0.9  # of two texts, from 0 to 1
_HALF = 0.5
_CLOSER = 0.15  # by which a text must be closer to one side than to the other
_SAME_DOCUMENT = 0.6  # of two JSON documents: how many of their members they have in common


class Verdict(Enum):
    """What became of a credential."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Look:
    """An answer, seen from far enough that two of a kind look the same.

    Attributes:
        status: of HTTP.
        media: type and subtype, in small letters.
        members: paths of a JSON document, with their scalars as text ("" for what is none); empty for others.
        text: the beginning of what is no JSON.
    """

    status: int
    media: str
    members: Mapping[str, str]
    text: str

    @classmethod
    def of(cls, answer: Answer) -> Self:
        """How an answer looks."""
        media = answer.value("content-type").partition(";")[0].strip().lower()
        try:
            document = json.loads(answer.body)
        except (ValueError, RecursionError):
            return cls(answer.status, media, {}, answer.text[:4000])
        return cls(answer.status, media, dict(_members(document)), "")


def _members(value: object, path: str = "$", depth: int = _DEPTH) -> Iterable[tuple[str, str]]:
    if isinstance(value, dict) and depth:
        yield path, "{}"
        for name, inner in list(value.items())[:_MOST_MEMBERS]:
            yield from _members(inner, f"{path}.{name}", depth - 1)
    elif isinstance(value, list):
        yield path, "[]"
        if value and depth:
            yield from _members(value[0], f"{path}[]", depth - 1)
    else:
        yield path, json.dumps(value)


@dataclass(frozen=True, slots=True)
class Likeness:
    """What tells the two kinds apart.

    Attributes:
        accepted: looks of answers to a good credential.
        refused: looks of answers to none, or to one that cannot be good.
        telling: members whose value is one thing in all of `accepted`, and another in some of `refused`.
    """

    accepted: tuple[Look, ...]
    refused: tuple[Look, ...]
    telling: Mapping[str, str]

    @classmethod
    def learn(cls, accepted: Sequence[Answer], refused: Sequence[Answer]) -> Self:
        """From answers whose kind is known.

        Raises:
            CannotProbe: the two kinds look alike.
        """
        good, bad = tuple(map(Look.of, accepted)), tuple(map(Look.of, refused))
        telling = {
            path: value
            for path, value in good[0].members.items()
            if all(look.members.get(path) == value for look in good)
            and any(look.members.get(path) not in {None, value} for look in bad)
        }
        learnt = cls(good, bad, telling)
        for look in bad:
            if learnt._verdict(look) is Verdict.ACCEPTED:
                raise CannotProbe(
                    f"without any token it answers {look.status}, as it does to the good one: it is open to "
                    "everybody, or answers alike to everybody, so that nothing can be told from its answers"
                )
        return learnt

    def verdict(self, answer: Answer) -> Verdict:
        """Which kind an answer is of."""
        return self._verdict(Look.of(answer))

    def is_soft(self, answer: Answer) -> bool:
        """Whether a refusal has the status of success."""
        return any(answer.status == look.status for look in self.accepted)

    def _verdict(self, look: Look) -> Verdict:
        if look.status not in {each.status for each in self.accepted}:
            # Another success, such as 204, is neither; all else is a refusal of some sort.
            return Verdict.UNCLEAR if 200 <= look.status < 300 else Verdict.REFUSED
        return self._of_members(look) if look.members else self._of_text(look)

    def _of_members(self, look: Look) -> Verdict:
        told = {path: look.members.get(path) for path in self.telling}
        if told == self.telling and any(_overlap(look, each) >= _SAME_DOCUMENT for each in self.accepted):
            return Verdict.ACCEPTED
        for each in self._soft():
            if look.members.keys() == each.members.keys():
                return Verdict.REFUSED
            if any(value == each.members.get(path) for path, value in told.items() if value is not None):
                return Verdict.REFUSED
        return Verdict.UNCLEAR

    def _of_text(self, look: Look) -> Verdict:
        like = max((_similar(look, each) for each in self.accepted), default=0.0)
        unlike = max((_similar(look, each) for each in self._soft()), default=0.0)
        if like >= _ALIKE and like >= unlike:
            return Verdict.ACCEPTED
        if like - unlike > _CLOSER and like > _HALF:
            return Verdict.ACCEPTED
        return Verdict.REFUSED if unlike - like > _CLOSER and unlike > _HALF else Verdict.UNCLEAR

    def _soft(self) -> Iterable[Look]:
        """Refusals with the status of success."""
        statuses = {each.status for each in self.accepted}
        return (each for each in self.refused if each.status in statuses)


def _overlap(one: Look, other: Look) -> float:
    ours, theirs = one.members.keys(), other.members.keys()
    return len(ours & theirs) / max(1, len(ours | theirs))


def _similar(one: Look, other: Look) -> float:
    if bool(one.members) != bool(other.members):
        return 0.0
    return (
        1.0 if one.text == other.text else SequenceMatcher(None, one.text, other.text, autojunk=False).ratio()
    )
