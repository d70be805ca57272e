"""RFC 8693 at the token endpoint. Whatever is not allowed by a rule, or not good, is refused in one voice."""

import asyncio
import base64
import json
from dataclasses import replace

import pytest

from issuer.house import BANK, WEATHER, House, error, lived
from issuer.test_dpop import proving, thief, without_proof
from tokenward.issuer.grants.token_exchange import MAX_ANCESTORS
from tokenward.issuer.settings import ExchangeRule
from tokenward.store.people_records import User
from tokenward.tokens import opaque
from tokenward.tokens.binding import Confirmation

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS = "urn:ietf:params:oauth:token-type:access_token"
JWT = "urn:ietf:params:oauth:token-type:jwt"
TO_WEATHER = ExchangeRule("backend", BANK, WEATHER, ("forecast:read", "shared"))
NARROWER = ExchangeRule("backend", BANK, BANK, ("accounts:read", "transfers:write"), actor="none")
REFUSED = (400, "invalid_request")


def ruled(h: House, *rules: ExchangeRule) -> None:
    object.__setattr__(h.issuer, "settings", replace(h.issuer.settings, exchange=rules))


async def backend(h: House, *scopes: str, name="backend", **policy):
    return await h.client("service", *scopes, client_id=name, **policy)


async def persons_token(h: House, *scopes: str, **policy) -> tuple[str, object]:
    app = await h.client("web", *(scopes or ("accounts:read", "transfers:write")), **policy)
    return (await app.redeem(await app.code())).json()["access_token"], app


async def own_token(h: House, *scopes: str, **policy) -> tuple[str, object]:
    app = await h.client("service", *(scopes or ("accounts:read",)), **policy)
    return (await app.token(grant_type="client_credentials")).json()["access_token"], app


async def exchange(client, subject: str, **form: str):
    form = {"grant_type": GRANT, "subject_token": subject, "subject_token_type": ACCESS, **form}
    return await client.token(**{name: value for name, value in form.items() if value})


async def stored(h: House, text: str):
    return (await h.issuer.store.access_token(text.split("_")[2][:11])).token


# What comes of it


@lived
async def test_a_backend_gets_a_token_for_another_api_in_the_name_of_its_caller(h: House):
    ruled(h, TO_WEATHER)
    service = await backend(h)
    subject, _ = await persons_token(h)
    h.clock.advance(60)
    response = await exchange(service, subject, audience=WEATHER, scope="forecast:read")
    assert response.status_code == 200, response.text
    body = response.json()
    assert set(body) == {"access_token", "token_type", "expires_in", "scope", "issued_token_type"}
    assert (body["issued_token_type"], body["scope"]) == (ACCESS, "forecast:read")
    token, parent = await stored(h, body["access_token"]), await stored(h, subject)
    assert (token.user_id, token.grant_id) == (parent.user_id, parent.grant_id)
    assert (token.client_id, token.audience) == ("backend", WEATHER)
    assert json.loads(token.act) == {"sub": "backend"}
    assert token.subject_client is None, "the person says whose it is"
    assert token.ancestors == (parent.token_id,)
    assert response.headers["cache-control"] == "no-store"


@lived
async def test_it_never_lives_longer_than_what_it_was_exchanged_for(h: House):
    ruled(h, TO_WEATHER)
    service = await backend(h)
    subject, _ = await persons_token(h)
    h.clock.advance(550)
    response = await exchange(service, subject, audience=WEATHER)
    assert response.json()["expires_in"] == 50
    token = await stored(h, response.json()["access_token"])
    assert token.expires_at == (await stored(h, subject)).expires_at


@lived
async def test_without_a_target_the_audience_stays_and_without_scope_all_that_may_be_given(h: House):
    ruled(h, NARROWER)
    service = await backend(h)
    subject, _ = await persons_token(h, "accounts:read")
    token = await stored(h, (await exchange(service, subject)).json()["access_token"])
    assert (token.audience, token.scope, token.act) == (BANK, ("accounts:read",), None)


@lived
async def test_an_impersonation_says_nothing_of_who_asked_but_the_client_id(h: House):
    ruled(h, replace(TO_WEATHER, actor="none"))
    service = await backend(h, access_token_format="jwt")
    subject, _ = await persons_token(h)
    text = (await exchange(service, subject, audience=WEATHER)).json()["access_token"]
    told = await service.introspect(text)
    assert (told["sub"], told["client_id"]) == ("user-1", "backend")
    assert "act" not in told


