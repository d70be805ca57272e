"""What the settings of clients that nobody registers mean together."""

from collections.abc import Iterator, Mapping

from tokenward.app.findings import Remark
from tokenward.app.settings import Settings
from tokenward.app.stranger_settings import StrangerSettings
from tokenward.base.documents.source import Keys
from tokenward.issuer.settings import PROTOCOL_SCOPES, Resource


def strangers_are_bounded(settings: Settings) -> Iterator[Remark]:
    """Clients that could be nothing, or could never ask for anything."""
    for keys, said in _said(settings):
        if not said.scopes:
            yield _error(keys, "they could ask for nothing", "name the scopes that they may ask for")
        if not said.types:
            yield _error((*keys, "types"), "they could be nothing", "leave it out, or name a type")


def unknown_stranger_scopes(settings: Settings, resources: Mapping[str, Resource]) -> Iterator[Remark]:
    """Every scope for them that no API has."""
    known = frozenset(PROTOCOL_SCOPES).union(*(each.scopes for each in resources.values()))
    for keys, said in _said(settings):
        for scope in said.scopes:
            if scope not in known:
                yield _error((*keys, "scopes"), f"no API has a scope {scope}", "name scopes that there are")


def _said(settings: Settings) -> Iterator[tuple[Keys, StrangerSettings]]:
    if settings.clients.registration is not None:
        yield ("clients", "registration"), settings.clients.registration
    if settings.clients.documents is not None:
        yield ("clients", "documents"), settings.clients.documents


def _error(keys: Keys, text: str, remedy: str) -> Remark:
    return Remark(keys, "error", "strangers", text, remedy)
