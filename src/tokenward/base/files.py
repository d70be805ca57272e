"""Writing files so that they are there whole or not at all, and never over somebody else's."""

import errno
import os
import stat
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
def draft(target: Path, content: str | bytes, *, private: bool = False) -> Iterator[Path]:
    """A complete file beside `target`, which is gone at the end unless it was published.

    Args:
        target: where it is to be published.
        content: its content; a text in UTF-8.
        private: whether only its owner may read it.

    Raises:
        OSError: it cannot be written.
    """
    written = content.encode() if isinstance(content, str) else content
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
        with os.fdopen(handle, "wb") as file:
            file.write(written)
            file.flush()
            os.fsync(file.fileno())
        yield path
    finally:
        path.unlink(missing_ok=True)


def publish(path: Path, target: Path, *, replace: bool = False) -> None:
    """Give a draft its name, in one step, and for good: it is there after a crash, too.

    Raises:
        FileExistsError: `target` exists, and `replace` is not said.
        OSError: it cannot be done.
    """
    if replace:
        path.replace(target)
    else:
        target.hardlink_to(path)  # fails if the name is taken, unlike a rename
    if os.name == "posix":
        with suppress(PermissionError):  # a directory that can be written to and not read
            descriptor = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def read_private(path: Path, most: int) -> bytes:
    """The first `most` bytes of a file that is its owner's alone, and whose owner we are.

    Raises:
        OSError: it is not there, is a link, or others have access to it.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        found = os.fstat(file.fileno())
        if os.name == "posix" and (found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077):
            raise PermissionError(0, "others have access to it")
        return file.read(most)


class Changed(OSError):  # noqa: N818 - says what it is
    """A file is no longer what it was when it was read."""


def rewrite(target: Path, content: bytes, *, was: bytes) -> None:
    """Put other content into a file, in one step, with its mode and owner as they were.

    Args:
        target: the file; a link is not followed.
        content: what it holds afterwards.
        was: what it holds now.

    Raises:
        Changed: it holds something else, is a link, or has another name too, under which the old would stay.
        OSError: it cannot be written; it is as it was.
    """
    before = _same(target, was)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")  # mode 0600
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            if os.name == "posix":
                if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                    with suppress(PermissionError):
                        os.fchown(handle, before.st_uid, before.st_gid)
                os.fchmod(handle, stat.S_IMODE(before.st_mode))
            os.fsync(handle)
        _same(target, was)
        path.replace(target)
    finally:
        path.unlink(missing_ok=True)


def _same(target: Path, was: bytes) -> os.stat_result:
    """What the system says of a file that holds exactly that.

    Raises:
        Changed: it does not.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        with os.fdopen(os.open(target, flags), "rb") as file:
            found = os.fstat(file.fileno())
            same = stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and file.read(len(was) + 1) == was
    except OSError as error:
        raise Changed(error.errno, error.strerror, str(target)) from None
    if not same:
        raise Changed(errno.ESTALE, "it changed meanwhile, or has several names (hard links)", str(target))
    return found


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
