"""Attacks on an API by way of those whom it trusts: confused caches, keys, addresses and questions.

The stranger here is a real server on loopback that turns against us, and what asks it is what `app` wires.
The gateway must refuse, or say that it cannot know, and be well again by itself.
"""

import asyncio
import json
import time
from base64 import b64encode
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.stranger import served_stranger
from gateway.test_trust import STRANGER, Partner
from gateway.trusted import PARTNER, Place
from gateway.wire import through
from gateway.world import BANK, START, World, code
from tokens.minting import mint
from tokenward.app.issuer_keys import issuer_keys
from tokenward.app.trust_settings import IssuerKeys
from tokenward.base.addresses import LOOPBACK
from tokenward.base.outbound import OutboundClient
from tokenward.gateway.introspection import Server
from tokenward.gateway.policy import Policy
from tokenward.gateway.trust import Trust
from tokenward.tokens import opaque
from tokenward.tokens.jwks import JwksSource
from tokenward.tokens.keys import SigningKey, members

SECONDS = 0.4  # for which a server is waited for here


class Abroad(Partner):
    """A partner whose stranger is a real server, asked by the real client."""

    def __init__(self, stranger, *, resolver=None, keys=None, url=None, max_bytes=262_144):
        super().__init__()
        stranger.clock = self.clock.time
        self.place.stranger = stranger
        self.client = OutboundClient(
            allow=LOOPBACK if resolver is None else (),
            timeout=SECONDS,
            max_bytes=max_bytes,
            https_only=False,
            resolver=resolver,
        )
        keys = keys or JwksSource(url or f"{stranger.issuer}/keys", fetch=self.client.get, clock=self.clock)
        self.place.jwts = self.place.jwt_source(keys=keys)
        server = Server(
            url or f"{stranger.issuer}/introspect", lambda: (None, {}), self.client.post_form_async
        )
        self.place.opaque = self.place.opaque_source(server=server)
        self.trust(self.place.trust)

    def both(self):
        """What becomes of a good JWT and of a good opaque token now."""
        return [code(self.call(self.place.jwt())), code(self.call(self.place.token()))]


@pytest.fixture
def stranger():
    with served_stranger() as served:
        yield served


# 12. Several credentials at once


@pytest.mark.parametrize(
    "headers",
    [
        [("authorization", "Bearer {theirs}"), ("authorization", "Bearer {partner}")],
        [("authorization", "Bearer {theirs}"), ("x-api-key", "{apikey}")],
        [("authorization", "Basic {reports}"), ("authorization", "Bearer {theirs}")],
        [("authorization", "Basic {reports}"), ("x-api-key", "{apikey}"), ("cookie", "token={theirs}")],
    ],
    ids=["two issuers", "token and key", "Basic and token", "Basic, key and cookie"],
)
def test_attack_12_several_credentials_are_none(headers):
    async def scenario(gateway):
        raw = gateway.raw("/partner/reports", headers=headers)
        status, _, body = await gateway.send(raw)
        assert (status, json.loads(body)["type"]) == (400, "urn:tokenward:problem:several_credentials")
        assert gateway.backend.requests == 0

    through(scenario)


# 19 to 21. Confused caches


def test_attack_19_what_is_remembered_with_one_scope_opens_no_other():
    async def scenario(gateway):
        for name in ("theirs", "their_opaque"):
            headers = [("authorization", "Bearer {" + name + "}")]
            statuses = [
                (await gateway.send(gateway.raw("/partner/orders", method, headers)))[0]
                for method in ("GET", "POST", "GET")
            ]
            assert statuses == [200, 403, 200]

    through(scenario)


def test_attack_20_the_same_text_from_two_issuers_stays_two_tokens():
    """One API trusts one server, another API another; both know the same text (GHSA-4mq7-pvjg-xp2r)."""
    world = Partner()
    other = Place(world.clock)
    other.stranger.issuer = "https://other.example"
    other.opaque = other.opaque_source(issuer="https://other.example")
    world.place.stranger.opaque(PARTNER, "their-same", scope="orders:read")
    other.stranger.opaque(PARTNER, "their-same", sub="mallory", scope="orders:write")
    trust = Trust(opaque={"their-": other.opaque})
    second = replace(other.api(trust), name="second", mount="/second")
    world.engine.policy = Policy((world.place.api(), second))
    for _ in range(2):
        assert world.call("their-same").facts.subject == f"{STRANGER}|alice"
        assert code(world.call("their-same", method="POST")) == "insufficient_scope"
        facts = world.call("their-same", "/second/orders", method="POST").facts
        assert facts.subject == "https://other.example|mallory"
        assert code(world.call("their-same", "/second/orders")) == "insufficient_scope"


