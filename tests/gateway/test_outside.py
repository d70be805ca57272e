"""JWTs at the outside door: those of clients that are configured for them, and all others."""

import asyncio

import pytest

from gateway.world import BANK, INSIDE, WEATHER, World, code, facts
from tokenward.gateway.engine import Engine
from tokenward.gateway.outside import OutsideJwts
from tokenward.gateway.throttle import UNDER_SUSPICION
from tokenward.store.records import FeedEvent
from tokenward.tokens import opaque
from tokenward.tokens.jwk_set import public_keys
from tokenward.tokens.jws import sign_jwt
from tokenward.tokens.key_source import FixedKeys, KeysUnavailable
from tokenward.tokens.keys import SigningKey

ISSUER = "https://login.example"
KEY = SigningKey.generate("ES256")
RSA = SigningKey.generate("RS256")


class Broken:
    generation = 0

    def settle(self, algorithms):
        pass

    def find(self, kid):
        raise KeysUnavailable

    async def find_async(self, kid):
        raise KeysUnavailable


class Door(World):
    """The world with an issuer whose clients may hold JWTs."""

    def __init__(self, keys=None):
        super().__init__()
        jwks = {"keys": [KEY.public_jwk(), RSA.public_jwk()]}
        outside = OutsideJwts(
            issuer=ISSUER,
            audiences=[BANK, WEATHER],
            keys=keys or FixedKeys(public_keys(jwks, algorithms=("ES256", "RS256"))),
            algorithm="ES256",
            clock=self.clock,
        )
        self.engine = Engine(
            self.policy, self, self.minter, lambda: self.fresh, outside=outside, clock=self.clock
        )

    def jwt(self, name="jwt", *, key=KEY, typ="at+jwt", known=True, **changes):
        """A JWT as the issuer signs it, known to the store unless said otherwise."""
        token = opaque.new("at")
        now = int(self.clock.time())
        claims = {
            "iss": ISSUER,
            "aud": BANK,
            "sub": "u1",
            "client_id": "shop",
            "scope": "accounts:read",
            "iat": now,
            "exp": now + 600,
            "jti": token.token_id,
            **changes,
        }
        claims = {claim: value for claim, value in claims.items() if value is not None}
        text = sign_jwt(key, claims, typ=typ)
        if known:
            self.known[text] = facts(token, user_id="u1", issued_at=now, expires_at=now + 600)
        self.tokens[name] = text
        return token.token_id


def test_a_jwt_that_the_store_knows_is_good_and_the_backend_gets_another():
    door = Door()
    door.jwt()
    decision = door.decide(token="jwt")
    assert code(decision) == "allow"
    assert decision.inside_jwt != door.tokens["jwt"]
    assert code(door.decide(token="jwt")) == "allow"
    assert door.lookups == 1, "it is remembered like an opaque one"


def test_a_good_signature_is_not_enough():
    door = Door()
    door.jwt(known=False)
    assert code(door.decide(token="jwt")) == "invalid_token"
    assert door.lookups == 1


@pytest.mark.parametrize("revoked", ["token", "all"])
def test_a_revoked_jwt_is_refused_although_it_was_remembered(revoked):
    door = Door()
    token_id = door.jwt()
    assert code(door.decide(token="jwt")) == "allow"
    del door.known[door.tokens["jwt"]]
    door.engine.verified.on_event(FeedEvent(1, revoked, token_id if revoked == "token" else "", 0))
    assert code(door.decide(token="jwt")) == "invalid_token"


HOSTILE = {
    "another issuer": {"iss": "https://evil.example"},
    "the inside issuer": {"iss": INSIDE},
    "another audience": {"aud": WEATHER},
    "expired": {"iat": 1_799_990_000, "exp": 1_799_990_600},
    "too long a life": {"exp": 1_900_000_000},
    "no jti": {"jti": None},
    "a jti of another form": {"jti": "../../etc/passwd"},
    "an ID token": {"typ": "JWT"},
    "another key": {"key": SigningKey.generate("ES256")},
    "another algorithm": {"key": RSA},
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_a_jwt_of_any_other_kind_is_refused_before_it_is_looked_up(change):
    door = Door()
    door.jwt(**change)
    assert code(door.decide(token="jwt")) == "invalid_token"
    assert door.lookups == 0


def test_the_inside_jwt_stays_worthless_outside():
    door = Door()
    assert code(door.decide(token="inside")) == "invalid_token"
    assert door.lookups == 0


def test_a_jwt_with_the_name_of_another_token_is_refused():
    door = Door()
    door.jwt()
    door.known[door.tokens["jwt"]] = facts(opaque.new("at"))  # a resolver that answers for another row
    assert code(door.decide(token="jwt")) == "invalid_token"


def test_a_jwt_whose_key_goes_while_it_is_verified_is_not_remembered():
    class Slow(FixedKeys):
        async def find_async(self, kid):
            found = self.find(kid)
            door.engine.verified.clear()  # as the follower does once the keys are loaded anew
            return found

    door = Door(Slow(public_keys({"keys": [KEY.public_jwk()]}, algorithms=("ES256",))))
    door.jwt()
    assert code(door.decide(token="jwt")) == "allow", "it was there before"
    assert len(door.engine.verified) == 0


def test_where_no_jwt_is_accepted_none_is():
    world = World()
    world.tokens["jwt"] = sign_jwt(KEY, {"iss": ISSUER}, typ="at+jwt")
    assert code(world.decide(token="jwt")) == "invalid_token"
    assert world.lookups == 0


def test_without_the_issuer_s_keys_nothing_can_be_known():
    door = Door(keys=Broken())
    door.jwt()
    assert code(door.decide(token="jwt")) == "unavailable"


def test_who_sends_forged_jwts_is_throttled_like_who_guesses():
    door = Door()
    door.jwt(key=SigningKey.generate("ES256"))
    answers = [code(door.decide(token="jwt")) for _ in range(30)]
    assert answers[:20] == ["invalid_token"] * 20
    assert "too_many_requests" in answers
    door.jwt("good")
    assert code(door.decide(token="good")) == "allow", "a good one is not counted"


def test_verifying_counts_among_what_a_suspect_has_under_way():
    door = Door()
    door.jwt()
    throttle = door.engine._means.throttle
    for _ in range(20):
        throttle.count("192.0.2.1")
    for _ in range(UNDER_SUSPICION):
        throttle.admit("192.0.2.1")
    assert code(door.decide(token="jwt")) == "too_many_requests"
    throttle.end("192.0.2.1")
    assert code(door.decide(token="jwt")) == "allow"


def test_a_jwt_for_an_api_that_came_later_is_refused():
    outside = OutsideJwts(issuer=ISSUER, audiences=[], keys=Broken(), algorithm="ES256")
    with pytest.raises(Exception, match="not accepted"):
        asyncio.run(outside.token_id("a.b.c", BANK))
