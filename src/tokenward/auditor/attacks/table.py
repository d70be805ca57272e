"""The row of the attack table, and how rows are written down."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from tokenward.auditor.attacks.kit import ALGORITHMS, Kit

Verdict = Literal["reject", "note", "accept"]


@dataclass(frozen=True, slots=True)
class Attack:
    """One row: a token, and what must become of it.

    Attributes:
        entry: its entry in the catalogue, such as "S06"; the letter is the family.
        title: what the entry's rows have in common.
        name: what is peculiar to this row.
        wrong: what is wrong with it, in one plain sentence.
        reference: where that is written: specification and section, CVE or advisory.
        verdict: "reject"; "note" where the specifications allow acceptance, or do not make a JWT library
            refuse it; "accept" for a control, so that whoever refuses everything proves nothing.
        code: the `InvalidToken.code` under which our validator refuses it; "" where it accepts.
        needs_issuer_key: whether only the issuer could make it.
        forge: makes the token, which for rows about the Python interface may be no str at all. Raises
            `Unforgeable` where the kit lacks a key.
        against: what it is shown to: a validator of this kind, "id_token", "dpop" (all values of the `DPoP`
            header, for `DPOP_METHOD` and `DPOP_URL`), "multi_issuer" or "jwe".
    """

    entry: str
    title: str
    name: str
    wrong: str
    reference: str
    verdict: Verdict
    code: str
    needs_issuer_key: bool
    forge: Callable[[Kit], object]
    against: str = "at+jwt"

    @property
    def id(self) -> str:
        """Entry and name as one word: "S06.r-and-s-zero"."""
        return _id(self.entry, self.name)


@dataclass(frozen=True, slots=True)
class KeyTrap:
    """One row about keys: a set that must not be used, and a token that it would let in.

    Attributes:
        entry, title, name, wrong, reference, verdict: as in `Attack`.
        unusable: whether the set is well-formed and no key in it fits, instead of the whole being refused.
        make: gives the set, and a token that verifies with it if such a token can be made.
        algorithms: what the validator that the set is configured for allows.
    """

    entry: str
    title: str
    name: str
    wrong: str
    reference: str
    verdict: Verdict
    unusable: bool
    make: Callable[[Kit], tuple[Mapping[str, Any], str]]
    algorithms: tuple[str, ...] = ALGORITHMS

    @property
    def id(self) -> str:
        """As in `Attack`."""
        return _id(self.entry, self.name)


def _id(entry: str, name: str) -> str:
    return f"{entry}.{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}"


Row = TypeVar("Row", Attack, KeyTrap)
Part = Callable[[str, str, str, str], Row]


def entry(number: str, title: str, wrong: str, reference: str, *rows: Part[Row]) -> tuple[Row, ...]:
    """The rows of one entry of the catalogue, which share what is wrong and where it is written."""
    return tuple(row(number, title, wrong, reference) for row in rows)


def bare(name: str, code: str, forge: Callable[[Kit], object]) -> Part[Attack]:
    """A row that anybody can make who has a good token and the public keys."""
    return lambda *shared: _attack(shared, name, code, forge, "reject", needs=False)


def signed(name: str, code: str, forge: Callable[[Kit], object]) -> Part[Attack]:
    """A row that only the issuer can make."""
    return lambda *shared: _attack(shared, name, code, forge, "reject", needs=True)


def header(name: str, code: str, **changes: object) -> Part[Attack]:
    """The good token with its header changed, signed by the issuer."""
    return signed(name, code, lambda kit: kit.token(kit.header(**changes)))


def claims(name: str, code: str, **changes: object) -> Part[Attack]:
    """The good token with its claims changed, signed by the issuer.

    A change that is a function is called with the kit.
    """

    def forge(kit: Kit) -> str:
        values = {claim: value(kit) if callable(value) else value for claim, value in changes.items()}
        return kit.token(claims=kit.claims(**values))

    return signed(name, code, forge)


def note(part: Part[Row], why: str) -> Part[Row]:
    """The row, not counted: why nothing forbids accepting it, and what keeps it harmless with us."""
    return lambda number, title, _wrong, reference: replace(
        part(number, title, why, reference), verdict="note"
    )


def shown_to(against: str, rows: tuple[Attack, ...]) -> tuple[Attack, ...]:
    """The rows, to be shown to something else than a validator of access tokens."""
    return tuple(replace(row, against=against) for row in rows)


def control(family: str, name: str, forge: Callable[[Kit], object], *, needs: bool = True) -> Attack:
    """A good token of a family, which must be accepted."""
    shared = (f"{family}00", "Control", "Nothing: it must be accepted.", "")
    return _attack(shared, name, "", forge, "accept", needs=needs)


def trap(
    name: str, make: Callable[[Kit], tuple[Mapping[str, Any], str]], *, unusable: bool = False
) -> Part[KeyTrap]:
    """A row about a key set."""
    return lambda number, title, wrong, reference: KeyTrap(
        number, title, name, wrong, reference, "reject", unusable, make
    )


def _attack(
    shared: tuple[str, ...],
    name: str,
    code: str,
    forge: Callable[[Kit], object],
    verdict: Verdict,
    *,
    needs: bool,
) -> Attack:
    number, title, wrong, reference = shared
    return Attack(number, title, name, wrong, reference, verdict, code, needs, forge)
