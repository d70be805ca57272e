"""RFC 9126: requests that a client pushes, and whoever would like to use, replay or change one."""

import asyncio
import json
import logging
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from issuer.house import BANK, CALLBACK, URL, Caller, House, Person, answer, error, lived
from issuer.test_authorize import sign_in_target
from issuer.test_dpop import proving, thief
from issuer.test_hostile_clients import at, on_two_processes
from tokenward.base.problems import INVALID_INPUT, Refusal
from tokenward.base.rates import Count
from tokenward.issuer.floods import PUSHING_CLIENTS
from tokenward.issuer.pushed_requests import LIFETIME, REQUEST_URI
from tokenward.store.pushed_port import OPENED_SECONDS

OVER = (400, "invalid_request_uri")
ANSWERED = (409, "request_answered")


def page(response):
    return response.status_code, response.text


async def web(h: House, **policy) -> Caller:
    return await h.client("web", "accounts:read", "openid", **policy)


@lived
async def test_a_pushed_request_becomes_a_code_as_any_other(h: House):
    app = await web(h)
    response = await app.push()
    assert response.status_code == 201
    assert response.headers["cache-control"] == "no-store"
    assert set(response.json()) == {"request_uri", "expires_in"}
    assert response.json()["expires_in"] == LIFETIME == 60
    assert page(await app.open(response.json()["request_uri"])) == (200, "consent")
    parameters = answer(await app.decide("allow"))
    assert set(parameters) == {"code", "state", "iss"}
    assert (await app.redeem(parameters["code"])).status_code == 200


@lived
async def test_a_handle_has_256_random_bits_and_nothing_of_it_is_kept_or_logged(h: House):
    app, lines = await web(h), []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logging.getLogger("tokenward").addHandler(handler)
    try:
        handles = [await app.pushed() for _ in range(50)]
        for handle in handles[:2]:
            await h.authorize(client_id="nobody", request_uri=handle)
            await (await web(h)).open(handle)
    finally:
        logging.getLogger("tokenward").removeHandler(handler)
    secrets = [handle.removeprefix(REQUEST_URI)[11:] for handle in handles]
    assert len(set(secrets)) == 50
    assert all(len(each) == 43 and each.isalnum() for each in secrets)
    assert lines
    assert not [line for line in lines if any(secret in line for secret in secrets)]
    kept = await h.issuer.store.pushed_request(handles[0].removeprefix(REQUEST_URI)[:11])
    assert secrets[0] not in repr(kept)


@lived
async def test_a_public_client_pushes_with_its_name_and_its_challenge(h: House):
    app = await h.client("native", "accounts:read", redirect_uris=("http://127.0.0.1/cb",))
    handle = await app.pushed(redirect_uri="http://127.0.0.1:4711/cb")
    assert page(await app.open(handle)) == (200, "consent")
    code = answer(await app.decide("allow"))["code"]
    assert (await app.redeem(code, redirect_uri="http://127.0.0.1:4711/cb")).status_code == 200
    assert error(await app.push(code_challenge="")) == (400, "invalid_request")


@lived
async def test_a_client_proves_itself_as_at_the_token_endpoint(h: House):
    app, other = await web(h), await web(h)
    for headers, form in (
        ({}, {}),
        ({}, {"client_id": app.id}),
        (app.basic("tkw_cs_" + "0" * 60), {"client_id": app.id}),
        (other.basic(), {"client_id": app.id}),
        (app.basic(), {"client_id": other.id}),
    ):
        asked = {**app.request(), **form}
        if not form:
            del asked["client_id"]
        response = await h.http.post("/par", data=asked, headers=headers)
        assert response.status_code in (400, 401), form
        assert response.json()["error"] in ("invalid_client", "invalid_request")
    without_name = {name: value for name, value in app.request().items() if name != "client_id"}
    response = await h.http.post("/par", data=without_name, headers=app.basic())
    assert page(await app.open(response.json()["request_uri"])) == (200, "consent")


