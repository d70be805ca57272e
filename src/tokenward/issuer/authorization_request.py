"""The authorization request (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1), read and checked in this order.

Until client and redirect address are known to belong together, an error is a page: the browser is never sent
to an address that nobody registered. After that it goes back to the client.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from tokenward.base.forms import parse_form
from tokenward.base.problems import (
    MALFORMED,
    PKCE_REQUIRED,
    REQUEST_NOT_SUPPORTED,
    REQUEST_URI_NOT_SUPPORTED,
    TOO_LARGE,
    UNKNOWN_CLIENT,
    UNREGISTERED_REDIRECT,
    UNSUPPORTED_RESPONSE_TYPE,
    Problem,
    Refusal,
)
from tokenward.flows import pkce
from tokenward.issuer.context import Issuer
from tokenward.issuer.redirects import is_registered, with_parameters
from tokenward.issuer.scopes import Access, requested_access
from tokenward.store.records import Client
from tokenward.tokens.acr import Level, requested_level
from tokenward.tokens.binding import Confirmation

QUERY_LIMIT = 3_900
"""Bytes of the request as we write it again: it travels through the sign-in page and back."""

MAX_STATE = 1_024
MAX_NONCE = 255
PROMPTS = frozenset({"none", "login", "consent"})
STARTED = "started"
"""Our own parameter: a sealed moment, see `reauthentication`. It is no part of what the client asked for."""


@dataclass(frozen=True, slots=True)
class ReturnAddress:
    """Where the answer goes, with what every answer carries: `state` and `iss` (RFC 9207)."""

    redirect_uri: str
    state: str | None
    issuer: str

    def with_code(self, code: str) -> str:
        """The successful answer (RFC 6749 §4.1.2)."""
        return self._answer({"code": code})

    def with_error(self, problem: Problem) -> str:
        """The error response (RFC 6749 §4.1.2.1)."""
        return self._answer({"error": problem.oauth or problem.code, "error_description": problem.text})

    def _answer(self, parameters: dict[str, str]) -> str:
        state = {} if self.state is None else {"state": self.state}
        return with_parameters(self.redirect_uri, urlencode(parameters | state | {"iss": self.issuer}))


class ReturnedRefusal(Exception):  # noqa: N818 - an outcome, as Refusal is
    """A refusal that the client is told about, through the browser."""

    def __init__(self, address: ReturnAddress, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.address = address
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request that may be put before a person.

    Attributes:
        client: who asks.
        address: where the answer goes.
        access: what is asked for.
        code_challenge: S256.
        nonce: for the ID token.
        prompt: what the client wants to happen or not to happen.
        max_age: how long ago the person may have signed in, in seconds.
        level: how well the person must have signed in; None where the client does not say.
        binding: the key that must redeem the code, if the request names one.
        query: the request, as this module reads it again.
        started: the value of our own parameter, unopened.
    """

    client: Client
    address: ReturnAddress
    access: Access
    code_challenge: str
    nonce: str | None
    prompt: frozenset[str]
    max_age: int | None
    level: Level | None
    binding: Confirmation | None
    query: str
    started: str | None


async def read_authorization_request(issuer: Issuer, query: bytes) -> AuthorizationRequest:
    """The request in a query string.

    Raises:
        Refusal: to be shown on a page: the query is malformed, the client unknown or the redirect address not
            its own.
        ReturnedRefusal: to be sent to the client: anything else.
    """
    parameters = parse_form(query)
    started = parameters.pop(STARTED, None)
    rewritten = urlencode(parameters)
    if len(rewritten) > QUERY_LIMIT:
        raise Refusal(TOO_LARGE, f"an authorization request of more than {QUERY_LIMIT} bytes")
    client = await issuer.store.client(parameters.get("client_id", ""))
    if client is None:
        raise Refusal(UNKNOWN_CLIENT, "client_id is missing or unknown")
    # RFC 6749 lets it be left out where one is registered; OpenID Connect does not, and one rule is safer.
    redirect_uri = parameters.get("redirect_uri", "")
    if not is_registered(client, redirect_uri):
        raise Refusal(
            UNREGISTERED_REDIRECT, f"client {client.client_id}: redirect_uri is missing or not registered"
        )
    state = parameters.get("state")
    address = ReturnAddress(
        redirect_uri, state if len(state or "") <= MAX_STATE else None, issuer.settings.url
    )
    try:
        for check in CHECKS:
            check(parameters)
        access = requested_access(issuer.settings, client, parameters)
    except Refusal as refusal:
        raise ReturnedRefusal(address, refusal) from refusal
    return AuthorizationRequest(
        client=client,
        address=address,
        access=access,
        code_challenge=parameters["code_challenge"],
        nonce=parameters.get("nonce"),
        prompt=_prompt(parameters),
        max_age=int(parameters["max_age"]) if "max_age" in parameters else None,
        level=requested_level(parameters.get("acr_values", "")),
        binding=_binding(parameters),
        query=rewritten,
        started=started,
    )


