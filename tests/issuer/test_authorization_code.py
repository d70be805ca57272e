import asyncio
import hashlib
import json

import pytest

from issuer.house import BANK, CALLBACK, KEYS, URL, House, error, lived
from tokenward.flows import pkce
from tokenward.tokens import base64url, opaque
from tokenward.tokens.acr import ACR
from tokenward.tokens.jws import verify_jws

INVALID_GRANT = (400, "invalid_grant")


@lived
async def test_a_code_becomes_tokens_for_what_was_granted(h: House):
    app = await h.client("web", "accounts:read", "offline_access")
    body = (await app.redeem(await app.code())).json()
    assert set(body) == {"access_token", "token_type", "expires_in", "scope", "refresh_token"}
    assert body["scope"] == "accounts:read offline_access"
    state = await h.issuer.store.access_token(opaque.parse(body["access_token"]).token_id)
    assert (state.token.user_id, state.token.audience, state.token.credential) == (
        "user-1",
        BANK,
        "client_secret",
    )


@lived
async def test_while_nobody_knows_which_key_is_good_nothing_is_signed_and_the_code_stays_good(h: House):
    app = await h.client("spa", "openid", "accounts:read")
    code = await app.code()
    h.issuer.signing_keys.fresh = False
    assert (await app.redeem(code)).status_code == 503
    assert (await h.http.get("/jwks.json")).status_code == 503
    h.issuer.signing_keys.fresh = True
    assert "id_token" in (await app.redeem(code)).json()


@lived
async def test_no_refresh_token_without_offline_access(h: House):
    app = await h.client("spa", "accounts:read", "offline_access")
    body = (await app.redeem(await app.code(scope="accounts:read"))).json()
    assert "refresh_token" not in body
    state = await h.issuer.store.access_token(opaque.parse(body["access_token"]).token_id)
    assert state.token.credential == "none"


@lived
async def test_the_verifier_must_be_the_one_of_the_challenge(h: House):
    app = await h.client("spa", "accounts:read")
    code = await app.code()
    assert error(await app.redeem(code, code_verifier=pkce.new_verifier().reveal())) == INVALID_GRANT
    assert error(await app.redeem(code, code_verifier=pkce.challenge(app.verifier))) == INVALID_GRANT
    assert error(await app.redeem(code, code_verifier="short")) == INVALID_GRANT
    assert error(await app.redeem(code, code_verifier="ü" * 43)) == INVALID_GRANT
    assert error(await app.redeem(code, code_verifier="")) == (400, "invalid_request")
    assert (await app.redeem(code)).status_code == 200, "a wrong guess spoils nothing"


@lived
async def test_a_code_for_one_resource_gives_no_token_for_another(h: House):
    app = await h.client("spa", "accounts:read")
    code = await app.code()
    assert error(await app.redeem(code, resource=f"{BANK}2")) == (400, "invalid_target")
    assert (await app.redeem(code, resource=BANK)).status_code == 200, "a refusal spoils nothing"


@lived
async def test_the_redirect_address_must_be_the_same(h: House):
    app = await h.client("web", "accounts:read", redirect_uris=(CALLBACK, f"{CALLBACK}2"))
    code = await app.code()
    assert error(await app.redeem(code, redirect_uri=f"{CALLBACK}2")) == INVALID_GRANT
    assert error(await app.redeem(code, redirect_uri="")) == (400, "invalid_request")
    assert (await app.redeem(code)).status_code == 200


@lived
async def test_a_code_of_another_client_is_refused_and_not_spoiled(h: House):
    app, thief = await h.client("web", "accounts:read"), await h.client("web", "accounts:read")
    code = await app.code()
    thief.verifier = app.verifier
    assert error(await thief.redeem(code)) == INVALID_GRANT
    assert (await app.redeem(code)).status_code == 200


@lived
async def test_a_replayed_code_kills_what_it_gave(h: House):
    app = await h.client("web", "accounts:read", "offline_access")
    code = await app.code()
    first = (await app.redeem(code)).json()
    assert await app.live(first["access_token"])
    assert error(await app.redeem(code)) == INVALID_GRANT
    assert not await app.live(first["access_token"])
    assert error(await app.refresh(first["refresh_token"])) == INVALID_GRANT


@lived
async def test_a_replay_after_the_code_ended_still_kills(h: House):
    app = await h.client("web", "accounts:read", "offline_access")
    code = await app.code()
    first = (await app.redeem(code)).json()
    h.clock.advance(61)
    assert error(await app.redeem(code)) == INVALID_GRANT
    assert not await app.live(first["access_token"])


@lived
async def test_who_lacks_the_verifier_cannot_kill_by_replay(h: House):
    app = await h.client("spa", "accounts:read")
    code = await app.code()
    first = (await app.redeem(code)).json()
    assert error(await app.redeem(code, code_verifier=pkce.new_verifier().reveal())) == INVALID_GRANT
    assert await app.live(first["access_token"])


