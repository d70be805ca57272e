"""The files that the configuration names for people, looked at before anything starts."""

from collections.abc import Iterator
from pathlib import Path

from tokenward.app.findings import Remark
from tokenward.app.people_settings import PeopleSettings
from tokenward.app.snapshot import Snapshot
from tokenward.identity.breached import BreachedPasswords
from tokenward.identity.static_files import LOGO_BYTES, StaticFile, logo


def unusable_files(people: PeopleSettings, base_dir: Path, files: Snapshot) -> Iterator[Remark]:
    """Everything wrong with them."""
    if people.breached_passwords is not None:
        try:
            BreachedPasswords(base_dir / people.breached_passwords).close()
        except ValueError as error:
            yield Remark(
                ("people", "breached_passwords"),
                "error",
                "breached-passwords",
                str(error),
                "name a file of SHA-1 hashes in hexadecimal, one a line, sorted",
            )
    try:
        read_logo(people, base_dir, files)
    except ValueError as error:
        yield Remark(
            ("people", "branding", "logo"),
            "error",
            "logo",
            str(error),
            f"name a picture, SVG or PNG, of {LOGO_BYTES // 1000} kB at most",
        )


def read_logo(people: PeopleSettings, base_dir: Path, files: Snapshot) -> StaticFile | None:
    """The logo, if there is one.

    Raises:
        ValueError: it cannot be used; the text says why.
    """
    name = people.branding.logo
    if name is None:
        return None
    try:
        return logo(files.content(base_dir / name, LOGO_BYTES))
    except OSError as error:
        raise ValueError(f"{name} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{name} cannot be used: {error}") from None
