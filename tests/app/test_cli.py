"""The command line as its user meets it: what it prints, where, and how it ends."""

import asyncio
import base64
import json
import os
import re
import socket
from datetime import datetime, timedelta

import pytest
import typer
from typer.testing import CliRunner

from certificates import certificate
from store.values import access
from tokenward.app.cli import application
from tokenward.app.config import load
from tokenward.app.demo import PORTS
from tokenward.app.foundation import foundation
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.gateway.contract.operation import MAX_BODY
from tokenward.tokens import opaque
from tokenward.tokens.keys import SigningKey

OPENAPI = {
    "openapi": "3.1.0",
    "info": {"title": "Bank", "version": "1"},
    "components": {
        "securitySchemes": {
            "oauth": {
                "type": "oauth2",
                "flows": {
                    "clientCredentials": {
                        "tokenUrl": "http://127.0.0.1:8080/token",
                        "scopes": {"accounts:read": "Read accounts", "transfers:write": "Move money"},
                    }
                },
            }
        }
    },
    "paths": {
        "/accounts": {
            "get": {
                "operationId": "listAccounts",
                "security": [{"oauth": ["accounts:read"]}],
                "responses": {"200": {"description": "accounts"}},
            }
        },
        "/transfers": {
            "post": {
                "operationId": "createTransfer",
                "security": [{"oauth": ["transfers:write"]}],
                "responses": {"201": {"description": "done"}},
            }
        },
    },
}


LONG = "https://application.example/a/rather/long/way/to/the/callback"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()

    def invoke(*arguments, code=0, stdin=None):
        result = runner.invoke(application, list(arguments), input=stdin)
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result

    return invoke


@pytest.fixture
def house(run, tmp_path):
    """A configuration with the bank API and nothing running."""
    (tmp_path / "bank.json").write_text(json.dumps(OPENAPI))
    run("protect", "bank.json", "--upstream", "http://127.0.0.1:9002", "--name", "bank")
    run("init")
    return run


def _secret(result):
    return re.search(r"client_secret (tkw_cs_\w+)", result.stdout)[1]


def _commands(group, *words):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, *words, name)
        else:
            yield (*words, name), command


def test_every_command_explains_itself_and_what_it_takes(run):
    found = dict(_commands(typer.main.get_group(application)))
    assert ("clients", "rotate-secret") in found
    for words, command in found.items():
        assert "Usage" in run(*words, "--help").output
        assert len(command.help.splitlines()) > 1, f"{words}: one line teaches nobody"
        assert all(getattr(it, "help", "") for it in command.params), words
    assert "Exit codes" in run("--help").output


def test_init_then_check_then_nothing_is_overwritten(run, tmp_path):
    run("init")
    key = (tmp_path / "data" / "master.key").read_text()
    for name in ("master.key", "admin.token"):
        assert (tmp_path / "data" / name).stat().st_mode & 0o077 == 0
    run("check")
    run("init")
    assert (tmp_path / "data" / "master.key").read_text() == key


def test_a_service_client_is_added_listed_rotated_and_removed(house):
    added = house(
        "clients", "add", "Nightly report", "--type", "service", "--scope", "accounts:read", "--id", "report"
    )
    first = _secret(added)
    assert "report" in house("clients", "list").stdout
    assert house("clients", "add", "Other", "--type", "web", "--redirect-uri", LONG).exit_code == 0
    listed = "".join(house("clients", "list").stdout.split("│"))
    assert "…" not in listed
    assert _secret(house("clients", "rotate-secret", "report", "--overlap", "1m")) != first
    house("clients", "remove", "report")
    house("clients", "remove", "report", code=1)
    assert "report" not in house("clients", "list").stdout


def test_what_introspection_responses_are_signed_with_is_registered_and_shown(house):
    add = ("clients", "add", "Report", "--type", "service", "--id")
    house(*add, "usual")
    house(*add, "fapi", "--introspection-signed-response-alg", "ES256")
    assert "signed with RS256" in house("clients", "show", "usual").stdout
    assert "signed with ES256" in house("clients", "show", "fapi").stdout


def test_a_client_that_is_weaker_than_its_type_says_why_and_shows_it(house):
    add = ("clients", "add", "Report", "--type", "service", "--access-token-format", "jwt", "--id", "report")
    assert "give a reason" in house(*add, code=1).stderr
    house(*add, "--reason", "its [old] gateway reads them")
    for shown in (house("clients", "show", "report").stdout, house("clients", "list").stdout):
        assert "its [old] gateway reads them" in " ".join(shown.replace("│", " ").split())


