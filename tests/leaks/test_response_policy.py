"""What becomes of what leaked: the strict default, rules, grace, and what a person does."""

import asyncio
import base64
import json
import re

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from app.test_cli import house, run  # noqa: F401 - fixtures
from app.test_config import GOOD, write  # noqa: F401 - the fixture
from leaks.responding import lived
from store.values import access, client, secret_of, session, signing_key, user
from tokenward.app.check import check
from tokenward.app.config import load
from tokenward.app.foundation import foundation
from tokenward.app.leak_policy import response_policy
from tokenward.app.leaks import responder
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.leaks.response.finishing import finish_due
from tokenward.leaks.response.policy import ResponsePolicy, ResponseRule
from tokenward.leaks.response.private_keys import shown_key
from tokenward.leaks.response.recognising import named
from tokenward.leaks.response.responder import Report
from tokenward.store.leak_records import Evidence, Leaked
from tokenward.store.records import Usage
from tokenward.tokens import base64url, opaque
from tokenward.tokens.keys import SigningKey

KINDS = ("access_token", "refresh_token", "authorization_code", "api_key", "client_secret", "session")


def action(policy, leaked, reporter="holder"):
    return policy.ending(leaked, reporter).action


@pytest.mark.parametrize("kind", KINDS)
def test_by_default_everything_ends(kind):
    assert action(ResponsePolicy(), Leaked(kind, "x")) == "revoke"


def test_neither_the_admin_token_nor_a_signing_key_ends_by_itself_whatever_a_rule_says():
    for policy in (ResponsePolicy(), ResponsePolicy((ResponseRule("revoke"),))):
        assert action(policy, Leaked("admin_token", "")) == "alert"
        assert action(policy, Leaked("signing_key", "kid")) == "confirm"


@pytest.mark.parametrize(
    ("rule", "other"),
    [
        (ResponseRule("alert", kinds=("api_key",)), {"kind": "access_token"}),
        (ResponseRule("alert", clients=("stag*",)), {"client_id": "prod-1"}),
        (ResponseRule("alert", owners=("*@example.com",)), {"owner": "ann@example.com.evil"}),
        (ResponseRule("alert", audiences=("https://staging/",)), {"audience": "https://prod/"}),
        (ResponseRule("alert", sources=("client:*",)), {"reporter": "github"}),
    ],
)
def test_a_rule_fits_only_if_every_condition_does(rule, other):
    it = {
        "kind": "api_key",
        "client_id": "staging-1",
        "owner": "ann@example.com",
        "audience": "https://staging/",
        "reporter": "client:scanner",
    }

    def decided(kind, reporter, **fields):
        return action(ResponsePolicy((rule,)), Leaked(kind, "x", **fields), reporter)

    assert decided(**it) == "alert"
    assert decided(**{**it, **other}) == "revoke"


def test_the_first_rule_that_fits_decides():
    rules = (ResponseRule("confirm", kinds=("api_key",)), ResponseRule("alert"))
    assert action(ResponsePolicy(rules), Leaked("api_key", "x")) == "confirm"
    assert action(ResponsePolicy(rules), Leaked("session", "x")) == "alert"


def test_grace_is_for_secrets_of_the_client_that_asked():
    policy = ResponsePolicy(grace={"billing": 3600.0})
    assert policy.ending(Leaked("client_secret", "x", "billing"), "holder").grace == 3600
    assert policy.ending(Leaked("client_secret", "x", "other"), "holder").grace == 0
    assert policy.ending(Leaked("access_token", "x", "billing"), "holder").grace == 0


def life(policy):
    return lambda test: lived(test, policy)


@life(ResponsePolicy((ResponseRule("alert", clients=("*",)),)))
async def test_what_only_alerts_lives_on(w):
    _, scanner = await w.reporter("leaks:report", "leaks:read")
    _, token = await w.service()
    (told,) = await w.report(scanner, token)
    assert told["status"] == "alert"
    assert await w.live(token)
    assert (await w.store.incident(told["incident"])).state == "open"


