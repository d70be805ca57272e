"""Tokens of other issuers at an API that trusts them: what they stand for, and whom they never stand for."""

import json
from dataclasses import replace

import pytest

from gateway.test_outside import Broken
from gateway.trusted import PARTNER, Place
from gateway.world import BANK, CNF, World, code
from tokenward.gateway.foreign import ACTORS, token_id
from tokenward.gateway.foreign_jwts import BELIEVED
from tokenward.gateway.inside import REUSE_ABOVE
from tokenward.gateway.policy import Policy
from tokenward.gateway.resource_metadata import ResourceMetadata
from tokenward.gateway.trust import Trust
from tokenward.store.records import FeedEvent
from tokenward.tokens import base64url, opaque
from tokenward.tokens.jwk_set import public_keys
from tokenward.tokens.jws import sign_jwt
from tokenward.tokens.keys import SigningKey

STRANGER = "https://stranger.example"


class Partner(World):
    """The world, with the API `partner` on other terms."""

    def __init__(self, *, kind="at+jwt", keys=None, own=True, scope_claim=None, max_lifetime=None, **terms):
        super().__init__()
        self.place.jwts = self.place.jwt_source(
            kind, keys=keys, scope_claim=scope_claim, max_lifetime=max_lifetime, **terms
        )
        self.place.opaque = self.place.opaque_source(**terms)
        self.trust(replace(self.place.trust, own=own))

    def trust(self, trust):
        self.engine.policy = Policy((*self.policy.apis[:2], self.place.api(trust)))

    def call(self, text, path="/partner/orders", **more):
        return self.decide(path, headers=[("authorization", f"Bearer {text}")], **more)

    def inside(self, text, path="/partner/orders", **more):
        decision = self.call(text, path, **more)
        assert code(decision) == "allow"
        return json.loads(base64url.decode(decision.inside_jwt.split(".")[1]))


def test_a_backend_learns_who_it_is_under_the_name_of_the_issuer_and_no_more():
    world = Partner()
    claims = world.inside(world.place.jwt(email="alice@example.com", roles=["admin"], groups=["staff"]))
    assert {name: claims[name] for name in ("sub", "client_id", "aud", "scope")} == {
        "sub": f"{STRANGER}|alice",
        "client_id": f"{STRANGER}|their-app",
        "aud": PARTNER,
        "scope": "orders:read",
    }
    assert not claims.keys() & {"email", "roles", "groups", "cnf"}


@pytest.mark.parametrize("sub", ["u1", "shop", "api_key/4U9VoPKSUjB", "https://login.example|u1"])
def test_a_subject_that_another_issuer_chose_is_never_one_of_ours(sub):
    """An external `sub` that is the id of a person, a client or a key of ours stays the stranger's."""
    world = Partner(sign_in=True)
    decision = world.call(world.place.jwt(sub=sub))
    facts = decision.facts
    assert (facts.user_id, facts.subject) == (f"{STRANGER}|{sub}",) * 2
    assert world.inside(world.place.jwt(sub=sub))["sub"] == f"{STRANGER}|{sub}"
    before = len(world.engine.verified)
    world.engine.verified.on_event(FeedEvent(1, "user", "u1", 0))
    assert len(world.engine.verified) == before, "what ends for our user ends for nobody else's"


def test_a_client_that_is_named_as_one_of_ours_is_another():
    world = Partner()
    assert world.call(world.place.jwt(client_id="shop")).facts.client_id == f"{STRANGER}|shop"


def test_what_a_client_is_called_cannot_break_a_line_of_the_log():
    world = Partner()
    facts = world.call(world.place.jwt(client_id='x y" reason=allow|z')).facts
    assert facts.client_id == f"{STRANGER}|x%20y%22%20reason=allow%7Cz"
    assert facts.token_id.startswith("ext_")


