import asyncio

import pytest

from issuer.house import BANK, CALLBACK, SETTINGS, URL, WEATHER, House, lived
from tokenward.base.problems import CONFLICT, INVALID_INPUT, NOT_FOUND, Refusal
from tokenward.issuer.client_auth.registration import Proving
from tokenward.issuer.client_secrets import rotate_secret
from tokenward.issuer.clients import register
from tokenward.issuer.settings import IssuerSettings, Resource
from tokenward.tokens import opaque


def refused(tmp_path, problem=INVALID_INPUT, **settings) -> str:
    """The detail with which a registration is refused."""
    details = []

    @lived
    async def story(h: House):
        complete = {
            "name": "App",
            "client_type": "web",
            "scopes": (),
            "redirect_uris": (CALLBACK,),
            **settings,
        }
        with pytest.raises(Refusal) as caught:
            await register(h.desk, **complete)
        assert caught.value.problem is problem
        assert await h.issuer.store.clients() == []
        details.append(caught.value.detail)

    story(tmp_path)
    return details[0]


@lived
async def test_confidential_clients_get_a_secret_and_public_ones_never(h: House):
    for client_type, has_secret in (("web", True), ("service", True), ("spa", False), ("native", False)):
        app = await h.client(client_type, "accounts:read")
        assert (app.secret is not None) is has_secret
        assert len(await h.issuer.store.client_secrets(app.id)) == int(has_secret)


@lived
async def test_a_secret_is_an_opaque_token_and_is_kept_as_a_keyed_hash(h: House):
    app = await h.client("service", "accounts:read")
    parsed = opaque.parse(app.secret, kind="cs")
    (record,) = await h.issuer.store.client_secrets(app.id)
    assert record.secret_id == parsed.token_id
    assert opaque.matches(h.issuer.peppers, app.secret, record.keyed_hash)


@pytest.mark.parametrize("client_type", ["spa", "native"])
def test_no_secret_can_be_made_for_a_public_client_later(tmp_path, client_type):
    @lived
    async def story(h: House):
        app = await h.client(client_type, "accounts:read")
        with pytest.raises(Refusal) as caught:
            await rotate_secret(h.desk, app.id)
        assert caught.value.problem is INVALID_INPUT
        assert await h.issuer.store.client_secrets(app.id) == []

    story(tmp_path)


@lived
async def test_rotating_for_nobody_or_backwards_is_refused(h: House):
    app = await h.client("service", "accounts:read")
    for client_id, overlap, problem in (("nobody", 0, NOT_FOUND), (app.id, -1, INVALID_INPUT)):
        with pytest.raises(Refusal) as caught:
            await rotate_secret(h.desk, client_id, overlap=overlap)
        assert caught.value.problem is problem


@lived
async def test_a_chosen_client_id_is_taken_once(h: House):
    settings = {
        "name": "App",
        "client_type": "service",
        "scopes": ["accounts:read"],
        "client_id": "weather-bot",
    }
    client, _ = await register(h.desk, **settings)
    assert client.client_id == "weather-bot"
    with pytest.raises(Refusal) as caught:
        await register(h.desk, **settings)
    assert caught.value.problem is CONFLICT


@lived
async def test_of_ten_registrations_of_one_id_at_once_one_succeeds(h: House):
    settings = {"name": "App", "client_type": "service", "scopes": (), "client_id": "bot"}
    outcomes = await asyncio.gather(
        *(register(h.desk, **settings) for _ in range(10)), return_exceptions=True
    )
    assert sum(isinstance(each, tuple) for each in outcomes) == 1
    assert sum(isinstance(each, Refusal) and each.problem is CONFLICT for each in outcomes) == 9


@pytest.mark.parametrize(
    ("client_type", "uri"),
    [
        ("web", "https://app.example/cb"),
        ("web", "https://app.example:8443/cb?tenant=7"),
        ("web", "http://localhost:3000/cb"),
        ("spa", "http://127.0.0.1:3000/"),
        ("spa", "http://[::1]:3000/"),
        ("native", "http://127.0.0.1/cb"),
        ("native", "http://[::1]:4000/cb"),
        ("native", "com.example.app:/cb"),
        ("native", "https://app.example/cb"),
    ],
)
def test_redirect_addresses_that_may_be_registered(tmp_path, client_type, uri):
    @lived
    async def story(h: House):
        assert (await h.client(client_type, redirect_uris=(uri,))).client.redirect_uris == (uri,)

    story(tmp_path)


