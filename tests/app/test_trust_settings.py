"""Sources of trust in the configuration: one judge for each credential, a reason for what is risky."""

import json
import textwrap
from datetime import UTC, datetime
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.test_config import DOCUMENT, GOOD
from tokenward.app.basic_users import hasher, read_users
from tokenward.app.check import check
from tokenward.app.config import load
from tokenward.app.settings import Settings
from tokenward.app.trust import read_private_key, trusting
from tokenward.app.trust_check import trust_remarks
from tokenward.app.yaml_source import read
from tokenward.base.clock import SYSTEM_CLOCK, ManualClock
from tokenward.base.secret import Secret
from tokenward.gateway.introspection import Introspected
from tokenward.tokens.keys import SigningKey
from tokenward.tokens.kinds import KINDS
from tokenward.tokens.validator import Engine

JWT = "jwt: {issuer: https://login.example}"
ASKED = "introspection: {issuer: https://opaque.example, url: https://opaque.example/i, client_id: gw"
BASIC = "basic: {users: file:users.txt, until: 2999-12-31, reason: the old reports need it}"
CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


def written(directory: Path, *sources: str, own: str = "") -> Path:
    (directory / "bank.yaml").write_text(DOCUMENT, encoding="utf-8")
    path = directory / "tokenward.yaml"
    trust = "".join(f"      - {source}\n" for source in sources)
    path.write_text(GOOD + own + ("    trust:\n" + trust if sources else ""), encoding="utf-8")
    return path


def private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def codes(path: Path) -> list[str]:
    return [finding.code for finding in load(path).findings]


def test_all_kinds_are_read_and_become_judges(tmp_path):
    private(tmp_path / "secret", "s")
    private(tmp_path / "users.txt", f"reports:{CHEAP.hash('correct horse')}\n")
    path = written(tmp_path, JWT, f"{ASKED}, client_secret: file:secret}}", BASIC)
    found = load(path)
    assert found.findings == ()
    (api,) = trusting(found.configuration).apis
    assert list(api.trust.issuers) == ["https://opaque.example", "https://login.example"]
    assert list(api.trust.opaque) == [""]
    assert api.trust.takes_basic(ManualClock().time())
    assert api.trust.own


def test_without_any_there_is_nothing_to_ask_at_each_call(tmp_path):
    (api,) = trusting(load(written(tmp_path)).configuration).apis
    assert api.trust is None