@lived
async def test_introspection_and_the_jwt_say_who_acts_and_who_acted_before(h: House):
    second = ExchangeRule("second", WEATHER, BANK, ("accounts:read",))
    ruled(h, TO_WEATHER, second)
    service = await backend(h)
    other = await backend(h, name="second", access_token_format="jwt")
    subject, _ = await persons_token(h)
    first = (await exchange(service, subject, audience=WEATHER)).json()["access_token"]
    text = (await exchange(other, first, resource=BANK)).json()["access_token"]
    chain = {"sub": "second", "act": {"sub": "backend"}}
    assert (await other.introspect(text))["act"] == chain
    claims = json.loads(payload(text))
    assert (claims["act"], claims["sub"], claims["client_id"]) == (chain, "user-1", "second")


def payload(text: str) -> bytes:
    part = text.split(".")[1]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@lived
async def test_a_clients_own_token_goes_on_standing_for_that_client(h: House):
    ruled(h, TO_WEATHER)
    service = await backend(h)
    subject, app = await own_token(h)
    text = (await exchange(service, subject, audience=WEATHER)).json()["access_token"]
    told = await service.introspect(text)
    assert (told["sub"], told["client_id"], told["act"]) == (app.id, "backend", {"sub": "backend"})


@lived
async def test_it_goes_on_standing_for_that_client_however_often_it_is_exchanged(h: House):
    ruled(h, TO_WEATHER, ExchangeRule("second", WEATHER, WEATHER, ("forecast:read",)))
    service, other = await backend(h), await backend(h, name="second")
    subject, app = await own_token(h)
    first = (await exchange(service, subject, audience=WEATHER)).json()["access_token"]
    text = (await exchange(other, first)).json()["access_token"]
    told = await other.introspect(text)
    assert (told["sub"], told["act"]) == (app.id, {"sub": "second", "act": {"sub": "backend"}})


@lived
async def test_a_jwt_is_exchanged_as_either_type_and_an_opaque_token_is_no_jwt(h: House):
    ruled(h, TO_WEATHER)
    service = await backend(h)
    jwt, _ = await own_token(h, access_token_format="jwt")
    for token_type in (ACCESS, JWT):
        response = await exchange(service, jwt, audience=WEATHER, subject_token_type=token_type)
        assert response.status_code == 200
    subject, _ = await own_token(h)
    assert error(await exchange(service, subject, audience=WEATHER, subject_token_type=JWT)) == REFUSED


@lived
async def test_an_actor_token_names_who_acts(h: House):
    ruled(h, replace(TO_WEATHER, actor="token"))
    service = await backend(h)
    subject, _ = await persons_token(h)
    acting, agent = await own_token(h)
    response = await exchange(service, subject, audience=WEATHER, actor_token=acting, actor_token_type=ACCESS)
    token = await stored(h, response.json()["access_token"])
    assert json.loads(token.act) == {"sub": agent.id}
    assert token.ancestors == ((await stored(h, subject)).token_id, (await stored(h, acting)).token_id)


@lived
async def test_an_actor_that_stands_for_another_client_is_named_by_that_one(h: House):
    ruled(h, replace(TO_WEATHER, actor="token"))
    service = await backend(h)
    subject, _ = await persons_token(h)
    acting, _ = await token_with(h, subject_client="agent")
    response = await exchange(service, subject, audience=WEATHER, actor_token=acting, actor_token_type=ACCESS)
    assert json.loads((await stored(h, response.json()["access_token"])).act) == {"sub": "agent"}


# Who may


@lived
async def test_without_a_rule_nobody_exchanges_anything(h: House):
    service = await backend(h)
    subject, app = await own_token(h)
    for who in (service, app):
        assert error(await exchange(who, subject)) == (400, "unauthorized_client")


@lived
async def test_a_public_client_exchanges_nothing(h: House):
    spa = await h.client("spa", "accounts:read", client_id="backend")
    ruled(h, TO_WEATHER)
    subject, _ = await own_token(h)
    assert error(await exchange(spa, subject, audience=WEATHER)) == (400, "unauthorized_client")