@life(ResponsePolicy((ResponseRule("confirm"),)))
async def test_what_waits_for_a_person_lives_until_then(w):
    _, scanner = await w.reporter("leaks:report", "leaks:read")
    _, token = await w.service()
    (told,) = await w.report(scanner, token)
    assert told["status"] == "confirm"
    assert await w.live(token)


@life(ResponsePolicy(grace={"billing": 3600.0}))
async def test_when_grace_is_over_what_it_gave_ends(w):
    _, scanner = await w.reporter()
    caller = await w.house.client("service", "forecast:read", client_id="billing")
    await w.report(scanner, caller.secret)
    w.clock.advance(1800)
    token = (await caller.token(grant_type="client_credentials")).json()["access_token"]
    assert await finish_due(w.store, clock=w.clock) == 0
    w.clock.advance(1801)
    assert await finish_due(w.store, clock=w.clock) == 1
    assert not await w.live(token)
    assert (await caller.token(grant_type="client_credentials")).status_code == 401


# Signing keys


def pem(private, form=serialization.PrivateFormat.PKCS8):
    return private.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def kid_of(text):
    """That of a key whose halves belong together."""
    key = shown_key(text)
    return key.kid if key is not None and key.is_whole() else None


def private_jwk(key):
    numbers = key.private.private_numbers()
    if key.algorithm == "RS256":
        d = numbers.d
        return {**key.public_jwk(), "d": base64url.encode(d.to_bytes((d.bit_length() + 7) // 8))}
    return {**key.public_jwk(), "d": base64url.encode(numbers.private_value.to_bytes(32))}


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "ES384", "EdDSA"])
def test_a_private_key_is_known_by_the_thumbprint_of_its_public_half(algorithm):
    key = SigningKey.generate(algorithm)
    assert kid_of("key: |\n" + pem(key.private)) == key.kid
    if algorithm in ("ES256", "RS256"):
        assert kid_of(json.dumps(private_jwk(key))) == key.kid
    if algorithm == "EdDSA":
        jwk = {**key.public_jwk(), "d": base64url.encode(key.private.private_bytes_raw())}
        assert kid_of(json.dumps(jwk)) == key.kid


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_our_public_key_beside_an_invented_private_one_is_no_leak(algorithm):
    ours, invented = SigningKey.generate(algorithm), SigningKey.generate(algorithm)
    forged = {**private_jwk(invented), **ours.public_jwk()}
    assert kid_of(json.dumps(forged)) != ours.kid
    assert kid_of(json.dumps({**ours.public_jwk(), "d": "AQ"})) != ours.kid
    assert kid_of(json.dumps(ours.public_jwk())) is None


def test_a_file_whose_public_half_is_of_another_key_counts_by_its_private_one():
    ours, invented = SigningKey.generate("ES256"), SigningKey.generate("ES256")

    def der(key):
        return key.to_pkcs8()

    def point(key):
        return key.private.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )

    forged = der(invented).replace(point(invented), point(ours))
    body = base64.b64encode(forged).decode()
    text = f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"
    assert kid_of(text) in (None, invented.kid)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{}",
        '{"kty": "EC", "crv": "P-256", "d": ""}',
        '{"kty": "EC", "crv": "P-256", "d": "' + "A" * 43 + '"}',
        '{"kty": "RSA", "n": "AQ", "e": "AQ", "d": "AQ"}',
        '{"kty": "oct", "k": "AAAA"}',
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
    ],
)
def test_what_is_no_private_key_is_none(text):
    assert kid_of(text) is None


def test_a_large_key_of_somebody_else_costs_no_arithmetic():
    """Strangers may show anything; nothing is computed with it before it is known to be ours."""
    number = base64url.encode(b"\xff" * 1000)
    key = shown_key(json.dumps({"kty": "RSA", "n": number, "e": "AQAB", "d": number}))
    assert key is not None
    assert shown_key(json.dumps({"kty": "RSA", "n": number * 2, "e": "AQAB", "d": number})) is None


