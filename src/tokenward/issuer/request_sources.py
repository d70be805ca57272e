"""How an authorization request comes: in the address, signed in the address (RFC 9101), or pushed (RFC 9126).

What stands beside a signed or a pushed request in the address counts for nothing (RFC 9101 §6.3): else
whoever can change the address could change the request.

Both are good for a minute or some, and to sign in takes longer. So the browser that comes with one in time is
sent on with an address of ours, sealed, by which it can come back and reload until the request is answered.
The first answer ends a pushed one, and not the first look: software that looks at links in advance spoils
nothing (FAPI 2.0 Security Profile §5.3.2.2, note 3).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tokenward.base.forms import form_encoded, parse_form
from tokenward.base.problems import (
    INVALID_REQUEST_URI,
    MALFORMED,
    PUSH_REQUIRED,
    REQUEST_ANSWERED,
    REQUEST_URI_NOT_SUPPORTED,
    SIGNED_REQUEST_REQUIRED,
    Refusal,
)
from tokenward.issuer.context import Issuer
from tokenward.issuer.pushed_requests import REQUEST_URI, found_request
from tokenward.issuer.request_objects import signed_parameters
from tokenward.issuer.settings import IssuerSettings
from tokenward.store.pushed_port import OPENED_SECONDS
from tokenward.store.pushed_records import PushedRequest
from tokenward.store.records import Client
from tokenward.tokens import base64url
from tokenward.tokens.sealing import SealBroken

STARTED = "started"
"""Our own parameter: a sealed moment, see `reauthentication`. It is no part of what the client asked for."""

OPENED = "opened"
"""Our own parameter: a request that a browser came with in time, sealed."""

_CONTEXT = b"tokenward/opened-request"

Source = Literal["address", "signed", "pushed"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for.

    Attributes:
        source: how it came.
        parameters: all of it, and nothing that stood beside it.
        query: by which it is read again.
        moved: whether that is another query than the browser came with.
        answers: the id of the pushed request, or None.
    """

    source: Source
    parameters: Mapping[str, str]
    query: str
    moved: bool = False
    answers: str | None = None


async def asked_for(issuer: Issuer, client: Client, outer: Mapping[str, str], written: str) -> Asked:
    """What the client asks for with these parameters of the address, which are also `written` as a query.

    Raises:
        Refusal: INVALID_REQUEST_URI; REQUEST_ANSWERED, or it is gone; REQUEST_URI_NOT_SUPPORTED, it is not
            ours, and is not fetched; as `signed_parameters`; MALFORMED, it comes in two ways (RFC 9101 §5).
    """
    ways = [name for name in (OPENED, "request", "request_uri") if name in outer]
    if len(ways) > 1:
        raise Refusal(MALFORMED, f"{' and '.join(ways)} together")
    if OPENED in outer:
        return await _opened(issuer, client, outer[OPENED])
    if "request_uri" in outer:
        if not outer["request_uri"].startswith(REQUEST_URI):
            raise Refusal(REQUEST_URI_NOT_SUPPORTED)
        pushed = await found_request(issuer, client, outer["request_uri"])
        query = _sealed(issuer, client, pushed=pushed.request_id)
        return Asked("pushed", _parameters(pushed), query, moved=True, answers=pushed.request_id)
    if "request" in outer:
        parameters = await signed_parameters(issuer, client, outer["request"])
        query = _sealed(issuer, client, parameters=form_encoded(parameters))
        return Asked("signed", parameters, query, moved=True)
    return Asked("address", outer, written)


def must_push(settings: IssuerSettings, client: Client) -> bool:
    """Whether the client has to push its requests: by its own registration, or because all have to."""
    if client.require_pushed_authorization_requests:
        return True
    return settings.require_pushed_requests and client.client_id not in settings.without_pushed_requests


def check_source(settings: IssuerSettings, client: Client, source: Source) -> None:
    """Check that the client may ask in this way. A pushed request was checked when it was pushed.

    Raises:
        Refusal: PUSH_REQUIRED (RFC 9126 §5, §6) or SIGNED_REQUEST_REQUIRED (RFC 9101 §10.5).
    """
    if source == "pushed":
        return
    if must_push(settings, client):
        raise Refusal(PUSH_REQUIRED, f"client {client.client_id} has to push")
    if source == "address" and client.require_signed_request_object:
        raise Refusal(SIGNED_REQUEST_REQUIRED, f"client {client.client_id} has to sign")


def _sealed(issuer: Issuer, client: Client, **what: str) -> str:
    content = {**what, "client": client.client_id, "end": issuer.clock.time() + OPENED_SECONDS}
    sealed = issuer.sealer.seal(json.dumps(content).encode(), context=_CONTEXT)
    return form_encoded({"client_id": client.client_id, OPENED: base64url.encode(sealed)})


async def _opened(issuer: Issuer, client: Client, text: str) -> Asked:
    content = _unsealed(issuer, client, text)
    query = form_encoded({"client_id": client.client_id, OPENED: text})
    if "parameters" in content:
        return Asked("signed", parse_form(content["parameters"].encode()), query)
    pushed = await issuer.store.pushed_request(content["pushed"])
    if pushed is None:
        raise Refusal(REQUEST_ANSWERED, f"request {content['pushed']} was answered, or is gone")
    return Asked("pushed", _parameters(pushed), query, answers=pushed.request_id)


def _unsealed(issuer: Issuer, client: Client, text: str) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(issuer.sealer.open(base64url.decode(text), context=_CONTEXT))
    except (SealBroken, ValueError):
        raise Refusal(INVALID_REQUEST_URI, "the seal of an opened request is broken") from None
    if content["client"] != client.client_id:
        raise Refusal(INVALID_REQUEST_URI, f"an opened request of another client than {client.client_id}")
    if content["end"] <= issuer.clock.time():
        raise Refusal(INVALID_REQUEST_URI, "a request was opened too long ago")
    return content


def _parameters(pushed: PushedRequest) -> dict[str, str]:
    return parse_form(pushed.parameters.encode())
