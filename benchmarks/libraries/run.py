"""Holds the table of attacks against other libraries and ours: `make libraries` writes docs/libraries.md.

What `tokenward audit library` does with the libraries of a user, here with those that are pinned.
"""

import sys
import time

from report import PAGE, document

from tokenward.auditor.attacks import Kit, digest
from tokenward.auditor.libraries.beside.python_libraries import ADAPTERS, installed
from tokenward.auditor.libraries.cases import ROWS, kit_for
from tokenward.auditor.libraries.harness import beside, running
from tokenward.auditor.libraries.trial import Outcomes, tried

TIMEOUT = 60.0
"""Seconds for one token."""


def against(name: str, release: str, kit: Kit) -> Outcomes:
    """What a library does with every row."""
    with running([sys.executable, str(beside()), name], TIMEOUT) as harness:
        return tried(harness, Outcomes(name, release), kit)


def main() -> int:
    """Write the page. 1 if ours accepts what it should refuse."""
    kit = kit_for(int(time.time()))
    releases = installed()
    results = [against(name, releases.get(name, ""), kit) for name in ADAPTERS]
    for outcomes in results:
        accepted = [row.id for row in ROWS if row.verdict == "reject" and outcomes.did(row, "accepted")]
        refused = [row.id for row in ROWS if row.verdict == "accept" and not outcomes.did(row, "accepted")]
        print(f"{outcomes.name:<12} lets {len(accepted):>3} through, refuses {len(refused)} good tokens")
    written = [row for row in ROWS if row.id in results[0].by_row]
    PAGE.write_text(document(written, results, digest()), encoding="utf-8")
    print(f"wrote {PAGE.name}")
    ours = results[0]
    return int(any(ours.did(row, "accepted") for row in ROWS if row.verdict == "reject"))


if __name__ == "__main__":
    sys.exit(main())
