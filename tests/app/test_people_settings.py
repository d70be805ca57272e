"""How people sign in, in the configuration: somebody gets in, the right one, and no secret is in the file."""

import textwrap
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.test_config import DOCUMENT, GOOD
from tokenward.app.check import check
from tokenward.app.config import load
from tokenward.app.providers import providers
from tokenward.identity.upstream.provider import Groups
from tokenward.tokens.jws import verify_jws
from tokenward.tokens.keys import SigningKey

CORP = {
    "name": "corp",
    "label": "Corp",
    "issuer": "https://login.corp.example",
    "client_id": "tokenward",
    "client_secret": "file:secret",
    "create": "true",
}
MANY = ", ".join(f"{'g' * 99}{number}: []" for number in range(100, 130))
STAFF = "{claim: roles, scopes: {staff: [accounts:read]}}"


def written(directory: Path, *upstream: dict, passwords: str = "true", issuer: str = "") -> Path:
    (directory / "bank.yaml").write_text(DOCUMENT, encoding="utf-8")
    lines = [f"people:\n  passwords: {passwords}\n"]
    if upstream:
        lines.append("  upstream:\n")
    for each in upstream:
        one = "\n".join(f"{name}: {value}" for name, value in each.items() if value is not None)
        lines.append("    - " + textwrap.indent(one, "      ").lstrip() + "\n")
    path = directory / "tokenward.yaml"
    good = GOOD if not issuer else GOOD.replace("url: http://127.0.0.1:8080", f"url: {issuer}")
    path.write_text("".join(lines) + good, encoding="utf-8")
    return path


def private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def found(path: Path) -> list[tuple[str, str]]:
    return [(finding.severity, finding.code) for finding in load(path).findings]


def test_a_provider_is_read_and_becomes_a_connection(tmp_path):
    private(tmp_path / "secret", "s:3cret")
    more = {
        "link": "email",
        "email_domains": "[corp.example]",
        "claims": "[email, name]",
        "two_factors_acr": "[gold]",
        "groups": STAFF,
        "sign_out": "true",
    }
    loaded = load(written(tmp_path, CORP | more))
    assert loaded.findings == ()
    (connection,) = providers(loaded.configuration)
    provider = connection.provider
    assert provider.callback == "/sign-in/from/corp"
    assert (provider.link, provider.email_domains) == ("email", {"corp.example"})
    assert provider.groups == Groups("roles", {"staff": frozenset({"accounts:read"})})
    assert provider.wanted_claims == {"email", "email_verified", "name", "preferred_username", "roles"}
    assert connection.authenticate() == ("Basic dG9rZW53YXJkOnMlM0EzY3JldA==", {})
    assert "3cret" not in repr(connection)


def test_a_key_authenticates_in_place_of_a_secret(tmp_path):
    key = SigningKey.generate("ES256")
    pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    private(tmp_path / "key.pem", pem.decode())
    path = written(tmp_path, CORP | {"client_secret": None, "private_key": "file:key.pem"})
    (connection,) = providers(load(path).configuration)
    authorization, parameters = connection.authenticate()
    assert authorization is None
    claims = verify_jws(parameters["client_assertion"], {"keys": [key.public_jwk()]}, algorithms=["ES256"])
    assert b'"aud": "https://login.corp.example"' in claims.replace(b'":"', b'": "')


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"issuer": "http://login.corp.example"}, "plain-http"),
        ({"issuer": "http://127.0.0.1:8080"}, "people"),  # ours
        ({"name": "Corp"}, "provider-name"),
        ({"name": "a/b"}, "provider-name"),
        ({"name": "logout/.."}, "provider-name"),
        ({"client_secret": None}, "people"),
        ({"private_key": "file:key.pem"}, "people"),
        ({"client_secret": "s3cret"}, "inline-secret"),
        ({"algorithms": "[HS256]"}, "signing-alg"),
        ({"algorithms": "[none]"}, "signing-alg"),
        ({"algorithms": "[]"}, "trust"),
        ({"jwks": "a", "jwks_uri": "https://login.corp.example/k"}, "trust"),
        ({"scopes": "[profile]"}, "people"),
        ({"scopes": "['open id']"}, "scope"),
        ({"link": "email"}, "people"),
        ({"link": "name"}, "wrong-value"),
        ({"email_domains": "[Corp.example]"}, "domain"),
        ({"email_domains": "['*.example']"}, "domain"),
        ({"email_domains": "[com]"}, "domain"),
        ({"claims": "[sub]"}, "claim"),
        ({"claims": "[may_act]"}, "claim"),
        ({"claims": "[email_verified]"}, "claim"),
        ({"claims": "[password]"}, "claim"),
        ({"claims": "[amr]"}, "claim"),
        ({"groups": "{claim: sub, scopes: {staff: [accounts:read]}}"}, "claim"),
        ({"groups": "{claim: name, scopes: {staff: [accounts:read]}}"}, "people"),  # a text, and no list
        ({"groups": STAFF, "claims": "[roles]"}, "people"),
        ({"groups": "{scopes: {staff: [accounts:erase]}}"}, "people"),
        ({"groups": "{scopes: {staff: [openid]}}"}, "scope"),
        ({"groups": f"{{scopes: {{{'g' * 201}: []}}}}"}, "wrong-value"),
        ({"groups": f"{{scopes: {{{MANY}}}}}"}, "people"),  # somebody in all of them has too long a claim
        ({"networks": "[0.0.0.0/0]"}, "network"),
        ({"trusted": "true"}, "unknown-key"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, change, code):
    assert ("error", code) in found(written(tmp_path, CORP | change))
    (tmp_path / "again").mkdir()
    assert found(written(tmp_path / "again", CORP)) == []


def test_two_providers_share_neither_name_nor_claim_of_groups(tmp_path):
    other = CORP | {"issuer": "https://other.example"}
    assert found(written(tmp_path, CORP, other)) == [("error", "people")]
    assert found(written(tmp_path, CORP, other | {"name": "other"})) == []
    grouped = CORP | {"groups": STAFF}
    both = [grouped, grouped | {"name": "other", "issuer": "https://other.example"}]
    assert found(written(tmp_path, *both)) == [("error", "people")]
    # Else whoever may name groups there could give them away here.
    for two in (
        [grouped, other | {"name": "b", "claims": "[roles]"}],
        [other | {"claims": "[roles]"}, both[1]],
    ):
        assert found(written(tmp_path, *two)) == [("error", "people")]


def test_somebody_must_get_in(tmp_path):
    assert found(written(tmp_path, passwords="false")) == [("error", "people")]
    on_a_name = written(tmp_path, passwords="false", issuer="https://id.example")
    assert found(on_a_name) == [("warning", "people")]  # who has a passkey
    assert found(written(tmp_path, CORP, passwords="false")) == []
    closed = written(tmp_path, CORP | {"create": "false"})
    assert found(closed) == [("warning", "people")]


def test_check_looks_for_its_secrets_and_keys(tmp_path):
    codes = {finding.code for finding in check(written(tmp_path, CORP | {"jwks": "keys.json"})).findings}
    assert {"secret-missing", "trust"} <= codes
    private(tmp_path / "secret", "s3cret")
    (tmp_path / "secret").chmod(0o644)
    place = [it for it in check(written(tmp_path, CORP)).findings if it.code == "secret-exposed"]
    assert [finding.line for finding in place] == [8]