@pytest.mark.parametrize(
    ("client_type", "uri"),
    [
        ("web", "https://app.example/cb#x"),
        ("web", "https://app.example/cb#"),
        ("web", "http://app.example/cb"),
        ("web", "http://localhost.evil.example/cb"),
        ("web", "com.example.app:/cb"),
        ("web", "javascript:alert(1)"),
        ("web", "data:text/html,x"),
        ("web", "https://user@app.example/cb"),
        ("web", "https:///cb"),
        ("web", "https:app.example"),
        ("web", "https://app.example:99999/cb"),
        ("web", "https://app.example/\r\nx: y"),
        ("web", "https://app.example/ü"),
        ("web", "https://app.example/*|"),
        ("web", "//app.example/cb"),
        ("web", "/cb"),
        ("web", ""),
        ("web", "https://[::1/cb"),
        ("spa", "http://10.0.0.1/cb"),
        ("native", "http://localhost/cb"),
        ("native", "http://app.example/cb"),
        ("native", "myapp:/cb"),
        ("native", "myapp://cb"),
        ("native", "com.example.app://cb"),
        ("native", "com.example.app://host/cb"),
        ("native", "com.example.app:cb"),
        ("native", "javascript:alert(1)"),
        ("web", "https://app.example/" + "a" * 2_000),
    ],
)
def test_redirect_addresses_that_are_refused(tmp_path, client_type, uri):
    assert refused(tmp_path, client_type=client_type, redirect_uris=(uri,))


@pytest.mark.parametrize(
    "settings",
    [
        {"client_type": "robot"},
        {"client_type": "service"},
        {"redirect_uris": ()},
        {"redirect_uris": (CALLBACK, CALLBACK)},
        {"name": ""},
        {"name": " App"},
        {"name": "A" * 101},
        {"name": "App\n"},
        {"name": "App\u202e"},
        {"client_id": ""},
        {"client_id": "a:b"},
        {"client_id": "a" * 65},
        {"scopes": ("nonsense",)},
        {"scopes": (f"introspect:{BANK}",)},
        {"client_type": "service", "redirect_uris": (), "scopes": ("openid",)},
        {"client_type": "service", "redirect_uris": (), "scopes": ("offline_access",)},
        {"client_type": "service", "redirect_uris": (), "scopes": ("introspect:https://x.example/",)},
    ],
)
def test_registrations_that_are_refused(tmp_path, settings):
    assert refused(tmp_path, **settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"url": URL + "/"},
        {"url": URL + "/tenant"},
        {"url": "ftp://x"},
        {"url": URL + "?x"},
        {"resources": {WEATHER: Resource(BANK, "x", {})}},
        {"resources": {"weather": Resource("weather", "x", {})}},
        {"resources": {WEATHER + "#x": Resource(WEATHER + "#x", "x", {})}},
        {"resources": {WEATHER: Resource(WEATHER, "x", {"a b": "x"})}},
        {"resources": {WEATHER: Resource(WEATHER, "x", {"openid": "x"})}},
        {"resources": {WEATHER: Resource(WEATHER, "x", {"introspect:x": "x"})}},
    ],
)
def test_settings_that_are_refused(settings):
    with pytest.raises(ValueError, match=r"."):
        IssuerSettings(**{"url": SETTINGS.url, **settings})


JWT = {"client_type": "service", "redirect_uris": (), "access_token_format": "jwt"}


def test_readable_access_tokens_need_a_reason_that_says_something(tmp_path):
    assert "give a reason why that is good enough" in refused(tmp_path, **JWT)
    for reason in ("so", " " * 12, "x" * 301, "agreed\x1b[2Jwith them"):
        assert "10 to 300 printable" in refused(tmp_path, reason=reason, **JWT)


def test_a_reason_for_nothing_is_refused(tmp_path):
    assert "reason for nothing" in refused(tmp_path, reason="agreed with the auditors")


@lived
async def test_the_reason_is_kept(h: House):
    client, _ = await register(h.desk, name="A", scopes=(), reason="agreed with the auditors", **JWT)
    assert (await h.issuer.store.client(client.client_id)).reason == "agreed with the auditors"


@pytest.mark.parametrize(
    "settings",
    [
        {"client_type": "agent", "redirect_uris": ("http://127.0.0.1/cb",)},
        {"profile": "fapi2", "proving": Proving("private_key_jwt", jwks_uri="https://app.example/jwks")},
    ],
)
def test_what_always_binds_tokens_cannot_be_registered_without(tmp_path, settings):
    assert "cannot be turned off" in refused(tmp_path, bound_tokens="", **settings)