def test_attack_20_an_answer_about_another_issuer_s_token_is_not_taken():
    world = Partner()
    assert code(world.call(world.place.token(iss="https://evil.example"))) == "invalid_token"
    assert code(world.call(world.place.token(iss=None))) == "allow", "the server speaks for itself"


def test_attack_21_nothing_is_good_past_its_end_a_revocation_or_a_change_of_policy():
    world = Partner()
    jwt, text = world.place.jwt(), world.place.token()
    assert [code(world.call(each)) for each in (jwt, text)] == ["allow", "allow"]
    world.place.stranger.tokens[text] = {"active": False}
    world.clock.advance(30)
    assert [code(world.call(each)) for each in (jwt, text)] == ["allow", "invalid_token"]
    world.trust(Trust())
    assert code(world.call(jwt)) == "invalid_token"
    world.trust(world.place.trust)
    world.clock.advance(570)
    assert code(world.call(jwt)) == "invalid_token"


def test_attack_21_two_tokens_with_the_same_beginning_and_end_are_two(stranger):
    """Keys of a cache that are a part of the token take one for another (CVE-2026-35030)."""
    world = Abroad(stranger)
    long = "their-" + "x" * 200
    world.place.token(text=f"{long}-1-{long}")
    assert code(world.call(f"{long}-1-{long}")) == "allow"
    assert code(world.call(f"{long}-2-{long}")) == "invalid_token"
    jwt = world.place.jwt()
    assert code(world.call(jwt)) == "allow"
    head, payload, signature = jwt.split(".")
    assert code(world.call(f"{head}.{payload}.{signature[:-4]}AAAA")) == "invalid_token"


# 22. Questions that say more than they should


@pytest.mark.parametrize(
    "text", ["x&client_id=evil", "x&token=other", "x%26client_id=evil", "x=&active=true", "x+y/z=="]
)
def test_attack_22_a_token_cannot_add_to_the_question(text, stranger):
    world = Abroad(stranger)
    assert code(world.call(f"their-{text}")) == "invalid_token"
    asked = asyncio.run(_asked(world, f"their-{text}"))
    assert asked == {"token": f"their-{text}", "token_type_hint": "access_token"}, "were it to come so far"


async def _asked(world, text):
    await world.place.opaque.judge(text, "192.0.2.1")
    return world.place.stranger.forms[-1]


# 23. Addresses and keys


@pytest.mark.parametrize("name", ["jku", "x5u"])
def test_attack_23_a_token_cannot_say_where_its_keys_are(name, stranger):
    world = Abroad(stranger)
    mallory = SigningKey.generate("ES256")
    claims = {
        "iss": stranger.issuer, "aud": PARTNER, "sub": "alice", "client_id": "x", "jti": "1",
        "scope": "orders:read", "iat": int(START), "exp": int(START) + 600,
    }  # fmt: skip
    text = mint(claims, mallory, typ="at+jwt", **{name: f"{stranger.issuer}/theirs"})
    assert code(world.call(text)) == "invalid_token"
    assert f"{stranger.issuer}/theirs" not in stranger.asked


def test_attack_23_a_token_cannot_bring_its_key(stranger):
    world = Abroad(stranger)
    mallory = SigningKey.generate("ES256")
    claims = {
        "iss": stranger.issuer,
        "aud": PARTNER,
        "sub": "alice",
        "iat": int(START),
        "exp": int(START) + 60,
    }
    text = mint(claims, mallory, typ="at+jwt", jwk=members(mallory.private.public_key()))
    assert code(world.call(text)) == "invalid_token"


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1]/",
        "http://10.0.0.1/",
        "gopher://127.0.0.1/",
    ],
)
def test_attack_23_an_address_that_is_not_meant_is_never_reached(url, stranger):
    """Even if the issuer's metadata, or the configuration, names it."""
    world = Abroad(stranger, url=url)
    world.client._allow = ()  # what nobody named
    assert world.both() == ["unavailable", "unavailable"]
    assert stranger.asked == []


def test_attack_23_a_name_that_turns_inwards_after_the_check_is_not_followed(stranger):
    """DNS rebinding: the connection goes to the address that was checked, and that one was refused."""
    port = stranger.issuer.rpartition(":")[2]
    answers = iter([["93.184.215.14", "127.0.0.1"], ["127.0.0.1"], ["169.254.169.254"], ["::ffff:127.0.0.1"]])
    world = Abroad(
        stranger, url=f"http://stranger.example:{port}/keys", resolver=lambda host, port: next(answers)
    )
    for _ in range(2):
        assert world.both() == ["unavailable", "unavailable"]
        world.clock.advance(2)
    assert stranger.asked == []


def _redirect(handler):
    handler.answer({}, 302, location="/keys")


def _hang(_handler):
    time.sleep(SECONDS + 0.3)


def _nothing(handler):
    handler.close_connection = True


def _flood(handler):
    handler.answer(b" " * 10_000_000)


