"""What looks like a secret and is none: every file here must stay without a finding."""

from random import Random

from lookalike_embedded import EMBEDDED
from lookalike_locks import LOCKS
from lookalike_public import PUBLIC
from lookalike_texts import TEXTS

KINDS = LOCKS | PUBLIC | EMBEDDED | TEXTS


def lookalikes(seed: int) -> dict[str, str]:
    """Path -> content. The same seed gives the same files, whatever other kinds there are."""
    return {path: make(Random(f"{seed}/{path}")) for path, make in KINDS.items()}
