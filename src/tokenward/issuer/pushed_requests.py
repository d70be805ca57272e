"""Pushed authorization requests (RFC 9126): the handle that stands for one, and who may use it.

    urn:ietf:params:oauth:request_uri:<locator, 11><random, 43>

The 43 base62 characters are 256 random bits, so that nobody guesses one (§7.1); at rest there is a keyed
hash, as of every opaque token. A handle of another client is refused and stays what it was, so that whoever
found one can neither use nor spoil it by a client of their own.
"""

from tokenward.base.entropy import locator, random_base62
from tokenward.base.forms import form_encoded
from tokenward.base.problems import INVALID_REQUEST_URI, Refusal
from tokenward.issuer.context import Issuer
from tokenward.store.locators import with_fresh_locators
from tokenward.store.pushed_records import PushedRequest
from tokenward.store.records import Client
from tokenward.tokens import opaque

REQUEST_URI = "urn:ietf:params:oauth:request_uri:"

LIFETIME = 60
"""Seconds within which a browser has to come with the handle.

Long enough for a slow line and a person who has to pick a browser, which can take more than half of it (FAPI
2.0 Security Profile §5.3.2.2, note 2), and no longer, since a handle that leaks is good for nothing then. The
time to sign in is not part of it, see `request_sources`.
"""

_LOCATOR = 11
_RANDOM = 43


async def keep_request(issuer: Issuer, client: Client, parameters: dict[str, str]) -> str:
    """Keep a request that was found good; its `request_uri`."""

    async def attempt() -> str:
        now = issuer.clock.time()
        request_id = locator(round(now * 1000))
        request_uri = f"{REQUEST_URI}{request_id}{random_base62(_RANDOM)}"
        await issuer.store.add_pushed_request(
            PushedRequest(
                request_id=request_id,
                keyed_hash=opaque.keyed_hash(issuer.peppers[0], request_uri),
                client_id=client.client_id,
                parameters=form_encoded(parameters),
                created_at=now,
                expires_at=now + LIFETIME,
            )
        )
        return request_uri

    return await with_fresh_locators(attempt)


async def found_request(issuer: Issuer, client: Client, request_uri: str) -> PushedRequest:
    """The request that a handle stands for: pushed by this client a moment ago, and not answered.

    Raises:
        Refusal: INVALID_REQUEST_URI, for whatever reason; which one is for the log (§4, §7.3).
    """
    handle = request_uri.removeprefix(REQUEST_URI)
    request_id = handle[:_LOCATOR]
    if len(handle) != _LOCATOR + _RANDOM or not (handle.isascii() and handle.isalnum()):
        raise Refusal(INVALID_REQUEST_URI, "the request_uri is malformed")
    request = await issuer.store.pushed_request(request_id)
    if request is None or not opaque.matches(issuer.peppers, request_uri, request.keyed_hash):
        raise Refusal(INVALID_REQUEST_URI, "the request_uri is unknown, or was answered")
    if request.client_id != client.client_id:
        raise Refusal(INVALID_REQUEST_URI, f"request {request_id} is not client {client.client_id}'s")
    if request.expires_at <= issuer.clock.time():
        raise Refusal(INVALID_REQUEST_URI, f"request {request_id} was not opened in time")
    return request