def test_a_file_with_a_broken_rsa_key_is_read_without_arithmetic_and_is_not_whole():
    numbers = rsa.generate_private_key(65537, 2048).private_numbers()
    wrong = rsa.RSAPrivateNumbers(
        numbers.p, numbers.q, numbers.d + 2, numbers.dmp1, numbers.dmq1, numbers.iqmp, numbers.public_numbers
    )
    key = shown_key(pem(wrong.private_key(unsafe_skip_rsa_key_validation=True)))
    assert key is not None
    assert not key.is_whole()


@life(None)
async def test_the_public_half_of_our_key_with_an_invented_private_one_is_no_incident(w):
    ours, invented = SigningKey.generate("RS256"), SigningKey.generate("RS256")
    record = signing_key(kid=ours.kid, purpose="inside")
    await w.store.change_signing_keys("inside", [], [record], at=w.clock.time())
    forged = {**private_jwk(invented), **ours.public_jwk()}
    await w.send({"secrets": [json.dumps(forged)]})
    assert await w.incidents() == []
    await w.send({"secrets": [json.dumps(private_jwk(ours))]})
    assert [each.leaked.subject for each in await w.incidents()] == [ours.kid]


@life(None)
async def test_a_signing_key_of_ours_waits_for_a_person(w):
    ours = SigningKey.generate("ES256")
    strange = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    record = signing_key(kid=ours.kid, purpose="inside")
    await w.store.change_signing_keys("inside", [], [record], at=w.clock.time())
    assert (await w.send({"secrets": [pem(ours.private), pem(strange)]})).status_code == 202
    assert sorted(each.status for each in w.outcomes) == ["confirm", "unknown"]
    (incident,) = await w.incidents()
    assert (incident.leaked.kind, incident.leaked.subject) == ("signing_key", ours.kid)
    assert incident.state == "open"


# The configuration

REASON = "reason: agreed with the auditors"
RULE = f"leaks: {{rules: [{{action: alert, kinds: [api_key], apis: [bank], {REASON}}}]}}\n"


def test_a_configuration_says_the_policy(write):  # noqa: F811
    text = RULE.replace("]}", f"], grace: [{{client: billing, lasts: 2h, {REASON}}}]}}") + GOOD
    loaded = load(write(text))
    assert loaded.configuration is not None, loaded.findings
    policy = response_policy(loaded.configuration.settings)
    assert policy.rules == (
        ResponseRule("alert", kinds=("api_key",), audiences=("http://127.0.0.1:8000/bank",)),
    )
    assert policy.grace == {"billing": 7200.0}
    assert response_policy(load(write(GOOD)).configuration.settings) == ResponsePolicy()


def test_check_tells_where_less_happens_than_by_default(write):  # noqa: F811
    text = RULE.replace("]}", f"], grace: [{{client: billing, lasts: 2h, {REASON}}}]}}") + GOOD
    notes = [it for it in check(write(text)).findings if it.code == "leak-lives-on"]
    assert [it.severity for it in notes] == ["note", "note"]
    assert not [it for it in check(write(GOOD)).findings if it.code == "leak-lives-on"]


@pytest.mark.parametrize(
    "said",
    [
        "rules: [{action: alert}]",
        "rules: [{action: alert, reason: so}]",
        f"rules: [{{action: ignore, {REASON}}}]",
        f"rules: [{{action: alert, kinds: [password], {REASON}}}]",
        f"rules: [{{action: alert, apis: [shop], {REASON}}}]",
        f"rules: [{{action: revoke, kinds: [signing_key], {REASON}}}]",
        f"rules: [{{action: revoke, kinds: [admin_token], {REASON}}}]",
        f"rules: [{{action: alert, {REASON}}}, {{action: revoke, kinds: [api_key], {REASON}}}]",
        f"grace: [{{client: billing, lasts: 25h, {REASON}}}]",
        "grace: [{client: billing, lasts: 2h}]",
        f"grace: [{{client: a, lasts: 2h, {REASON}}}, {{client: a, lasts: 3h, {REASON}}}]",
    ],
)
def test_a_policy_that_cannot_be_meant_is_an_error(write, said):  # noqa: F811
    loaded = load(write(f"leaks: {{{said}}}\n{GOOD}"))
    assert loaded.configuration is None
    assert [(it.severity, it.line) for it in loaded.findings] == [("error", 1)]


