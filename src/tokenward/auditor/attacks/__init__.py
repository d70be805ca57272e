"""The table of attacks: every known way to pass a token that should not pass, as a row.

It tests our own validator, is held against other libraries, and is what `docs/attacks.md` is made of. The
families are those of its modules; ids are for good, so a row that is dropped leaves a gap.
"""

import hashlib

from tokenward.auditor.attacks.algorithms import ALGORITHM
from tokenward.auditor.attacks.claims import CLAIMS
from tokenward.auditor.attacks.confusion import CONFUSION
from tokenward.auditor.attacks.encrypted import ENCRYPTED
from tokenward.auditor.attacks.form import FORM
from tokenward.auditor.attacks.header import HEADER
from tokenward.auditor.attacks.key_sets import PUBLIC_SETS
from tokenward.auditor.attacks.kinds import KIND
from tokenward.auditor.attacks.kit import Kit, Unforgeable
from tokenward.auditor.attacks.proofs import PROOFS
from tokenward.auditor.attacks.secrets import SECRETS
from tokenward.auditor.attacks.sign_ins import SIGN_INS
from tokenward.auditor.attacks.signature import SIGNATURE
from tokenward.auditor.attacks.table import Attack, KeyTrap

ATTACKS: tuple[Attack, ...] = (
    *FORM,
    *ALGORITHM,
    *HEADER,
    *SIGNATURE,
    *CLAIMS,
    *KIND,
    *PROOFS,
    *SIGN_INS,
    *CONFUSION,
    *ENCRYPTED,
)
KEY_SETS: tuple[KeyTrap, ...] = (*PUBLIC_SETS, *SECRETS)
ON_ACCESS_TOKENS: tuple[Attack, ...] = tuple(row for row in ATTACKS if row.against == "at+jwt")
"""The rows that any validator of JWT access tokens can be held to."""


def digest() -> str:
    """Of the rows that others are held to: by it a report names the table that it was made with."""
    rows: list[Attack | KeyTrap] = [*ON_ACCESS_TOKENS, *KEY_SETS]
    lines = sorted(f"{row.id} {row.verdict}" for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


__all__ = ["ATTACKS", "KEY_SETS", "ON_ACCESS_TOKENS", "Attack", "KeyTrap", "Kit", "Unforgeable", "digest"]