@pytest.mark.parametrize("name", ["", "x" * 256, "a\nb", "a\u202eb", 7, ["alice"]], ids=repr)
def test_a_name_that_is_none_is_refused(name):
    world = Partner()
    assert code(world.call(world.place.jwt(sub=name))) == "invalid_token"
    assert code(world.call(world.place.jwt(client_id=name))) == "invalid_token"


def test_a_credential_in_a_claim_is_the_token_s_fault_and_not_ours():
    world = Partner()
    secret = opaque.new("cs").secret.reveal()
    assert code(world.call(world.place.jwt(client_id=secret))) == "invalid_token"


def test_a_client_that_acts_for_itself_is_no_person():
    world = Partner(sign_in=True)
    assert world.call(world.place.jwt(sub="their-app")).facts.user_id is None


HOSTILE = {
    "another issuer": {"iss": "https://evil.example"},
    "the issuer with a slash": {"iss": f"{STRANGER}/"},
    "the issuer in capitals": {"iss": STRANGER.upper()},
    "the issuer in an array": {"iss": [STRANGER]},
    "no issuer": {"iss": None},
    "another audience": {"aud": BANK},
    "no audience": {"aud": None},
    "expired": {"iat": 1_799_990_000, "exp": 1_799_990_600},
    "expired within the leeway": {"iat": 1_799_999_000, "exp": 1_800_000_000},
    "no end": {"exp": None},
    "too long a life": {"exp": 1_900_000_000},
    "from tomorrow": {"nbf": 1_800_086_400},
    "no jti": {"jti": None},
    "no client": {"client_id": None},
    "an ID token": {"typ": "JWT"},
    "no typ": {"typ": None},
    "another key": {"key": SigningKey.generate("ES256")},
    "another algorithm": {"key": SigningKey.generate("RS256")},
    "an actor": {"act": {"sub": "bob"}},
    "two bindings": {"cnf": {"jkt": "A" * 43, "x5t#S256": "A" * 43}},
    "a binding that is not known": {"cnf": {"kid": "A" * 43}},
    "a binding to nothing": {"cnf": {}},
    "a binding of another length": {"cnf": {"jkt": "A" * 42}},
    "a scope that is an object": {"scope": {"orders:read": True}},
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_a_jwt_that_is_not_as_it_must_be_is_refused(change):
    world = Partner()
    assert code(world.call(world.place.jwt(**change))) == "invalid_token"
    assert len(world.engine.verified) == 0


def test_where_our_own_issuer_is_not_trusted_its_tokens_and_keys_are_refused():
    world = Partner(own=False)
    world.add_key("partnerkey", audience=PARTNER, scope=frozenset({"orders:read"}))
    for headers in (
        [("authorization", "Bearer {partner}")],
        [("x-api-key", "{partnerkey}")],
        [("x-api-key", "{foreignkey}")],
    ):
        decision = world.decide("/partner/reports", headers=headers)
        assert code(decision) == "invalid_token"
    assert world.lookups == 0
    assert code(world.call(world.place.jwt())) == "allow"


def test_not_even_one_that_is_remembered_from_another_api():
    world = Partner(own=False)
    world.add("abroad", audience=PARTNER, scope=frozenset({"orders:read"}))
    assert code(world.decide(token="abroad")) == "invalid_token", "it is for another audience"
    assert len(world.engine.verified) == 1
    assert code(world.call(world.tokens["abroad"])) == "invalid_token"


def test_a_jwt_that_names_no_trusted_issuer_is_judged_by_ours_or_by_nobody():
    world = Partner(own=False)
    decision = world.call(world.place.jwt(iss="https://login.example"))
    assert (code(decision), decision.detail) == (
        "invalid_token", "of our own issuer, or of nobody who is trusted here",
    )  # fmt: skip


def test_the_inside_jwt_is_worthless_where_others_are_trusted():
    world = Partner()
    assert code(world.call(world.tokens["inside"])) == "invalid_token"


# Scopes


def test_scopes_count_by_prefix():
    world = Partner(scope_prefix="https://partner.example/")
    text = world.place.jwt(scope="https://partner.example/orders:read orders:write https://x.example/y")
    assert world.call(text).facts.scope == {"orders:read"}
    assert code(world.call(text, method="POST")) == "insufficient_scope"


def test_scopes_count_by_map():
    world = Partner(scope_map={"Orders.All": ("orders:read", "orders:write")})
    assert world.call(world.place.jwt(scope="Orders.All")).facts.scope == {"orders:read", "orders:write"}
    assert code(world.call(world.place.jwt(scope="orders:read"))) == "insufficient_scope"


@pytest.mark.parametrize("roles", [["orders:read", "orders:write"], "orders:read orders:write"], ids=str)
def test_scopes_come_from_the_claim_that_is_named(roles):
    world = Partner(scope_claim="roles")
    assert world.call(world.place.jwt(scope="x", roles=roles), method="POST").facts.scope == {
        "orders:read", "orders:write",
    }  # fmt: skip


def test_a_scope_that_no_operation_asks_for_reaches_no_backend():
    world = Partner()
    assert world.inside(world.place.jwt(scope="orders:read admin root"))["scope"] == "orders:read"


# Profiles


def test_an_issuer_without_typ_is_told_by_name():
    world = Partner(kind="jwt")
    assert code(world.call(world.place.jwt(typ="JWT", jti=None))) == "allow"
    assert code(world.call(world.place.jwt(typ="JWT", nonce="n"))) == "invalid_token", "an ID token"
    world.clock.advance(1)
    facts = world.call(world.place.jwt(typ="JWT", client_id=None, azp=None, sub="job-7")).facts
    assert (facts.client_id, facts.user_id) == (f"{STRANGER}|job-7", None), "nobody says which client"


def test_a_life_can_be_kept_shorter_than_the_profile_allows():
    world = Partner(max_lifetime=300)
    assert code(world.call(world.place.jwt())) == "invalid_token"
    now = int(world.clock.time())
    assert code(world.call(world.place.jwt(exp=now + 300))) == "allow"


# Tiers


def test_a_tier_asks_what_the_configuration_says_of_the_clients():
    paying = {"scope": "orders:write", "cnf": CNF.claim(), "amr": ["pwd", "otp"], "auth_time": 1_800_000_000}

    def paid(**terms):
        world = Partner(**terms)
        world.tokens["bound"] = world.place.jwt(**paying)
        headers = [("authorization", "DPoP {bound}"), ("dpop", "{proof}")]
        return code(world.decide("/partner/payouts", method="POST", headers=headers))

    assert paid() == "insufficient_tier", "nobody says how its clients prove themselves"
    assert paid(credential="client_secret", sign_in=True) == "insufficient_tier"
    assert paid(credential="private_key_jwt") == "step_up_needed", "nor is its word taken for the sign-in"
    assert paid(credential="private_key_jwt", sign_in=True) == "allow"
    facts = (world := Partner()).call(world.place.jwt(**paying | {"cnf": None}), method="POST").facts
    assert (facts.amr, facts.auth_time) == ((), None)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"amr": ["pwd"], "acr": "gold"}, "allow"),
        ({"amr": ["pwd"], "acr": "silver"}, "step_up_needed"),
        ({"acr": "gold"}, "allow"),
        ({"amr": ["pwd", "otp"], "auth_time": 1_799_999_699}, "step_up_needed"),
        ({"amr": ["pwd", "otp"], "auth_time": None}, "step_up_needed"),
        ({"amr": ["pwd", "otp"], "auth_time": 1_800_000_031}, "invalid_token"),
        ({"amr": "pwd otp"}, "invalid_token"),
        ({"amr": ["pwd\n✓ check the tier"]}, "invalid_token"),
        ({"amr": ["pwd\x1b[2J"]}, "invalid_token"),
        ({"amr": ["mfa"], "sub": "their-app"}, "insufficient_tier"),
    ],
    ids=str,
)
def test_what_is_said_of_a_sign_in_is_held_against_the_tier(said, expected):
    world = Partner(credential="mtls", sign_in=True, two_factors_acr=frozenset({"gold"}))
    claims = {"scope": "orders:write", "cnf": CNF.claim(), "auth_time": 1_800_000_000} | said
    world.tokens["bound"] = world.place.jwt(**claims)
    headers = [("authorization", "DPoP {bound}"), ("dpop", "{proof}")]
    assert code(world.decide("/partner/payouts", method="POST", headers=headers)) == expected


