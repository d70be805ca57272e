"""`tokenward scan --staged`, as git calls it before a commit while somebody waits."""

from tokenward.app.scan_command import ScanFailed, Wanted, scan
from tokenward.app.scan_sources import Asked


def at_once(_arguments: list[str]) -> int:
    """The exit code of `tokenward scan --staged`; all that it says is said."""
    try:
        return scan(Wanted(asked=Asked(staged=True)))
    except ScanFailed as error:
        from tokenward.app.cli.console import COULD_NOT_RUN, complain  # noqa: PLC0415 - it is slow to import

        complain(str(error))
        return COULD_NOT_RUN