@lived
async def test_a_token_that_no_rule_lets_a_client_take_is_refused_as_an_unknown_one_is(h: House):
    ruled(h, TO_WEATHER)
    service = await backend(h)
    not_its_business, _ = await own_token(h, "forecast:read")
    unknown = opaque.new("at").secret.reveal()
    answers = [await exchange(service, text, audience=WEATHER) for text in (not_its_business, unknown)]
    assert [error(answer) for answer in answers] == [REFUSED] * 2
    assert answers[0].content == answers[1].content


@lived
async def test_another_clients_rule_helps_nobody(h: House):
    ruled(h, TO_WEATHER, ExchangeRule("other", WEATHER, BANK, ("accounts:read",)))
    other = await backend(h, name="other")
    subject, _ = await own_token(h)
    assert error(await exchange(other, subject, audience=WEATHER)) == REFUSED


@pytest.mark.parametrize("kind", ["refresh", "id", "code", "client_secret", "garbage", "foreign"])
def test_only_access_tokens_of_ours_are_exchanged(kind, tmp_path):
    @lived
    async def check(h: House):
        ruled(h, TO_WEATHER)
        service = await backend(h)
        app = await h.client("web", "accounts:read", "openid", "offline_access")
        body = (await app.redeem(await app.code())).json()
        shown = {
            "refresh": body["refresh_token"],
            "id": body["id_token"],
            "code": await app.code(prompt="consent"),
            "client_secret": service.secret,
            "garbage": "x",
            "foreign": body["id_token"].rsplit(".", 1)[0] + "." + "A" * 86,
        }[kind]
        for token_type in (ACCESS, JWT, "urn:ietf:params:oauth:token-type:refresh_token",
                           "urn:ietf:params:oauth:token-type:id_token"):  # fmt: skip
            response = await exchange(service, shown, audience=WEATHER, subject_token_type=token_type)
            assert error(response) == REFUSED
        live = body["access_token"]
        assert (await exchange(service, live, audience=WEATHER)).status_code == 200

    check(tmp_path)


@lived
async def test_a_token_that_is_over_is_not_exchanged(h: House):
    ruled(h, TO_WEATHER)
    service = await backend(h)
    revoked, app = await own_token(h)
    await app.post("/revoke", token=revoked)
    assert error(await exchange(service, revoked, audience=WEATHER)) == REFUSED
    expired, _ = await own_token(h)
    h.clock.advance(600)
    assert error(await exchange(service, expired, audience=WEATHER)) == REFUSED


# What for


@lived
async def test_an_exchanged_token_is_for_one_audience_and_one_that_a_rule_names(h: House):
    ruled(h, TO_WEATHER)
    service = await backend(h)
    subject, _ = await own_token(h)
    for form in (
        {"audience": WEATHER, "resource": BANK},
        {"audience": BANK, "resource": WEATHER},
        {"audience": BANK},
        {},
        {"audience": f"{WEATHER} {BANK}"},
        {"resource": WEATHER.rstrip("/")},
        {"resource": WEATHER.upper()},
    ):
        assert error(await exchange(service, subject, **form)) == (400, "invalid_target"), form
    assert (await exchange(service, subject, audience=WEATHER, resource=WEATHER)).status_code == 200


@lived
async def test_a_parameter_that_stands_there_twice_is_refused(h: House):
    ruled(h, TO_WEATHER)
    service = await backend(h)
    subject, _ = await own_token(h)
    form = {"grant_type": GRANT, "subject_token": subject, "subject_token_type": ACCESS, "audience": WEATHER}
    for name in (*form, "scope", "resource"):
        doubled = [*form.items(), (name, form.get(name, WEATHER)), (name, form.get(name, WEATHER))]
        body = "&".join(f"{key}={value}" for key, value in doubled)
        headers = {**service.basic(), "content-type": "application/x-www-form-urlencoded"}
        assert error(await h.http.post("/token", content=body, headers=headers)) == REFUSED