def test_a_secret_is_rotated_until_a_date_or_with_all_that_it_gave(house):
    house("clients", "add", "Report", "--type", "service", "--id", "report")
    shown = house("clients", "show", "report").stdout
    assert "client_secret" in shown
    assert "0 days" in shown
    assert "never" in shown, "it was not used"
    tomorrow = datetime.now().astimezone() + timedelta(days=1)
    _secret(house("clients", "rotate-secret", "report", "--until", f"{tomorrow:%Y-%m-%dT%H:%M:%S}"))
    assert f"{tomorrow:%Y-%m-%d}" in house("clients", "show", "report").stdout
    assert "ends soon" in house("clients", "list").stdout
    house("clients", "rotate-secret", "report", "--until", "2020-01-01", code=1)
    house("clients", "rotate-secret", "report", "--until", "2099-01-01", code=1)
    house("clients", "rotate-secret", "report", "--overlap", "1s", "--now", code=2)
    house("clients", "rotate-secret", "report", "--overlap", "1s", "--compromised", code=1)
    house("clients", "rotate-secret", "report", "--overlap", "31d", code=1)
    for wrong in ("60", "0s", "1w", "-1h", "soon"):
        assert (
            "write a number and a unit"
            in house("clients", "rotate-secret", "report", "--overlap", wrong, code=2).stderr
        )
    assert " over " not in house("clients", "show", "report").stdout
    _secret(house("clients", "rotate-secret", "report", "--now", "--compromised"))
    assert house("clients", "show", "report").stdout.count(" over ") == 2
    house("clients", "show", "nobody", code=1)


def test_a_client_is_added_with_keys_and_gets_others(house, tmp_path):
    keys = tmp_path / "public.json"
    keys.write_text(json.dumps({"keys": [SigningKey.generate("ES256").public_jwk()]}))
    by_key = ("--type", "service", "--auth-method", "private_key_jwt")
    added = house("clients", "add", "Payer", *by_key, "--jwks", str(keys), "--id", "payer")
    assert "client_secret" not in added.stdout
    assert "no secret to keep" in added.stderr
    assert "private_key_jwt" in house("clients", "list").stdout
    house("clients", "set-keys", "payer", "--jwks-uri", "http://127.0.0.1:9/jwks.json")
    assert "public keys" in house("clients", "set-keys", "payer", code=1).stderr
    assert "https" in house("clients", "set-keys", "payer", "--jwks-uri", "http://a.example", code=1).stderr
    assert "private_key_jwt" in house("clients", "rotate-secret", "payer", code=1).stderr
    keys.write_text(json.dumps({"keys": [{**SigningKey.generate("ES256").public_jwk(), "d": "AA"}]}))
    refused = house("clients", "set-keys", "payer", "--jwks", str(keys), code=1)
    assert "private" in refused.stderr
    keys.write_bytes(b"\xff")
    assert "no text" in house("clients", "set-keys", "payer", "--jwks", str(keys), code=2).stderr


def test_a_client_gets_other_certificates_and_may_go_over_to_keys(house, tmp_path):
    config = tmp_path / "tokenward.yaml"
    takes = "127.0.0.1:8080, proxies: [127.0.0.1], client_certificates: {header: X-SSL-Cert}}"
    config.write_text(config.read_text().replace("127.0.0.1:8080}", takes, 1))
    old, new = (certificate(f"CN={name}").write(tmp_path, name)[0] for name in ("old", "new"))
    by_own = ("--type", "service", "--auth-method", "self_signed_tls_client_auth")
    house("clients", "add", "Report", *by_own, "--certificate", old, "--id", "report")
    told = house("clients", "set-keys", "report", "--certificate", old, "--certificate", new).stderr
    assert "self_signed_tls_client_auth with these certificates" in told
    assert house("clients", "show", "report").stdout.count("x5c") == 2
    house("clients", "set-keys", "report", "--certificate", old, "--jwks-uri", "https://a.example/", code=1)
    house("clients", "set-keys", "report", "--certificate", "no.pem", code=1)
    assert house("clients", "show", "report").stdout.count("x5c") == 2, "nothing changed"
    house("clients", "set-keys", "report", "--jwks-uri", "https://a.example/jwks.json")
    shown = house("clients", "show", "report").stdout
    assert "private_key_jwt" in shown
    assert "x5c" not in shown