def _no_request_object(parameters: Mapping[str, str]) -> None:
    """OpenID Connect Core §3.1.2.6."""
    if "request" in parameters:
        raise Refusal(REQUEST_NOT_SUPPORTED)
    if "request_uri" in parameters:
        raise Refusal(REQUEST_URI_NOT_SUPPORTED)


def _response_type_is_code(parameters: Mapping[str, str]) -> None:
    if "response_type" not in parameters:
        raise Refusal(MALFORMED, "response_type is missing")
    if parameters["response_type"] != "code":
        raise Refusal(UNSUPPORTED_RESPONSE_TYPE)


def _response_mode_is_query(parameters: Mapping[str, str]) -> None:
    if parameters.get("response_mode", "query") != "query":
        raise Refusal(MALFORMED, "response_mode is not query")


def _pkce_with_s256(parameters: Mapping[str, str]) -> None:
    """RFC 7636 §4.4.1, RFC 9700 §2.1.1. A missing method would mean `plain`, so it is no default here."""
    if parameters.get("code_challenge_method") != "S256":
        raise Refusal(PKCE_REQUIRED, "code_challenge_method is not S256")
    if not pkce.is_challenge(parameters.get("code_challenge", "")):
        raise Refusal(PKCE_REQUIRED, "code_challenge is missing or not 43 base64url characters")


def _state_and_nonce_are_short(parameters: Mapping[str, str]) -> None:
    if len(parameters.get("state", "")) > MAX_STATE or len(parameters.get("nonce", "")) > MAX_NONCE:
        raise Refusal(MALFORMED, f"state over {MAX_STATE} or nonce over {MAX_NONCE} characters")


def _prompt_is_known(parameters: Mapping[str, str]) -> None:
    prompt = _prompt(parameters)
    if not prompt <= PROMPTS or ("none" in prompt and len(prompt) > 1):
        raise Refusal(MALFORMED, "prompt has an unknown value, or none beside another")


def _max_age_is_seconds(parameters: Mapping[str, str]) -> None:
    if not re.fullmatch(r"[0-9]{1,9}", parameters.get("max_age", "0")):
        raise Refusal(MALFORMED, "max_age is not a number of seconds")


def _dpop_jkt_is_a_thumbprint(parameters: Mapping[str, str]) -> None:
    """RFC 9449 §10: the base64url of a SHA-256."""
    if "dpop_jkt" in parameters and not pkce.is_challenge(parameters["dpop_jkt"]):
        raise Refusal(MALFORMED, "dpop_jkt is not 43 base64url characters")


CHECKS: tuple[Callable[[Mapping[str, str]], None], ...] = (
    _no_request_object,
    _response_type_is_code,
    _response_mode_is_query,
    _pkce_with_s256,
    _state_and_nonce_are_short,
    _prompt_is_known,
    _max_age_is_seconds,
    _dpop_jkt_is_a_thumbprint,
)


def _prompt(parameters: Mapping[str, str]) -> frozenset[str]:
    return frozenset(parameters["prompt"].split(" ")) if "prompt" in parameters else frozenset()


def _binding(parameters: Mapping[str, str]) -> Confirmation | None:
    return Confirmation("jkt", parameters["dpop_jkt"]) if "dpop_jkt" in parameters else None