# The command line


def reported(directory, make):
    """An incident about what `make` puts into the store: its name."""

    async def work():
        async with foundation(load(directory / "tokenward.yaml").configuration) as ground:
            text = await make(ground)
            evidence = Evidence("client:scanner", "git", ".env", 3, "c0ffee", since=SYSTEM_CLOCK.time() - 60)
            (outcome,) = await responder(ground).respond([Report(named(text), evidence)])
            return outcome.recorded.incident.incident_id

    return asyncio.run(work())


def kept(ground, kind):
    token = opaque.new(kind)
    return token, {"keyed_hash": opaque.keyed_hash(ground.peppers[0], token.secret.reveal())}


async def a_secret(ground):
    """Of a client with two live access tokens and a dead one."""
    now = SYSTEM_CLOCK.time()
    token, hashed = kept(ground, "cs")
    await ground.store.add_client(
        client(client_id="leaky", type="service", created_at=now),
        secret_of("leaky", secret_id=token.token_id, created_at=now, **hashed),
    )
    await ground.store.add_access_token(access(client_id="leaky", issued_at=now, expires_at=now + 600))
    await ground.store.add_access_token(access(client_id="leaky", issued_at=now, expires_at=now + 600))
    await ground.store.add_access_token(access(client_id="leaky", issued_at=now - 900, expires_at=now - 300))
    uses = [(now - 300, "192.0.2.7"), (now, "203.0.113.9")]
    await ground.store.record_usage(
        [Usage("client_secret", token.token_id, "issuer", address, 3, at, at) for at, address in uses]
    )
    return token.secret.reveal()


def test_a_person_sees_an_incident_and_what_would_end_and_ends_it(house, tmp_path):  # noqa: F811
    path = tmp_path / "tokenward.yaml"
    path.write_text(path.read_text() + f"leaks: {{rules: [{{action: confirm, {REASON}}}]}}\n")
    name = reported(tmp_path, a_secret)
    assert f"{name}" in house("leaks", "list", "--state", "open").stdout
    shown = house("leaks", "show", name).stdout
    assert "client leaky" in shown
    assert "git .env:3 commit c0ffee" in shown
    assert [line.split("│")[-2].strip() for line in shown.splitlines() if "issuer" in line] == ["yes", "no"]
    assert shown.index("203.0.113.9") < shown.index("192.0.2.7")
    dry = house("leaks", "respond", name, "--dry-run").stdout
    assert re.search(r"would end: client secret \w{11}, with 2 access tokens", dry)
    assert "nothing was done" in house("leaks", "respond", name, code=1).stderr
    assert name in house("leaks", "list", "--state", "open").stdout
    done = house("leaks", "respond", name, "--confirm")
    assert done.stdout.startswith("ended: client secret")
    assert "rotate-secret leaky" in done.stderr
    assert "nothing is left" in house("leaks", "respond", name, "--dry-run").stdout
    assert "before" in house("leaks", "respond", name, "--confirm", code=1).stderr
    house("leaks", "close", name, "--note", "it has a new one")
    house("leaks", "close", name, "--note", "again", code=1)
    assert "closed" in house("leaks", "show", name).stdout
    assert "no incident" in house("leaks", "show", "nothing", code=1).stderr