@lived
async def test_what_is_wrong_with_a_request_is_told_at_once_as_json(h: House):
    app = await web(h)
    rows = {
        "invalid_request": [
            {"redirect_uri": "https://evil.example/cb"},
            {"redirect_uri": ""},
            {"response_type": ""},
            {"response_mode": "fragment"},
            {"code_challenge": ""},
            {"code_challenge_method": "plain"},
            {"state": "s" * 1025},
            {"nonce": "n" * 256},
            {"prompt": "none login"},
            {"max_age": "-1"},
            {"dpop_jkt": "short"},
            {"request_uri": "https://evil.example/r"},
            {"request_uri": await app.pushed()},
        ],
        "unsupported_response_type": [{"response_type": "token"}],
        "invalid_scope": [{"scope": "transfers:write"}, {"scope": ""}],
        "invalid_target": [{"resource": "https://nowhere.example/"}],
        "invalid_authorization_details": [{"authorization_details": '[{"type":"payment"}]'}],
    }
    for code, changes in rows.items():
        for each in changes:
            response = await app.push(**each)
            assert error(response) == (400, code), each
            assert "location" not in response.headers
            assert response.headers["cache-control"] == "no-store"


@lived
async def test_only_clients_that_have_a_person_before_them_push(h: House):
    for kind in ("service", "device"):
        app = await h.client(kind, "accounts:read")
        assert error(await app.push()) == (400, "unauthorized_client")


@lived
async def test_a_query_another_method_and_a_body_too_large_are_refused(h: House):
    app = await web(h)
    assert error(await app.post("/par?a=b", **app.request())) == (400, "invalid_request")
    assert (await h.http.get("/par")).status_code == 405
    big = await app.push(authorization_details="x" * 17_000)
    assert (big.status_code, big.json()["error"]) == (413, "invalid_request")
    wrong = await h.http.post("/par", json=app.request(), headers=app.basic())
    assert wrong.status_code == 415


@lived
async def test_a_request_that_fits_into_no_address_can_be_pushed(h: House):
    app, state = await web(h), "é" * 1000
    assert page(await h.authorize(**app.request(state=state))) == (413, "too_large")
    assert page(await app.open(await app.pushed(state=state))) == (200, "consent")
    assert answer(await app.decide("allow"))["state"] == state


@lived
async def test_what_is_pushed_goes_for_resource_and_details_as_any_other(h: House):
    payment = {
        "type": "payment",
        "amount": "1.00",
        "currency": "EUR",
        "payee": "Ann",
        "iban": "DE" + "1" * 20,
    }
    app = await h.client("web", "accounts:read", authorization_details_types=["payment"])
    handle = await app.pushed(authorization_details=json.dumps([payment]), resource=BANK)
    assert page(await app.open(handle)) == (200, "consent")
    (told,) = h.pages.view.details
    assert "Ann" in told.text
    given = (await app.redeem(answer(await app.decide("allow"))["code"])).json()
    assert given["authorization_details"] == [payment]


# Time, reload, replay


@lived
async def test_a_handle_is_over_after_a_minute(h: House):
    app = await web(h)
    late, early = await app.pushed(), await app.pushed()
    h.clock.advance(LIFETIME - 0.5)
    assert page(await app.open(early)) == (200, "consent")
    h.clock.advance(0.5)
    assert page(await app.open(late)) == OVER
    assert page(await app.open(early)) == OVER


@lived
async def test_the_way_through_sign_in_takes_longer_than_the_handle_lives(h: House):
    h.browser.person = None
    app = await web(h)
    back = sign_in_target(await app.open(await app.pushed()))
    assert "request_uri" not in back
    h.clock.advance(9 * 60)
    h.browser.person = Person(auth_time=h.clock.time())
    for _ in range(3):  # a page can be loaded again
        assert page(await h.http.get(back)) == (200, "consent")
    h.clock.advance(9 * 60)
    assert "code" in answer(await app.decide("allow"))


@lived
async def test_a_consent_page_can_be_loaded_again_when_the_handle_is_over(h: House):
    app = await web(h)
    handle = await app.pushed()
    moved = (await h.authorize(client_id=app.id, request_uri=handle)).headers["location"]
    assert moved.startswith("/authorize?")
    assert handle.removeprefix(REQUEST_URI) not in moved
    h.clock.advance(5 * 60)
    assert page(await h.http.get(moved)) == (200, "consent")
    h.clock.advance(OPENED_SECONDS)
    assert page(await h.http.get(moved)) == OVER


