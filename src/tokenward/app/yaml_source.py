"""The files that we are configured by, read strictly."""

from pathlib import Path

from tokenward.app.snapshot import Snapshot
from tokenward.base.documents.reading import CONFIGURATION, parse
from tokenward.base.documents.source import Source, SourceError


def read(path: Path, files: Snapshot | None = None) -> Source:
    """Read `path`: JSON where its name ends in `.json`, YAML otherwise.

    Args:
        path: the file.
        files: where its content is read, and kept; by default from the disk.

    Raises:
        SourceError: it cannot be opened, or `parse` refuses it.
    """
    return parse(_content(path, files or Snapshot()), path)


def _content(path: Path, files: Snapshot) -> bytes:
    try:
        return files.content(path, CONFIGURATION.size)
    except FileNotFoundError:
        raise SourceError("no-such-file", f"there is no file {path}", "check the path") from None
    except IsADirectoryError:
        raise SourceError("no-such-file", f"{path} is not a file", "check the path") from None
    except OSError as error:
        raise SourceError(
            "unreadable", f"{path} cannot be read: {error.strerror}", "check its permissions"
        ) from None
