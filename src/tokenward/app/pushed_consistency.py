"""What the settings of pushed authorization requests (RFC 9126) mean together, and who is excepted."""

from collections.abc import Iterator

from tokenward.app.findings import Remark
from tokenward.app.settings import Settings
from tokenward.base.documents.source import Keys

_EXCEPTIONS = ("clients", "pushed_requests", "exceptions")


def exceptions_are_clear(settings: Settings) -> Iterator[Remark]:
    """Every exception from what nobody asks for, and every one that is there twice."""
    said = settings.clients.pushed_requests
    if said.exceptions and not said.required:
        yield _error(
            _EXCEPTIONS,
            "exceptions from what is not required of anybody",
            "set clients.pushed_requests.required, or remove them",
        )
    for number, each in enumerate(said.exceptions):
        if each.client in [before.client for before in said.exceptions[:number]]:
            yield _error(
                (*_EXCEPTIONS, number), f"{each.client} is excepted twice", "keep the reason that holds"
            )


def excepted(settings: Settings) -> Iterator[Remark]:
    """Who is excepted, and why."""
    for number, each in enumerate(settings.clients.pushed_requests.exceptions):
        yield Remark.with_reason(
            (*_EXCEPTIONS, number),
            "not-pushed",
            f"{each.client} may send its authorization requests through the browser",
            each.reason,
        )


def _error(keys: Keys, text: str, remedy: str) -> Remark:
    return Remark(keys, "error", "pushed-requests", text, remedy)
