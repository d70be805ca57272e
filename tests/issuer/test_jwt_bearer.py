"""RFC 7523 §2.1 at the token endpoint: what a platform says of a workload, in place of a secret."""

import asyncio
import base64
import json

import pytest

from issuer.house import BANK, URL, WEATHER, House, error, lived
from issuer.platform import FakePlatform
from tokenward.issuer.client_auth.registration import Proving
from tokenward.issuer.clients import register
from tokenward.issuer.workloads import TrustedPlatform, WorkloadRule, Workloads
from tokenward.tokens.keys import SigningKey
from tokenward.tokens.validator import JwtValidator
from tokenward.tokens.workloads import PLATFORMS

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
RULE = WorkloadRule("deploy-bot", {("repository",): "octo/app", ("ref",): "refs/heads/main"})
REFUSED = (400, "invalid_grant")


def trusted(h: House, platform: FakePlatform, *rules: WorkloadRule, kind: str = "github") -> TrustedPlatform:
    validator = JwtValidator(
        issuer=platform.issuer,
        audience=URL,
        keys=platform.jwks,
        algorithms=("RS256", "ES256"),
        kind=kind,
        clock=h.clock,
    )
    return TrustedPlatform(PLATFORMS[kind], validator, rules)


async def ready(h: House, *scopes: str, rules=(RULE,), types=()) -> FakePlatform:
    """A platform that is trusted, and a client that has no secret."""
    platform = FakePlatform("https://ci.example")
    object.__setattr__(h.issuer, "workloads", Workloads([trusted(h, platform, *rules)]))
    await register(
        h.desk,
        name="Deploy bot",
        client_type="service",
        scopes=scopes or ("accounts:read",),
        client_id="deploy-bot",
        authorization_details_types=types,
        proving=Proving("workload"),
    )
    return platform


async def ask(h: House, assertion: str, headers=None, **form: str):
    form = {"grant_type": GRANT, "assertion": assertion, "client_id": "deploy-bot", **form}
    return await h.http.post(
        "/token", data={name: value for name, value in form.items() if value}, headers=headers
    )


def of(platform: FakePlatform, h: House, **changes) -> str:
    return platform.token(changes.pop("aud", URL), now=h.clock.time(), **changes)


@lived
async def test_a_workload_gets_a_short_token_of_its_client_without_any_secret(h: House):
    platform = await ready(h, "accounts:read", "transfers:write")
    response = await ask(h, of(platform, h), scope="accounts:read")
    assert response.status_code == 200, response.text
    body = response.json()
    assert (body["scope"], body["token_type"], body["expires_in"]) == ("accounts:read", "Bearer", 300)
    token = (await h.issuer.store.access_token(body["access_token"].split("_")[2][:11])).token
    assert (token.client_id, token.credential, token.audience) == ("deploy-bot", "workload", BANK)
    assert (token.user_id, token.grant_id) == (None, None)


@lived
async def test_the_token_never_outlives_the_assertion(h: House):
    platform = await ready(h)
    assertion = of(platform, h)
    h.clock.advance(290)
    assert (await ask(h, assertion)).json()["expires_in"] == 10
    late = platform.token(URL, now=h.clock.time() - 310)  # within what clocks may differ
    assert error(await ask(h, late)) == REFUSED


@lived
async def test_a_workload_asks_for_the_authorization_details_of_its_client(h: House):
    platform = await ready(h, types=("forecasts",))
    asked = {"authorization_details": '[{"type":"forecasts"}]'}
    assert (await ask(h, of(platform, h), **asked)).json()["authorization_details"] == [{"type": "forecasts"}]
    for other in ('[{"type":"payment"}]', '[{"type":"forecasts","x":1}]'):
        refused = await ask(h, of(platform, h), authorization_details=other)
        assert error(refused) == (400, "invalid_authorization_details")


@lived
async def test_scope_is_the_clients_or_less(h: House):
    platform = await ready(h)
    for scope in ("transfers:write", "accounts:read transfers:write", "openid"):
        assert error(await ask(h, of(platform, h), scope=scope)) == (400, "invalid_scope")
    assert error(await ask(h, of(platform, h), resource=WEATHER)) == (400, "invalid_scope")


