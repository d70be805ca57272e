"""Rich authorization requests (RFC 9396): from what a client asks for to what it is granted.

An element is granted as it was asked for, or the whole request is refused: none is dropped, completed or
enriched, so that what was shown to a person and what a backend compares are one and the same text.
"""

from collections.abc import Mapping

from tokenward.base.problems import INVALID_AUTHORIZATION_DETAILS, Refusal
from tokenward.issuer.settings import IssuerSettings
from tokenward.store.records import Client
from tokenward.tokens.authorization_details.parameter import (
    PARAMETER,
    is_part,
    read_parameter,
    read_written,
    written,
)
from tokenward.tokens.authorization_details.types import Detail
from tokenward.tokens.authorization_details.wording import Told

Details = tuple[Detail, ...]


def requested_details(settings: IssuerSettings, client: Client, parameters: Mapping[str, str]) -> Details:
    """What a request asks for with `authorization_details`; empty if with nothing.

    Raises:
        Refusal: INVALID_AUTHORIZATION_DETAILS, what is there cannot be granted to this client (§5), or is for
            more than one resource.
    """
    if not (details := _read(parameters)):
        return ()
    types = settings.detail_types
    for detail in details:
        kind = types.get(detail["type"])
        if kind is None:
            raise _refusal("a type that is not known")
        if kind.name not in client.authorization_details_types:
            raise _refusal(f"client {client.client_id} may not ask for {kind.name}")
        if why := kind.why_not(detail):
            raise _refusal(why)
    if len({types[detail["type"]].audience for detail in details}) > 1:
        raise _refusal("types of several resources: a token is for one")
    return details


def audience_of(settings: IssuerSettings, details: Details) -> str:
    """The one resource that such details are for, of which there are some."""
    return settings.detail_types[details[0]["type"]].audience


def narrowed(held: str | None, parameters: Mapping[str, str]) -> str | None:
    """What a token gets of the details that are `held`, as they are kept: all, or those asked for (§6).

    Raises:
        Refusal: INVALID_AUTHORIZATION_DETAILS, one of those is not among them.
    """
    details = _read(parameters)
    if not details:
        return held
    if not is_part(details, read_written(held)):
        raise _refusal("more than was granted")
    return written(details)


def told(settings: IssuerSettings, details: Details) -> tuple[Told, ...]:
    """What a person is told, an element each."""
    types = settings.detail_types
    return tuple(types[detail["type"]].told(detail) for detail in details)


def _read(parameters: Mapping[str, str]) -> Details:
    if PARAMETER not in parameters:
        return ()
    try:
        return read_parameter(parameters[PARAMETER])
    except ValueError as error:
        raise _refusal(str(error)) from None


def _refusal(why: str) -> Refusal:
    return Refusal(INVALID_AUTHORIZATION_DETAILS, why)
