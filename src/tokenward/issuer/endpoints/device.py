"""Where a person lets a device in (RFC 8628 §3.3): signed in → the code → what asks, from where → yes or no.

Nobody tries a code who is not signed in, so every attempt is some account's. What a device wants of the
sign-in (`acr_values`, `max_age`) is known by its code alone: what is missing is asked for then, and the code
once more. A code that came in the address (`verification_uri_complete`) only fills the field in: the person
sends it, and says yes, as any other. Consent is asked for every time and never remembered.
"""

import logging
from dataclasses import dataclass

from tokenward.base.asgi import Receive, Scope, peer
from tokenward.base.forms import parse_form, read_form
from tokenward.base.origins import origin_of, refuse_other_sites
from tokenward.base.problems import EXPIRED_FORM, MALFORMED, UNKNOWN_DEVICE_REQUEST, Refusal
from tokenward.base.throttle import peer_network, peer_of
from tokenward.issuer.context import Issuer
from tokenward.issuer.granting import new_grant
from tokenward.issuer.ports import DeviceConsentView, DeviceView, SignedIn
from tokenward.issuer.reauthentication import device_authentication_or_url
from tokenward.issuer.request_sources import STARTED
from tokenward.issuer.response import Response, redirect, retry_after
from tokenward.issuer.scopes import Access, narrowed, requested_access
from tokenward.issuer.session_forms import opened_form, sealed_form
from tokenward.store.device_records import DeviceCode
from tokenward.store.records import Client
from tokenward.tokens import user_code
from tokenward.tokens.acr import Authentication

log = logging.getLogger("tokenward.issuer")

PATH = "/device"
DECISION_PATH = "/device/decision"

_CODE_FORM = "device-code-form"
_CONSENT_FORM = "device-consent-form"
_LIMIT = 4096
_MARK = 200  # characters, twice what ours have: a longer one would make the form too large to be sent


async def ask_code(issuer: Issuer, scope: Scope, _receive: Receive) -> Response:
    """GET: the page that asks for the code, or the way to sign in and back here."""
    code, mark, refused = None, None, None
    try:
        query = parse_form(scope["query_string"])
        code, mark = user_code.typed(query.get("user_code", "")), query.get(STARTED)
    except Refusal as refusal:
        refused = refusal
    person = await issuer.sign_in.current(scope)
    if person is None or person.authentication() is None:
        return _sign_in(issuer, code)
    return _code_page(issuer, person, code, refused, mark=mark)


async def ask_consent(issuer: Issuer, scope: Scope, receive: Receive) -> Response:
    """POST: the page that says what asks, and asks for a yes or a no; or the first page again.

    Raises:
        Refusal: EXPIRED_FORM, the form was sent from another site.
    """
    refuse_other_sites(scope, origin_of(issuer.settings.url))
    person = await issuer.sign_in.current(scope)
    code = None
    try:
        form = await read_form(scope, receive, limit=_LIMIT)
        code = user_code.typed(form.get("user_code", ""))
        if person is None or person.authentication() is None:
            return _sign_in(issuer, code)
        content = opened_form(issuer, _CODE_FORM, person, form.get("request", ""))
        asking = await _asking(issuer, code, person, peer_of(scope))
        done = device_authentication_or_url(
            issuer, asking.device, person, _here(asking.code), content["started"]
        )
        if isinstance(done, str):
            return redirect(done)
        return _consent_page(issuer, asking, person, done, peer(scope))
    except Refusal as refusal:
        return _code_page(issuer, person, code, refusal) if person else _sign_in(issuer, None)


async def decide(issuer: Issuer, scope: Scope, receive: Receive) -> Response:
    """POST: what the person decided; the device finds out at its next poll.

    Raises:
        Refusal: EXPIRED_FORM, the form was sent from another site.
    """
    refuse_other_sites(scope, origin_of(issuer.settings.url))
    person = await issuer.sign_in.current(scope)
    if person is None:
        return _sign_in(issuer, None)
    try:
        form = await read_form(scope, receive, limit=_LIMIT)
        return await _decided(issuer, person, form)
    except Refusal as refusal:
        return _code_page(issuer, person, None, refusal)