def test_a_life_of_more_than_the_tier_allows_is_refused():
    world = Partner()
    now = int(world.clock.time())
    text = world.place.jwt(exp=now + 901)
    assert code(world.call(text)) == "insufficient_tier"
    assert code(world.call(text, "/partner/reports")) == "allow"


# Actors


def test_who_acts_is_told_only_if_the_issuer_is_believed():
    world = Partner(actor=True)
    claims = world.inside(world.place.jwt(act={"sub": "robot", "email": "x", "act": {"sub": "desk"}}))
    assert claims["act"] == {"sub": f"{STRANGER}|robot", "act": {"sub": f"{STRANGER}|desk"}}


def _chain(length):
    return {"sub": "x"} | ({"act": _chain(length - 1)} if length > 1 else {})


@pytest.mark.parametrize(
    "act",
    [{}, {"sub": 7}, "robot", None, {"sub": "x", "iss": "https://other.example"}, _chain(ACTORS + 1)],
    ids=lambda act: str(act)[:40],
)
def test_an_actor_who_cannot_be_told_is_refused(act):
    world = Partner(actor=True)
    text = world.place.jwt(act=act) if act is not None else world.place.jwt(act=[])
    assert code(world.call(text)) == "invalid_token"
    assert code(world.call(world.place.jwt(act=_chain(ACTORS)))) == "allow"