def test_a_public_client_has_no_secret_and_gets_none(house):
    added = house(
        "clients", "add", "App", "--type", "native", "--redirect-uri", "http://127.0.0.1/cb", "--id", "app"
    )
    assert "client_secret" not in added.stdout
    refused = house("clients", "rotate-secret", "app", code=1)
    assert "never have a secret" in refused.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--type", "service", "--scope", "nosuch:scope"], "nosuch:scope"),
        (["--type", "service", "--scope", "nosuch:scope"], "there are: accounts:read"),
        (["--type", "web", "--redirect-uri", "http://evil.example/cb"], "https"),
        (["--type", "service", "--redirect-uri", "https://a.example/cb"], "redirect"),
    ],
)
def test_a_client_that_breaks_a_rule_is_refused_with_the_reason(house, words, said):
    refused = house("clients", "add", "X", *words, code=1)
    assert said in refused.stderr


def test_a_person_is_added_with_a_password_from_standard_input(house, tmp_path):
    house("users", "add", "alice", stdin="correct horse battery\n")
    refused = house("users", "add", "alice", stdin="correct horse battery\n", code=1)
    assert "taken" in refused.stderr
    assert "12" in house("users", "add", "bob", stdin="short\n", code=1).stderr
    password_file = tmp_path / "password"
    password_file.write_text("another long password\n")
    house("users", "add", "carol", "--password", "@password")
    refused = house("users", "add", "dave", "--password", "a password written inline", code=2)
    assert "never from an argument" in refused.stderr
    assert "written inline" not in refused.output


def test_decide_explains_each_step(house, tmp_path):
    refused = house("decide", "GET", "/bank/accounts", code=1)
    assert "401 no_credential" in refused.stdout
    refused = house("decide", "GET", "/bank/secret", code=1)
    assert "404 undocumented" in refused.stdout
    (tmp_path / "token.txt").write_text("not-a-token\n")
    refused = house("decide", "GET", "/bank/accounts", "@token.txt", code=1)
    assert "401 invalid_token" in refused.stdout
    assert "not-a-token" not in refused.output
    (tmp_path / "proof.txt").write_text("eyJ.x.y")
    refused = house("decide", "GET", "/bank/accounts", "@token.txt", "--proof", "@proof.txt", code=1)
    assert "scheme DPoP, and so many proofs: 1" in refused.output
    refused = house("decide", "GET", "/bank/accounts", "tkw_at_inline", code=2)
    assert "never from an argument" in refused.stderr


def test_decide_holds_a_body_to_its_limits_and_reads_no_more_of_it(house, tmp_path):
    document = json.loads((tmp_path / "bank.json").read_text())
    document["paths"]["/notes"] = {
        "post": {
            "security": [],
            "x-tokenward-risk": "public",
            "requestBody": {"content": {"application/json": {"schema": {"type": "array"}}}},
            "responses": {"200": {"description": "done"}},
        }
    }
    (tmp_path / "bank.json").write_text(json.dumps(document))
    path = tmp_path / "tokenward.yaml"
    path.write_text(path.read_text().replace("    upstream:", "    contract: enforce\n    upstream:"))
    for body, told in (
        ("[1]", None),
        ("{}", "body: type"),
        ("[" * 33 + "]" * 33, "size: levels"),
        ("[" + "0," * 60_000 + "0]", "size: values"),
        (" " * (MAX_BODY + 1), "size: bytes"),
    ):
        (tmp_path / "body").write_text(body)
        for source, stdin in (("@body", None), ("-", body)):
            found = house(
                "decide", "POST", "/bank/notes", "--data", source, stdin=stdin, code=1 if told else 0
            )
            assert (told or "allow") in found.output
    os.truncate("body", 1 << 42)  # more than any memory
    endless = house("decide", "POST", "/bank/notes", "--data", "@body", code=1)
    assert "size: bytes" in endless.output


def test_decide_at_an_api_that_protects_itself_is_by_its_own_url(house, tmp_path):
    path = tmp_path / "tokenward.yaml"
    path.write_text(re.sub("    upstream:.*", "    url: https://bank.example", path.read_text()))
    house("check")
    refused = house("decide", "GET", "https://bank.example/accounts", code=1)
    assert "401 no_credential" in refused.stdout
    assert 'resource_metadata="https://bank.example/' in refused.stdout.replace("\n", "")
    assert "404 undocumented" in house("decide", "GET", "/accounts", code=1).stdout


