"""What a person has to do next to be signed in well enough."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlencode

from tokenward.identity.continuing import safe_continue
from tokenward.identity.proofs import authentication
from tokenward.store.people_records import FactorSummary, Proof
from tokenward.tokens.acr import FEDERATED, LEVELS, Level, reaches, two_factors

_MOMENT = re.compile(r"[0-9]{1,11}\.[0-9]{1,9}")  # no exponent, no infinity


class Step(Enum):
    """What comes next.

    FIRST is whoever they are and a proof of it. SECOND is what a password does not show: a code, or a
    passkey. PASSKEY is a passkey and nothing else. ENROL is a factor that they do not have yet: they can only
    be signed in as far as they are.
    """

    FIRST = "first"
    SECOND = "second"
    PASSKEY = "passkey"
    ENROL = "enrol"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Aim:
    """Where a sign-in leads, and how good it has to be; it travels in the query of every page on the way.

    A person who changes it harms nobody: what it asks for is checked again where it leads.

    Attributes:
        continue_to: path and query of this issuer, see `safe_continue`.
        level: to be reached; None leaves it to what the person has.
        since: nothing that was proved before that moment counts, seconds since the epoch.
    """

    continue_to: str
    level: Level | None = None
    since: float = 0.0

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Aim":
        """The aim in a query or a form; what is missing or no value of ours asks for nothing."""
        level = next((each for each in LEVELS if each == query.get("level")), None)
        since = query.get("since", "")
        moment = float(since) if _MOMENT.fullmatch(since) else 0.0
        return cls(safe_continue(query.get("continue", "")), level, moment)

    @property
    def fields(self) -> dict[str, str]:
        """As `read` reads it."""
        wanted = {"level": self.level or "", "since": repr(self.since) if self.since else ""}
        return {"continue": self.continue_to, **{name: it for name, it in wanted.items() if it}}

    @property
    def query(self) -> str:
        """The fields as a query."""
        return urlencode(self.fields)


def next_step(held: FactorSummary, proofs: Sequence[Proof], aim: Aim) -> Step:
    """What a person has to do next who has these factors and has proved this.

    Whoever has a second factor always uses it, whatever is asked for: otherwise a thief of the password would
    simply not ask. That holds, too, where an identity provider says that it saw two: those are its own, and
    whoever got into the account there must not get past the factor here.
    """
    done = authentication(proofs, since=aim.since)
    if done is None:
        return Step.FIRST
    if has_second(held) and not _second_shown(proof for proof in proofs if proof.at >= aim.since):
        return Step.PASSKEY if aim.level == "phishing-resistant" and held.passkeys else Step.SECOND
    if reaches(done.amr, _wanted(held, aim)):
        return Step.DONE
    if two_factors(done.amr) or not has_second(held):  # what they have does not reach further
        return Step.PASSKEY if held.passkeys else Step.ENROL
    if "otp" in done.amr:  # the second factor is fresh, and the first too old
        return Step.FIRST
    if aim.level == "phishing-resistant" and held.passkeys:
        return Step.PASSKEY
    return Step.SECOND


def _wanted(held: FactorSummary, aim: Aim) -> Level:
    own: Level = "two-factor" if has_second(held) else "single-factor"
    return max(own, aim.level or own, key=LEVELS.index)


def _second_shown(proofs: Iterable[Proof]) -> bool:
    """Whether a second factor was shown here; one that an identity provider saw is none of ours."""
    return any(FEDERATED not in each.amr and two_factors(("pwd", *each.amr)) for each in proofs)


def has_second(held: FactorSummary) -> bool:
    """Whether a password alone does not sign them in."""
    return held.totp or held.passkeys > 0
