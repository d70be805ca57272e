"""Whom a client means: `id_token_hint`, the claim `sub`, `login_hint`, and who is asked to choose."""

import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from issuer.house import URL, House, Person, lived
from issuer.test_claims import read
from tokenward.issuer.id_token_hint import HINT_AGE
from tokenward.store.records import RelyingParty
from tokenward.tokens import base64url
from tokenward.tokens.jws import sign_jwt, verify_jws
from tokenward.tokens.keys import SigningKey
from tokenward.tokens.subjects import subject

BEN = Person("user-2", "ben", "session-2")


async def hinting(h: House, **policy):
    """An app, and an ID token of Ada's sign-in to it."""
    app = await h.client("web", "openid", **policy)
    return app, (await app.redeem(await app.code())).json()["id_token"]


def outcome(response) -> str:
    """What came of a request: consent, sign-in, code or an error."""
    if response.status_code == 200:
        return response.text
    location = urlsplit(response.headers["location"])
    query = parse_qs(location.query)
    return location.path if location.path == "/sign-in" else query.get("error", ["code"])[0]


@lived
async def test_the_person_of_the_hint_is_let_through_and_nobody_else(h: House):
    app, hint = await hinting(h)
    assert outcome(await h.authorize(**app.request(id_token_hint=hint, prompt="none"))) == "code"
    h.browser.person = BEN
    await app.code()
    assert outcome(await h.authorize(**app.request(prompt="none"))) == "code"
    assert outcome(await h.authorize(**app.request(id_token_hint=hint, prompt="none"))) == "login_required"


@lived
async def test_another_person_is_asked_to_sign_in_as_the_one_who_is_meant_once(h: House):
    app, hint = await hinting(h)
    h.browser.person = BEN
    sent = await h.authorize(**app.request(id_token_hint=hint))
    assert outcome(sent) == "/sign-in"
    assert h.browser.asked["choose"] is True
    back = parse_qs(urlsplit(sent.headers["location"]).query)["continue"][0]
    assert outcome(await h.http.get(back)) == "login_required", "came back as Ben"
    h.browser.person = Person(session_id="session-3")
    assert outcome(await h.http.get(back)) == "code"


@lived
async def test_an_id_token_is_signed_by_the_key_that_took_over_and_older_ones_stay_good(h: House):
    app, hint = await hinting(h)
    h.issuer.signing_keys.keys.insert(0, fresh := SigningKey.generate("RS256"))
    later = (await app.redeem(await app.code(prompt="consent"))).json()["id_token"]
    jwks = (await h.http.get("/jwks.json")).json()
    for token in (hint, later):
        assert json.loads(verify_jws(token, jwks, algorithms=["RS256"]))["aud"] == app.id
        assert outcome(await h.authorize(**app.request(id_token_hint=token, prompt="none"))) == "code"
    assert json.loads(base64url.decode(later.split(".")[0]))["kid"] == fresh.kid


@lived
async def test_a_hint_may_have_expired_but_not_long_ago(h: House):
    app, hint = await hinting(h)
    h.clock.advance(HINT_AGE)
    assert outcome(await h.authorize(**app.request(id_token_hint=hint, prompt="none"))) == "code"
    h.clock.advance(1)
    assert outcome(await h.authorize(**app.request(id_token_hint=hint, prompt="none"))) == "invalid_request"


@lived
async def test_the_hint_of_another_client_is_refused(h: House):
    _, hint = await hinting(h)
    app, _ = await hinting(h)
    assert outcome(await h.authorize(**app.request(id_token_hint=hint, prompt="none"))) == "invalid_request"


@lived
async def test_what_is_no_id_token_of_ours_is_no_hint(h: House):
    app = await h.client(
        "web",
        "openid",
        access_token_format="jwt",
        openid=RelyingParty(userinfo_signed_response_alg="RS256"),
    )
    body = (await app.redeem(await app.code())).json()
    claims = read(body["id_token"], "RS256")
    userinfo = await h.http.get("/userinfo", headers={"authorization": f"Bearer {body['access_token']}"})
    ring = h.issuer.signing_keys
    header, payload, signature = body["id_token"].split(".")
    unsigned = base64url.encode(json.dumps({"alg": "none"}).encode())
    changed = base64url.encode(json.dumps({**claims, "sub": "user-2"}).encode())
    foreign = SigningKey.generate("RS256")
    for what, hint in {
        "an access token": body["access_token"],
        "userinfo": userinfo.text,
        "of another type": sign_jwt(ring.signer("RS256"), claims, typ="logout+jwt"),
        "of another issuer": sign_jwt(
            ring.signer("RS256"), {**claims, "iss": "https://x.example"}, typ="JWT"
        ),
        "signed by somebody else": sign_jwt(foreign, claims, typ="JWT"),
        "unsigned": f"{unsigned}.{payload}.",
        "changed": f"{header}.{changed}.{signature}",
        "nonsense": "x.y.z",
    }.items():
        assert outcome(await h.authorize(**app.request(id_token_hint=hint))) == "invalid_request", what


