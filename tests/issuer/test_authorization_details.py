"""Rich authorization requests (RFC 9396) at the issuer: what is asked for, what is shown, what is granted."""

import base64
import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from issuer.house import BANK, PAYMENT, WEATHER, House, Person, answer, error, lived
from tokenward.issuer.settings import ExchangeRule, IssuerSettings, Resource
from tokenward.tokens.authorization_details.types import DetailType

PAY = {
    "type": "payment",
    "amount": "120.00",
    "currency": "EUR",
    "payee": "Müller & Söhne",
    "iban": "DE89370400440532013000",
}
OTHER = {**PAY, "amount": "9.50", "payee": "Bücherei"}
READ = {"type": "account_information", "what": ["balances"], "account": {"iban": "DE89370400440532013000"}}
INVALID = "invalid_authorization_details"
TYPES = ("payment", "account_information")


def asked(*details):
    return json.dumps(details, ensure_ascii=False)


def app_of(h: House, client_type="web", scopes=("accounts:read",), types=TYPES, **policy):
    return h.client(client_type, *scopes, authorization_details_types=types, **policy)


def claims_of(jwt):
    part = jwt.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


async def granted(app, *details, **more):
    """The token response for what a person allowed."""
    code = await app.code(authorization_details=asked(*details), **more)
    return (await app.redeem(code)).json()


@lived
async def test_what_a_person_sees_is_what_the_token_says_everywhere(h: House):
    app = await app_of(h)
    bank = await h.client("service", f"introspect:{BANK}")
    response = await granted(app, PAY, READ)
    view = h.pages.view
    assert [each.text for each in view.details] == [
        "Send “120.00” “EUR” to “Müller & Söhne” (“DE89370400440532013000”)",
        "Read “balances” of account “DE89370400440532013000”",
    ]
    assert response["authorization_details"] == [PAY, READ]
    for caller in (app, bank):
        told = await caller.introspect(response["access_token"])
        assert told["authorization_details"] == [PAY, READ]
    state = await h.issuer.store.access_token(told["jti"])
    grant = await h.issuer.store.grant(state.token.grant_id)
    assert json.loads(grant.authorization_details) == [PAY, READ]


@lived
async def test_details_need_no_scope_and_choose_the_resource(h: House):
    app = await app_of(h)
    response = await granted(app, PAY, scope="")
    assert "scope" not in response
    assert (await app.introspect(response["access_token"]))["aud"] == BANK
    assert h.pages.view.resource == "Bank"
    assert h.pages.view.scopes == {}
    located = {**PAY, "locations": [BANK]}
    assert (await granted(app, located, scope="", resource=BANK))["authorization_details"] == [located]


@lived
async def test_a_jwt_access_token_has_them(h: House):
    app = await app_of(h, access_token_format="jwt")
    response = await granted(app, PAY)
    assert claims_of(response["access_token"])["authorization_details"] == [PAY]


@lived
async def test_who_asks_for_none_gets_none(h: House):
    app = await app_of(h)
    response = (await app.redeem(await app.code())).json()
    assert "authorization_details" not in response
    assert "authorization_details" not in await app.introspect(response["access_token"])


