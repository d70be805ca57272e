"""What the inside JWT tells beyond the minimum, and what it never tells."""

import json

import pytest

from gateway.world import BANK, INSIDE, KEY, PAYMENT, World, code
from tokenward.gateway import inside
from tokenward.store.records import FeedEvent
from tokenward.tokens.jws import verify_jws
from tokenward.tokens.release import MINIMUM

CARD = "4111111111111111"


def claims_of(decision):
    jwks = {"keys": [KEY.public_jwk()]}
    return json.loads(verify_jws(decision.inside_jwt, jwks, algorithms=["ES256"]))


def test_the_minimum_is_what_the_table_says():
    assert set(claims_of(World().decide(token="reader"))) == set(MINIMUM["inside"])


def test_released_claims_are_added_and_override_nothing():
    world = World()
    hostile = {"iss": "https://evil.example", "sub": "root", "exp": 2**40, "scope": "all", "client_id": "x"}
    world.add("told", user_id="u1", subject="pair-1", claims={"email": "ada@example.com", **hostile})
    claims = claims_of(world.decide(token="told"))
    assert claims["email"] == "ada@example.com"
    assert (claims["iss"], claims["aud"], claims["sub"]) == (INSIDE, BANK, "pair-1")
    assert (claims["client_id"], claims["scope"]) == ("shop", "accounts:read")
    assert claims["exp"] <= world.clock.time() + 60


def test_authorization_details_are_told_as_they_were_granted_and_nothing_overrides_them():
    world = World()
    decision = world.decide("/bank/orders", "payer", method="POST")
    claims = claims_of(decision)
    assert claims["authorization_details"] == [{"type": "other"}, PAYMENT]
    assert claims["scope"] == ""
    assert decision.facts.authorization_details == ({"type": "other"}, PAYMENT)
    hostile = {"authorization_details": [{"type": "payment", "amount": "9.00"}]}
    world.add("told", user_id="u1", claims=hostile, authorization_details=(PAYMENT,))
    assert claims_of(world.decide(token="told"))["authorization_details"] == [PAYMENT]


@pytest.mark.parametrize(
    "changes",
    [
        {"claims": {"note": CARD}},
        {"claims": {"api_key": "x"}},
        {"client_id": CARD},
        {"scope": frozenset({"accounts:read", CARD})},
        {"authorization_details": ({"type": "payment", "payee": CARD},)},
    ],
)
def test_a_credential_in_a_claim_is_an_error_at_minting(changes):
    world = World()
    world.add("bad", user_id="u1", **changes)
    decision = world.decide(token="bad")
    assert code(decision) == "credential_in_claim"
    assert decision.problem.status == 500
    assert CARD not in decision.detail
    assert code(world.decide(token="bad")) == "credential_in_claim", "it stays one"


def test_client_and_scope_are_checked_once_and_not_at_every_mint(monkeypatch):
    checked = []
    monkeypatch.setattr(inside, "check_claims", checked.append)
    inside._scope_text.cache_clear()
    world = World()
    for name in ("one", "two"):
        world.add(name, client_id="checked-once")
        assert code(world.decide(token=name)) == "allow"
    assert checked.count({"client_id": "checked-once", "scope": "accounts:read"}) == 1


def test_news_of_a_person_are_asked_for_again():
    world = World()
    world.add("told", user_id="u1", claims={"email": "old@example.com"})
    world.add("other", user_id="u2", claims={"email": "bob@example.com"})
    for name in ("told", "other"):
        world.decide(token=name)
    text = world.tokens["told"]
    world.known[text] = type(world.known[text])(
        **{
            **{name: getattr(world.known[text], name) for name in world.known[text].__dataclass_fields__},
            "claims": {"email": "new@example.com"},
        }
    )
    assert claims_of(world.decide(token="told"))["email"] == "old@example.com"
    lookups = world.lookups
    world.engine.verified.on_event(FeedEvent(1, "claims", "u1", 0))
    assert claims_of(world.decide(token="told"))["email"] == "new@example.com"
    assert claims_of(world.decide(token="other"))["email"] == "bob@example.com"
    assert world.lookups == lookups + 1, "only what was known of that person is forgotten"
