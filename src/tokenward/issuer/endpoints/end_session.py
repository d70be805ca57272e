"""Signing out at the request of an application (OpenID Connect RP-Initiated Logout 1.0).

Any page on the web can send a browser here. So the person is asked, by a form that no other site can send;
only the application of this very session is believed at once, since nobody else has the ID token that names
the session to it (§2). People are sent on only to an address that the application has registered.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tokenward.base.asgi import Receive, Scope
from tokenward.base.forms import parse_form, read_form, take_form
from tokenward.base.origins import origin_of, refuse_other_sites
from tokenward.base.problems import (
    EXPIRED_FORM,
    MALFORMED,
    TOO_LARGE,
    UNKNOWN_CLIENT,
    UNREGISTERED_REDIRECT,
    Problem,
    Refusal,
)
from tokenward.issuer.context import Issuer
from tokenward.issuer.id_token_hint import Hint, read_hint
from tokenward.issuer.ports import SignedIn, SignOutView
from tokenward.issuer.redirects import with_parameters
from tokenward.issuer.response import Response, redirect
from tokenward.issuer.session_forms import known_form, opened_form, sealed_form
from tokenward.store.records import Client
from tokenward.tokens.subjects import subject

log = logging.getLogger("tokenward.issuer")

PATH = "/end-session"
DECISION_PATH = "/end-session/decision"
FORM = "end-session-form"
STAY = "/account"

LIMIT = 4_096
"""Bytes of a query or a form."""
_MAX_STATE = 1_024


@dataclass(frozen=True, slots=True)
class _LogoutRequest:
    """A request that may be put before a person.

    Attributes:
        client: who asks; None where nobody says, or it cannot be told.
        hint: the ID token, if it is a good one.
        back: where to go afterwards, with `state`; "" for nowhere.
    """

    client: Client | None
    hint: Hint | None
    back: str

    @property
    def client_name(self) -> str:
        return self.client.name if self.client is not None else ""


async def ask(issuer: Issuer, scope: Scope, _receive: Receive) -> Response:
    """GET: the page that asks; or signed out at once, and back.

    Raises:
        Refusal: to be shown on a page: MALFORMED, TOO_LARGE, UNKNOWN_CLIENT or UNREGISTERED_REDIRECT, and
            then nothing was ended.
    """
    if len(scope["query_string"]) > LIMIT:
        raise Refusal(TOO_LARGE, f"a logout request of more than {LIMIT} bytes")
    request = await _read(issuer, parse_form(scope["query_string"]))
    person = await issuer.sign_in.current(scope)
    if person is None:
        # A link instead of a redirect, where anybody can have written the request (RFC 9700 §4.11.2).
        return redirect(request.back) if request.back and request.hint else _over(issuer, request)
    if await _is_of_this_session(issuer, request.hint, person):
        return await _signed_out(issuer, scope, request, person)
    return _question(issuer, request, person)


async def ask_by_post(_issuer: Issuer, scope: Scope, receive: Receive) -> Response:
    """POST: the same request (§2), turned into a GET: another site's POST has none of our cookies.

    Raises:
        Refusal: the form cannot be read.
    """
    return redirect(f"{PATH}?{urlencode(await read_form(scope, receive, limit=LIMIT))}")


async def decide(issuer: Issuer, scope: Scope, receive: Receive) -> Response:
    """POST: what the person decided on the page. What is refused has ended nothing, and is asked again.

    Raises:
        Refusal: to be shown on a page: nobody is signed in, or another site sent it.
    """
    refuse_other_sites(scope, origin_of(issuer.settings.url))
    form, refusal = await take_form(scope, receive)
    person = await issuer.sign_in.current(scope)
    if person is None:
        raise refusal or Refusal(EXPIRED_FORM, "nobody is signed in")
    field = form.get("request", "")
    try:
        if refusal is not None:
            raise refusal
        request = await _opened(issuer, opened_form(issuer, FORM, person, field))
        return await _decided(issuer, scope, request, person, form.get("decision"))
    except Refusal as refused:
        log.info("%s refused: %s", DECISION_PATH, refused)
        return _question(issuer, await _as_known(issuer, person, field), person, refused.problem)


async def _decided(
    issuer: Issuer, scope: Scope, request: _LogoutRequest, person: SignedIn, decision: str | None
) -> Response:
    if decision == "deny":
        return redirect(STAY)
    if decision != "allow":
        raise Refusal(MALFORMED, "decision is neither allow nor deny")
    return await _signed_out(issuer, scope, request, person)


async def _opened(issuer: Issuer, content: Mapping[str, Any]) -> _LogoutRequest:
    client = await issuer.client(content["client"]) if content["client"] else None
    return _LogoutRequest(client, None, content["back"])


async def _as_known(issuer: Issuer, person: SignedIn, field: str) -> _LogoutRequest:
    """What a form was about, for its page; where that cannot be read, that the person may sign out."""
    try:
        return await _opened(issuer, known_form(issuer, FORM, person, field))
    except Refusal:
        return _LogoutRequest(None, None, "")


def _question(
    issuer: Issuer, request: _LogoutRequest, person: SignedIn, problem: Problem | None = None
) -> Response:
    client_id = request.client.client_id if request.client is not None else ""
    view = SignOutView(
        username=person.username,
        client_name=request.client_name,
        action=DECISION_PATH,
        sealed_request=sealed_form(issuer, FORM, person, client=client_id, back=request.back),
        problem=problem,
    )
    status = problem.status if problem is not None else 200
    return Response(status, issuer.pages.sign_out(view), tuple(issuer.pages.headers))


async def _read(issuer: Issuer, parameters: dict[str, str]) -> _LogoutRequest:
    hint = _hint(issuer, parameters)
    client_id = parameters.get("client_id", hint.client_id if hint is not None else "")
    client = await issuer.client(client_id) if client_id else None
    if client is None and client_id:
        raise Refusal(UNKNOWN_CLIENT, "client_id, or that of the hint, is unknown")
    uri = parameters.get("post_logout_redirect_uri", "")
    if not uri:
        return _LogoutRequest(client, hint, "")
    if client is None or uri not in client.openid.post_logout_redirect_uris:  # §3.1: exactly
        raise Refusal(UNREGISTERED_REDIRECT, "post_logout_redirect_uri is nobody's, or not registered")
    state = parameters.get("state", "")
    if len(state) > _MAX_STATE:
        raise Refusal(MALFORMED, f"state over {_MAX_STATE} characters")
    return _LogoutRequest(client, hint, with_parameters(uri, urlencode({"state": state})) if state else uri)


def _hint(issuer: Issuer, parameters: dict[str, str]) -> Hint | None:
    """What the ID token says; None without one that can be believed: then the person is asked.

    Keys go, and people still have to get out. Of another client, it is an attack (§2).

    Raises:
        Refusal: MALFORMED, it is another client's than the request says.
    """
    if "id_token_hint" not in parameters:
        return None
    try:
        hint = read_hint(issuer, parameters["id_token_hint"])
    except Refusal as refusal:
        log.info("%s asks: %s", PATH, refusal)
        return None
    if parameters.get("client_id", hint.client_id) != hint.client_id:
        raise Refusal(MALFORMED, f"id_token_hint of {hint.client_id}, shown by another client")
    return hint


async def _is_of_this_session(issuer: Issuer, hint: Hint | None, person: SignedIn) -> bool:
    """Whether the ID token was given to its client in this session, about this person."""
    if hint is None or hint.sid is None:
        return False
    client = await issuer.client(hint.client_id)
    own = subject(issuer.pairwise_key, person.user_id, client.sector) if client is not None else None
    sid = await issuer.store.sid_of(person.session_id, hint.client_id)
    return (hint.subject, hint.sid) == (own, sid)


async def _signed_out(issuer: Issuer, scope: Scope, request: _LogoutRequest, person: SignedIn) -> Response:
    ended = await issuer.sign_in.sign_out(scope)
    by = f"client {request.client.client_id}" if request.client is not None else "no known client"
    log.info("signed out: user_id=%s, asked by %s", person.user_id, by)
    # Who signs out at the provider, too, ends there: it knows no address but ours.
    onwards = ended.onwards or request.back
    answer = redirect(onwards) if onwards else _over(issuer, request)
    return answer._replace(headers=(*answer.headers, *ended.headers))


def _over(issuer: Issuer, request: _LogoutRequest) -> Response:
    body = issuer.pages.signed_out(client_name=request.client_name, back=request.back)
    return Response(200, body, tuple(issuer.pages.headers))