@pytest.mark.parametrize(
    ("sources", "code"),
    [
        (["jwt: {issuer: http://login.example}"], "plain-http"),
        (["jwt: {issuer: 'https://a:b@login.example'}"], "url"),
        (["jwt: {issuer: https://login.example, profile: jwt}"], "reason-missing"),
        (["jwt: {issuer: https://login.example, profile: jwt, reason: short}"], "wrong-value"),
        (["jwt: {issuer: https://login.example, profile: id_token}"], "wrong-value"),
        (["jwt: {issuer: https://login.example, algorithms: [HS256]}"], "signing-alg"),
        (["jwt: {issuer: https://login.example, algorithms: [none]}"], "signing-alg"),
        (["jwt: {issuer: https://login.example, algorithms: []}"], "trust"),
        (["jwt: {issuer: https://login.example, credential: api_key}"], "wrong-value"),
        (["jwt: {issuer: https://login.example, jwks: a, jwks_uri: https://login.example/k}"], "trust"),
        (["jwt: {issuer: https://login.example, jwks_uri: 'file:///etc/passwd'}"], "url"),
        (["jwt: {issuer: https://login.example, scope_prefix: x, scope_map: {a: [b]}}"], "trust"),
        (["jwt: {issuer: https://login.example, two_factors_acr: [gold]}"], "trust"),
        (["jwt: {issuer: https://login.example, networks: [0.0.0.0/0]}"], "network"),
        (["jwt: {issuer: 'http://127.0.0.1:8080'}"], "trust"),
        (["jwt: {issuer: 'http://127.0.0.1:8000/.well-known/tokenward'}"], "trust"),
        ([JWT, JWT], "trust"),
        ([BASIC, BASIC], "trust"),
        ([f"{ASKED}}}"], "trust"),
        ([f"{ASKED}, client_secret: file:a, private_key: file:b}}"], "trust"),
        ([f"{ASKED}, client_secret: hunter2}}"], "inline-secret"),
        ([f"{ASKED}, client_secret: file:a, cache: 31s}}"], "duration"),
        ([f"{ASKED}, client_secret: file:a, prefix: tkw_at_}}"], "trust"),
        ([f"{ASKED}, client_secret: file:a, prefix: tk}}"], "trust"),
        ([f"{ASKED}, client_secret: file:a, may_lack: {{exp: because it is so}}}}"], "wrong-value"),
        (["basic: {users: file:users.txt, reason: the old reports need it}"], "missing-key"),
        (["basic: {users: file:users.txt, until: 2027-02-30, reason: the old reports}"], "date"),
        (["basic: {users: file:users.txt, until: soon, reason: the old reports}"], "date"),
        (["basic: {users: file:users.txt, until: 2027-01-31}"], "missing-key"),
        (["basic: {users: env:USERS, until: 2027-01-31, reason: the old reports}"], "key-file"),
        (["{}"], "trust"),
        (["{jwt: {issuer: https://login.example}, " + BASIC + "}"], "trust"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value)[:90],
)
def test_what_would_trust_too_much_or_nobody_is_an_error(sources, code, tmp_path):
    found = load(written(tmp_path, *sources))
    assert found.configuration is None
    assert {finding.code for finding in found.findings} == {code}


def test_two_servers_are_told_apart_by_prefixes_that_do_not_overlap(tmp_path):
    def both(one, other):
        first = f"{ASKED}, client_secret: file:a, prefix: '{one}'}}"
        second = first.replace("opaque.example", "second.example").replace(f"'{one}'", f"'{other}'")
        return codes(written(tmp_path, first, second))

    assert both("", "b_") == both("a_", "") == both("a_", "a_b") == both("a_", "a_") == ["trust"]
    assert both("a_", "b_") == []


def test_our_own_issuer_is_left_out_only_if_there_is_another(tmp_path):
    assert codes(written(tmp_path, own="    own_issuer: false\n")) == ["trust"]
    path = written(tmp_path, JWT, own="    own_issuer: false\n")
    (api,) = trusting(load(path).configuration).apis
    assert not api.trust.own


def test_apis_that_trust_one_issuer_share_its_keys(tmp_path):
    text = GOOD + f"    trust: [{{{JWT}}}]\n"
    second = textwrap.indent(
        "second:\n  openapi: bank.yaml\n  upstream: http://127.0.0.1:9002\n  risk: low\n"
        f"  trust: [{{{JWT}}}]\n",
        "  ",
    )
    (tmp_path / "bank.yaml").write_text(DOCUMENT, encoding="utf-8")
    path = tmp_path / "tokenward.yaml"
    path.write_text(text + second, encoding="utf-8")
    one, other = trusting(load(path).configuration).apis
    sources = [api.trust.issuers["https://login.example"]._engine.keys for api in (one, other)]
    assert sources[0] is sources[1]


# How we authenticate there


def test_the_secret_goes_into_the_head_and_a_key_signs_for_that_server_alone(tmp_path):
    private(tmp_path / "secret", "a b&c")
    key = SigningKey.generate("ES256")
    private(tmp_path / "key.pem", pem(key))
    by = {}
    for name, how in (("secret", "client_secret: file:secret"), ("key", "private_key: file:key.pem")):
        path = written(tmp_path, f"{ASKED}, {how}}}")
        (api,) = trusting(load(path).configuration).apis
        source = api.trust.opaque[""]
        assert isinstance(source, Introspected)
        by[name] = source._server.authenticate()
    assert by["secret"] == ("Basic Z3c6YStiJTI2Yw==", {})
    head, form = by["key"]
    assert head is None
    engine = Engine(
        KINDS["client-authentication+jwt"],
        issuer="gw",
        audience="https://opaque.example",
        keys={"keys": [key.public_jwk()]},
        algorithms=["ES256"],
        leeway=0,
        max_lifetime=60,
        clock=SYSTEM_CLOCK,
    )
    assert engine.validate(form["client_assertion"], None).subject == "gw"


def pem(key: SigningKey) -> str:
    return key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "ES384", "Ed25519"])
