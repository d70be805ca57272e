"""Clients of the type `agent`: what is on for them, whatever they are registered with or ask for."""

import json
from dataclasses import replace
from typing import Any

import pytest

from issuer.house import BANK, URL, WEATHER, Caller, House, answer, error, lived
from issuer.test_dpop import proving, without_proof
from issuer.test_fapi2 import KEY, Bank
from issuer.test_private_key_jwt import jwks
from issuer.test_token_exchange import ACCESS, GRANT, persons_token, ruled
from tokenward.base.problems import INVALID_INPUT, Refusal
from tokenward.base.secret import Secret
from tokenward.issuer.agents import ACCESS_TOKEN_SECONDS, GRANT_SECONDS
from tokenward.issuer.client_auth.registration import Proving
from tokenward.issuer.settings import ExchangeRule
from tokenward.tokens import opaque

SCOPES = ("openid", "offline_access", "accounts:read")
BY_KEY = Proving("private_key_jwt", jwks=jwks(KEY))
LOOPBACK = "http://127.0.0.1/cb"


async def public(h: House, **policy: Any) -> Caller:
    """One that acts for a person, and proves nothing but the key of its tokens."""
    return proving(await h.client("agent", *SCOPES, **policy))


async def alone(h: House, **policy: Any) -> Bank:
    """One that acts on its own, by a key."""
    made = await h.client(
        "agent", "accounts:read", redirect_uris=(), **{"proving": BY_KEY, "client_id": "agent", **policy}
    )
    return Bank(made)


async def allowed(agent: Caller) -> dict[str, Any]:
    response = await agent.redeem(await agent.code(resource=BANK))
    assert response.status_code == 200, response.text
    return response.json()


async def own(agent: Bank, **form: str):
    wish = {"grant_type": "client_credentials", "resource": BANK, "scope": "accounts:read", **form}
    return await agent.post("/token", **{name: value for name, value in wish.items() if value})


async def not_registered(h: House, **policy: Any) -> str:
    with pytest.raises(Refusal) as refused:
        await h.client("agent", *SCOPES, **policy)
    assert refused.value.problem is INVALID_INPUT
    return str(refused.value)


def later(agent: Caller, seconds: float) -> Caller:
    """The agent with its key as it is after that time: nonces change meanwhile."""
    agent.house.clock.advance(seconds)
    agent.prover.must_repeat(URL, 200, {"dpop-nonce": agent.house.issuer.dpop.nonce()}, b"")
    return agent


async def stored(h: House, text: str):
    return (await h.issuer.store.access_token(opaque.parse(text).token_id)).token


# How it is registered


@lived
async def test_an_agent_never_has_a_shared_secret(h: House):
    assert (await public(h)).secret is None
    for method in ("client_secret", "workload", "tls_client_auth"):
        assert "cannot prove itself" in await not_registered(h, proving=Proving(method)), method


@lived
async def test_its_redirect_addresses_are_https_or_loopback_with_any_port(h: House):
    agent = await public(h, redirect_uris=(LOOPBACK,))
    page = await h.authorize(**agent.request(resource=BANK, redirect_uri="http://127.0.0.1:41999/cb"))
    assert (page.status_code, page.text) == (200, "consent")
    for uri in ("http://localhost/cb", "com.example.app:/cb", "http://app.example/cb"):
        assert "redirect address" in await not_registered(h, redirect_uris=(uri,)), uri


@lived
async def test_only_one_that_acts_on_its_own_needs_no_redirect_address(h: House):
    assert "needs a redirect address" in await not_registered(h, redirect_uris=())
    assert (await own(await alone(h))).status_code == 200


@lived
async def test_the_profile_that_does_not_rotate_is_not_for_it(h: House):
    assert "FAPI 2.0" in await not_registered(h, proving=BY_KEY, profile="fapi2")


# What it gets


@lived
async def test_its_tokens_are_bound_to_a_key_without_a_word_of_its_registration(h: House):
    agent = await public(h)
    assert agent.client.bound_tokens == "dpop"
    code = await agent.code(resource=BANK)
    assert error(await without_proof(agent).redeem(code)) == (400, "invalid_dpop_proof")
    given = (await agent.redeem(code)).json()
    assert given["token_type"] == "DPoP"
    assert error(await without_proof(agent).refresh(given["refresh_token"])) == (400, "invalid_dpop_proof")


@lived
async def test_an_access_token_lives_for_five_minutes_at_most(h: House):
    assert h.issuer.settings.access_token_lifetime > ACCESS_TOKEN_SECONDS == 300
    given = await allowed(await public(h))
    assert given["expires_in"] == ACCESS_TOKEN_SECONDS
    assert (await own(await alone(h))).json()["expires_in"] == ACCESS_TOKEN_SECONDS


@lived
async def test_a_shorter_life_that_the_operator_set_is_kept(h: House):
    object.__setattr__(h.issuer, "settings", replace(h.issuer.settings, access_token_lifetime=60))
    assert (await allowed(await public(h)))["expires_in"] == 60