@lived
async def test_looking_at_a_link_in_advance_spoils_nothing(h: House):
    app = await web(h)
    handle = await app.pushed()
    signed_in, h.browser.person = h.browser.person, None
    for _ in range(3):
        assert (await app.open(handle)).headers["location"].startswith("/sign-in")
    h.browser.person = signed_in
    assert page(await app.open(handle)) == (200, "consent")
    assert "code" in answer(await app.decide("allow"))


@lived
async def test_a_handle_gives_one_code_and_its_replay_a_page(h: House):
    app = await web(h)
    handle = await app.pushed()
    moved = (await h.authorize(client_id=app.id, request_uri=handle)).headers["location"]
    assert page(await h.http.get(moved)) == (200, "consent")
    form = h.pages.view.sealed_request
    assert "code" in answer(await app.decide("allow"))
    for again, told in (
        (await app.open(handle), OVER),
        (await h.http.get(moved), ANSWERED),
        (await h.http.post("/authorize/decision", data={"request": form, "decision": "allow"}), ANSWERED),
    ):
        assert page(again) == told, "who clicks twice learns that the answer is there"
        assert "location" not in again.headers


@lived
async def test_what_is_given_without_asking_uses_the_handle_up_as_well(h: House):
    app = await web(h)
    await app.code()  # the consent is remembered
    handle = await app.pushed(prompt="none")
    assert "code" in answer(await app.open(handle))
    assert page(await app.open(handle)) == OVER


@lived
async def test_a_no_and_every_other_error_use_the_handle_up(h: House):
    app = await web(h)
    handle = await app.pushed()
    await app.open(handle)
    assert answer(await app.decide("deny"))["error"] == "access_denied"
    assert page(await app.open(handle)) == OVER
    handle = await app.pushed(prompt="none")
    assert answer(await app.open(handle))["error"] == "consent_required"
    assert page(await app.open(handle)) == OVER


@on_two_processes
async def test_of_fifty_answers_to_a_handle_at_two_processes_one_gives_a_code(here, there):
    app = await here.client("web", "accounts:read")
    handle = await app.pushed()
    await app.open(handle)
    form = {"request": here.pages.view.sealed_request, "decision": "allow"}
    houses = [here, there]
    answers = await asyncio.gather(
        *(houses[number % 2].http.post("/authorize/decision", data=form) for number in range(50))
    )
    given = [each for each in answers if each.status_code == 303]
    assert len(given) == 1
    assert "code" in answer(given[0])
    assert {page(each) for each in answers if each.status_code != 303} == {ANSWERED}


@on_two_processes
async def test_a_handle_is_good_at_every_process(here, there):
    app = await here.client("web", "accounts:read")
    handle = await app.pushed()
    assert page(await at(there, app).open(handle)) == (200, "consent")


# Theft and confusion


@lived
async def test_the_page_of_a_handle_is_answered_by_its_own_browser_alone(h: House):
    """Whoever sees a handle may look; what they can say yes to is their own account."""
    app = await web(h)
    handle = await app.pushed()
    assert page(await app.open(handle)) == (200, "consent")
    mine, form = h.browser.person, h.pages.view.sealed_request
    for person in (replace(mine, session_id="session-2"), Person("user-2", "eve", "session-3")):
        h.browser.person = person
        assert page(await app.open(handle)) == (200, "consent")
        answered = await h.http.post("/authorize/decision", data={"request": form, "decision": "allow"})
        assert page(answered) == (400, "expired_form")
    h.browser.person = mine
    answered = await h.http.post("/authorize/decision", data={"request": form, "decision": "allow"})
    assert "code" in answer(answered)


@lived
async def test_another_client_neither_uses_nor_spoils_a_handle(h: House):
    app, other = await web(h), await web(h)
    handle = await app.pushed()
    moved = (await h.authorize(client_id=app.id, request_uri=handle)).headers["location"]
    opened = parse_qs(urlsplit(moved).query)["opened"][0]
    for stolen in (
        await other.open(handle),
        await h.authorize(client_id=other.id, opened=opened),
        await h.authorize(client_id=other.id, request_uri=handle, redirect_uri=CALLBACK, state="s"),
    ):
        assert page(stolen) == OVER
        assert "location" not in stolen.headers
    assert page(await app.open(handle)) == (200, "consent")
    assert "code" in answer(await app.decide("allow"))


