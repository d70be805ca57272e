"""The table of attacks: every known way to pass a token that should not pass, as a row.

It tests our own validator, is held against other libraries, and is what `docs/attacks.md` is made of. The
families are those of its modules; ids are for good, so a row that is dropped leaves a gap.
"""

from tokenward.auditor.attacks.algorithms import ALGORITHM
from tokenward.auditor.attacks.claims import CLAIMS
from tokenward.auditor.attacks.form import FORM
from tokenward.auditor.attacks.header import HEADER
from tokenward.auditor.attacks.key_sets import KEY_SETS
from tokenward.auditor.attacks.kinds import KIND
from tokenward.auditor.attacks.kit import Kit, Unforgeable
from tokenward.auditor.attacks.signature import SIGNATURE
from tokenward.auditor.attacks.table import Attack, KeyTrap

ATTACKS: tuple[Attack, ...] = (*FORM, *ALGORITHM, *HEADER, *SIGNATURE, *CLAIMS, *KIND)

__all__ = ["ATTACKS", "KEY_SETS", "Attack", "KeyTrap", "Kit", "Unforgeable"]