REFUSALS = {
    "another repository": {"repository": "octo/other"},
    "a fork": {"repository": "mallory/app", "repository_owner": "mallory"},
    "another case": {"repository": "Octo/app"},
    "a letter that looks the same": {"repository": "\u043ecto/app"},
    "another branch": {"ref": "refs/heads/feature"},
    "a tag named main": {"ref": "refs/tags/main"},
    "a pull request": {"event_name": "pull_request", "sub": "repo:octo/app:pull_request"},
    "a pull request with the branch's name": {"event_name": "pull_request_target"},
    "repository in a list": {"repository": ["octo/app"]},
    "repository true": {"repository": True},
    "ref in a list": {"ref": ["refs/heads/main"]},
    "no ref": {"ref": None},
    "another audience": {"aud": "https://other.example"},
    "several audiences": {"aud": [URL, "https://other.example"]},
    "our audience with a slash": {"aud": URL + "/"},
    "issuer with a slash": {"iss": "https://ci.example/"},
    "another issuer": {"iss": "https://gitlab.com"},
    "no jti": {"jti": None},
    "expired": {"exp": 1_799_999_000, "iat": 1_799_998_900},
    "from the future": {"iat": 1_900_000_000, "exp": 1_900_000_100},
    "a day": {"exp": 1_800_086_400},
    "another typ": {"typ": "at+jwt"},
}


@pytest.mark.parametrize("changes", REFUSALS.values(), ids=REFUSALS)
def test_whatever_is_wrong_with_the_assertion_is_the_same_refusal(changes, tmp_path):
    @lived
    async def check(h: House):
        platform = await ready(h)
        wrong, unknown = await ask(h, of(platform, h, **changes)), await ask(h, "x.y.z")
        assert error(wrong) == REFUSED
        assert wrong.content == unknown.content
        assert (await ask(h, of(platform, h))).status_code == 200

    check(tmp_path)


@lived
async def test_only_the_platforms_key_and_its_algorithms_count(h: House):
    platform = await ready(h)
    good = of(platform, h)
    head, body, signature = good.split(".")

    def header(**members: str) -> str:
        return base64.urlsafe_b64encode(json.dumps(members).encode()).decode().rstrip("=")

    for forged in (
        f"{header(alg='none', typ='JWT')}.{body}.",
        f"{header(alg='none', typ='JWT')}.{body}.{signature}",
        f"{header(alg='HS256', typ='JWT', kid=platform.key.kid)}.{body}.{signature}",
        f"{header(alg='RS256', typ='JWT', kid='x')}.{body}.{signature}",
        f"{head}.{body}.{signature[:-4]}AAAA",
        of(platform, h, key=SigningKey.generate("RS256")),
        of(platform, h, key=h.issuer.signing_keys.signer("RS256")),
    ):
        assert error(await ask(h, forged)) == REFUSED


