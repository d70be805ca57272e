"""What a hostile client does that needs more than one look at one endpoint; docs/reference/hostile-clients.md
names the test of every act.
"""

import asyncio

import httpx
import pytest

from databases import postgres_database
from issuer.house import BANK, CALLBACK, URL, WEATHER, Caller, House, answer, basic, error, lived, twins
from tokenward.flows import pkce
from tokenward.tokens import opaque

INVALID_GRANT = (400, "invalid_grant")
DATABASES = ["sqlite", "postgresql"]


def on_two_processes(story):
    """The story over two stores on one database, on each kind of database."""

    @pytest.mark.parametrize("database", DATABASES)
    def run(tmp_path, database):
        async def main(url):
            async with twins(tmp_path, url) as (here, there):
                await story(here, there)

        if database == "sqlite":
            asyncio.run(main(f"sqlite:{tmp_path / 'shared.db'}"))
            return
        with postgres_database() as url:
            asyncio.run(main(url))

    run.__name__ = story.__name__
    return run


def at(house: House, app: Caller) -> Caller:
    """The same application, at the other process."""
    return Caller(house, app.client, app.secret, app.verifier)


@on_two_processes
async def test_of_fifty_redemptions_at_two_processes_one_wins_and_its_tokens_die(here, there):
    app = await here.client("web", "accounts:read", "offline_access")
    code = await app.code()
    both = [app, at(there, app)]
    answers = await asyncio.gather(*(both[number % 2].redeem(code) for number in range(50)))
    won = [each.json() for each in answers if each.status_code == 200]
    assert len(won) == 1
    assert {error(each) for each in answers if each.status_code != 200} == {INVALID_GRANT}
    for one in both:
        assert not await one.live(won[0]["access_token"])
        assert error(await one.refresh(won[0]["refresh_token"])) == INVALID_GRANT


@on_two_processes
async def test_a_code_replayed_at_another_process_revokes_what_it_gave(here, there):
    app = await here.client("spa", "accounts:read", "offline_access")
    code = await app.code()
    given = (await app.redeem(code)).json()
    assert error(await at(there, app).redeem(code)) == INVALID_GRANT
    assert not await app.live(given["access_token"])
    assert error(await app.refresh(given["refresh_token"])) == INVALID_GRANT


@on_two_processes
async def test_of_fifty_refreshes_at_two_processes_one_family_member_comes_and_reuse_ends_it(here, there):
    app = await here.client(
        "native", "accounts:read", "offline_access", redirect_uris=("http://127.0.0.1/cb",)
    )
    address = "http://127.0.0.1/cb"
    code = await app.code()
    first = (await app.redeem(code, redirect_uri=address)).json()["refresh_token"]
    both = [app, at(there, app)]
    answers = await asyncio.gather(*(both[number % 2].refresh(first) for number in range(50)))
    given = [each.json() for each in answers if each.status_code == 200]
    assert given, "the losers within the window are told what the winner was"
    assert len({(each["access_token"], each["refresh_token"]) for each in given}) == 1
    second = (await at(there, app).refresh(given[0]["refresh_token"])).json()
    assert error(await at(there, app).refresh(first)) == INVALID_GRANT, "the thief comes late"
    for one in both:
        assert not await one.live(second["access_token"])
        assert error(await one.refresh(second["refresh_token"])) == INVALID_GRANT


@lived
async def test_no_manipulated_redirect_address_is_the_registered_one(h: House):
    app = await h.client("web", "accounts:read", redirect_uris=("https://app.example/a/cb?tenant=1",))
    for uri in (
        "https://app.example/a/cb",
        "https://app.example/a/cb?tenant=1&x=2",
        "https://app.example/a/cb?tenant=2",
        "https://app.example/a/cb?tenant=1#",
        "https://app.example/a/cb?tenant=1#@evil.example",
        "https://app.example/a/cbx?tenant=1",
        "https://app.example/a/cb/../../evil?tenant=1",
        "https://app.example/a/./cb?tenant=1",
        "https://app.example/a/%63b?tenant=1",
        "https://app.example/a%2Fcb?tenant=1",
        "https://app.example//a/cb?tenant=1",
        "https://app.example/A/cb?tenant=1",
        "https://APP.example/a/cb?tenant=1",
        "HTTPS://app.example/a/cb?tenant=1",
        "https://app.example./a/cb?tenant=1",
        "https://app.example:443/a/cb?tenant=1",
        "https://app.example.evil.example/a/cb?tenant=1",
        "https://evil.example/https://app.example/a/cb?tenant=1",
        "https://app.example@evil.example/a/cb?tenant=1",
        "https://user@app.example/a/cb?tenant=1",
        "https://app.example\\@evil.example/a/cb?tenant=1",
        "//app.example/a/cb?tenant=1",
        "/a/cb?tenant=1",
        " https://app.example/a/cb?tenant=1",
        "https://app.example/a/cb?tenant=1 ",
        "https://app.example/a/cb?tenant=1\u3000",
        "data:text/html,x",
        "urn:ietf:wg:oauth:2.0:oob",
        "*",
    ):
        # Whatever else is wrong with the request, nobody is sent anywhere.
        for wrong in ({}, {"response_type": "token"}, {"scope": "x"}, {"prompt": "none"}):
            response = await h.authorize(**{**app.request(), **wrong, "redirect_uri": uri})
            assert (response.status_code, response.text) == (400, "unregistered_redirect"), uri
            assert "location" not in response.headers