@lived
async def test_of_fifty_at_once_one_wins_and_its_tokens_die(h: House):
    app = await h.client("web", "accounts:read")
    code = await app.code()
    answers = await asyncio.gather(*(app.redeem(code) for _ in range(50)))
    won = [each for each in answers if each.status_code == 200]
    assert len(won) == 1
    assert {error(each) for each in answers if each is not won[0]} == {INVALID_GRANT}
    assert not await app.live(won[0].json()["access_token"])


@lived
async def test_a_code_lives_sixty_seconds(h: House):
    app = await h.client("web", "accounts:read")
    early, late = await app.code(), await app.code(prompt="consent")
    h.clock.advance(59)
    assert (await app.redeem(early)).status_code == 200
    h.clock.advance(1)
    assert error(await app.redeem(late)) == INVALID_GRANT


@pytest.mark.parametrize("kind", ["at", "rt", "cs"])
def test_what_is_no_code_is_refused(tmp_path, kind):
    @lived
    async def story(h: House):
        app = await h.client("web", "accounts:read")
        for text in (opaque.new(kind).secret.reveal(), opaque.new("ac").secret.reveal(), "x", "ü" * 70):
            assert error(await app.redeem(text)) == INVALID_GRANT

    story(tmp_path)


@lived
async def test_a_code_with_the_right_locator_and_another_random_part_is_refused(h: House):
    app = await h.client("web", "accounts:read")
    code = await app.code()
    other = opaque.new("ac")
    text = other.secret.reveal().replace(other.token_id, opaque.parse(code).token_id)
    forged = text[:-6] + opaque._checksum(text[:-6])
    assert opaque.parse(forged, kind="ac") is not None
    assert error(await app.redeem(forged)) == INVALID_GRANT


@lived
async def test_a_code_of_a_revoked_grant_is_refused(h: House):
    app = await h.client("web", "accounts:read")
    code = await app.code()
    state = await h.issuer.store.code(opaque.parse(code).token_id)
    await h.issuer.store.revoke_grant(state.grant.grant_id, h.clock.time())
    assert error(await app.redeem(code)) == INVALID_GRANT


@lived
async def test_the_id_token_says_who_signed_in(h: House):
    app = await h.client("web", "openid", "accounts:read")
    body = (await app.redeem(await app.code(nonce="n-0S6"))).json()
    jwks = (await h.http.get("/jwks.json")).json()
    claims = json.loads(verify_jws(body["id_token"], jwks, algorithms=["RS256"]))
    half = hashlib.sha256(body["access_token"].encode()).digest()[:16]
    now = int(h.clock.time())
    assert claims == {
        "iss": URL,
        "sid": await h.issuer.store.sid_of("session-1", app.id),
        "sub": "user-1",
        "aud": app.id,
        "exp": now + 600,
        "iat": now,
        "auth_time": int(h.browser.person.auth_time),
        "amr": ["pwd"],
        "acr": ACR["single-factor"],
        "at_hash": base64url.encode(half),
        "nonce": "n-0S6",
    }
    header = json.loads(base64url.decode(body["id_token"].split(".")[0]))
    assert header == {"alg": "RS256", "kid": KEYS[1].kid, "typ": "JWT"}


@lived
async def test_no_nonce_no_claim_and_what_is_not_known_does_no_harm(h: House):
    app = await h.client("web", "openid", "accounts:read")
    odd = {"display": "popup", "ui_locales": "de fr", "claims_locales": "se", "extra": "foobar"}
    body = (await app.redeem(await app.code(scope="accounts:read openid", nonce="", **odd))).json()
    jwks = (await h.http.get("/jwks.json")).json()
    assert "nonce" not in json.loads(verify_jws(body["id_token"], jwks, algorithms=["RS256"]))


@lived
async def test_a_sign_in_and_nothing_else_gives_a_token_for_the_issuer_itself(h: House):
    app = await h.client("web", "openid")
    body = (await app.redeem(await app.code())).json()
    state = await h.issuer.store.access_token(opaque.parse(body["access_token"]).token_id)
    assert state.token.audience == URL
    assert "id_token" in body


@lived
async def test_no_id_token_without_openid(h: House):
    app = await h.client("web", "openid", "accounts:read")
    assert "id_token" not in (await app.redeem(await app.code(scope="accounts:read"))).json()


@lived
async def test_a_taken_locator_is_tried_again_and_nothing_is_consumed(h: House):
    app = await h.client("web", "accounts:read")
    first, second = await app.code(), await app.code(prompt="consent")
    real, taken = opaque.new, opaque.new("at", clock=h.clock)
    script = [taken, taken, taken]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opaque, "new", lambda kind, **more: script.pop() if script else real(kind, **more))
        assert (await app.redeem(first)).json()["access_token"] == taken.secret.reveal()
        body = (await app.redeem(second)).json()
    assert not script
    assert await app.live(body["access_token"])


@lived
async def test_locators_that_stay_taken_are_a_503_and_nothing_is_consumed(h: House):
    app = await h.client("web", "accounts:read")
    first, second = await app.code(), await app.code(prompt="consent")
    taken = opaque.new("at", clock=h.clock)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opaque, "new", lambda _kind, **_more: taken)
        assert (await app.redeem(first)).status_code == 200
        assert (await app.redeem(second)).status_code == 503
    assert (await app.redeem(second)).status_code == 200