def test_a_private_key_signs_as_it_fits_and_is_named_by_its_thumbprint(algorithm):
    key = SigningKey.generate(algorithm)
    read_key = read_private_key(Secret(pem(key)))
    assert read_key.kid == key.kid
    assert read_key.private.public_key() == key.private.public_key()


@pytest.mark.parametrize(
    "text", ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "x" * 50]
)
def test_a_private_key_that_is_none_is_not_repeated(text):
    with pytest.raises(ValueError, match=r"^(no unencrypted private key in PEM)$"):
        read_private_key(Secret(text))


# Users


def test_users_are_names_with_hashes():
    phc = CHEAP.hash("correct horse")
    users = read_users(Secret(f"# old reports\n\nreports:{phc}\nbatch@night:{CHEAP.hash('y' * 12)}\n"))
    assert list(users) == ["reports", "batch@night"]
    assert users["reports"] == phc
    assert (hasher(users).time_cost, hasher(users).memory_cost) == (1, 64)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nobody\n",
        "reports",
        "reports:correct horse battery staple",
        "reports:$2y$10$abcdefghijklmnopqrstuuJ7yC1SHqUaFhJY1P4M0pC8c6C8j3yQe",
        "reports:{phc}\nreports:{phc}",
        "re ports:{phc}",
        ":{phc}",
        "reports:{phc}\nother:{dear}",
        "reports:{weak}",
        "reports:$argon2id$v=19$m=2000000,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
    ],
)
def test_a_line_that_says_something_else_is_named_by_its_number(text):
    phc = CHEAP.hash("correct horse")
    weak = phc.replace("argon2id", "argon2i")
    dear = PasswordHasher(time_cost=2, memory_cost=64, parallelism=1).hash("x")
    filled = text.replace("{phc}", phc).replace("{dear}", dear).replace("{weak}", weak)
    with pytest.raises(ValueError, match=r"line|no users|differ") as caught:
        read_users(Secret(filled))
    assert "argon2id$" not in str(caught.value)
    assert "correct horse" not in str(caught.value)


# What `check` says


def remarks(path: Path, at: str) -> list[tuple[str, str]]:
    settings = Settings.model_validate(read(path).data)
    clock = ManualClock(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp())
    return [(it.severity, it.code) for it in trust_remarks(settings, path.parent, clock)]


def test_the_last_day_of_basic_is_warned_of_before_and_an_error_after(tmp_path):
    private(tmp_path / "users.txt", f"reports:{CHEAP.hash('correct horse')}\n")
    path = written(tmp_path, BASIC.replace("2999-12-31", "2027-01-31"))
    assert remarks(path, "2026-11-27T00:00:00") == [("warning", "basic")]
    assert remarks(path, "2027-01-31T23:59:59") == [("warning", "basic")]
    assert remarks(path, "2027-02-01T00:00:00") == [("error", "basic-ended")]
    assert load(path).configuration is not None, "what is over is refused; the gateway starts all the same"


def test_files_and_secrets_are_looked_at(tmp_path):
    (tmp_path / "keys.json").write_text("{}")
    (tmp_path / "users.txt").write_text("nonsense")
    (tmp_path / "users.txt").chmod(0o600)
    (tmp_path / "secret").write_text("x")
    (tmp_path / "secret").chmod(0o644)
    path = written(
        tmp_path,
        "jwt: {issuer: https://login.example, jwks: keys.json}",
        f"{ASKED}, client_secret: file:secret, signed: {{jwks: absent.json}}}}",
        BASIC,
    )
    found = [(it.severity, it.code) for it in check(path).findings if it.code != "secret-missing"]
    assert sorted(found) == [
        ("error", "secret-exposed"),
        ("error", "trust"),
        ("error", "trust"),
        ("error", "trust"),
        ("warning", "basic"),
    ]


def test_good_files_are_no_finding(tmp_path):
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [SigningKey.generate("ES256").public_jwk()]}))
    path = written(tmp_path, "jwt: {issuer: https://login.example, jwks: keys.json}")
    assert [it.code for it in check(path).findings if it.code != "secret-missing"] == []
