import pytest

from issuer.house import BANK, URL, WEATHER, House, error, lived
from tokenward.tokens import opaque

INACTIVE = b'{"active": false}'
GRANT = {"grant_type": "client_credentials"}


@lived
async def test_a_live_token_tells_its_facts_to_its_resource_server(h: House):
    app = await h.client("web", "accounts:read", "offline_access")
    server = await h.client("service", f"introspect:{BANK}")
    token = (await app.redeem(await app.code())).json()["access_token"]
    now = int(h.clock.time())
    response = await server.post("/introspect", token=token)
    assert response.headers["cache-control"] == "no-store"
    assert response.json() == {
        "active": True,
        "iss": URL,
        "sub": "user-1",
        "aud": BANK,
        "client_id": app.id,
        "scope": "accounts:read offline_access",
        "iat": now,
        "exp": now + 600,
        "token_type": "Bearer",
        "jti": opaque.parse(token, kind="at").token_id,
    }


@lived
async def test_a_client_acting_for_itself_is_the_subject_and_may_look_at_its_own_token(h: House):
    app = await h.client("service", "accounts:read")
    token = (await app.token(**GRANT)).json()["access_token"]
    assert (await app.post("/introspect", token=token)).json()["sub"] == app.id


@lived
async def test_a_token_that_is_not_the_callers_business_is_inactive(h: House):
    app = await h.client("service", "accounts:read")
    token = (await app.token(**GRANT)).json()["access_token"]
    for stranger in (
        await h.client("service", "accounts:read"),
        await h.client("service", f"introspect:{WEATHER}"),
        await h.client("web", "accounts:read"),
    ):
        assert (await stranger.post("/introspect", token=token)).content == INACTIVE


@lived
async def test_dead_unknown_and_other_tokens_are_inactive(h: House):
    app = await h.client("web", "accounts:read", "offline_access")
    body = (await app.redeem(await app.code())).json()
    forged = opaque.new("at")
    text = forged.secret.reveal().replace(forged.token_id, opaque.parse(body["access_token"]).token_id)
    same_locator = text[:-6] + opaque._checksum(text[:-6])
    unknown = forged.secret.reveal()
    for token in (unknown, same_locator, body["refresh_token"], app.secret, "x", body["access_token"] + "x"):
        assert (await app.post("/introspect", token=token)).content == INACTIVE
    assert (await app.post("/introspect", token=body["access_token"])).json()["active"]
    h.clock.advance(600)
    assert (await app.post("/introspect", token=body["access_token"])).content == INACTIVE


@lived
async def test_introspection_needs_a_secret(h: House):
    spa = await h.client("spa", "accounts:read")
    token = (await spa.redeem(await spa.code())).json()["access_token"]
    assert error(await spa.post("/introspect", token=token)) == (401, "invalid_client")
    assert error(await h.http.post("/introspect", data={"token": token})) == (401, "invalid_client")


@pytest.mark.parametrize("path", ["/introspect", "/revoke"])
def test_the_token_must_be_there(tmp_path, path):
    @lived
    async def story(h: House):
        app = await h.client("service", "accounts:read")
        assert error(await app.post(path, x="y")) == (400, "invalid_request")

    story(tmp_path)


@lived
async def test_a_revoked_access_token_is_dead_and_its_grant_lives(h: House):
    app = await h.client("spa", "accounts:read", "offline_access")
    body = (await app.redeem(await app.code())).json()
    response = await app.post("/revoke", token=body["access_token"], token_type_hint="refresh_token")
    assert response.status_code == 200
    assert not await app.live(body["access_token"])
    assert (await app.refresh(body["refresh_token"])).status_code == 200


@lived
async def test_a_revoked_refresh_token_takes_the_whole_grant_along(h: House):
    app = await h.client("web", "accounts:read", "offline_access")
    first = (await app.redeem(await app.code())).json()
    second = (await app.refresh(first["refresh_token"])).json()
    assert (await app.post("/revoke", token=second["refresh_token"])).status_code == 200
    assert not await app.live(first["access_token"])
    assert not await app.live(second["access_token"])
    assert error(await app.refresh(second["refresh_token"])) == (400, "invalid_grant")


@lived
async def test_revoking_what_is_unknown_is_fine_and_twice_too(h: House):
    app = await h.client("service", "accounts:read")
    token = (await app.token(**GRANT)).json()["access_token"]
    unknown = (opaque.new("at").secret.reveal(), opaque.new("rt").secret.reveal(), "x", app.secret)
    for text in (token, token, *unknown):
        assert (await app.post("/revoke", token=text)).status_code == 200
    assert (await app.token(**GRANT)).status_code == 200, "a client secret is no token"


@lived
async def test_no_token_is_no_guess(h: House):
    app = await h.client("service", "forecast:read")
    for _ in range(25):
        assert error(await app.post("/revoke", token="")) == (400, "invalid_request")


@lived
async def test_a_jwt_is_no_guess(h: House):
    app = await h.client("service", "forecast:read")
    for number in range(25):
        assert (await app.post("/revoke", token=f"e30.e30.{number}")).status_code == 200


@lived
async def test_nobody_revokes_the_token_of_another(h: House):
    app, other = (
        await h.client("web", "accounts:read", "offline_access"),
        await h.client("web", "accounts:read"),
    )
    body = (await app.redeem(await app.code())).json()
    assert error(await other.post("/revoke", token=body["access_token"])) == (400, "invalid_grant")
    assert error(await other.post("/revoke", token=body["refresh_token"])) == (400, "invalid_grant")
    assert await app.live(body["access_token"])


@lived
async def test_a_forged_token_with_a_known_locator_revokes_nothing(h: House):
    app = await h.client("web", "accounts:read", "offline_access")
    body = (await app.redeem(await app.code())).json()
    for kind, name in (("at", "access_token"), ("rt", "refresh_token")):
        made = opaque.new(kind)
        text = made.secret.reveal().replace(made.token_id, opaque.parse(body[name]).token_id)
        forged = text[:-6] + opaque._checksum(text[:-6])
        assert (await app.post("/revoke", token=forged)).status_code == 200
    assert await app.live(body["access_token"])
