"""A person's claim from the command line to the one that it is released to, and to nobody else."""

import asyncio
import contextlib
import json
import re

import httpx
import pytest
from typer.testing import CliRunner

from app.test_cli import OPENAPI
from tokenward.app.cli import application
from tokenward.app.config import load
from tokenward.app.foundation import foundation
from tokenward.app.servers import INSIDE_PATH, gateway_engine, issuer_app
from tokenward.flows import pkce
from tokenward.gateway.access import AccessRequest, Allow, HeldBody
from tokenward.issuer.clients import register
from tokenward.store.port import StoreUnavailable
from tokenward.store.records import AuthorizationCode, Grant
from tokenward.store.usage import UsageLog
from tokenward.tokens import base64url, opaque
from tokenward.tokens.jws import verify_jws
from tokenward.tokens.release import MINIMUM

OTHER = """  other:
    openapi: bank.json
    upstream: http://127.0.0.1:9003
    risk: moderate
"""
POLICY = """    claims:
      inside: [email, auth_time, teams]
      introspection: [teams]
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments, code=0, stdin=None):
        result = CliRunner().invoke(application, list(arguments), input=stdin)
        assert result.exit_code == code, result.output
        return result

    (tmp_path / "bank.json").write_text(json.dumps(OPENAPI))
    invoke("protect", "bank.json", "--upstream", "http://127.0.0.1:9002", "--name", "bank")
    invoke("init")
    with (tmp_path / "tokenward.yaml").open("a") as file:
        file.write(OTHER)
    return invoke


@pytest.fixture
def policy(tmp_path):
    """Write a release policy for the bank."""

    def write(text):
        path = tmp_path / "tokenward.yaml"
        lines = path.read_text()
        assert lines.count("  bank:\n") == 1
        path.write_text(lines.replace("  bank:\n", f"  bank:\n{text}"))
        return path

    return write


@pytest.fixture
def ada(run):
    run(
        "users", "add", "ada", "--claim", "email=ada@example.com", "--claim", "phone_number=+49 30 1234567",
        "--claim", 'teams:=["red", "blue"]',
        stdin="correct horse battery\n",
    )  # fmt: skip


class Town:
    """The issuer and the gateway over one configuration, without sockets."""

    def __init__(self, ground, http, engine):
        self.ground, self.http, self.engine = ground, http, engine

    async def app(self, **policy):
        client, secret = await register(
            self.ground.client_desk,
            name="App",
            client_type="web",
            scopes=["openid", "email", "accounts:read"],
            redirect_uris=["https://app.example/cb"],
            **policy,
        )
        return client, httpx.BasicAuth(client.client_id, secret.reveal())

    async def server(self, audience):
        client, secret = await register(
            self.ground.client_desk, name="Server", client_type="service", scopes=[f"introspect:{audience}"]
        )
        return httpx.BasicAuth(client.client_id, secret.reveal())

    async def tokens(self, client, auth, api="bank"):
        """What a code gives that ada consented to."""
        store, now = self.ground.store, self.ground.clock.time()
        user = await store.user_by_name("ada")
        code, verifier = opaque.new("ac"), pkce.new_verifier().reveal()
        grant = Grant(
            code.token_id, client.client_id, user.user_id, ("openid", "email", "accounts:read"),
            self.audience(api), ("pwd",), now - 5, now, now + 600,
        )  # fmt: skip
        record = AuthorizationCode(
            code.token_id,
            opaque.keyed_hash(self.ground.peppers[0], code.secret.reveal()),
            code.token_id,
            "https://app.example/cb",
            pkce.challenge(verifier),
            None,
            now + 60,
        )
        await store.add_grant(grant, record)
        form = {
            "grant_type": "authorization_code",
            "code": code.secret.reveal(),
            "code_verifier": verifier,
            "redirect_uri": "https://app.example/cb",
        }
        return (await self.http.post("/token", data=form, auth=auth)).raise_for_status().json()

    async def until(self, condition):
        """Return as soon as the condition holds: whoever follows the feed tells nobody."""
        async with asyncio.timeout(5):
            while not await condition():  # noqa: ASYNC110 - see above
                await asyncio.sleep(0.01)

    async def refused(self, token):
        return not isinstance(await self.decide(token), Allow)

    def audience(self, api):
        return self.ground.configuration.settings.audience(api)

    async def decide(self, token, api="bank"):
        headers = ((b"authorization", b"Bearer " + token.encode()),)
        return await self.engine.decide(
            AccessRequest("GET", f"/{api}/accounts".encode(), b"", headers, "192.0.2.1", body=HeldBody())
        )

    async def inside(self, token, api="bank"):
        decision = await self.decide(token, api)
        assert isinstance(decision, Allow), decision
        jwks = self.engine.minter.jwks()
        return json.loads(verify_jws(decision.inside_jwt, dict(jwks), algorithms=["ES256"]))

    async def introspection(self, auth, token):
        return (await self.http.post("/introspect", data={"token": token}, auth=auth)).json()

    def read(self, id_token):
        """The payload, as its relying party would read it; `tests/issuer` verifies signatures."""
        return json.loads(base64url.decode(id_token.split(".")[1]))


@contextlib.asynccontextmanager
async def town(path):
    async with foundation(load(path).configuration) as ground:
        app, issuers, *_ = await issuer_app(ground, UsageLog(ground.store))
        engine, gateways = await gateway_engine(ground)
        following = [asyncio.create_task(each.run()) for each in (issuers, gateways)]
        transport = httpx.ASGITransport(app)
        url = ground.configuration.settings.issuer.url
        try:
            async with asyncio.timeout(20), httpx.AsyncClient(transport=transport, base_url=url) as http:
                house = Town(ground, http, engine)
                await house.until(lambda: asyncio.sleep(0, issuers.confirmed and gateways.confirmed))
                yield house
        finally:
            for task in following:
                task.cancel()


def told(claims, destination):
    return {name: claims[name] for name in claims if name not in MINIMUM[destination]}


def test_a_claim_goes_to_whom_it_is_released_and_to_nobody_else(ada, policy):
    async def story():
        async with town(policy(POLICY)) as house:
            client, auth = await house.app(id_token_claims=["email"])
            bank, other = [await house.server(house.audience(api)) for api in ("bank", "other")]
            body = await house.tokens(client, auth)
            inside = told(await house.inside(body["access_token"]), "inside")
            assert inside.pop("auth_time") > 1_700_000_000
            assert inside == {"email": "ada@example.com", "teams": ["red", "blue"]}
            answer = await house.introspection(bank, body["access_token"])
            assert told(answer, "introspection") == {"teams": ["red", "blue"]}
            id_token = told(house.read(body["id_token"]), "id_token")
            assert id_token == {"email": "ada@example.com"}
            body = await house.tokens(client, auth, api="other")
            assert told(await house.inside(body["access_token"], "other"), "inside") == {}
            answer = await house.introspection(other, body["access_token"])
            assert told(answer, "introspection") == {}

    asyncio.run(story())


def test_what_changes_is_in_the_next_inside_jwt_within_a_second(run, ada, policy):
    async def story():
        async with town(policy(POLICY)) as house:
            client, auth = await house.app()
            token = (await house.tokens(client, auth))["access_token"]
            assert (await house.inside(token))["email"] == "ada@example.com"
            await asyncio.to_thread(run, "users", "set", "ada", "--claim", "email=new@example.com")

            async def email():
                return (await house.inside(token)).get("email")

            async def is_new():
                return await email() == "new@example.com"

            async def is_gone():
                return await email() is None

            await house.until(is_new)
            await asyncio.to_thread(run, "users", "set", "ada", "--remove", "email")
            await house.until(is_gone)

    asyncio.run(story())


def test_pairwise_audiences_and_clients_find_no_common_number(ada, policy):
    async def story():
        async with town(policy("    claims:\n      subject: pairwise\n")) as house:
            public, auth = await house.app()
            pairwise, pair_auth = await house.app(subject_type="pairwise")
            bank = await house.server(house.audience("bank"))
            user_id = (await house.ground.store.user_by_name("ada")).user_id
            one, two = await house.tokens(public, auth), await house.tokens(pairwise, pair_auth)
            seen = await house.inside(one["access_token"])
            assert seen["sub"] == (await house.inside(two["access_token"]))["sub"]
            assert seen["sub"] == (await house.introspection(bank, two["access_token"]))["sub"]
            known = house.read(two["id_token"])["sub"]
            assert known == (await house.introspection(pair_auth, two["access_token"]))["sub"]
            assert len({seen["sub"], known, user_id}) == 3
            other = await house.tokens(public, auth, api="other")
            assert (await house.inside(other["access_token"], "other"))["sub"] == user_id
            now = house.ground.clock.time()
            await house.ground.store.revoke_issued_for_user(user_id, before=now, at=now)
            await house.until(lambda: house.refused(two["access_token"]))

    asyncio.run(story())


def test_a_jwt_outside_passes_the_gateway_until_it_is_revoked(run, ada, policy):
    async def story():
        async with town(policy(POLICY)) as house:
            client, auth = await house.app(access_token_format="jwt", reason="its gateway reads them")
            token = (await house.tokens(client, auth))["access_token"]
            assert set(house.read(token)) == set(MINIMUM["outside"])
            inside = await house.inside(token)
            assert inside["iss"].endswith(INSIDE_PATH)
            assert inside["email"] == "ada@example.com", "what is released is in the other JWT"
            decision = await house.decide(token, "other")
            assert decision.problem.code == "invalid_token", "it is for one audience"
            inside_jwt = (await house.decide(token)).inside_jwt
            assert (await house.decide(inside_jwt)).problem.code == "invalid_token"
            twin = (await house.tokens(client, auth))["access_token"]
            assert not await house.refused(twin)
            await asyncio.to_thread(run, "tokens", "revoke", "-", stdin=f"{twin}\n")
            await house.until(lambda: house.refused(twin))
            assert not await house.refused(token)
            await house.http.post("/revoke", data={"token": token}, auth=auth)
            await house.until(lambda: house.refused(token))

    asyncio.run(story())


def test_a_credential_that_got_into_the_database_stays_there(ada, policy):
    async def story():
        async with town(policy(POLICY)) as house:
            client, auth = await house.app()
            token = (await house.tokens(client, auth))["access_token"]
            user = await house.ground.store.user_by_name("ada")
            await house.ground.store.change_user_claims(user.user_id, {"teams": ["4111111111111111"]}, 0)
            assert (await house.decide(token)).problem.code == "credential_in_claim"

    asyncio.run(story())


def test_check_says_what_each_api_receives(run, policy):
    assert "bank receives the minimum" in run("check").stdout
    policy(POLICY.replace("teams]\n      intro", "teams]\n      subject: pairwise\n      intro"))
    said = run("check").stdout
    assert (
        "bank receives inside JWT: email (personal: e-mail address), auth_time, teams; introspection: teams; "
        "pairwise subjects"
    ) in said
    assert "other receives the minimum" in said


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ('["*"]', "no wildcard"),
        ('["email*"]', "no wildcard"),
        ("[sub]", "meaning in the protocol"),
        ("[api_key]", "an API key"),
        ("[email, email]", "named twice"),
    ],
)
def test_what_a_policy_cannot_release_is_an_error_of_check(run, policy, names, why):
    path = policy(f"    claims:\n      inside: {names}\n")
    said = run("check", code=1).stdout
    line = next(at for at, text in enumerate(path.read_text().splitlines(), 1) if "inside:" in text)
    assert f"tokenward.yaml:{line}:" in said
    assert "error claim:" in said
    assert why in said


def test_a_scope_that_looks_like_a_credential_is_an_error_of_check(run, tmp_path):
    path = tmp_path / "bank.json"
    path.write_text(path.read_text().replace("accounts:read", "4111111111111111"))
    said = run("check", code=1).stdout
    assert "payment card" in said


def test_what_no_person_may_have_is_refused_and_changes_nothing(run, ada):
    for claim in ("password=hunter2hunter2", "note=4111111111111111", "sub=root", "email"):
        said = run("users", "set", "ada", "--claim", claim, "--claim", "team=red", code=1).output
        assert "hunter2" not in said
        assert "4111111111111111" not in said
    assert "team" not in re.sub("teams", "", run("users", "show", "ada").stdout)
    run("users", "set", "eve", "--claim", "team=red", code=1)
    run("users", "show", "eve", code=1)
    run("users", "add", "bob", "--claim", "sub=root", code=1, stdin="correct horse battery\n")
    run("users", "show", "bob", code=1)


def test_who_is_told_what_of_a_person_is_shown(run, ada, policy):
    policy(POLICY)
    run(
        "clients", "add", "App", "--type", "web", "--id", "app", "--scope", "openid", "--scope", "email",
        "--redirect-uri", "https://app.example/cb", "--id-token-claim", "email", "--subject-type", "pairwise",
    )  # fmt: skip
    said = run("users", "show", "ada").stdout
    assert (
        'email (personal: e-mail address): "ada@example.com"\n    told to bank (inside JWT), app (ID token)'
        in said
    )
    assert "told to bank (inside JWT), bank (introspection)" in said
    assert '+49 30 1234567"\n    told to nobody' in said
    listed = run("clients", "list").stdout
    assert "pairwise" in listed


def test_what_a_jwt_exposes_is_said_where_it_is_configured_and_listed(run):
    arguments = (
        "--type",
        "service",
        "--id",
        "job",
        "--scope",
        "accounts:read",
        "--access-token-format",
        "jwt",
        "--reason",
        "its gateway reads them",
    )
    for said in (run("clients", "add", "Job", *arguments).stderr, run("clients", "list").stderr):
        assert "the access tokens of job are JWTs" in said
        for claim in MINIMUM["outside"]:
            assert f"  {claim}: " in said
        assert "cannot be unsaid" in said
    run("clients", "add", "Bad", "--type", "service", "--subject-type", "pairwise", code=1)


def test_a_lookup_that_fails_is_a_503_and_no_smaller_token(ada, policy, monkeypatch):
    async def story():
        async with town(policy(POLICY)) as house:
            client, auth = await house.app()
            token = (await house.tokens(client, auth))["access_token"]

            async def broken(*_arguments):
                raise StoreUnavailable("down")

            monkeypatch.setattr(house.ground.store, "user_claims", broken)
            assert (await house.decide(token)).problem.code == "unavailable"

    asyncio.run(story())
