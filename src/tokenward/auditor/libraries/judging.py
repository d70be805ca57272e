"""From what a library did to what is wrong with it: a finding for each entry that it lets through."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from tokenward.auditor.attacks import Attack
from tokenward.auditor.findings import Check, Finding, Place, Result, Unseen
from tokenward.auditor.libraries.cases import ROWS, Row
from tokenward.auditor.libraries.trial import Outcomes
from tokenward.base.severity import Severity

FAMILIES = {
    "F": "form",
    "S": "header, algorithm, signature",
    "C": "claims",
    "T": "kind and binding",
    "E": "encryption",
    "X": "memory",
    "K": "keys",
}

# What an attacker does with a gap in the family, and how an application closes it where the library does not.
_ATTACK = {
    "F": "The same token is written in another way, which passes lists of revoked or used tokens and"
    " filters.",
    "S": "A token that the issuer never signed is taken for one.",
    "C": "A token of another time, issuer or audience opens this API.",
    "T": "A token that was made for something else, or that is bound to a key, opens this API for whoever"
    " has it.",
    "E": "What anybody can encrypt is taken for what the issuer signed.",
    "X": "What was once good stays good for another token.",
    "K": "A key that anybody can break, guess or make passes for the issuer's.",
}
_FIX = {
    "F": "Check the form before the library does: three parts of base64url without padding, strict JSON,"
    " no `crit`.",
    "S": "Give the library one algorithm for each key, and change to one that holds to it.",
    "C": "Check the claim yourself after the library, or change to one that demands it.",
    "T": "Check `typ` (`at+jwt`) and refuse tokens with `cnf` unless their proof was checked, or change"
    " the library.",
    "E": "Refuse tokens of five parts where no encrypted ones are expected.",
    "X": "Do not remember verdicts by parts of a token.",
    "K": "Check the set of keys before it is used: type, use, size, and no secrets beside public keys.",
}
_SEVERITY = {
    "F": Severity.LOW,
    "S": Severity.MEDIUM,
    "C": Severity.MEDIUM,
    "T": Severity.MEDIUM,
    "E": Severity.HIGH,
    "X": Severity.HIGH,
    "K": Severity.MEDIUM,
}
_SHOWN = 6  # rows of an entry that are named in its sentence

UNNAMED = Check(
    "library.unnamed-exception",
    "A hostile token is refused by an exception that nobody expects",
    Severity.LOW,
    why="It is none of those that the library's documentation gives. Whoever catches only those answers"
    " 500 and not 401.",
    attack="A token that is sent on purpose makes requests fail, fills the error log and hides among real"
    " failures.",
    fix="Catch every exception around the verification, and answer 401.",
    references=("RFC 6750 §3.1", "CWE-755"),
    recommendation="validate-thoroughly",
)
NO_VERDICT = Check(
    "library.no-verdict",
    "A hostile token makes it hang, end or answer something else",
    Severity.HIGH,
    why="A verifier must come to a verdict about whatever it is sent.",
    attack="One request stops a process, or keeps it busy for good.",
    fix="Bound the length of tokens and the time of a verification, and change the library.",
    references=("OWASP API4:2023", "RFC 8725 §3.1"),
    recommendation="validate-thoroughly",
)
REFUSES_GOOD = Check(
    "library.refuses-good",
    "Good tokens are refused",
    Severity.INFO,
    why="Rows that need what it refuses, such as an algorithm that it does not have, could not be let"
    " through by it.",
    attack="None by itself; people turn checks off that stand in their way.",
    fix="See whether your issuer needs it.",
    references=("RFC 7519 §4", "RFC 7518 §3.1"),
    recommendation="validate-thoroughly",
)


def judged(tried: Sequence[Outcomes], unusable: Mapping[str, str], *, subject: str, seconds: float) -> Result:
    """What is wrong with each of them.

    Args:
        tried: what they did.
        unusable: by name, why nothing follows from what one said.
        subject: what was looked at, in words.
        seconds: how long it took.
    """
    hostile = sum(row.verdict == "reject" for row in ROWS)
    looked_at = sum(len(each.by_row) for each in tried)
    return Result(
        subject=subject,
        findings=tuple(finding for each in tried if each.name not in unusable for finding in _findings(each)),
        unseen=tuple(_unseen(each, unusable) for each in tried if not each.complete),
        numbers={"libraries": len(tried), "tokens": looked_at, "seconds": round(seconds, 1)},
        pace=f"{looked_at:,} tokens in {seconds:.1f} s",
        notes=(
            f"{hostile} rows of the table must be refused; what specifications leave open is not counted.",
        ),
        complete=all(each.complete or each.told or each.name in unusable for each in tried),
    )


def _unseen(outcomes: Outcomes, unusable: Mapping[str, str]) -> Unseen:
    left = f"only {len(outcomes.by_row)} rows were tried"
    return Unseen(named(outcomes), unusable.get(outcomes.name, left))


def named(outcomes: Outcomes) -> str:
    """A library with its version."""
    return f"{outcomes.name} {outcomes.release}".strip()


def _findings(outcomes: Outcomes) -> Iterator[Finding]:
    hostile = [row for row in ROWS if row.verdict == "reject"]
    through = [row for row in hostile if outcomes.did(row, "accepted")]
    for entry, rows in groupby(sorted(through, key=_entry), key=_entry):
        yield _let_through(outcomes, entry, list(rows), [row for row in hostile if row.entry == entry])
    place = Place(named(outcomes))
    verdicts = {"accepted", "refused", "hung", "ended", "nonsense"}
    strange = [row for row in hostile if outcomes.by_row.get(row.id, "refused") not in verdicts]
    if strange:
        told = sorted({outcomes.by_row[row.id] for row in strange})
        yield Finding.of(UNNAMED, place, f"{len(strange)} rows: {', '.join(told)}.", rows=_ids(strange))
    for row in ROWS:
        if row.id in outcomes.told:
            yield Finding.of(
                NO_VERDICT, Place(named(outcomes), f"/{row.id}"), f"{_title(row)}: {outcomes.told[row.id]}."
            )
    refused = [
        row
        for row in ROWS
        if row.verdict == "accept" and row.id in outcomes.by_row and not outcomes.did(row, "accepted")
    ]
    if refused:
        yield Finding.of(REFUSES_GOOD, place, f"{_list([row.name for row in refused])}.", rows=_ids(refused))


def _let_through(outcomes: Outcomes, entry: str, rows: Sequence[Row], of: Sequence[Row]) -> Finding:
    place = Place(named(outcomes), f"/{entry}")
    anybody = any(isinstance(row, Attack) and not row.needs_issuer_key for row in rows) and entry[0] in "SEX"
    severity = Severity.CRITICAL if anybody else _SEVERITY[entry[0]]
    detail = f"{len(rows)} of {len(of)} rows accepted: {_list([row.name for row in rows])}."
    return Finding(check_of(rows[0]), detail, place, severity, facts={"rows": _ids(rows)})


def check_of(row: Row) -> Check:
    """The check that an entry of the table is."""
    family = row.entry[0]
    return Check(
        f"library.{row.entry}",
        f"{row.entry} {row.title}",
        _SEVERITY[family],
        why=re.sub(r"\s+", " ", row.wrong),
        attack=_ATTACK[family],
        fix=_FIX[family],
        references=tuple(part.strip() for part in row.reference.split(";") if part.strip()),
        recommendation="validate-thoroughly",
    )


def _entry(row: Row) -> str:
    return row.entry


def _title(row: Row) -> str:
    return f"{row.entry} {row.title}, {row.name}"


def _ids(rows: Iterable[Row]) -> str:
    return " ".join(row.id for row in rows)


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return "; ".join(names[:_SHOWN]) + more