@lived
async def test_scope_only_narrows(h: House):
    ruled(h, NARROWER, TO_WEATHER)
    service = await backend(h, "transfers:write")
    subject, _ = await own_token(h, "accounts:read")
    for scope in (
        "transfers:write",
        "accounts:read transfers:write",
        "openid",
        "shared",
        f"introspect:{BANK}",
    ):
        assert error(await exchange(service, subject, scope=scope)) == (400, "invalid_scope")
    for scope in ("accounts:read", "transfers:write", "offline_access"):
        response = await exchange(service, subject, audience=WEATHER, scope=scope)
        assert error(response) == (400, "invalid_scope")
    nothing_left, _ = await own_token(h, "shared", "transfers:write")
    ruled(h, replace(NARROWER, scopes=("accounts:read",)))
    assert error(await exchange(service, nothing_left)) == (400, "invalid_scope")


@lived
async def test_a_token_that_comes_back_to_an_api_allows_no_more_than_before(h: House):
    ruled(h, TO_WEATHER, ExchangeRule("backend", WEATHER, BANK, ("accounts:read", "transfers:write")))
    service = await backend(h)
    subject, _ = await own_token(h, "accounts:read")
    away = (await exchange(service, subject, audience=WEATHER)).json()["access_token"]
    response = await exchange(service, away, audience=BANK, scope="transfers:write")
    assert error(response) == (400, "invalid_scope")
    assert (await exchange(service, away, audience=BANK)).json()["scope"] == "accounts:read"


@lived
async def test_only_access_tokens_are_given(h: House):
    ruled(h, TO_WEATHER)
    service = await backend(h)
    subject, _ = await own_token(h)
    for wanted in (
        "urn:ietf:params:oauth:token-type:refresh_token",
        "urn:ietf:params:oauth:token-type:id_token",
    ):
        response = await exchange(service, subject, audience=WEATHER, requested_token_type=wanted)
        assert error(response) == REFUSED
    response = await exchange(service, subject, audience=WEATHER, requested_token_type=ACCESS)
    assert response.status_code == 200


# How strong


@pytest.mark.parametrize(
    ("subjects", "expected"),
    [
        ("api_key", "api_key"),
        ("none", "none"),
        ("mtls", "client_secret"),
        ("private_key_jwt", "client_secret"),
    ],
)
def test_the_weakest_credential_of_the_chain_is_what_counts(subjects, expected, tmp_path):
    @lived
    async def check(h: House):
        ruled(h, TO_WEATHER)
        service = await backend(h)
        text, _ = await token_with(h, credential=subjects)
        token = await stored(h, (await exchange(service, text, audience=WEATHER)).json()["access_token"])
        assert token.credential == expected

    check(tmp_path)


async def token_with(h: House, **changes):
    """A token that is stored with these changes."""
    token = opaque.new("at", clock=h.clock)
    subject, app = await own_token(h)
    record = replace(
        await stored(h, subject),
        token_id=token.token_id,
        keyed_hash=opaque.keyed_hash(h.issuer.peppers[0], token.secret.reveal()),
        **changes,
    )
    await h.issuer.store.add_access_token(record)
    return token.secret.reveal(), app


@lived
async def test_a_weak_actor_makes_the_token_weak(h: House):
    ruled(h, replace(TO_WEATHER, actor="token"))
    service = await backend(h)
    subject, _ = await own_token(h)
    acting, _ = await token_with(h, credential="api_key", expires_at=h.clock.time() + 30)
    response = await exchange(service, subject, audience=WEATHER, actor_token=acting, actor_token_type=ACCESS)
    token = await stored(h, response.json()["access_token"])
    assert (token.credential, response.json()["expires_in"]) == ("api_key", 30)


@lived
async def test_a_bound_token_is_taken_only_by_the_api_that_its_caller_proved_the_key_to(h: House):
    key = Confirmation("jkt", "k" * 43)
    its_api = await backend(h, f"introspect:{BANK}")
    another = await backend(h, f"introspect:{WEATHER}", name="another")
    text, _ = await token_with(h, cnf=key)
    ruled(h, TO_WEATHER)
    assert error(await exchange(its_api, text, audience=WEATHER)) == REFUSED
    passed_on = replace(TO_WEATHER, bound_subjects=True)
    ruled(h, passed_on, replace(passed_on, client_id="another"))
    assert error(await exchange(another, text, audience=WEATHER)) == REFUSED
    token = await stored(h, (await exchange(its_api, text, audience=WEATHER)).json()["access_token"])
    assert token.cnf is None


