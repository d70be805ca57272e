import pytest

from issuer.house import BANK, SETTINGS, URL, WEATHER, House, error, lived
from tokenward.base.problems import INVALID_SCOPE, Refusal
from tokenward.issuer.scopes import parse_scope

GRANT = {"grant_type": "client_credentials"}


async def record(h: House, response):
    token = response.json()["access_token"]
    return (await h.issuer.store.access_token(token.split("_")[2][:11])).token


@lived
async def test_a_token_has_what_was_asked_for(h: House):
    app = await h.client("service", "accounts:read", "transfers:write")
    response = await app.token(**GRANT, scope="accounts:read")
    body = response.json()
    assert set(body) == {"access_token", "token_type", "expires_in", "scope"}
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 600, "accounts:read")
    stored = await record(h, response)
    assert (stored.audience, stored.scope, stored.client_id) == (BANK, ("accounts:read",), app.id)
    assert (stored.user_id, stored.grant_id, stored.credential) == (None, None, "client_secret")
    assert stored.expires_at - stored.issued_at == SETTINGS.access_token_lifetime
    assert body["access_token"].encode() not in stored.keyed_hash


@lived
async def test_without_scope_all_that_the_client_has_at_its_one_resource(h: House):
    app = await h.client("service", "accounts:read", "transfers:write", f"introspect:{BANK}")
    assert (await app.token(**GRANT)).json()["scope"] == "accounts:read transfers:write"


@lived
async def test_without_scope_a_client_of_two_resources_must_name_one(h: House):
    app = await h.client("service", "accounts:read", "forecast:read")
    assert error(await app.token(**GRANT)) == (400, "invalid_target")
    response = await app.token(**GRANT, resource=WEATHER)
    assert response.json()["scope"] == "forecast:read"
    assert (await record(h, response)).audience == WEATHER


@lived
async def test_without_scope_a_client_that_has_none_at_a_resource_gets_no_token_for_it(h: House):
    app = await h.client("service", "accounts:read")
    assert error(await app.token(**GRANT, resource=WEATHER)) == (400, "invalid_scope")


@pytest.mark.parametrize("text", ["", " ", "a  b", " a", "a ", "a\tb", 'a"b', "a\\b", "ü", "a\u00a0b"])
def test_a_scope_that_is_no_list_of_tokens_is_refused(text):
    with pytest.raises(Refusal) as refused:
        parse_scope(text)
    assert refused.value.problem is INVALID_SCOPE


@lived
async def test_a_scope_of_two_resources_needs_the_resource_named(h: House):
    app = await h.client("service", "shared")
    assert error(await app.token(**GRANT, scope="shared")) == (400, "invalid_target")
    assert (await record(h, await app.token(**GRANT, scope="shared", resource=BANK))).audience == BANK


@lived
async def test_one_token_is_for_one_resource(h: House):
    app = await h.client("service", "accounts:read", "forecast:read")
    assert error(await app.token(**GRANT, scope="accounts:read forecast:read")) == (400, "invalid_target")
    assert error(await app.token(**GRANT, scope="accounts:read", resource=WEATHER)) == (400, "invalid_scope")
    assert error(await app.token(**GRANT, scope="accounts:read", resource="https://x.example/")) == (
        400,
        "invalid_target",
    )
    assert error(await app.token(**GRANT, scope="accounts:read", resource=URL)) == (400, "invalid_target")


@lived
async def test_a_client_gets_no_scope_that_it_was_not_registered_for(h: House):
    app = await h.client("service", "accounts:read", f"introspect:{BANK}")
    wide = ("transfers:write", "accounts:read transfers:write", "nonsense", "openid", "offline_access")
    for scope in (*wide, f"introspect:{BANK}", "accounts:read  ", " accounts:read", 'acc"ounts', "a\\b", "ü"):
        assert error(await app.token(**GRANT, scope=scope)) == (400, "invalid_scope"), scope


@lived
async def test_a_repeated_scope_counts_once(h: House):
    app = await h.client("service", "accounts:read", "transfers:write")
    response = await app.token(**GRANT, scope="transfers:write accounts:read transfers:write")
    assert response.json()["scope"] == "transfers:write accounts:read"


@lived
async def test_an_unknown_parameter_is_ignored(h: House):
    app = await h.client("service", "accounts:read")
    assert (await app.token(**GRANT, audience="x", colour="blue")).status_code == 200


@lived
async def test_web_clients_may_act_for_themselves_but_never_with_a_person_scope(h: House):
    app = await h.client("web", "accounts:read", "openid", "offline_access")
    assert (await app.token(**GRANT)).json()["scope"] == "accounts:read"
    assert error(await app.token(**GRANT, scope="accounts:read openid")) == (400, "invalid_scope")