@lived
async def test_a_handle_that_is_changed_by_a_character_is_unknown(h: House):
    app = await web(h)
    handle = await app.pushed()
    changed = handle[:-1] + ("0" if handle[-1] != "0" else "1")
    for each in (changed, handle + "0", handle[:-1], REQUEST_URI, handle + "\u00e9", handle.upper()):
        response = await app.open(each)
        assert response.status_code == 400
        assert response.text in ("invalid_request_uri", "request_uri_not_supported")
    assert page(await app.open(handle)) == (200, "consent")


@lived
async def test_what_stands_beside_a_handle_counts_for_nothing(h: House):
    app = await web(h)
    handle = await app.pushed(scope="openid", state="pushed", nonce="pushed")
    beside = app.request(
        scope="accounts:read openid",
        state="beside",
        redirect_uri="https://evil.example/cb",
        response_type="token",
        code_challenge="x" * 43,
        prompt="none",
        dpop_jkt="y" * 43,
    )
    del beside["client_id"]
    assert page(await app.open(handle, **beside)) == (200, "consent")
    assert h.pages.view.scopes.keys() == {"openid"}
    assert h.pages.view.redirect_host == "app.example"
    response = await app.decide("allow")
    assert response.headers["location"].startswith(CALLBACK + "?")
    assert answer(response)["state"] == "pushed"
    assert (await app.redeem(answer(response)["code"])).status_code == 200


@lived
async def test_our_own_parameters_and_credentials_are_no_part_of_what_is_pushed(h: House):
    app = await web(h)
    form = {**app.request(), "client_secret": app.secret, "started": "x", "opened": "y"}
    response = await h.http.post("/par", data=form)
    assert response.status_code == 201, response.text
    handle = response.json()["request_uri"]
    kept = await h.issuer.store.pushed_request(handle.removeprefix(REQUEST_URI)[:11])
    assert app.secret not in kept.parameters
    assert page(await app.open(handle)) == (200, "consent")


@lived
async def test_a_request_uri_of_elsewhere_is_never_fetched(h: House):
    app = await web(h)  # `fetch` of this house raises what would be a 500
    for uri in ("https://evil.example/r", "http://169.254.169.254/", "file:///etc/passwd", "urn:x:y"):
        for outer in (app.request(), {"client_id": app.id}):
            response = await h.authorize(**{**outer, "request_uri": uri})
            if "redirect_uri" in outer:
                assert answer(response)["error"] == "request_uri_not_supported"
            else:
                assert page(response) == (400, "request_uri_not_supported")


@lived
async def test_two_ways_at_once_are_refused(h: House):
    app = await web(h)
    handle = await app.pushed()
    response = await h.authorize(client_id=app.id, request_uri=handle, request="a.b.c")
    assert page(response) == (400, "malformed_request")


@lived
async def test_a_sealed_address_that_is_forged_or_of_another_purpose_is_over(h: House):
    app = await web(h)
    await h.authorize(**app.request())
    for forged in ("x", "A" * 80, h.pages.view.sealed_request):
        assert page(await h.authorize(client_id=app.id, opened=forged)) == OVER


@lived
async def test_a_pushed_redirect_address_is_the_registered_one_and_no_other(h: House):
    app = await web(h)
    for uri in (
        "https://evil.example/cb",
        CALLBACK + "/",
        CALLBACK + "?x=1",
        CALLBACK + "#x",
        CALLBACK.upper(),
        "https://app.example@evil.example/cb",
        "javascript:alert(1)",
    ):
        response = await app.push(redirect_uri=uri)
        assert error(response) == (400, "invalid_request"), uri


@lived
async def test_every_answer_to_a_pushed_request_names_the_issuer(h: House):
    app = await web(h)
    for decision in ("allow", "deny"):
        await app.open(await app.pushed(prompt="consent"))
        assert answer(await app.decide(decision))["iss"] == URL
    assert answer(await app.open(await app.pushed(prompt="none", max_age="0")))["iss"] == URL


@lived
async def test_what_a_removed_client_pushed_is_gone(h: House):
    app = await web(h, client_id="again")
    handle = await app.pushed()
    await h.issuer.store.remove_client(app.id, h.clock.time())
    h.clock.advance(1)
    again = await web(h, client_id="again")
    assert page(await again.open(handle)) == OVER


# Keys (RFC 9449 §10.1)


