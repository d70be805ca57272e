"""The authorization request (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1), read and checked in this order.

Until client and redirect address are known to belong together, an error is a page: the browser is never sent
to an address that nobody registered. After that it goes back to the client; to one that nobody here
registered (`strangers`) not by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from tokenward.base.forms import form_encoded, parse_form
from tokenward.base.problems import (
    INVALID_REQUEST_URI,
    REQUEST_ANSWERED,
    TOO_LARGE,
    UNKNOWN_CLIENT,
    Problem,
    Refusal,
)
from tokenward.issuer.authorization_parameters import MAX_STATE, checked_access, checked_redirect, prompts
from tokenward.issuer.claims_request import ClaimsRequest, claims_request
from tokenward.issuer.context import Issuer
from tokenward.issuer.id_token_hint import hint_of
from tokenward.issuer.redirects import is_registered, with_parameters
from tokenward.issuer.request_sources import STARTED, Asked, asked_for, check_source
from tokenward.issuer.scopes import Access
from tokenward.issuer.settings import OPENID
from tokenward.issuer.strangers import leads_to_a_stranger
from tokenward.store.records import Client
from tokenward.tokens.acr import Level, requested_level
from tokenward.tokens.binding import Confirmation

QUERY_LIMIT = 3_900
"""Bytes of the request as we write it again: it travels through the sign-in page and back."""


@dataclass(frozen=True, slots=True)
class ReturnAddress:
    """Where the answer goes, with what every answer carries: `state` and `iss` (RFC 9207).

    Attributes:
        redirect_uri: the client's.
        state: the client's, if it has one.
        issuer: ours.
        answers: the id of the pushed request that any answer uses up, or None.
        asks_first: whether an error takes the browser there only if the person says so.
    """

    redirect_uri: str
    state: str | None
    issuer: str
    answers: str | None = None
    asks_first: bool = False

    @property
    def host(self) -> str:
        """What people are told of it: its host, or a private-use scheme, which has none."""
        parts = urlsplit(self.redirect_uri)
        return parts.hostname or parts.scheme

    def with_code(self, code: str) -> str:
        """The successful answer (RFC 6749 §4.1.2)."""
        return self._answer({"code": code})

    def with_error(self, problem: Problem) -> str:
        """The error response (RFC 6749 §4.1.2.1)."""
        return self._answer({"error": problem.oauth or problem.code, "error_description": problem.text})

    def _answer(self, parameters: dict[str, str]) -> str:
        state = {} if self.state is None else {"state": self.state}
        return with_parameters(self.redirect_uri, form_encoded(parameters | state | {"iss": self.issuer}))


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
        claims: what is asked for one by one, beside scopes, as far as it may be told.
        subjects: who alone may answer, by their `sub` at this client; None for anybody.
        login_hint: what the person may be called, for the sign-in page; it proves nothing.
        binding: the key that must redeem the code, if the request names one.
        query: the request, as this module reads it again.
        moved: whether the browser must go on with that query, since what it came with will be over soon.
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
    claims: ClaimsRequest
    subjects: frozenset[str] | None
    login_hint: str
    binding: Confirmation | None
    query: str
    moved: bool
    started: str | None


async def read_authorization_request(issuer: Issuer, query: bytes) -> AuthorizationRequest:
    """The request in a query string.

    Raises:
        Refusal: to be shown on a page: the query is malformed, the client unknown, the redirect address not
            its own, or the request was pushed and is over.
        ReturnedRefusal: to be sent to the client: anything else.
    """
    outer = parse_form(query)
    started = outer.pop(STARTED, None)
    written = form_encoded(outer)
    _check_length(written)
    client = await issuer.client(outer.get("client_id", ""))
    if client is None:
        raise Refusal(UNKNOWN_CLIENT, "client_id is missing or unknown")
    asked = await _asked(issuer, client, outer, written)
    _check_length(asked.query)
    parameters = asked.parameters
    redirect_uri = checked_redirect(client, parameters)
    address = _address(issuer, client, redirect_uri, parameters, asked.answers)
    try:
        check_source(issuer.settings, client, asked.source)
        access = checked_access(issuer.settings, client, parameters)
        claims = claims_request(parameters)
        subjects = _subjects(issuer, client, parameters, claims)
    except Refusal as refusal:
        raise ReturnedRefusal(address, refusal) from refusal
    return AuthorizationRequest(
        client=client,
        address=address,
        access=access,
        code_challenge=parameters["code_challenge"],
        nonce=parameters.get("nonce"),
        prompt=prompts(parameters),
        max_age=int(parameters["max_age"]) if "max_age" in parameters else None,
        level=claims.level or requested_level(parameters.get("acr_values", "")),
        claims=claims.beyond(client, access.scope) if OPENID in access.scope else ClaimsRequest(),
        subjects=subjects,
        login_hint=parameters.get("login_hint", ""),
        binding=_binding(parameters),
        query=asked.query,
        moved=asked.moved,
        started=started,
    )


async def _asked(issuer: Issuer, client: Client, outer: Mapping[str, str], written: str) -> Asked:
    """What the client asks for. What is wrong with a pushed request is a page: nothing beside it counts.

    Raises:
        Refusal, ReturnedRefusal: as `read_authorization_request`.
    """
    try:
        return await asked_for(issuer, client, outer, written)
    except Refusal as refusal:
        of_the_handle = refusal.problem in {INVALID_REQUEST_URI, REQUEST_ANSWERED}
        if of_the_handle or not is_registered(client, outer.get("redirect_uri", "")):
            raise
        address = _address(issuer, client, outer["redirect_uri"], outer, None)
        raise ReturnedRefusal(address, refusal) from refusal


def _address(
    issuer: Issuer, client: Client, redirect_uri: str, parameters: Mapping[str, str], answers: str | None
) -> ReturnAddress:
    state = parameters.get("state")
    told = state if len(state or "") <= MAX_STATE else None
    asks_first = leads_to_a_stranger(client, redirect_uri)
    return ReturnAddress(redirect_uri, told, issuer.settings.url, answers, asks_first)


def _check_length(query: str) -> None:
    if len(query) > QUERY_LIMIT:
        raise Refusal(TOO_LARGE, f"an authorization request of more than {QUERY_LIMIT} bytes")


def _subjects(
    issuer: Issuer, client: Client, parameters: Mapping[str, str], asked: ClaimsRequest
) -> frozenset[str] | None:
    """Whom `id_token_hint` and a value of the claim `sub` mean, and both of them where both are there."""
    if "id_token_hint" not in parameters:
        return asked.subjects
    hinted = frozenset({hint_of(issuer, client.client_id, parameters["id_token_hint"]).subject})
    return hinted if asked.subjects is None else hinted & asked.subjects


def _binding(parameters: Mapping[str, str]) -> Confirmation | None:
    return Confirmation("jkt", parameters["dpop_jkt"]) if "dpop_jkt" in parameters else None