async def _decided(issuer: Issuer, person: SignedIn, form: dict[str, str]) -> Response:
    content = opened_form(issuer, _CONSENT_FORM, person, form.get("request", ""))
    state = await issuer.store.device_code(content["device"])
    if state is None:
        raise Refusal(UNKNOWN_DEVICE_REQUEST, "the device code is gone")
    device, now = state.code, issuer.clock.time()
    # The client may have been removed meanwhile, or the person allowed to allow less.
    client, access = await _asked(issuer, device, person)
    if form.get("decision") == "deny":
        if not await issuer.store.deny_device(device.token_id, now):
            raise Refusal(UNKNOWN_DEVICE_REQUEST, f"device code {device.token_id} was answered, or is over")
        log.info("device denied: device_code=%s user_id=%s", device.token_id, person.user_id)
        return _page(issuer, 200, issuer.pages.device_done(client.name, allowed=False))
    if form.get("decision") != "allow":
        raise Refusal(MALFORMED, "decision is neither allow nor deny")
    done = person.authentication(level=device.level, since=float(content["since"]))
    if done is None or list(access.scope) != content["scope"]:
        raise Refusal(EXPIRED_FORM, "session or request no longer show what the form was made for")
    lifetime = issuer.settings.device_code_lifetime
    grant = new_grant(issuer, client, access, person, done, starts_within=lifetime)
    if not await issuer.store.approve_device(device.token_id, grant):
        raise Refusal(UNKNOWN_DEVICE_REQUEST, f"device code {device.token_id} was answered, or is over")
    log.info(
        "device approved: device_code=%s grant_id=%s client_id=%s user_id=%s",
        device.token_id,
        grant.grant_id,
        client.client_id,
        person.user_id,
    )
    return _page(issuer, 200, issuer.pages.device_done(client.name, allowed=True))


@dataclass(frozen=True, slots=True)
class _Asking:
    """A device that asks, by the code that a person typed; its client as it is now, and what it may have."""

    device: DeviceCode
    code: str
    client: Client
    access: Access


async def _asking(issuer: Issuer, code: str | None, person: SignedIn, place: str) -> _Asking:
    """What the person's code is about.

    Raises:
        Refusal: UNKNOWN_DEVICE_REQUEST or TOO_MANY_CODES; as `_asked`.
    """
    if code is None:  # it can be no code: nothing is learnt by it, and nothing counted
        raise Refusal(UNKNOWN_DEVICE_REQUEST, "eight letters are needed")
    device = await issuer.user_codes.device(code, person, place)
    return _Asking(device, code, *await _asked(issuer, device, person))


async def _asked(issuer: Issuer, device: DeviceCode, person: SignedIn) -> tuple[Client, Access]:
    """Who asks for what, as it is now, and no more than this person can allow.

    Raises:
        Refusal: UNKNOWN_DEVICE_REQUEST, the client is gone; INVALID_SCOPE or INVALID_TARGET, it may no longer
            ask for that; ACCESS_DENIED, the person can allow none of it.
    """
    client = await issuer.store.client(device.client_id)
    if client is None:
        raise Refusal(UNKNOWN_DEVICE_REQUEST, f"client {device.client_id} is gone")
    asked = {"scope": " ".join(device.scope), "resource": device.audience}
    return client, narrowed(requested_access(issuer.settings, client, asked), person.scopes)


def _consent_page(
    issuer: Issuer, asking: _Asking, person: SignedIn, done: Authentication, address: str
) -> Response:
    device, access = asking.device, asking.access
    resource = issuer.settings.in_words(access.audience)
    form = sealed_form(
        issuer,
        _CONSENT_FORM,
        person,
        device=device.token_id,
        scope=access.scope,
        since=done.auth_time,
    )
    view = DeviceConsentView(
        client_name=asking.client.name,
        username=person.username,
        resource=resource.name,
        scopes={each: resource.scopes[each] for each in access.scope},
        user_code=user_code.shown(asking.code),
        asked_at=device.created_at,
        minutes=int(max(0.0, issuer.clock.time() - device.created_at) // 60),
        address=device.address,
        browser_address=address,
        same_place=bool(address) and peer_network(device.address) == peer_network(address),
        action=DECISION_PATH,
        sealed_request=form,
    )
    return _page(issuer, 200, issuer.pages.device_consent(view))


def _code_page(
    issuer: Issuer,
    person: SignedIn,
    code: str | None,
    refused: Refusal | None,
    *,
    mark: str | None = None,
) -> Response:
    """The page that asks for the code; with the mark of a sign-in that somebody has just come back from."""
    if refused is not None:
        log.info("%s refused: %s", PATH, refused)
    view = DeviceView(
        username=person.username,
        user_code=user_code.shown(code) if code else "",
        problem=refused.problem if refused else None,
        action=PATH,
        sealed_request=sealed_form(
            issuer, _CODE_FORM, person, started=mark if len(mark or "") <= _MARK else None
        ),
    )
    answer = _page(issuer, refused.problem.status if refused else 200, issuer.pages.device(view))
    return answer._replace(headers=(*answer.headers, *retry_after(refused))) if refused else answer


def _page(issuer: Issuer, status: int, body: bytes) -> Response:
    return Response(status, body, tuple(issuer.pages.headers))


def _sign_in(issuer: Issuer, code: str | None) -> Response:
    """The way to sign in, and back with the code that somebody brought along."""
    return redirect(issuer.sign_in.sign_in_url(_here(code) if code else PATH))


def _here(code: str) -> str:
    return f"{PATH}?user_code={user_code.shown(code)}"
