"""Holds the table of attacks against other libraries and ours: `make libraries` writes docs/libraries.md."""

import sys
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters import AUDIENCE, ISSUER, LIBRARIES, Library, Verify
from report import PAGE, document

from tokenward.auditor.attacks import KEY_SETS, ON_ACCESS_TOKENS, Attack, KeyTrap, Kit, digest
from tokenward.auditor.attacks.kit import ALGORITHMS


@dataclass(slots=True)
class Outcomes:
    """What one library did with each row, by its id: "accepted", "refused" or the name of an exception."""

    library: Library
    by_row: dict[str, str] = field(default_factory=dict)


def against(library: Library, kit: Kit) -> Outcomes:
    """Every row, each with a fresh token: the libraries go by the machine's clock."""
    outcomes = Outcomes(library)
    verify = library.load(kit.jwks, ALGORITHMS)
    for attack in ON_ACCESS_TOKENS:
        now = kit.at(int(time.time()))
        verify(now.good)  # so that whatever is remembered of a good token could be taken for the next one
        outcomes.by_row[attack.id] = _outcome(library, verify, attack.forge(now))
    for row in KEY_SETS:
        jwks, token = row.make(kit.at(int(time.time())))
        outcomes.by_row[row.id] = _key_outcome(library, row, jwks, token)
    return outcomes


def _outcome(library: Library, verify: Verify, token: object) -> str:
    try:
        verify(token)
    except library.refusals:
        return "refused"
    except Exception as error:  # noqa: BLE001 - which one is the finding
        # Whoever passes something that is no text has a TypeError coming.
        return type(error).__name__ if isinstance(token, str) else "refused"
    return "accepted"


def _key_outcome(library: Library, row: KeyTrap, jwks: Mapping[str, Any], token: str) -> str:
    # A set of keys comes from the operator or the issuer: however it is refused, it is refused.
    try:
        library.load(jwks, row.algorithms)(token)
    except Exception:  # noqa: BLE001 - see above
        return "refused"
    return "accepted"


def main() -> int:
    """Write the page. 1 if ours accepts what it should refuse."""
    warnings.simplefilter("ignore")
    kit = Kit.issue(issuer=ISSUER, audience=AUDIENCE, now=int(time.time()))
    results = [against(library, kit) for library in LIBRARIES]
    rows: list[Attack | KeyTrap] = [*ON_ACCESS_TOKENS, *KEY_SETS]
    for outcomes in results:
        accepted = [
            row.id for row in rows if row.verdict == "reject" and outcomes.by_row[row.id] == "accepted"
        ]
        refused = [
            row.id for row in rows if row.verdict == "accept" and outcomes.by_row[row.id] != "accepted"
        ]
        print(
            f"{outcomes.library.name:<12} lets {len(accepted):>3} through, refuses {len(refused)} good tokens"
        )
    PAGE.write_text(document(rows, results, digest()), encoding="utf-8")
    print(f"wrote {PAGE.name}")
    ours = results[0].by_row
    return int(any(ours[row.id] == "accepted" for row in rows if row.verdict == "reject"))


if __name__ == "__main__":
    sys.exit(main())
