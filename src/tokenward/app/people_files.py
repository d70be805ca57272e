"""The files that the configuration names for people, looked at before anything starts."""

from collections.abc import Iterator
from pathlib import Path

from tokenward.app.findings import Remark
from tokenward.app.people_settings import PeopleSettings
from tokenward.identity.breached import BreachedPasswords


def unusable_files(people: PeopleSettings, base_dir: Path) -> Iterator[Remark]:
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