@lived
async def test_who_proves_the_key_of_a_bound_token_gets_one_that_is_bound_to_it(h: House):
    ruled(h, NARROWER)
    service = proving(await backend(h, "accounts:read"))
    text = (await service.token(grant_type="client_credentials")).json()["access_token"]
    response = await exchange(service, text)
    assert response.json()["token_type"] == "DPoP"
    exchanged = await stored(h, response.json()["access_token"])
    assert exchanged.cnf == (await stored(h, text)).cnf
    for other in (without_proof(service), thief(service)):
        assert error(await exchange(other, text)) == REFUSED


@lived
async def test_a_token_that_is_bound_to_nothing_is_exchanged_for_a_bound_one(h: House):
    ruled(h, NARROWER)
    service = proving(await backend(h))
    subject, _ = await own_token(h)
    token = await stored(h, (await exchange(service, subject)).json()["access_token"])
    assert token.cnf == Confirmation("jkt", service.prover.thumbprint)


@lived
async def test_it_lives_no_longer_than_tokens_do_today(h: House):
    ruled(h, NARROWER)
    service = await backend(h)
    subject, _ = await token_with(h, expires_at=h.clock.time() + 3600)  # issued when they lived longer
    assert (await exchange(service, subject)).json()["expires_in"] == 600


@lived
async def test_a_jwt_is_not_exchanged_as_what_it_is_not(h: House):
    ruled(h, NARROWER)
    service = await backend(h)
    jwt, _ = await own_token(h, access_token_format="jwt")
    for kind in ("refresh_token", "id_token", "saml2"):
        wrong = f"urn:ietf:params:oauth:token-type:{kind}"
        assert error(await exchange(service, jwt, subject_token_type=wrong)) == REFUSED


@lived
async def test_two_targets_are_refused_though_rules_are_for_both(h: House):
    ruled(h, TO_WEATHER, NARROWER)
    service = await backend(h)
    subject, _ = await own_token(h)
    for form in ({"audience": WEATHER, "resource": BANK}, {"audience": BANK, "resource": WEATHER}):
        assert error(await exchange(service, subject, **form)) == (400, "invalid_target")
    for target in (WEATHER, BANK):
        assert (await exchange(service, subject, audience=target)).status_code == 200


# Who acts


@lived
async def test_an_actor_needs_a_rule_and_such_a_rule_needs_an_actor(h: House):
    service = await backend(h)
    subject, _ = await persons_token(h)
    acting, _ = await own_token(h)
    for kind in ("none", "client"):
        ruled(h, replace(TO_WEATHER, actor=kind))
        with_actor = await exchange(
            service, subject, audience=WEATHER, actor_token=acting, actor_token_type=ACCESS
        )
        assert error(with_actor) == REFUSED
    ruled(h, replace(TO_WEATHER, actor="token"))
    assert error(await exchange(service, subject, audience=WEATHER)) == REFUSED
    assert error(await exchange(service, subject, audience=WEATHER, actor_token=acting)) == REFUSED


@lived
async def test_whoever_a_person_names_may_act_and_nobody_else(h: House):
    service = await backend(h)
    subject, _ = await persons_token(h)
    acting, agent = await own_token(h)
    await h.issuer.store.add_user(User("user-1", "ada", "", h.clock.time()))

    async def refused(rule, may_act, **form: str) -> bool:
        ruled(h, rule)
        await h.issuer.store.change_user_claims("user-1", {"may_act": may_act}, h.clock.time())
        response = await exchange(service, subject, audience=WEATHER, **form)
        assert response.status_code == 200 or error(response) == REFUSED
        return response.status_code != 200

    shown = {"actor_token": acting, "actor_token_type": ACCESS}
    for rule, form, party in (
        (TO_WEATHER, {}, "backend"),
        (replace(TO_WEATHER, actor="none"), {}, "backend"),
        (replace(TO_WEATHER, actor="token"), shown, agent.id),
    ):
        assert not await refused(rule, {"sub": party}, **form)
        for other in ({"sub": "another"}, {"sub": party, "iss": "https://x.example"}, {}, {"sub": [party]}):
            assert await refused(rule, other, **form)
        assert not await refused(rule, None, **form)