def test_revoke_names_exactly_one_thing(house):
    house("tokens", "revoke", code=2)
    house("tokens", "revoke", "--client", "a", "--user", "b", code=2)
    house("tokens", "revoke", "--token-id", "0" * 11, "--before", "2026-01-01", code=2)
    house("tokens", "revoke", "--client", "nobody", code=1)
    house("tokens", "revoke", "--user", "nobody", code=1)
    house("tokens", "revoke", "--token-id", "0" * 11, code=1)
    house("tokens", "revoke", "-", stdin="garbage\n", code=1)
    house("tokens", "revoke", "--all")


def test_a_text_around_anothers_token_id_ends_nothing(house, tmp_path):
    token = _issue(tmp_path)
    body = token.secret.reveal()[:18] + opaque.new("at").secret.reveal()[18:-6]
    forged = body + opaque._checksum(body)
    refused = house("tokens", "revoke", "-", stdin=f"{forged}\n", code=1)
    assert "none that was issued here" in refused.stderr
    assert forged not in refused.output
    many = house("tokens", "revoke", "--token-ids", "-", stdin=f"{forged}\n")
    assert many.stdout == "revoked 0, revoked before 0, unknown 1\n"
    house("tokens", "revoke", "-", "--before", "2026-01-01", stdin=f"{forged}\n", code=2)
    house("tokens", "revoke", "-", stdin=f"{token.secret.reveal()}\n")
    again = house("tokens", "revoke", "-", stdin=f"{token.secret.reveal()}\n", code=1)
    assert "was revoked before" in again.stderr
    by_id = _issue(tmp_path).token_id
    house("tokens", "revoke", "-", stdin=f"{by_id}\n")


def test_without_a_configuration_the_way_to_one_is_told(run):
    for words in (["up"], ["clients", "list"], ["decide", "GET", "/"]):
        assert "tokenward init" in run(*words, code=2).stderr


def test_a_broken_configuration_points_to_check(house, tmp_path):
    path = tmp_path / "tokenward.yaml"
    path.write_text(path.read_text().replace("upstream:", "upsteam:"))
    refused = house("clients", "list", code=2)
    assert "`tokenward check` tells every problem" in refused.stderr
    assert "did you mean 'upstream'?" in refused.stderr
    refused = house("clients", "list", "--config", str(path), code=2)
    assert f"`tokenward check --config {path}`" in refused.stderr.replace("\n", "")
    assert "is not a file" in house("clients", "list", "--config", str(tmp_path), code=2).stderr
    assert re.search(r"tokenward\.yaml:\d+", house("check", code=1).output)


