"""Many sightings, few secrets: one finding for each, with every place at which it stands."""

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from tokenward.leaks.blob import Origin
from tokenward.leaks.findings import Commit, Place
from tokenward.leaks.fingerprints import fingerprint
from tokenward.leaks.masking import masked
from tokenward.leaks.result import Acceptance, Finding
from tokenward.leaks.rule import Rule
from tokenward.leaks.sighting import Sighting
from tokenward.leaks.sources.source import Source

_NO_WORD = re.compile(rb"(?s)^(?=.*[0-9])(?=.*[A-Za-z]).{12}")
OURS = "tokenward"
"""The checksum of what we issue."""


class Collector:
    """Takes sightings in any order."""

    def __init__(self, rules: Mapping[str, Rule], key: bytes) -> None:
        """Begin with nothing.

        Args:
            rules: by id.
            key: of the fingerprints of secrets that somebody could guess, 32 bytes.
        """
        self._rules = rules
        self._key = key
        self._in_names: dict[str, Sighting] = {}
        self._seen: dict[bytes, dict[tuple[str, int, str | None], Sighting]] = {}
        self._secrets: dict[str, bytes] = {}

    def add(self, sighting: Sighting) -> None:
        """Note it. On one line a secret counts once: windows of a large file overlap, and so do encodings."""
        if sighting.in_name:
            self._in_names[sighting.in_name] = sighting
        places = self._seen.setdefault(sighting.secret, {})
        place = (sighting.path, sighting.line, sighting.object_id)
        known = places.get(place)
        if known is None or len(sighting.decoded) < len(known.decoded):
            places[place] = sighting

    def findings(self, source: Source) -> tuple[list[Finding], list[Finding]]:
        """What counts, and what inline comments let pass; worst first.

        Args:
            source: says which commit brought in what.
        """
        kept = [list(places.values()) for places in self._seen.values()]
        ids = {one.object_id for places in kept for one in places if one.object_id}
        origins = source.attribute(ids) if ids else {}
        head = source.head() if ids else frozenset()
        counting: list[Finding] = []
        accepted: list[Finding] = []
        for places in kept:
            for found, allowed in ((counting, False), (accepted, True)):
                chosen = [one for one in places if (one.allowed is not None) is allowed]
                if chosen:
                    found.append(self._finding(chosen, origins, head))
        return sorted(counting, key=_worst_first), sorted(accepted, key=_worst_first)

    def secret_of(self, finding: Finding) -> bytes:
        """The secret that one of `findings` is about: for whoever asks its issuer. Findings do not hold it.

        Raises:
            KeyError: it is no finding of this collector.
        """
        return self._secrets[finding.fingerprint]

    def shown(self) -> dict[str, str]:
        """What may be shown in the place of each text that a path or an author must not show.

        Of what somebody chose only long ones with digits, unless a name is where they were found: the others
        may be words, of which many paths are made.
        """
        texts = {one.in_name: one for one in self._in_names.values()}
        for secret, places in self._seen.items():
            one = next(iter(places.values()))
            if _NO_WORD.search(secret) or not (one.guessable or self._rules[one.rule].guessable):
                texts.setdefault(secret.decode("utf-8", "surrogateescape"), one)
        return {
            text: masked(one.secret, self._rules[one.rule], guessable=one.guessable).partition("…")[0] + "…"
            for text, one in texts.items()
        }

    def _finding(
        self, sightings: Sequence[Sighting], origins: Mapping[str, tuple[Origin, ...]], head: AbstractSet[str]
    ) -> Finding:
        surest = max(sightings, key=lambda one: (one.confidence, one.severity))
        rule = self._rules[surest.rule]
        in_head = any(one.object_id in head for one in sightings)
        name = fingerprint(surest.secret, checksum_valid=bool(rule.checksum), key=self._key)
        self._secrets[name] = surest.secret
        allowances = sorted({one.allowed for one in sightings if one.allowed is not None})
        return Finding(
            rule=rule,
            severity=max(one.severity for one in sightings),
            confidence=surest.confidence,
            masked=masked(surest.secret, rule, guessable=surest.guessable),
            fingerprint=name,
            places=_places(sightings, origins, in_head=in_head),
            facts={**surest.facts, **_name(surest.secret, rule)},
            why="; ".join(sorted({one.why for one in sightings} - {""})),
            acceptance=Acceptance("comment", "; ".join(allowances)) if allowances else None,
        )


def _name(secret: bytes, rule: Rule) -> dict[str, str]:
    """The public id of a token of ours, by which its issuer finds it: 60 characters end it."""
    return {"token_id": secret.decode("ascii")[-60:-49]} if rule.checksum == OURS else {}


def _places(
    sightings: Sequence[Sighting], origins: Mapping[str, tuple[Origin, ...]], *, in_head: bool
) -> tuple[Place, ...]:
    """One place a line; of the versions of a file in a history, the oldest that holds the secret."""
    plain: list[Place] = []
    oldest: dict[str, Place] = {}
    for one in sightings:
        came = tuple(_origins(one, origins))
        if not came:
            plain.append(Place(one.path, one.line, one.column, one.decoded))
        for path, origin in came:
            commit = Commit(origin.commit, origin.author, origin.date, in_head)
            place = Place(path, one.line, one.column, one.decoded, commit)
            earlier = oldest.get(path)
            if earlier is None or earlier.commit is None or commit.date < earlier.commit.date:
                oldest[path] = place
    plain.sort(key=lambda place: (place.path, place.line, place.column))
    return (
        *plain,
        *sorted(oldest.values(), key=lambda place: (place.commit.date if place.commit else "", place.path)),
    )


def _origins(sighting: Sighting, origins: Mapping[str, tuple[Origin, ...]]) -> Iterator[tuple[str, Origin]]:
    """Where the sighting stood, and in which commit, for each path that the blob had."""
    if sighting.origin is not None:
        yield sighting.path, sighting.origin
    elif sighting.object_id is not None:
        _outer, member_mark, member = sighting.path.partition("!")
        for origin in origins.get(sighting.object_id, ()):
            path = origin.path + member_mark + member
            if sighting.in_name in path:  # a blob may have had other names
                yield path, origin


def _worst_first(finding: Finding) -> tuple[int, int, str, int]:
    place = finding.places[0]
    return (-finding.severity, -finding.confidence, place.path, place.line)