@lived
async def test_every_answer_names_the_issuer_so_that_no_other_can_pass_it_on(h: House):
    app = await h.client("web", "accounts:read")
    await h.authorize(**app.request())
    answers = [await app.decide("allow"), await h.authorize(**app.request(prompt="none", max_age="0"))]
    await h.authorize(**app.request(prompt="consent"))
    answers += [await app.decide("deny"), await h.authorize(**app.request(scope="nothing"))]
    assert [answer(each)["iss"] for each in answers] == [URL] * 4
    assert [answer(each).get("error") for each in answers] == [
        None, "login_required", "access_denied", "invalid_scope",
    ]  # fmt: skip


@lived
async def test_a_verifier_is_good_for_the_code_of_its_own_challenge_only(h: House):
    app = await h.client("spa", "accounts:read")
    code, other = await app.code(), pkce.new_verifier().reveal()
    injected = await app.code(code_challenge=pkce.challenge(other))
    assert error(await app.redeem(injected)) == INVALID_GRANT, "a code that was slipped in"
    assert error(await app.redeem(code, code_verifier=other)) == INVALID_GRANT
    assert error(await app.redeem(code, code_verifier="")) == (400, "invalid_request"), "left out"
    plain = await app.code(code_challenge=app.verifier[:43].ljust(43, "a"))
    assert error(await app.redeem(plain, code_verifier=app.verifier[:43].ljust(43, "a"))) == INVALID_GRANT
    assert (await app.redeem(code)).status_code == 200


@lived
async def test_no_parameter_of_a_token_request_widens_what_was_granted(h: House):
    scopes = ("accounts:read", "transfers:write", "forecast:read", "offline_access")
    app = await h.client("web", *scopes)
    given = (
        await app.redeem(await app.code(scope="accounts:read offline_access"), scope=" ".join(scopes))
    ).json()
    assert given["scope"] == "accounts:read offline_access"
    for scope in ("accounts:read transfers:write", "forecast:read", "openid", "accounts:read  ", "*"):
        assert error(await app.refresh(given["refresh_token"], scope=scope)) == (400, "invalid_scope"), scope
    for resource in (WEATHER, URL, "https://unknown.example/", BANK.rstrip("/"), "bank"):
        refused = await app.refresh(given["refresh_token"], resource=resource)
        assert error(refused) == (400, "invalid_target"), resource
    again = (await app.refresh(given["refresh_token"], resource=BANK)).json()
    assert (await app.introspect(again["access_token"]))["aud"] == BANK


@pytest.mark.parametrize(
    "path", ["/token", "/introspect", "/revoke", "/par", "/authorize", "/authorize/decision"]
)
def test_a_parameter_given_twice_is_refused_at_every_endpoint(tmp_path, path):
    @lived
    async def story(h: House):
        app = await h.client("web", "accounts:read")
        form = {"content-type": "application/x-www-form-urlencoded", **app.basic()}
        for name in ("grant_type", "scope", "resource", "token", "code", "client_id", "request", "decision"):
            for body in (
                f"{name}=a&{name}=a",
                f"{name}=a&x=1&%{ord(name[0]):x}{name[1:]}=b",
                f"{name}=&{name}=a",
            ):
                response = await h.http.post(path, content=body, headers=form)
                assert response.status_code == 400, body
                assert "duplicate" in response.text or "more than once" in response.text, response.text

    story(tmp_path)


@pytest.mark.parametrize("path", ["/token", "/introspect", "/revoke"])
def test_guessing_secrets_is_slowed_down_everywhere_and_locks_nobody_out(tmp_path, path):
    @lived
    async def story(h: House):
        app = await h.client("service", "accounts:read")
        form = {"grant_type": "client_credentials", "token": "tkw_x"}
        guesses = [
            await h.http.post(path, data=form, headers=basic(app.id, opaque.new("cs").secret.reveal()))
            for _ in range(25)
        ]
        assert [each.status_code for each in guesses] == [401] * 20 + [429] * 5
        assert (await app.post(path, **form)).status_code == 200, "from the same address, by the same name"

    story(tmp_path)


