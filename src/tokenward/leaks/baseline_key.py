"""The key under which a baseline names guessable secrets. It stays on the machine, or in a CI's secret store.

By default it is `.tokenward/baseline.key` beside the baseline, readable for its owner only, in a directory
that git ignores by itself. Elsewhere it comes from a reference (`env:`, `file:`, `cmd:`, `keyring:`).
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from tokenward.base.entropy import random_base62
from tokenward.base.references import resolve

DIRECTORY: Final = ".tokenward"
NAME: Final = "baseline.key"
_CHARACTERS: Final = 43  # of base 62: 256 bits


def place_of(baseline: Path) -> Path:
    """Where the key of that baseline is kept, unless a reference says otherwise."""
    return baseline.parent / DIRECTORY / NAME


def find(baseline: Path, reference: str = "") -> bytes | None:
    """The key: what the reference names, or the file beside the baseline. None where there is neither.

    Raises:
        ValueError: what is named cannot be read, or is no key of at least 43 characters.
    """
    if not reference:
        if not place_of(baseline).exists():
            return None
        reference = f"file:{place_of(baseline).resolve()}"
    text = resolve(reference, base_dir=Path.cwd()).reveal()
    if len(text) < _CHARACTERS:
        raise ValueError(
            f"the baseline's key has fewer than {_CHARACTERS} characters: somebody could find it by trying. "
            "`tokenward scan --baseline FILE --update-baseline` makes a good one"
        )
    return text.encode()


def make(baseline: Path) -> bytes:
    """A new key in the file beside the baseline, or the one that is there already.

    Raises:
        OSError: it cannot be written.
        ValueError: what is there cannot be used.
    """
    place = place_of(baseline)
    place.parent.mkdir(exist_ok=True)
    with suppress(FileExistsError):
        _create(place.parent / ".gitignore", "# The key of the baseline must not be committed.\n*\n", 0o644)
    with suppress(FileExistsError):
        _create(place, random_base62(_CHARACTERS) + "\n", 0o600)
    key = find(baseline)
    assert key is not None  # noqa: S101 - for the type checker: it was there or was made
    return key


def _create(path: Path, text: str, mode: int) -> None:
    """Whole or not at all: a key that was written by half would be somebody's key for ever.

    Raises:
        FileExistsError: it is there.
    """
    draft = path.with_name(f".{path.name}.{random_base62(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "w", encoding="ascii", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)  # fails if the name is taken
    finally:
        draft.unlink()