def test_a_policy_is_tried_on_all_incidents_before_it_is_in_force(house, tmp_path):  # noqa: F811
    path = tmp_path / "tokenward.yaml"
    before = path.read_text()
    path.write_text(before + f"leaks: {{rules: [{{action: alert, {REASON}}}]}}\n")
    name = reported(tmp_path, a_secret)
    rows = {
        "kinds: [api_key]": ("open (alert)", "revoke", "client secret"),
        "sources: [client:scanner]": ("open (alert)", "confirm", "on your word"),
        "sources: [github]": ("open (alert)", "revoke", "client secret"),
    }
    for condition, expected in rows.items():
        rule = f"{{action: confirm, {condition}, {REASON}}}"
        (tmp_path / "next.yaml").write_text(f"{before}leaks: {{rules: [{rule}]}}\n")
        table = house("leaks", "respond", "--dry-run", "--config", "next.yaml").stdout
        told = " ".join(re.sub(r"[│┃]", " ", table).split())
        assert name in told
        assert all(word in told for cell in expected for word in cell.split()), told
        assert ("word:" in told) is ("word" in expected[2])
    assert name in house("leaks", "list", "--state", "open").stdout, "nothing was done"
    assert "name the incident" in house("leaks", "respond", "--confirm", code=2).stderr
    house("leaks", "respond", name, "--confirm")
    assert "responded" in house("leaks", "respond", "--dry-run", "--config", "next.yaml").stdout


def test_a_signing_key_is_removed_as_compromised_by_a_person(house, tmp_path):  # noqa: F811
    house("signing-keys", "rotate", code=1)  # there is none before a server ran

    async def make(ground):
        ring = await ground.key_ring("inside", fresh=lambda: True)
        return pem(ring.signer("ES256").private)

    name = reported(tmp_path, make)
    kid = re.search(r"signing_key (\S+) of", house("leaks", "show", name).stdout)[1]
    assert f"signing key {kid} and every token" in house("leaks", "respond", name, "--dry-run").stdout
    house("leaks", "respond", name, "--confirm")
    assert "removed" in house("signing-keys", "list").stdout
    assert "as compromised" in house("leaks", "show", name).stdout


def test_the_admin_token_is_the_operators_to_replace(house, tmp_path):  # noqa: F811
    async def make(_ground):
        return (tmp_path / "data" / "admin.token").read_text().strip()

    name = reported(tmp_path, make)
    assert "replace the file" in house("leaks", "respond", name, "--confirm", code=1).stderr


def test_how_far_a_session_reaches_is_counted(house, tmp_path):  # noqa: F811
    path = tmp_path / "tokenward.yaml"
    path.write_text(path.read_text() + f"leaks: {{rules: [{{action: alert, {REASON}}}]}}\n")

    async def make(ground):
        now = SYSTEM_CLOCK.time()
        person = user()
        await ground.store.add_user(person)
        token, hashed = kept(ground, "se")
        times = {"user_id": person.user_id, "expires_at": now + 600, "created_at": now}
        somebody_else = user()
        await ground.store.add_user(somebody_else)
        for each in (
            session(session_id=token.token_id, **hashed, **times),
            session(**times),
            session(user_id=somebody_else.user_id, expires_at=now + 600),
        ):
            await ground.store.add_session(each, version=0)
        await ground.store.add_access_token(
            access(user_id=person.user_id, issued_at=now, expires_at=now + 600)
        )
        return token.secret.reveal()

    name = reported(tmp_path, make)
    assert "with 1 access tokens, 2 sign-ins" in house("leaks", "respond", name, "--dry-run").stdout
    house("leaks", "respond", name, "--confirm")
    assert "with" not in house("leaks", "respond", name, "--dry-run").stdout


def test_a_private_exponent_that_is_longer_than_the_key_is_no_key():
    """It would cost as many seconds as a stranger likes."""
    modulus = base64url.encode(b"\xff" * 256)
    exponent = base64url.encode(b"\x7f" * 257)
    assert shown_key(json.dumps({"kty": "RSA", "n": modulus, "e": "AQAB", "d": exponent})) is None
