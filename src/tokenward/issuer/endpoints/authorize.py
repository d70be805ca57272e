"""The authorization endpoint (RFC 6749 §3.1): request checked → person signed in → consent given → code."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urlsplit

from tokenward.base.asgi import Receive, Scope
from tokenward.base.entropy import identifier
from tokenward.base.forms import read_form, take_form
from tokenward.base.origins import origin_of, refuse_other_sites
from tokenward.base.problems import (
    ACCESS_DENIED,
    CONSENT_REQUIRED,
    EXPIRED_FORM,
    MALFORMED,
    REQUEST_ANSWERED,
    Problem,
    Refusal,
)
from tokenward.issuer.agents import is_agent
from tokenward.issuer.authorization_details import told
from tokenward.issuer.authorization_request import (
    QUERY_LIMIT,
    AuthorizationRequest,
    ReturnedRefusal,
    read_authorization_request,
)
from tokenward.issuer.client_names import odd_letters
from tokenward.issuer.context import Issuer
from tokenward.issuer.granting import new_grant
from tokenward.issuer.issue import new_token
from tokenward.issuer.ports import ConsentView, SignedIn, StrangerView
from tokenward.issuer.reauthentication import authentication_or_url, is_meant
from tokenward.issuer.response import Response, redirect
from tokenward.issuer.scopes import narrowed
from tokenward.issuer.session_forms import known_form, opened_form, sealed_form, use_form
from tokenward.issuer.settings import OPENID
from tokenward.issuer.strangers import is_document_id, is_stranger
from tokenward.store.locators import with_fresh_locators
from tokenward.store.records import AuthorizationCode, Client
from tokenward.tokens.acr import Authentication
from tokenward.tokens.release import PERSONAL

log = logging.getLogger("tokenward.issuer")

DECISION_PATH = "/authorize/decision"
FORM = "consent-form"


async def authorize(issuer: Issuer, scope: Scope, _receive: Receive) -> Response:
    """GET: the next thing that the browser must do.

    Raises:
        Refusal: to be shown on a page.
    """
    try:
        request = await read_authorization_request(issuer, scope["query_string"])
        if request.moved:
            return redirect(f"/authorize?{request.query}")
        signed_in = authentication_or_url(issuer, request, await issuer.sign_in.current(scope))
        if isinstance(signed_in, str):
            return redirect(signed_in)
        person, done = signed_in
        request = _narrowed(request, person)
        if await _consented(issuer, request, person):
            silently = await _code(issuer, request, person, done, as_remembered=True)
            if silently is not None:
                return silently
        return await _consent_page(issuer, request, person, done)
    except ReturnedRefusal as returned:
        return await _returned(issuer, returned)


async def authorize_by_post(_issuer: Issuer, scope: Scope, receive: Receive) -> Response:
    """POST: the same request as GET, which OpenID Connect Core §3.1.2.1 asks for.

    It is turned into a GET, since another site's POST comes without our SameSite=Lax cookies.

    Raises:
        Refusal: the form cannot be read.
    """
    return redirect(f"/authorize?{urlencode(await read_form(scope, receive, limit=QUERY_LIMIT))}")


async def decide(issuer: Issuer, scope: Scope, receive: Receive) -> Response:
    """POST: what the person decided on the consent page.

    The sealed request is opened and checked anew: the client may have been removed meanwhile. It is bound to
    the session that the page was made for, and no other site can have one for this session. What is refused
    is asked again, as long as that session shows what the page was about. A second press of Allow is, too:
    the first has made a code, and another one comes of another answer only.

    Raises:
        Refusal: to be shown on a page.
    """
    refuse_other_sites(scope, origin_of(issuer.settings.url))
    form, refusal = await take_form(scope, receive)
    person = await issuer.sign_in.current(scope)
    if person is None:
        raise refusal or Refusal(EXPIRED_FORM, "nobody is signed in")
    field = form.get("request", "")
    try:
        try:
            asked = _query(known_form(issuer, FORM, person, field))
        except Refusal as unknown:  # there is no page that could come again
            raise refusal or unknown from None
        request = await read_authorization_request(issuer, asked)
        try:
            if refusal is not None:
                raise refusal
            content = opened_form(issuer, FORM, person, field)
            return await _decided(issuer, request, person, content, form)
        except Refusal as refused:
            if refused.problem is REQUEST_ANSWERED:  # nothing is left to ask
                raise
            return await _asked_again(issuer, request, person, refused)
    except ReturnedRefusal as returned:
        return await _returned(issuer, returned)


async def _decided(
    issuer: Issuer,
    request: AuthorizationRequest,
    person: SignedIn,
    content: Mapping[str, Any],
    form: Mapping[str, str],
) -> Response:
    done = person.authentication(level=request.level, since=float(content["since"]))
    if done is None or not is_meant(issuer, request, person):
        raise Refusal(EXPIRED_FORM, "the session no longer shows what the form was made for")
    request = _narrowed(request, person)
    if _shown(issuer, request) != list(content["shown"]):
        raise Refusal(EXPIRED_FORM, "the request reads otherwise than it did on the page")
    decision = form.get("decision")
    if decision not in {"allow", "deny"}:
        raise Refusal(MALFORMED, "decision is neither allow nor deny")
    if request.address.answers is None:  # else the first answer uses up the request itself
        await use_form(issuer, FORM, form["request"])
    if decision == "deny":
        raise ReturnedRefusal(request.address, Refusal(ACCESS_DENIED, "the person said no"))
    await _remember(issuer, request, person)
    answer = await _code(issuer, request, person, done)
    if answer is None:
        if request.address.answers is None:
            raise Refusal(EXPIRED_FORM, "the session has ended meanwhile")
        raise Refusal(REQUEST_ANSWERED, f"request {request.address.answers} was answered meanwhile")
    return answer


async def _asked_again(
    issuer: Issuer, request: AuthorizationRequest, person: SignedIn, refused: Refusal
) -> Response:
    """The consent page as the request would get it now, with what was wrong; never without being asked."""
    log.info("%s refused: %s", DECISION_PATH, refused)
    signed_in = authentication_or_url(issuer, request, person)
    if isinstance(signed_in, str):
        return redirect(signed_in)
    person, done = signed_in
    return await _consent_page(issuer, _narrowed(request, person), person, done, refused.problem)


def _narrowed(request: AuthorizationRequest, person: SignedIn) -> AuthorizationRequest:
    """The request for no more than this person can allow (RFC 6749 §3.3).

    Raises:
        ReturnedRefusal: ACCESS_DENIED, nothing is left of what it asks for at the API, or details that they
            cannot allow are among it: of these none is left out silently.
    """
    try:
        return replace(request, access=narrowed(request.access, person.scopes))
    except Refusal as refusal:
        raise ReturnedRefusal(request.address, refusal) from refusal


async def _returned(issuer: Issuer, returned: ReturnedRefusal) -> Response:
    log.info("/authorize refused: %s", returned)
    if returned.address.answers is not None:  # an error is an answer, and there is one
        await issuer.store.answer_pushed_request(returned.address.answers)
    address, problem = returned.address, returned.refusal.problem
    back = address.with_error(problem)
    if not address.asks_first:
        return redirect(back)
    return Response(
        problem.status,
        issuer.pages.go_back(problem, host=address.host, back=back),
        tuple(issuer.pages.headers),
    )


async def _consented(issuer: Issuer, request: AuthorizationRequest, person: SignedIn) -> bool:
    """Whether the person need not be asked. Of details they always are: each is for this one time."""
    if request.access.details:
        return False
    if request.claims.names:
        return False
    given = await _given(issuer, request, person)
    return bool(given) and "consent" not in request.prompt and given.keys() >= set(request.access.scope)


async def _given(issuer: Issuer, request: AuthorizationRequest, person: SignedIn) -> dict[str, float]:
    """What the person allowed the client there → since when."""
    if not _can_be_remembered(request.client):
        return {}
    return await issuer.store.consented_scope(
        person.user_id, request.client.client_id, request.access.audience
    )


def _can_be_remembered(client: Client) -> bool:
    """Only one that proves who it is: anybody can pretend to be a public one (RFC 6749 §10.2, RFC 8252 §8.6).

    And none that nobody here registered: what it is may be another thing tomorrow.
    """
    return client.type == "web" and not is_stranger(client)


def _stranger(client: Client) -> StrangerView | None:
    if not is_stranger(client):
        return None
    host = urlsplit(client.client_id).netloc if is_document_id(client.client_id) else ""
    return StrangerView(host, odd_letters(client.name))


async def _remember(issuer: Issuer, request: AuthorizationRequest, person: SignedIn) -> None:
    if _can_be_remembered(request.client) and not request.access.details:
        await issuer.store.add_consent(
            person.user_id,
            request.client.client_id,
            request.access.audience,
            request.access.scope,
            issuer.clock.time(),
        )


async def _consent_page(
    issuer: Issuer,
    request: AuthorizationRequest,
    person: SignedIn,
    done: Authentication,
    problem: Problem | None = None,
) -> Response:
    if "none" in request.prompt:
        raise ReturnedRefusal(request.address, Refusal(CONSENT_REQUIRED, "prompt=none without consent"))
    resource = issuer.settings.in_words(request.access.audience)
    view = ConsentView(
        client_name=request.client.name,
        redirect_host=request.address.host,
        username=person.username,
        resource=resource.name,
        scopes={scope: resource.scopes[scope] for scope in request.access.scope},
        since=await _given(issuer, request, person),
        action=DECISION_PATH,
        sealed_request=_sealed_form(issuer, request, person, done),
        details=told(issuer.settings, request.access.details),
        problem=problem,
        claims=tuple(PERSONAL.get(name, name) for name in request.claims.names),
        stranger=_stranger(request.client),
        agent=is_agent(request.client),
    )
    return Response(
        problem.status if problem else 200, issuer.pages.consent(view), tuple(issuer.pages.headers)
    )


def _shown(issuer: Issuer, request: AuthorizationRequest) -> list[str]:
    """What the page says of the details: of another reading, by another configuration, nobody said yes."""
    return [each.text for each in told(issuer.settings, request.access.details)]


def _sealed_form(
    issuer: Issuer, request: AuthorizationRequest, person: SignedIn, done: Authentication
) -> str:
    shown = _shown(issuer, request)
    return sealed_form(issuer, FORM, person, query=request.query, since=done.auth_time, shown=shown)


def _query(content: Mapping[str, Any]) -> bytes:
    return str(content["query"]).encode()


async def _code(
    issuer: Issuer,
    request: AuthorizationRequest,
    person: SignedIn,
    done: Authentication,
    *,
    as_remembered: bool = False,
) -> Response | None:
    """A new grant, and the code that starts it; None if what it rests on is gone meanwhile.

    That is the consent that is remembered, or the pushed request that another answer has used up.
    """

    async def attempt() -> str | None:
        token, keyed_hash = new_token(issuer, "ac")
        grant = new_grant(
            issuer,
            request.client,
            request.access,
            person,
            done,
            starts_within=issuer.settings.code_lifetime,
            claims=request.claims.written(),
        )
        signs_in = OPENID in grant.scope
        code = AuthorizationCode(
            token_id=token.token_id,
            keyed_hash=keyed_hash,
            grant_id=grant.grant_id,
            redirect_uri=request.address.redirect_uri,
            code_challenge=request.code_challenge,
            nonce=request.nonce,
            expires_at=grant.created_at + issuer.settings.code_lifetime,
            cnf=request.binding,
        )
        added = await issuer.store.add_grant(
            replace(grant, sid=identifier()) if signs_in else grant,
            code,
            as_remembered=as_remembered,
            answers=request.address.answers,
            session_id=person.session_id if signs_in else None,
        )
        return token.secret.reveal() if added else None

    code = await with_fresh_locators(attempt)
    return None if code is None else redirect(request.address.with_code(code))