def _error(handler):
    handler.answer({"keys": []}, 500)


def _many(handler):
    key = SigningKey.generate("ES256").public_jwk()
    handler.answer({"active": "perhaps", "keys": [key | {"kid": str(n)} for n in range(10_000)]})


def _empty(handler):
    handler.answer({"keys": []})


def _drip(handler):
    handler.send_response(200)
    handler.send_header("content-length", "1000")
    handler.end_headers()
    for _ in range(40):
        try:
            handler.wfile.write(b" ")
        except OSError:
            return
        time.sleep(0.02)


@pytest.mark.parametrize(
    "fault",
    [_redirect, _hang, _nothing, _flood, _error, _many, _empty, _drip],
    ids=lambda fault: fault.__name__[1:],
)
def test_attack_23_a_server_that_turns_against_us_gives_nobody_entry_and_is_taken_again(fault, stranger):
    world = Abroad(stranger)
    stranger.fault = fault
    assert world.both() == ["unavailable", "unavailable"]
    assert code(world.call(world.tokens["partner"])) == "allow", "our own tokens are no matter of theirs"
    stranger.fault = None
    world.clock.advance(11)
    assert world.both() == ["allow", "allow"], "by itself"


def test_attack_23_keys_that_were_good_are_kept_while_their_server_is_down(stranger):
    world = Abroad(stranger)
    assert code(world.call(world.place.jwt())) == "allow"
    stranger.fault = _error
    world.clock.advance(400)
    text = world.place.jwt()
    code(world.call(text))
    assert code(world.call(text)) == "allow"


# 24. Storms


def test_attack_24_invented_key_names_cause_a_fetch_now_and_then(stranger):
    world = Abroad(stranger)
    assert code(world.call(world.place.jwt())) == "allow"
    for number in range(200):
        mallory = replace(SigningKey.generate("ES256"), kid=f"invented-{number}")
        answer = code(world.call(world.place.jwt(key=mallory), peer=f"198.51.100.{number}"))
        assert answer in {"invalid_token", "unavailable"}
    assert stranger.asked.count("/keys") <= 2
    assert code(world.call(world.place.jwt())) == "allow"


def test_attack_24_forged_tokens_of_ours_end_at_the_checksum():
    world = World()
    good = opaque.new("at").secret.reveal()
    for number in range(200):
        forged = good[:-6] + f"{number:06d}"
        decision = world.decide(headers=[("authorization", f"Bearer {forged}")])
        assert code(decision) == "invalid_token", "no throttle had to step in"
    assert world.lookups == 0
    assert world.place.questions == [], "nor were they shown to anybody"


# Whatever an issuer says


_NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
_JSON = st.recursive(
    st.none() | st.booleans() | _NUMBERS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
_NAMES = (
    "active iss aud sub client_id scope exp iat nbf cnf act amr acr auth_time token_type token_use typ jti"
)
_SAID = st.sampled_from(_NAMES.split())
_REFUSED = {"invalid_token", "insufficient_scope", "insufficient_tier", "dpop_proof_refused"}


@given(st.dictionaries(_SAID, _JSON, max_size=4))
@settings(max_examples=300)
def test_whatever_an_issuer_says_a_decision_comes_of_it_and_no_fault_of_ours(said):
    world = Partner(actor=True, sign_in=True, two_factors_acr=frozenset({"gold"}))
    world.place.stranger.tokens["their-x"] = world.place.stranger.tokens[world.place.token()] | said
    jwt = world.place.stranger.jwt(PARTNER, **(said | {"iss": STRANGER}))
    for decision in (world.call("their-x"), world.call(jwt)):
        if code(decision) == "unavailable":
            assert decision.detail.endswith("`active` is no boolean")
        else:
            assert code(decision) in {"allow", *_REFUSED}


@given(st.binary(max_size=60))
def test_whatever_stands_after_basic_a_decision_comes_of_it(said):
    world = Partner()
    credentials = b64encode(said).decode()
    decision = world.decide("/partner/reports", headers=[("authorization", f"Basic {credentials}")])
    assert code(decision) in {"basic_refused", "invalid_token", "allow"}


# What app wires


def test_keys_come_from_the_issuer_s_own_metadata(stranger, tmp_path):
    keys = issuer_keys(IssuerKeys(), stranger.issuer, (), tmp_path)
    world = Abroad(stranger, keys=keys)
    assert code(world.call(world.place.jwt())) == "allow"
    assert stranger.asked == ["/.well-known/openid-configuration", "/keys"]


def test_an_audience_of_another_api_does_not_count_although_the_issuer_is_trusted(stranger):
    world = Abroad(stranger)
    assert code(world.call(stranger.jwt(BANK, scope="orders:read"))) == "invalid_token"
    assert code(world.call(stranger.opaque(BANK, scope="orders:read"))) == "invalid_token"