NESTED = "[" * 40 + "]" * 40
BAD = {
    "no-json": "payment",
    "an-object": json.dumps(PAY),
    "an-array-of-texts": '["payment"]',
    "empty": "[]",
    "two-arrays": f"{asked(PAY)}{asked(PAY)}",
    "a-name-twice": asked(PAY).replace('"amount"', '"amount": "1.00", "amount"'),
    "the-same-twice": asked(PAY, PAY),
    "not-a-number": '[{"type":"payment","amount":NaN}]',
    "no-type": asked({"amount": "1.00"}),
    "a-type-that-is-no-text": asked({**PAY, "type": ["payment"]}),
    "an-unknown-type": asked({**PAY, "type": "payments"}),
    "a-type-of-another-api": asked(PAY, {"type": "forecasts"}),
    "an-unknown-member": asked({**PAY, "urgent": True}),
    "a-common-member-that-the-type-has-not": asked({**PAY, "actions": ["approve"]}),
    "a-member-missing": asked({name: value for name, value in PAY.items() if name != "iban"}),
    "a-member-of-another-type": asked({**PAY, "amount": 120}),
    "more-than-the-pattern": asked({**PAY, "amount": "120.00 and more"}),
    "a-choice-that-is-none": asked({**PAY, "currency": "USD"}),
    "a-null": asked({**PAY, "reference": None}),
    "another-api": asked({**PAY, "locations": [WEATHER]}),
    "two-apis": asked({**PAY, "locations": [BANK, WEATHER]}),
    "no-api": asked({**PAY, "locations": []}),
    "oversized": asked({**PAY, "payee": "x" * 3000}),
    "too-many": asked(*({**PAY, "amount": f"{n}.00"} for n in range(6))),
    "deep": f'[{{"type":"payment","amount":{NESTED}}}]',
    "brackets-that-do-not-match": '[{"type":"payment"}',
    "a-card-number": asked({**PAY, "payee": "4111 1111 1111 1111"}),
    "a-direction-turned": asked({**PAY, "payee": "Bank \u202e00.1 dneS"}),
    "an-unseen-character": asked({**PAY, "payee": "Mül\u200bler"}),
    "a-line-break": asked({**PAY, "payee": "Müller\nand nothing else"}).replace("\n", "\\n"),
    "a-letter-of-another-alphabet": asked({**PAY, "payee": "Mi\u0441hael"}),
    "spaces-that-a-page-would-run-together": asked({**PAY, "payee": "A  B"}),
}  # fmt: skip


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_what_cannot_be_granted_is_refused_at_both_endpoints(text, tmp_path):
    @lived
    async def run(h: House):
        app = await app_of(h, types=(*TYPES, "forecasts"))
        service = await app_of(h, "service", types=(*TYPES, "forecasts"))
        refused = answer(await h.authorize(**app.request(authorization_details=text)))
        assert refused["error"] == INVALID
        form = {"grant_type": "client_credentials", "authorization_details": text}
        assert error(await service.token(**form)) == (400, INVALID)
        assert await h.issuer.store.grants_of(h.browser.person.user_id, h.clock.time()) == []

    run(tmp_path)


@lived
async def test_a_type_is_for_the_clients_that_are_registered_for_it(h: House):
    app = await app_of(h, types=("account_information",))
    service = await app_of(h, "service", types=())
    assert answer(await h.authorize(**app.request(authorization_details=asked(PAY))))["error"] == INVALID
    form = {"grant_type": "client_credentials", "authorization_details": asked(PAY)}
    assert error(await service.token(**form)) == (400, INVALID)
    assert (await granted(app, READ))["authorization_details"] == [READ]


@lived
async def test_details_and_resource_and_scopes_are_of_one_api(h: House):
    app = await app_of(h, scopes=("accounts:read", "forecast:read"))
    request = {"authorization_details": asked(PAY)}
    refused = await h.authorize(**app.request(**request, scope="accounts:read", resource=WEATHER))
    assert answer(refused)["error"] == INVALID
    refused = await h.authorize(**app.request(**request, scope="forecast:read"))
    assert answer(refused)["error"] == "invalid_scope"
    refused = await h.authorize(**app.request(**request, scope="", resource="https://nobody.example/"))
    assert answer(refused)["error"] == "invalid_target"


@lived
async def test_the_parameter_twice_is_refused_and_nobody_chooses_one(h: House):
    app = await app_of(h)
    query = "&".join(f"{name}={value}" for name, value in app.request(scope="accounts:read").items())
    twice = f"/authorize?{query}&authorization_details=%5B%5D&authorization_details=%5B%5D"
    response = await h.http.get(twice)
    assert (response.status_code, response.text) == (400, "duplicate_parameter")


@lived
async def test_a_person_is_asked_each_time_and_nothing_is_remembered(h: House):
    app = await app_of(h)
    await app.code()  # the scopes are remembered from now on
    assert "code" in answer(await h.authorize(**app.request()))
    for _ in range(2):
        await app.code(authorization_details=asked(PAY))
    fresh = await app_of(h)
    await fresh.code(authorization_details=asked(PAY))
    assert (await h.authorize(**fresh.request())).text == "consent", "a payment allows nothing for later"


@lived
async def test_no_prompt_none_gets_past_the_person(h: House):
    app = await app_of(h)
    await app.code()
    request = app.request(authorization_details=asked(PAY), prompt="none")
    assert answer(await h.authorize(**request))["error"] == "consent_required"
    assert "code" in answer(await h.authorize(**app.request(prompt="none")))


