"""Writing files so that they are there whole or not at all, and never over somebody else's."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def from_here(path: Path) -> str:
    """The path as people here would write it: relative to the working directory if it is in there."""
    with suppress(ValueError):  # it lies elsewhere
        path = path.resolve().relative_to(Path.cwd())
    return str(path)


@contextmanager
def draft(target: Path, text: str, *, private: bool = False) -> Iterator[Path]:
    """A complete file beside `target`, which is gone at the end unless it was published.

    Args:
        target: where it is to be published.
        text: its content.
        private: whether only its owner may read it.

    Raises:
        OSError: it cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(
            dir=target.parent, prefix=f".{target.name}.", suffix=target.suffix
        )  # mode 0600
    except OSError as error:  # it names a file that nobody has asked for
        raise type(error)(error.errno, error.strerror, str(target)) from None
    path = Path(name)
    try:
        if not private:
            path.chmod(0o644)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield path
    finally:
        path.unlink(missing_ok=True)


def publish(path: Path, target: Path, *, replace: bool = False) -> None:
    """Give a draft its name, in one step.

    Raises:
        FileExistsError: `target` exists, and `replace` is not said.
        OSError: it cannot be done.
    """
    if replace:
        path.replace(target)
    else:
        target.hardlink_to(path)  # fails if the name is taken, unlike a rename


def write_new(target: Path, text: str, *, private: bool = False) -> bool:
    """Create `target`; False if it exists already, and then it is left as it is.

    Raises:
        OSError: it cannot be written.
    """
    if target.exists():
        return False
    with draft(target, text, private=private) as path:
        try:
            publish(path, target)
        except FileExistsError:
            return False
    return True