@lived
async def test_pairwise_people_are_recognised_under_their_own_name_there(h: House):
    app, hint = await hinting(h, subject_type="pairwise", sector="shop.example")
    assert read(hint, "RS256")["sub"] != "user-1"
    assert outcome(await h.authorize(**app.request(id_token_hint=hint, prompt="none"))) == "code"
    own = subject(h.issuer.pairwise_key, "user-1", "shop.example")
    for value, came in ((own, "code"), ("user-1", "login_required")):
        asked = json.dumps({"id_token": {"sub": {"value": value}}})
        assert outcome(await h.authorize(**app.request(claims=asked, prompt="none"))) == came, value


@lived
async def test_a_subject_that_is_asked_for_is_the_only_one_who_answers(h: House):
    app, hint = await hinting(h)
    for said, came in (
        ({"value": "user-1"}, "code"),
        ({"values": ["user-2", "user-1"]}, "code"),
        ({"value": "user-2"}, "login_required"),
        ({"values": []}, "login_required"),
    ):
        asked = json.dumps({"id_token": {"sub": said}})
        assert outcome(await h.authorize(**app.request(claims=asked, prompt="none"))) == came, said
    both = json.dumps({"userinfo": {"sub": {"value": "user-2"}}})
    refused = await h.authorize(**app.request(claims=both, id_token_hint=hint, prompt="none"))
    assert outcome(refused) == "login_required", "both must fit"


@lived
async def test_a_subject_that_is_not_meant_is_refused_at_the_decision_too(h: House):
    app, hint = await hinting(h)
    assert outcome(await h.authorize(**app.request(id_token_hint=hint, prompt="consent"))) == "consent"
    h.browser.person = replace(BEN, session_id="session-1")
    assert outcome(await app.decide("allow")) != "code"


@lived
async def test_a_login_hint_goes_to_the_sign_in_page_and_proves_nothing(h: House):
    app = await h.client("web", "openid")
    assert outcome(await h.authorize(**app.request(login_hint="ben"))) == "consent", "Ada is signed in"
    h.browser.person = None
    assert outcome(await h.authorize(**app.request(login_hint="ben"))) == "/sign-in"
    assert h.browser.asked == {"hint": "ben", "choose": False}
    assert outcome(await h.authorize(**app.request(login_hint="x" * 256))) == "invalid_request"


@lived
async def test_select_account_lets_a_person_choose_once(h: House):
    app, _ = await hinting(h)
    sent = await h.authorize(**app.request(prompt="select_account"))
    assert outcome(sent) == "/sign-in"
    assert h.browser.asked["choose"] is True
    query = parse_qs(urlsplit(sent.headers["location"]).query)
    assert query["since"] == ["0.0"], "who chooses to go on needs no new proof"
    assert outcome(await h.http.get(query["continue"][0])) == "code"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_id_tokens_are_signed_as_the_client_is_registered(algorithm, tmp_path):
    @lived
    async def signed(h: House):
        app, token = await hinting(h, openid=RelyingParty(id_token_signed_response_alg=algorithm))
        claims = read(token, algorithm)
        assert (claims["iss"], claims["aud"]) == (URL, app.id)
        assert outcome(await h.authorize(**app.request(id_token_hint=token, prompt="none"))) == "code"

    signed(tmp_path)


@lived
async def test_a_session_has_another_name_at_every_client_and_one_at_each(h: House):
    app, first = await hinting(h)
    again = (await app.redeem(await app.code(prompt="consent"))).json()["id_token"]
    _, other = await hinting(h)
    sids = [read(token, "RS256")["sid"] for token in (first, again, other)]
    assert sids[0] == sids[1] != sids[2]
    h.browser.person = Person(session_id="session-9")
    later = (await app.redeem(await app.code(prompt="consent"))).json()["id_token"]
    assert read(later, "RS256")["sid"] not in sids
    assert "session-1" not in sids


@lived
async def test_no_code_comes_of_a_session_that_has_ended_meanwhile(h: House):
    app = await h.client("web", "openid")
    await h.authorize(**app.request())
    await h.issuer.store.end_session("session-1")
    refused = await app.decide("allow")
    assert (refused.status_code, refused.text) == (400, "consent expired_form")