@lived
async def test_signing_in_leads_back_to_the_very_request(h: House):
    app = await app_of(h)
    h.browser.person = None
    five = [{**PAY, "amount": f"{number}.00", "reference": "Ä" * 35} for number in range(1, 6)]
    text = asked(*five)
    response = await h.authorize(**app.request(authorization_details=text))
    target = parse_qs(urlsplit(response.headers["location"]).query)["continue"][0]
    h.browser.person = Person()
    assert (await h.http.get(target)).text == "consent"
    assert len(h.pages.view.details) == 5
    code = answer(await app.decide("allow"))["code"]
    assert (await app.redeem(code)).json()["authorization_details"] == five
    # Whoever changes the address on the way is shown what they changed it to.
    await h.http.get(target.replace("amount%22%3A+%221.00", "amount%22%3A+%229.00"))
    assert h.pages.view.details[0].text.startswith("Send “9.00”")


@lived
async def test_who_says_no_grants_nothing(h: House):
    app = await app_of(h)
    await h.authorize(**app.request(authorization_details=asked(PAY)))
    assert answer(await app.decide("deny"))["error"] == "access_denied"
    assert await h.issuer.store.grants_of(h.browser.person.user_id, h.clock.time()) == []


@lived
async def test_what_was_shown_cannot_be_exchanged_for_something_else_on_the_way(h: House):
    app = await app_of(h)
    await h.authorize(**app.request(authorization_details=asked(PAY)))
    # Beside the sealed request, the form has nothing to say.
    code = answer(await app.decide("allow", authorization_details=asked(OTHER)))["code"]
    assert (await app.redeem(code)).json()["authorization_details"] == [PAY]
    # One that another page sealed is about what that page showed, and is bound to its session.
    await h.authorize(**app.request(authorization_details=asked(PAY)))
    sealed = h.pages.view.sealed_request
    await h.authorize(**app.request(authorization_details=asked(OTHER)))
    code = answer(await app.decide("allow", request=sealed))["code"]
    assert (await app.redeem(code)).json()["authorization_details"] == [PAY]
    broken = sealed[:-4] + ("AAAA" if sealed[-4:] != "AAAA" else "BBBB")
    assert (await app.decide("allow", request=broken)).text == "expired_form"
    h.browser.person = Person(session_id="session-2")
    assert (await app.decide("allow", request=sealed)).text == "expired_form"


@lived
async def test_what_reads_otherwise_than_on_the_page_is_asked_again(h: House):
    app = await app_of(h)
    await h.authorize(**app.request(authorization_details=asked(PAY)))
    says = "Take {amount} {currency} from {payee} ({iban})"
    changed = DetailType("payment", BANK, says, PAYMENT.fields, PAYMENT.optional)
    bank = replace(h.issuer.settings.resources[BANK], details={"payment": changed})
    settings = replace(h.issuer.settings, resources={BANK: bank})
    object.__setattr__(h.issuer, "settings", settings)
    assert (await app.decide("allow")).text == "consent expired_form"
    assert await h.issuer.store.grants_of(h.browser.person.user_id, h.clock.time()) == []


@lived
async def test_a_person_whose_groups_bound_them_allows_only_types_that_are_among_it(h: House):
    app = await app_of(h)
    h.browser.person = Person(scopes=frozenset({"accounts:read"}))
    request = app.request(authorization_details=asked(PAY))
    assert answer(await h.authorize(**request))["error"] == "access_denied"
    h.browser.person = Person(scopes=frozenset({"accounts:read", "payment"}))
    assert (await h.authorize(**request)).text == "consent"


@lived
async def test_a_code_gives_what_was_allowed_or_less_and_never_more(h: House):
    app = await app_of(h, scopes=("accounts:read", "offline_access"))

    async def redeemed(*details):
        code = await app.code(authorization_details=asked(PAY, READ))
        return await app.redeem(code, authorization_details=asked(*details))

    assert (await redeemed(READ)).json()["authorization_details"] == [READ]
    for more in (OTHER, {**PAY, "amount": "120.01"}, {**PAY, "reference": "R"}):
        assert error(await redeemed(more)) == (400, INVALID)
    plain = await app.code()
    assert error(await app.redeem(plain, authorization_details=asked(PAY))) == (400, INVALID)
    # It was not consumed by that.
    assert (await app.redeem(plain)).status_code == 200