@pytest.mark.parametrize(("kind", "grant"), [("ac", "authorization_code"), ("rt", "refresh_token")])
def test_guessing_codes_and_refresh_tokens_is_slowed_down_and_locks_nobody_out(tmp_path, kind, grant):
    @lived
    async def story(h: House):
        app = await h.client("spa", "accounts:read", "offline_access")
        code, given = await app.code(), (await app.redeem(await app.code())).json()

        def guess():
            made = opaque.new(kind).secret.reveal()
            return app.refresh(made) if kind == "rt" else app.redeem(made)

        guesses = [await guess() for _ in range(25)]
        assert [each.status_code for each in guesses] == [400] * 20 + [429] * 5
        assert guesses[0].json() == (await app.redeem(code, code_verifier="a" * 43)).json(), "told alike"
        assert (await app.redeem(code)).status_code == 200
        assert (await app.refresh(given["refresh_token"])).status_code == 200
        # Who presents what is over learns so, and not that it should wait.
        assert error(await app.redeem(code)) == INVALID_GRANT
        elsewhere = httpx.ASGITransport(h.http._transport.app, client=("192.0.2.7", 1))
        async with httpx.AsyncClient(transport=elsewhere, base_url=URL) as other:
            form = {"grant_type": grant, "client_id": app.id, "refresh_token": "x", "code": "x"}
            form |= {"redirect_uri": CALLBACK, "code_verifier": app.verifier}
            assert error(await other.post("/token", data=form)) == INVALID_GRANT

    story(tmp_path)


@lived
async def test_one_kind_of_token_is_never_taken_for_another(h: House):
    app = await h.client("web", "accounts:read", "offline_access", "openid")
    server = await h.client("service", f"introspect:{BANK}")
    code = await app.code()
    given = (await app.redeem(await app.code(prompt="consent"))).json()
    assert error(await app.refresh(given["access_token"])) == INVALID_GRANT
    assert error(await app.refresh(code)) == INVALID_GRANT
    assert error(await app.refresh(app.secret)) == INVALID_GRANT
    assert error(await app.redeem(given["refresh_token"])) == INVALID_GRANT
    assert error(await app.redeem(given["access_token"])) == INVALID_GRANT
    for text in (given["refresh_token"], given["id_token"], code, app.secret):
        assert await server.introspect(text) == {"active": False}
        assert await app.introspect(text) == {"active": False}
    as_secret = await h.http.post(
        "/token", data={"grant_type": "x"}, headers=basic(app.id, given["access_token"])
    )
    assert error(as_secret) == (401, "invalid_client")


@lived
async def test_whoever_stole_something_of_another_client_can_neither_use_nor_spoil_it(h: House):
    app = await h.client("web", "accounts:read", "offline_access")
    thieves = [await h.client(kind, "accounts:read", "offline_access") for kind in ("web", "spa")]
    code = await app.code()
    given = (await app.redeem(await app.code(prompt="consent"))).json()
    for thief in thieves:
        thief.verifier = app.verifier  # it has seen everything
        assert error(await thief.redeem(code)) == INVALID_GRANT
        assert error(await thief.refresh(given["refresh_token"])) == INVALID_GRANT
        assert error(await thief.post("/revoke", token=given["refresh_token"])) == INVALID_GRANT
    assert await thieves[0].introspect(given["access_token"]) == {"active": False}
    assert (await app.redeem(code)).status_code == 200
    assert (await app.refresh(given["refresh_token"])).status_code == 200


@lived
async def test_a_public_client_is_not_a_confidential_one_nor_the_other_way_round(h: House):
    public, confidential = await h.client("spa", "accounts:read"), await h.client("web", "accounts:read")
    code, own = await confidential.code(), await public.code()
    form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK}
    silent = {**form, "client_id": confidential.id, "code": code, "code_verifier": confidential.verifier}
    assert error(await h.http.post("/token", data=silent)) == (401, "invalid_client")
    empty = {**silent, "client_secret": ""}
    assert error(await h.http.post("/token", data=empty)) == (401, "invalid_client")
    claimed = {**form, "code": own, "code_verifier": public.verifier}
    for secret in (confidential.secret, "x", opaque.new("cs").secret.reveal()):
        refused = await h.http.post("/token", data=claimed, headers=basic(public.id, secret))
        assert error(refused) == (401, "invalid_client")
    credentials = await public.token(grant_type="client_credentials", scope="accounts:read")
    assert error(credentials) == (400, "unauthorized_client")
    assert (await confidential.redeem(code)).status_code == 200
    assert (await public.redeem(own)).status_code == 200


def test_nothing_that_opens_anything_lies_in_the_database(tmp_path):
    """Whoever has a copy of it has no token, no code and no secret (OAuth 2.1 §1.4, §4.3)."""
    secrets = []

    @lived
    async def story(h: House):
        app = await h.client("web", "accounts:read", "offline_access")
        code, kept = await app.code(), await app.code(prompt="consent")
        first = (await app.redeem(code)).json()
        second = (await app.refresh(first["refresh_token"])).json()
        secrets.extend([app.secret, code, kept])
        secrets.extend(each[name] for each in (first, second) for name in ("access_token", "refresh_token"))

    story(tmp_path)
    stored = b"".join(each.read_bytes() for each in tmp_path.iterdir())
    assert len(set(secrets)) == 7
    for secret in secrets:
        random = secret.split("_")[2][11:-6]
        assert secret.split("_")[2][:11].encode() in stored, "it is known by its locator"
        assert random.encode() not in stored
