"""The table before one library: what it did with each row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tokenward.auditor.attacks import KeyTrap, Kit
from tokenward.auditor.libraries.cases import ROWS, Case, Row, cases, written
from tokenward.auditor.libraries.harness import ACCEPT, ERROR, OUT_OF_STEP, Answer, Harness, HarnessFailed
from tokenward.base.clock import SYSTEM_CLOCK, Clock

MOST_FAILURES = 5
"""After so many rows without an answer the rest is left out: each of them costs its whole time."""


class Unusable(Exception):  # noqa: N818 - says what it is
    """Nothing it says means anything; the text says why, and what to mend."""


@dataclass
class Outcomes:
    """What one library did.

    Attributes:
        name: of the library or the harness.
        release: its version, or "".
        by_row: by the row's id: "accepted", "refused", the name of an exception that refused, or "hung",
            "ended", "nonsense" where there was no verdict.
        told: of rows without a verdict, what became of the harness.
        complete: whether each row was tried.
    """

    name: str
    release: str = ""
    by_row: dict[str, str] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    complete: bool = True

    def did(self, row: Row, *outcomes: str) -> bool:
        """Whether one of these came of a row."""
        return self.by_row.get(row.id) in outcomes


def tried(
    harness: Harness,
    outcomes: Outcomes,
    kit: Kit,
    *,
    rows: Sequence[Row] = ROWS,
    clock: Clock = SYSTEM_CLOCK,
) -> Outcomes:
    """Every row, each with a fresh token. `outcomes` is filled as it goes, so that an early end keeps it.

    Args:
        harness: the program.
        outcomes: which is filled.
        kit: of `cases.kit_for`.
        rows: of the table.
        clock: of the machine, by which the library goes.

    Raises:
        Unusable: it refuses a good token, accepts what nobody could take for a token, or cannot be run.
    """
    outcomes.complete = False
    _is_usable(harness, kit, int(clock.time()))
    for case in _fresh(kit, rows, clock):
        if len(outcomes.told) == MOST_FAILURES:
            return outcomes
        try:
            outcomes.by_row[case.row.id] = _outcome(harness, case)
        except HarnessFailed as failed:
            if failed.kind == OUT_OF_STEP:
                raise Unusable(f"{failed}, so that its answers are to other tokens") from None
            outcomes.by_row[case.row.id] = failed.kind
            outcomes.told[case.row.id] = str(failed)
    outcomes.complete = True
    return outcomes


def _fresh(kit: Kit, rows: Sequence[Row], clock: Clock) -> Iterator[Case]:
    for row in rows:
        yield from cases(kit, int(clock.time()), [row])


def _outcome(harness: Harness, case: Case) -> str:
    if case.before and harness.ask(case.before).verdict != ACCEPT:
        raise Unusable(
            "it refused a good token that it accepted before: its answers depend on something else than"
            " the token"
        )
    answer = harness.ask(case.line)
    if answer.verdict == ACCEPT:
        return "accepted"
    # A set of keys comes from the operator or the issuer: however it is refused, it is refused.
    if answer.verdict == ERROR and case.is_text and not isinstance(case.row, KeyTrap):
        return answer.reason or "an error"
    return "refused"


def _is_usable(harness: Harness, kit: Kit, now: int) -> None:
    """A harness that accepts all or nothing tells nothing of a library, whatever else it says."""
    moment = kit.at(now)
    algorithms = ("ES256",)
    try:
        good = harness.ask(written(moment.jwks, algorithms, moment.good, now))
        bad = harness.ask(written(moment.jwks, algorithms, "no token", now))
    except HarnessFailed as failed:
        raise Unusable(f"before the first attack, {failed}") from None
    except OSError as error:
        raise Unusable(f"{harness.command[0]}: {error.strerror}") from None
    if good.verdict != ACCEPT:
        raise Unusable(
            f"it refuses a good token of ES256{_because(good)}: nothing follows from what it refuses"
        )
    if bad.verdict == ACCEPT:
        raise Unusable("it accepts a text that is no token, so it does not look at tokens at all")


def _because(answer: Answer) -> str:
    return f" ({answer.reason})" if answer.reason else ""