@lived
async def test_the_key_that_a_push_proved_has_to_redeem_the_code(h: House):
    app = proving(await web(h))
    response = await app.push()
    assert response.headers["dpop-nonce"]
    await app.open(response.json()["request_uri"])
    code = answer(await app.decide("allow"))["code"]
    assert error(await thief(app).redeem(code)) == (400, "invalid_grant")
    assert (await app.redeem(code)).json()["token_type"] == "DPoP"


@lived
async def test_a_named_key_must_be_the_proved_one(h: House):
    app = proving(await web(h))
    assert error(await app.push(dpop_jkt="x" * 43)) == (400, "invalid_dpop_proof")
    assert (await app.push(dpop_jkt=app.prover.thumbprint)).status_code == 201


@lived
async def test_a_push_proves_its_key_for_this_endpoint_and_once(h: House):
    app = proving(await web(h))
    for headers in (
        {"dpop": app.prover.proof("POST", URL + "/token")},
        {"dpop": "x.y.z"},
    ):
        response = await h.http.post("/par", data=app.request(), headers={**app.basic(), **headers})
        assert error(response) == (400, "invalid_dpop_proof")
    proof = {"dpop": app.prover.proof("POST", URL + "/par")}
    first = await h.http.post("/par", data=app.request(), headers={**app.basic(), **proof})
    again = await h.http.post("/par", data=app.request(), headers={**app.basic(), **proof})
    assert first.status_code == 201
    assert error(again) == (400, "invalid_dpop_proof")


@lived
async def test_a_client_of_bound_tokens_may_push_without_a_proof(h: House):
    app = await web(h, bound_tokens="dpop")
    assert (await app.push()).status_code == 201


# Who has to push, and how often anybody may


@lived
async def test_a_client_that_has_to_push_is_heard_no_other_way(h: House):
    app = await web(h, require_pushed_authorization_requests=True)
    assert answer(await h.authorize(**app.request()))["error"] == "invalid_request"
    assert page(await app.open(await app.pushed())) == (200, "consent")


async def _all_have_to_push(h: House) -> None:
    exempt, app = await web(h, client_id="legacy"), await web(h)
    metadata = (await h.http.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["require_pushed_authorization_requests"] is True
    assert answer(await h.authorize(**app.request()))["error"] == "invalid_request"
    assert page(await app.open(await app.pushed())) == (200, "consent")
    assert page(await h.authorize(**exempt.request())) == (200, "consent")


test_where_all_have_to_push_only_named_clients_need_not = lived(
    _all_have_to_push, require_pushed_requests=True, without_pushed_requests=frozenset({"legacy"})
)


async def _contradiction(h: House) -> None:
    with pytest.raises(Refusal) as refused:
        await web(h, client_id="legacy", require_pushed_authorization_requests=True)
    assert refused.value.problem is INVALID_INPUT


test_a_client_cannot_both_have_to_push_and_be_excepted = lived(
    _contradiction, require_pushed_requests=True, without_pushed_requests=frozenset({"legacy"})
)


@lived
async def test_who_makes_no_authorization_requests_cannot_have_to_push_them(h: House):
    with pytest.raises(Refusal) as refused:
        await h.client("service", "accounts:read", require_pushed_authorization_requests=True)
    assert refused.value.problem is INVALID_INPUT


@lived
async def test_nobody_fills_the_store_with_requests_that_nobody_answers(h: House):
    app = await h.client("spa", "accounts:read")
    answers = [await app.push() for _ in range(31)]
    assert [each.status_code for each in answers] == [201] * 30 + [429]
    assert answers[-1].headers["retry-after"] == "4"
    proved = await web(h)
    assert [(await proved.push()).status_code for _ in range(40)] == [201] * 40
    h.clock.advance(4)
    assert (await app.push()).status_code == 201


@on_two_processes
async def test_processes_with_counters_in_common_count_together(here, there):
    app = await here.client("spa", "accounts:read")
    both = [app, at(there, app)]
    answers = [(await both[number % 2].push()).status_code for number in range(31)]
    assert answers == [201] * 30 + [429]


@lived
async def test_a_client_that_proves_itself_is_bounded_too(h: House):
    app, other = await web(h), await web(h)
    one = Count(f"issuer: {PUSHING_CLIENTS.what}", app.id, PUSHING_CLIENTS.rate)
    while h.issuer.counters.take([one]).taken:
        pass
    assert (await app.push()).status_code == 429
    assert (await other.push()).status_code == 201