# What is remembered


def test_a_good_token_is_verified_once_a_minute_and_ends_when_it_ends():
    class Counting(Broken):
        asked = 0

        async def find_async(self, kid):
            Counting.asked += 1
            return keys

    world = Partner(keys=Counting())
    keys = public_keys(world.place.stranger.keys, algorithms=("ES256",))
    text = world.place.jwt()
    assert [code(world.call(text)) for _ in range(3)] == ["allow"] * 3
    assert Counting.asked == 1
    world.clock.advance(BELIEVED)
    assert code(world.call(text)) == "allow"
    assert Counting.asked == 2
    world.clock.advance(600 - BELIEVED)
    assert code(world.call(text)) == "invalid_token"


def test_an_inside_jwt_is_served_to_its_end_although_the_token_is_verified_anew():
    world = Partner()
    text = world.place.jwt()
    for _ in range(70):
        claims = world.inside(text)
        assert claims["exp"] - world.clock.time() >= REUSE_ABOVE - 1
        world.clock.advance(1)


def test_what_one_api_knows_of_a_token_no_other_reads():
    """The same token is good at two APIs that trust its issuer on different terms (CVE-2021-32701)."""
    world = Partner()
    other = Place(world.clock, scope_map={"orders:read": ("orders:write",)})
    other.stranger = world.place.stranger
    other.jwts = other.jwt_source(scope_map={"orders:read": ("orders:write",)})
    second = replace(other.api(), name="second", mount="/second")
    # One audience for two APIs is refused by the configuration; here it is the point.
    world.engine.policy = Policy((world.place.api(), second))
    text = world.place.jwt()
    assert code(world.call(text)) == "allow"
    assert code(world.call(text, method="POST")) == "insufficient_scope"
    assert code(world.call(text, "/second/orders", method="POST")) == "allow"
    assert code(world.call(text, "/second/orders")) == "insufficient_scope"