def test_a_demo_whose_ports_are_taken_tells_what_to_do(run, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setitem(PORTS, "issuer", taken.getsockname()[1])
        for name in PORTS.keys() - {"issuer"}:
            monkeypatch.setitem(PORTS, name, 0)
        said = run("demo", code=2).stderr
    assert "already in use: stop what listens there" in said


def test_a_directory_that_cannot_be_made_is_one_clear_error(run, tmp_path):
    (tmp_path / "taken").write_text("a file")
    assert "taken" in run("init", "taken", code=2).stderr


def test_a_name_in_square_brackets_is_no_markup(house):
    house("clients", "add", "[/red] [blink]Me", "--type", "service", "--id", "odd")
    assert "[/red]" in house("clients", "list").stdout


def test_decide_refuses_what_is_no_url(house):
    assert "no URL" in house("decide", "GET", "http://[x", code=2).output


def test_a_list_of_tokens_is_revoked_and_counted(house, tmp_path):
    whole, *others = [_issue(tmp_path) for _ in range(4)]
    lines = ["0" * 11, whole.secret.reveal(), "", *(each.token_id for each in others)]
    (tmp_path / "leaked.txt").write_text("\n".join(lines))
    once = house("tokens", "revoke", "--token-ids", "@leaked.txt")
    assert once.stdout == "revoked 4, revoked before 0, unknown 1\n"
    assert whole.secret.reveal() not in once.output
    more = "\n".join([*lines, "tkw_rt_damaged", "x"])
    again = house("tokens", "revoke", "--token-ids", "-", stdin=more, code=1)
    assert again.stdout == "revoked 0, revoked before 4, unknown 1\n"
    assert "2 lines, number 7, 8" in again.stderr
    assert "damaged" not in again.output


def test_a_list_stands_alone_and_must_be_there(house):
    house("tokens", "revoke", "--token-ids", "@nothing.txt", code=2)
    house("tokens", "revoke", "--token-ids", "0" * 11, code=2)
    for more in (["--client", "a"], ["--all"], ["-"], ["--before", "2026-01-01"]):
        house("tokens", "revoke", "--token-ids", "-", *more, stdin="", code=2)
    assert house("tokens", "revoke", "--token-ids", "-", stdin="").stdout.startswith("revoked 0,")


def _issue(directory):
    token, now = opaque.new("at"), SYSTEM_CLOCK.time()

    async def add():
        async with foundation(load(directory / "tokenward.yaml").configuration) as ground:
            keyed_hash = opaque.keyed_hash(ground.peppers[0], token.secret.reveal())
            record = access(
                token_id=token.token_id, keyed_hash=keyed_hash, issued_at=now, expires_at=now + 60
            )
            await ground.store.add_access_token(record)

    asyncio.run(add())
    return token


def test_revoking_what_will_be_issued_is_refused(house):
    assert "yet to come" in house("tokens", "revoke", "--all", "--before", "2999-01-01", code=1).output


def test_the_demo_leaves_a_directory_alone_that_is_not_its_own(run, tmp_path):
    run("init")
    text = (tmp_path / "tokenward.yaml").read_text()
    assert "was not written by the demo" in run("demo", "--once", "--directory", ".", code=2).output
    assert (tmp_path / "tokenward.yaml").read_text() == text
    assert sorted(each.name for each in tmp_path.iterdir()) == ["data", "tokenward.yaml"]


def _keys(run):
    """Names and states of the inside keys, by age."""
    rows = [row.strip("│").split("│") for row in run("signing-keys", "list").stdout.splitlines()]
    return [(row[0].strip(), row[2].strip()) for row in rows if len(row) == 4 and row[0].strip()]


@pytest.fixture
def signing(house, tmp_path):
    """The same with the keys that the gateway makes when it starts."""
    configuration = load(tmp_path / "tokenward.yaml").configuration

    async def start():
        async with foundation(configuration) as ground:
            await ground.key_desk.ensure("inside")

    asyncio.run(start())
    return house


def test_a_signing_key_is_rotated_retired_and_removed(signing):
    ((first, _),) = _keys(signing)
    assert "signs from" in signing("signing-keys", "rotate").stdout
    assert [state for _, state in _keys(signing)] == ["active", "pending"]
    assert "successor" in signing("signing-keys", "rotate", code=1).stderr
    signing("signing-keys", "retire", first)
    assert [state for _, state in _keys(signing)] == ["retired", "active"]
    (_, (successor, _)) = _keys(signing)
    assert "retire it first" in signing("signing-keys", "remove", successor, code=1).stderr
    signing("signing-keys", "remove", first)
    signing("signing-keys", "remove", "--compromised", successor)
    assert [state for _, state in _keys(signing)] == ["removed", "removed", "active"]
    assert signing("signing-keys", "list").stdout.count("compro") == 1
    assert "no signing key is named nobody" in signing("signing-keys", "retire", "nobody", code=1).stderr


def test_rotation_of_one_purpose_leaves_the_other(signing):
    signing("signing-keys", "rotate", "--purpose", "outside", code=1)  # there is none yet
    assert [state for _, state in _keys(signing)] == ["active"]


def _new_key(path):
    path.write_bytes(base64.b64encode(os.urandom(32)))
    path.chmod(0o600)
    return f"file:{path.name}"


def test_the_master_key_is_replaced(signing, tmp_path):
    before = _keys(signing)
    reference = _new_key(tmp_path / "master-2.key")
    told = signing("master-key", "rotate", reference).stderr
    assert f"master_key: {reference}" in told
    assert "before" in signing("master-key", "rotate", reference).stderr  # the same again is safe
    assert "master key" in signing("signing-keys", "list", code=2).stderr
    path = tmp_path / "tokenward.yaml"
    path.write_text(path.read_text().replace("file:data/master.key", reference))
    assert _keys(signing) == before
    signing("signing-keys", "rotate")  # private halves open
    assert "leave the old one" in signing("master-key", "rotate", reference, code=1).stderr
    other = _new_key(tmp_path / "master-3.key")
    path.write_text(path.read_text().replace(reference, "file:data/master.key"))
    assert "master key" in signing("master-key", "rotate", other, code=2).stderr


def test_a_master_key_is_named_and_never_written(signing, tmp_path):
    text = base64.b64encode(os.urandom(32)).decode()
    refused = signing("master-key", "rotate", text, code=2)
    assert text not in refused.output
    (tmp_path / "short.key").write_text("AAAA")
    (tmp_path / "short.key").chmod(0o600)
    assert "32 bytes" in signing("master-key", "rotate", "file:short.key", code=2).stderr