@lived
async def test_what_a_person_allowed_ends_after_eight_hours_however_often_it_is_refreshed(h: House):
    agent = await public(h)
    given = await allowed(agent)
    grant = await h.issuer.store.grant((await stored(h, given["access_token"])).grant_id)
    assert grant.expires_at - grant.created_at == GRANT_SECONDS == 8 * 3600
    given = (await later(agent, GRANT_SECONDS - 60).refresh(given["refresh_token"])).json()
    assert given["expires_in"] == 60
    assert error(await later(agent, 61).refresh(given["refresh_token"])) == (400, "invalid_grant")


@lived
async def test_without_offline_access_it_ends_with_the_first_token(h: House):
    agent = proving(await h.client("agent", "accounts:read"))
    token = await stored(h, (await allowed(agent))["access_token"])
    grant = await h.issuer.store.grant(token.grant_id)
    assert grant.expires_at - grant.created_at == ACCESS_TOKEN_SECONDS + h.issuer.settings.code_lifetime


@lived
async def test_its_refresh_tokens_rotate_and_reuse_ends_everything(h: House):
    agent = await public(h)
    first = await allowed(agent)
    second = (await agent.refresh(first["refresh_token"])).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert error(await later(agent, 60).refresh(first["refresh_token"])) == (400, "invalid_grant")
    assert not await agent.live(second["access_token"])


# What it asks for


@lived
async def test_a_person_is_asked_each_time_and_told_that_it_is_an_agent(h: House):
    agent = Bank(await h.client("agent", *SCOPES, proving=BY_KEY)).caller
    for _ in range(2):
        page = await h.authorize(**agent.request(resource=BANK))
        assert (page.status_code, page.text) == (200, "consent")
        assert h.pages.view.agent
        assert h.pages.view.since == {}
        await agent.decide("allow")
    silent = answer(await h.authorize(**agent.request(resource=BANK, prompt="none")))
    assert silent["error"] == "consent_required"
    web = await h.client("web", *SCOPES)
    await h.authorize(**web.request())
    assert not h.pages.view.agent


@lived
async def test_it_gets_no_token_without_saying_for_what_and_where(h: House):
    agent = await alone(h, authorization_details_types=("account_information",))
    assert error(await own(agent, resource="")) == (400, "invalid_target")
    assert error(await own(agent, scope="")) == (400, "invalid_scope")
    detail = {
        "type": "account_information",
        "what": ["balances"],
        "account": {"iban": "CH9300762011623852957"},
    }
    by_details = await own(agent, resource="", scope="", authorization_details=json.dumps([detail]))
    assert by_details.status_code == 200, by_details.text
    person = await public(h)
    assert answer(await h.authorize(**person.request()))["error"] == "invalid_target"


@lived
async def test_one_that_proves_nothing_gets_nothing_in_its_own_name(h: House):
    ruled(h, ExchangeRule("agent", BANK, WEATHER, ("forecast:read",)))
    agent = await public(h, client_id="agent")
    own_name = await agent.token(grant_type="client_credentials", resource=BANK, scope="accounts:read")
    assert error(own_name) == (400, "unauthorized_client")
    given = await allowed(agent)
    exchanged = await agent.token(
        grant_type=GRANT, subject_token=given["access_token"], subject_token_type=ACCESS, audience=WEATHER
    )
    assert error(exchanged) == (400, "unauthorized_client")


# What others see of it


@lived
async def test_act_says_that_it_acted_for_the_person_and_nothing_of_what_it_does_in_its_own_name(h: House):
    agent = await public(h)
    api = await h.client("service", f"introspect:{BANK}")
    given = await allowed(agent)
    refreshed = (await agent.refresh(given["refresh_token"])).json()
    for token in (given["access_token"], refreshed["access_token"]):
        assert (await api.introspect(token))["act"] == {"sub": agent.id}
    by_itself = (await own(await alone(h))).json()["access_token"]
    told = await api.introspect(by_itself)
    assert (told["client_id"], told.get("act")) == ("agent", None)


@lived
async def test_its_token_opens_no_userinfo(h: House):
    agent = await public(h)
    code = await agent.code(resource=BANK)
    token = (await agent.redeem(code, resource=URL)).json()["access_token"]
    proof = agent.prover.proof("GET", f"{URL}/userinfo", access_token=Secret(token))
    response = await h.http.get("/userinfo", headers={"authorization": f"DPoP {token}", "dpop": proof})
    assert response.status_code == 401


@lived
async def test_it_is_an_actor_by_a_rule_and_never_the_person(h: House):
    shown = ExchangeRule("agent", BANK, WEATHER, ("forecast:read",), actor="client")
    hidden = ExchangeRule("agent", BANK, BANK, ("accounts:read",), actor="none")
    ruled(h, shown, hidden)
    agent = await alone(h)
    subject, _ = await persons_token(h)
    form = {"grant_type": GRANT, "subject_token": subject, "subject_token_type": ACCESS}
    acting = await agent.post("/token", **form, audience=WEATHER)
    assert acting.status_code == 200, acting.text
    assert acting.json()["expires_in"] == ACCESS_TOKEN_SECONDS
    assert json.loads((await stored(h, acting.json()["access_token"])).act) == {"sub": "agent"}
    assert error(await agent.post("/token", **form, audience=BANK)) == (400, "unauthorized_client")