def test_what_was_known_under_another_policy_is_known_no_more():
    world = Partner()
    text = world.place.jwt()
    assert code(world.call(text)) == "allow"
    world.trust(Trust(issuers={}))
    assert code(world.call(text)) == "invalid_token"
    world.trust(Trust(issuers={STRANGER: world.place.jwt_source(scopes=frozenset({"orders:write"}))}))
    assert code(world.call(text)) == "insufficient_scope"


def test_a_token_that_is_remembered_at_two_apis_can_be_forgotten_at_one():
    world = Partner()
    verified, facts = world.engine.verified, world.call(world.place.jwt()).facts
    for name in ("one", "two"):
        verified.keep(name, facts, generation=verified.generation)
    verified._drop(next(iter(verified._entries)))
    verified._drop(next(iter(verified._entries)))
    verified.on_event(FeedEvent(1, "token", facts.token_id, 0))
    assert verified.get("two", world.clock.time()) is None


def test_the_name_of_a_foreign_token_is_none_of_ours():
    assert token_id("a") != token_id("b")
    with pytest.raises(ValueError, match=r"."):
        opaque.issued_at(token_id("a"))


# Where its keys are


def test_without_its_keys_nothing_can_be_known_and_the_others_go_on():
    world = Partner(keys=Broken())
    decision = world.call(world.place.jwt())
    assert (code(decision), decision.headers["retry-after"]) == ("unavailable", "1")
    assert code(world.call(world.place.token())) == "allow"
    assert code(world.call(world.tokens["partner"])) == "allow"


def test_no_keys_are_asked_for_a_token_that_names_another_issuer():
    class Watched(Broken):
        async def find_async(self, kid):
            raise AssertionError("asked")

    world = Partner(keys=Watched())
    assert code(world.call(world.place.jwt(iss="https://other.example"))) == "invalid_token"
    assert code(world.call(world.place.jwt(iss=f"{STRANGER}.evil.example"))) == "invalid_token"


# What is told


def test_the_metadata_names_the_issuers_of_each_api():
    world = Partner()
    place = world.place
    resources = ResourceMetadata(
        "https://partner.example", "https://login.example", ("ES256",), certificates=False
    )

    def servers(trust):
        return json.loads(
            resources.document(Policy((place.api(trust),)), "/.well-known/oauth-protected-resource")
        )["authorization_servers"]

    assert servers(place.trust) == ["https://login.example", STRANGER]
    assert servers(replace(place.trust, own=False)) == [STRANGER]


def test_a_challenge_names_the_schemes_that_could_be_good_enough():
    world = Partner()

    def challenge(path, trust=None, **more):
        world.trust(trust or world.place.trust)
        return world.decide(path, headers=[], **more).challenge

    both = 'Bearer realm="partner", Basic realm="partner", charset="UTF-8"'
    assert challenge("/partner/reports") == both
    assert "Basic" not in challenge("/partner/orders"), "a password would not be good enough"
    only = Trust(own=False, basic=world.place.basic)
    assert challenge("/partner/reports", only) == 'Basic realm="partner", charset="UTF-8"'
    world.clock.advance(31 * 86_400)
    assert challenge("/partner/reports") == 'Bearer realm="partner"'
    assert "Basic" not in challenge("/bank/accounts/7")


def test_a_jwt_whose_payload_cannot_be_read_is_no_jwt():
    world = Partner()
    text = sign_jwt(world.place.stranger.key, {"iss": STRANGER}, typ="at+jwt")
    head, _, signature = text.split(".")
    for payload in ("!", "AA", base64url.encode(b"[]"), base64url.encode(b'{"iss":"a","iss":"b"}')):
        assert code(world.call(f"{head}.{payload}.{signature}")) == "invalid_token"
    assert world.place.questions == [], "and does not begin as theirs do"