@lived
async def test_a_refresh_gives_what_was_allowed_or_less_and_never_more(h: House):
    app = await app_of(h, scopes=("accounts:read", "offline_access"))
    first = await granted(app, PAY, READ)
    assert first["authorization_details"] == [PAY, READ]
    less = (await app.refresh(first["refresh_token"], authorization_details=asked(READ))).json()
    assert less["authorization_details"] == [READ]
    token = less["refresh_token"]
    for more in ([OTHER], [READ, OTHER], [{**PAY, "locations": [BANK]}]):
        refused = await app.refresh(token, authorization_details=asked(*more))
        assert error(refused) == (400, INVALID)
    again = (await app.refresh(token)).json()
    assert again["authorization_details"] == [PAY, READ], "the refresh token keeps all"


@lived
async def test_a_lost_answer_is_had_again_with_its_details_by_the_same_request_only(h: House):
    app = await app_of(h, scopes=("accounts:read", "offline_access"))
    first = await granted(app, PAY, READ)
    less = {"authorization_details": asked(READ)}
    lost = (await app.refresh(first["refresh_token"], **less)).json()
    assert (await app.refresh(first["refresh_token"], **less)).json() == lost
    assert error(await app.refresh(first["refresh_token"])) == (400, "invalid_grant")


@lived
async def test_a_client_asks_in_its_own_name_for_its_types(h: House):
    service = await app_of(h, "service", scopes=("accounts:read",))
    form = {"grant_type": "client_credentials", "authorization_details": asked(READ)}
    response = (await service.token(**form)).json()
    assert response["authorization_details"] == [READ]
    assert "scope" not in response, "who asks for something exactly gets that and nothing beside it"
    response = (await service.token(**form, scope="accounts:read")).json()
    assert (response["scope"], response["authorization_details"]) == ("accounts:read", [READ])


EXCHANGE = {
    "exchange": (
        ExchangeRule("proxy", BANK, BANK, ("accounts:read",)),
        ExchangeRule("proxy", BANK, WEATHER, ("forecast:read",)),
        ExchangeRule("proxy", WEATHER, BANK, ("accounts:read",)),
    )
}


async def _exchanged(proxy, token, **more):
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": token,
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
    }
    return await proxy.token(**form, **more)


def test_an_exchange_keeps_details_at_their_api_and_never_adds_any(tmp_path):
    async def run(h: House):
        app = await app_of(h)
        proxy = await app_of(h, "service", client_id="proxy")
        token = (await granted(app, PAY, READ))["access_token"]
        same = (await _exchanged(proxy, token, audience=BANK)).json()
        assert same["authorization_details"] == [PAY, READ]
        less = (await _exchanged(proxy, token, audience=BANK, authorization_details=asked(READ))).json()
        assert less["authorization_details"] == [READ]
        for shown, more in ((token, OTHER), (less["access_token"], PAY)):
            refused = await _exchanged(proxy, shown, audience=BANK, authorization_details=asked(more))
            assert error(refused) == (400, INVALID)
        away = (await _exchanged(proxy, token, audience=WEATHER)).json()
        assert "authorization_details" not in away
        back = await _exchanged(proxy, away["access_token"], audience=BANK)
        assert "authorization_details" not in back.json()
        carried = {"audience": WEATHER, "authorization_details": asked(PAY)}
        assert error(await _exchanged(proxy, token, **carried)) == (400, INVALID)

    lived(run, **EXCHANGE)(tmp_path)


@lived
async def test_a_client_is_registered_for_types_that_there_are(h: House):
    with pytest.raises(Exception, match="there are: account_information, forecasts, payment"):
        await app_of(h, types=("payments",))


def test_two_resources_cannot_have_one_type():
    bank = Resource(BANK, "Bank", {}, details={"payment": PAYMENT})
    for details, why in (
        ({"payment": replace(PAYMENT, audience=WEATHER)}, "of one type"),
        ({"payment": PAYMENT}, "of another resource"),
    ):
        other = Resource(WEATHER, "Weather", {}, details=details)
        with pytest.raises(ValueError, match=why):
            IssuerSettings(url="https://id.example", resources={BANK: bank, WEATHER: other})