@lived
async def test_an_actor_was_shown_to_the_same_api_and_is_a_client_itself(h: House):
    ruled(h, replace(TO_WEATHER, actor="token"))
    service = await backend(h)
    subject, _ = await own_token(h)
    elsewhere, _ = await own_token(h, "forecast:read")
    person, _ = await persons_token(h)
    acted, _ = await token_with(h, act='{"sub": "somebody"}')
    bound, _ = await token_with(h, cnf=Confirmation("jkt", "k" * 43))
    gone, app = await own_token(h)
    await app.post("/revoke", token=gone)
    for acting in (elsewhere, person, acted, bound, gone, "x"):
        response = await exchange(
            service, subject, audience=WEATHER, actor_token=acting, actor_token_type=ACCESS
        )
        assert error(response) == REFUSED


@lived
async def test_a_chain_is_no_longer_than_allowed(h: House):
    ruled(h, NARROWER)
    service = await backend(h)
    text, _ = await own_token(h)
    for _ in range(MAX_ANCESTORS):
        response = await exchange(service, text)
        assert response.status_code == 200
        text = response.json()["access_token"]
    assert error(await exchange(service, text)) == REFUSED


# How it ends


async def chain(h: House, *, person: bool):
    """A token, and two that came of it one after the other."""
    ruled(h, TO_WEATHER, ExchangeRule("second", WEATHER, WEATHER, ("forecast:read",)))
    service, other = await backend(h), await backend(h, name="second")
    subject, app = await (persons_token(h) if person else own_token(h))
    first = (await exchange(service, subject, audience=WEATHER)).json()["access_token"]
    second = (await exchange(other, first)).json()["access_token"]
    return [subject, first, second], app


async def alive(h: House, texts) -> list[bool]:
    states = [await h.issuer.store.access_token(text.split("_")[2][:11]) for text in texts]
    return [not state.revoked for state in states]


@pytest.mark.parametrize(
    ("what", "person", "left"),
    [
        ("root", False, [False, False, False]),
        ("root", True, [False, False, False]),
        ("middle", True, [True, False, False]),
        ("leaf", True, [True, True, False]),
        ("grant", True, [False, False, False]),
        ("client", False, [False, False, False]),
        ("client", True, [False, False, False]),
        ("backend", True, [True, False, False]),
        ("second", True, [True, True, False]),
        ("user", True, [False, False, False]),
        ("all", True, [False, False, False]),
    ],
)
def test_what_was_exchanged_ends_with_what_it_was_exchanged_for(what, person, left, tmp_path):
    @lived
    async def check(h: House):
        texts, app = await chain(h, person=person)
        assert await alive(h, texts) == [True] * 3
        store, now = h.issuer.store, h.clock.time()
        ids = [text.split("_")[2][:11] for text in texts]
        await {
            "root": lambda: store.revoke_token(ids[0], now),
            "middle": lambda: store.revoke_token(ids[1], now),
            "leaf": lambda: store.revoke_token(ids[2], now),
            "grant": lambda: revoke_grant(h, texts[0]),
            "client": lambda: store.revoke_issued_to_client(app.id, before=now, at=now),
            "backend": lambda: store.revoke_issued_to_client("backend", before=now, at=now),
            "second": lambda: store.revoke_issued_to_client("second", before=now, at=now),
            "user": lambda: store.revoke_issued_for_user("user-1", before=now, at=now),
            "all": lambda: store.revoke_all_issued(before=now, at=now),
        }[what]()
        assert await alive(h, texts) == left

    check(tmp_path)


async def revoke_grant(h: House, text: str):
    await h.issuer.store.revoke_grant((await stored(h, text)).grant_id, h.clock.time())


@lived
async def test_what_is_exchanged_while_it_is_revoked_is_dead_all_the_same(h: House):
    ruled(h, TO_WEATHER)
    service = await backend(h)
    for _ in range(20):
        subject, app = await own_token(h)
        response, _ = await asyncio.gather(
            exchange(service, subject, audience=WEATHER), app.post("/revoke", token=subject)
        )
        if response.status_code == 200:
            assert await alive(h, [response.json()["access_token"]]) == [False]
        else:
            assert error(response) == REFUSED