@lived
async def test_an_assertion_counts_once(h: House):
    platform = await ready(h)
    assertion = of(platform, h)
    answers = await asyncio.gather(*(ask(h, assertion) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400, 400]
    assert error(await ask(h, assertion)) == REFUSED
    assert error(await ask(h, of(platform, h, jti=json.loads(payload(assertion))["jti"]))) == REFUSED


def payload(jwt: str) -> bytes:
    part = jwt.split(".")[1]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@lived
async def test_a_pod_shows_the_same_token_until_the_next_one_is_in_its_volume(h: House):
    await ready(h)
    cluster = FakePlatform("https://cluster.example")
    rule = WorkloadRule("deploy-bot", {("kubernetes.io", "namespace"): "prod"})
    object.__setattr__(h.issuer, "workloads", Workloads([trusted(h, cluster, rule, kind="kubernetes")]))
    pod = {"sub": "system:serviceaccount:prod:deploy", "kubernetes.io": {"namespace": "prod"}, "aud": [URL]}
    assertion = of(cluster, h, **pod)
    assert [(await ask(h, assertion)).status_code for _ in range(2)] == [200, 200]
    other = pod | {"sub": "system:serviceaccount:dev:deploy", "kubernetes.io": {"namespace": "dev"}}
    assert error(await ask(h, of(cluster, h, **other))) == REFUSED


@lived
async def test_one_platforms_token_is_never_taken_for_anothers(h: House):
    github = await ready(h)
    gitlab = FakePlatform("https://gitlab.example")
    rule = WorkloadRule("deploy-bot", {("project_path",): "octo/app"})
    both = [trusted(h, github, RULE), trusted(h, gitlab, rule, kind="gitlab")]
    object.__setattr__(h.issuer, "workloads", Workloads(both))
    of_gitlab = {"project_path": "octo/app", "namespace_path": "octo", "pipeline_source": "push"}
    assert (await ask(h, of(gitlab, h, **of_gitlab))).status_code == 200
    assert error(await ask(h, of(gitlab, h))) == REFUSED  # it speaks of GitHub's claims
    assert error(await ask(h, of(github, h, **of_gitlab, iss=gitlab.issuer))) == REFUSED  # not its key
    assert error(await ask(h, of(gitlab, h, iss=github.issuer))) == REFUSED


@lived
async def test_a_rule_is_for_its_client_and_the_client_must_be_registered_for_it(h: House):
    other = WorkloadRule("other", RULE.claims)
    platform = await ready(h, rules=(RULE, other, WorkloadRule("nobody", RULE.claims)))
    await h.client("service", "accounts:read", client_id="other")  # it has a secret
    await h.client("service", "accounts:read", client_id="third")
    for client_id in ("other", "nobody", "third"):
        assert error(await ask(h, of(platform, h), client_id=client_id)) == REFUSED
    assert error(await ask(h, of(platform, h), client_id="")) == (400, "invalid_request")


@lived
async def test_there_is_no_other_way_for_such_a_client(h: House):
    platform = await ready(h)
    for beside in ({}, {"assertion": of(platform, h)}, {"client_secret": "x"}):
        form = {"grant_type": "client_credentials", "client_id": "deploy-bot", **beside}
        assert error(await h.http.post("/token", data=form)) == (401, "invalid_client")
    app = await h.client("service", "accounts:read")
    assert error(await ask(h, of(platform, h), headers=app.basic())) == (400, "invalid_request")
    assert error(await ask(h, of(platform, h), client_secret=app.secret)) == (400, "invalid_request")


@lived
async def test_wrong_assertions_are_slowed_down_by_peer_and_right_ones_never(h: House):
    platform = await ready(h)
    answers = [await ask(h, of(platform, h, ref="refs/heads/x")) for _ in range(22)]
    assert [answer.status_code for answer in answers] == [400] * 20 + [429] * 2
    assert (await ask(h, of(platform, h))).status_code == 200


@lived
async def test_without_a_trusted_platform_nobody_is_vouched_for(h: House):
    platform = await ready(h)
    object.__setattr__(h.issuer, "workloads", Workloads())
    assert error(await ask(h, of(platform, h))) == REFUSED


@lived
async def test_a_workload_ends_its_own_tokens_and_nobody_elses(h: House):
    platform = await ready(h)
    text = (await ask(h, of(platform, h))).json()["access_token"]
    app = await h.client("service", "accounts:read")
    others = (await app.token(grant_type="client_credentials")).json()["access_token"]

    async def revoke(token: str, client_id="deploy-bot", **form: str):
        return await h.http.post("/revoke", data={"token": token, "client_id": client_id, **form})

    assert error(await revoke(others)) == (400, "invalid_grant")
    assert error(await revoke(text, app.id)) == (401, "invalid_client")  # it has a secret to show
    assert error(await revoke(text, client_secret="x")) == (401, "invalid_client")
    assert error(await revoke(text, "nobody")) == (401, "invalid_client")
    assert error(await h.http.post("/revoke", data={"token": text})) == (401, "invalid_client")
    assert error(await app.post("/revoke", token=text)) == (400, "invalid_grant")
    assert (await revoke(text[:-1] + ("0" if text[-1] != "0" else "1"))).status_code == 200
    assert await app.live(text)
    assert await app.live(others)
    assert (await revoke(text)).status_code == 200
    assert not await app.live(text)


@lived
async def test_what_a_workload_got_ends_with_its_client(h: House):
    platform = await ready(h)
    text = (await ask(h, of(platform, h))).json()["access_token"]
    now = h.clock.time()
    await h.issuer.store.revoke_issued_to_client("deploy-bot", before=now, at=now)
    assert (await h.issuer.store.access_token(text.split("_")[2][:11])).revoked
