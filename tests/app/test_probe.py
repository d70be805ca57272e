"""`tokenward probe`, as its user runs it."""

import json
import socket
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from joserfc.jwk import ECKey, OKPKey, RSAKey
from typer.testing import CliRunner

from certificates import certificate
from targets import raw
from targets.probed import probed
from targets.serving import Response, api, running
from tokenward.app import probing
from tokenward.app.cli import application
from tokenward.auditor.attacks import ON_ACCESS_TOKENS
from tokenward.auditor.probing import tokens
from tokenward.auditor.probing.wire import CannotProbe
from tokenward.base.outbound import OutboundClient
from tokenward.tokens.keys import SigningKey, members, thumbprint

TOKEN = "secret-opaque-token-1"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "token").write_text(TOKEN + "\n")

    def run(*words, code=0, given=None):
        words = ["probe", *words, "--max-rps", "1000"]
        result = CliRunner().invoke(application, words, input=given)
        assert result.exit_code == code, result.output
        assert TOKEN not in result.output
        return result

    return run


def careless(token):
    assert token.lower() == TOKEN


def careful(token):
    assert token == TOKEN


def test_a_careful_api_is_clean(run):
    with running(api(careful)) as url:
        assert "No findings" in run(url, "--token", "@token").stdout


def test_a_finding_has_an_exit_code_and_says_what_was_accepted(run):
    with running(api(careless)) as url:
        report = json.loads(run(url, "--token", "-", "--format", "json", given=TOKEN, code=1).stdout)
    (finding,) = report["findings"]
    assert finding["rule"]["id"] == "probe.altered-token"
    assert "letters in the other case" in finding["message"]
    assert finding["locations"][0]["path"] == f"GET {url}"


def test_fail_on_makes_it_milder(run):
    with running(raw.no_challenge(raw.Trust())) as url:
        pass

    def target(request):
        answer = api(careful)(request)
        return answer if answer.status == 200 else raw.Response(401, {})

    with running(target) as url:
        run(url, "--token", "@token", code=1)
        run(url, "--token", "@token", "--fail-on", "medium")


@pytest.mark.parametrize("form", ["terminal", "sarif", "html", "markdown"])
def test_every_format_goes_into_a_file(run, tmp_path, form):
    with running(api(careless)) as url:
        result = run(url, "--token", "@token", "--format", form, "--output", "report", code=1)
    assert "1 finding (1 critical): report" in result.stderr
    assert "altered" in (tmp_path / "report").read_text().lower()


def test_a_test_issuer_says_where_it_is_and_waits(run, monkeypatch, tmp_path):
    monkeypatch.setattr(tokens, "ON_ACCESS_TOKENS", ON_ACCESS_TOKENS[::30])
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    trust, asked = raw.Trust(), []
    trust.url = f"http://127.0.0.1:{port}"

    def verify(token):
        asked.append(token)
        assert len(asked) > 4
        assert trust.strict(token)["tenant"] == "t-1"

    (tmp_path / "claims").write_text('{"tenant": "t-1"}')
    with running(api(verify)) as url:
        words = (url, "--test-issuer", f"127.0.0.1:{port}", "--audience", raw.AUDIENCE, "--claims", "@claims")
        result = run(*words)
    assert f"{trust.url}/jwks.json" in result.stderr
    assert "waiting" in result.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "something good is needed"),
        (("--token", "@token", "--test-issuer", "127.0.0.1:0"), "choose one"),
        (("--test-issuer", "127.0.0.1:0"), "--audience"),
        (("--test-issuer", "9400", "--audience", "x"), "write it as 127.0.0.1:9400"),
        (("--token", TOKEN[:6]), "never from an argument"),
        (("--token", "-", "--other-token", "-"), "read once"),
        (("--token", "@token", "--jwks", "nothing"), "nothing cannot be read"),
        (("--token", "@token", "--jwks", "token"), "no JSON object"),
        (("--token", "@token", "--ca", "token"), "cannot be read as certificates"),
        (("--test-issuer", "127.0.0.1:0", "--audience", "x", "--claims", "@token"), "no JSON object"),
        (("--token", "@token", "--method", "POST"), "--unsafe-methods"),
        (("--token", "@token", "--claims", "@token"), "go with --test-issuer"),
        (("--token", "@token", "--withdraw-keys"), "go with --test-issuer"),
        (("--cookie", "@token", "--dpop-key", "@token"), "go with --token"),
        (("--token", "@token", "--dpop-key", "@token"), "no private key that can be read"),
        (("--token", "@token", "--dpop-key", "key.pem"), "read from standard input (-) or a file"),
        (("--token", "-", "--dpop-key", "-"), "read once"),
        (("--token", "@token", "--client-certificate", "token"), "go together"),
        (
            ("--token", "@token", "--client-certificate", "token", "--client-key", "token"),
            "token cannot be used: it holds no PEM certificate",
        ),
        (
            ("--token", "@token", "--client-certificate", "no", "--client-key", "token"),
            "no cannot be read: No such file",
        ),
        (("--token", "@token", "--max-time", "soon"), "write a number and a unit"),
    ],
)
def test_what_cannot_be_done_is_exit_code_2(run, words, told):
    result = run("http://127.0.0.1:9/", *words, code=2)
    assert told in " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ('{"exp": "soon"}', "`exp` cannot be among the claims: each token gets its own"),
        ('{"iss": "https://other.example"}', "`iss` cannot be among the claims: --issuer says it"),
        ('{"aud": []}', "`aud` cannot be among the claims: --audience says it"),
        ('{"cnf": {"jkt": "x"}}', "`cnf` cannot be among the claims"),
        ('{"sub": null}', "`sub` among the claims is no text"),
        ('{"a": NaN}', "no JSON object"),
        ('{"a": 1, "a": 2}', "no JSON object"),
        ('{"a": "\\ud800"}', "no JSON object"),
        ('{"a":' * 2000 + "1" + "}" * 2000, "no JSON object"),
        ("[]", "no JSON object"),
        ('{"a": "' + "x" * 20_000 + '"}', "cannot be sent: it is longer"),
    ],
    ids=["exp", "iss", "aud", "cnf", "sub", "nan", "twice", "surrogate", "deep", "array", "long"],
)
def test_odd_claims_are_a_sentence(run, tmp_path, claims, told):
    (tmp_path / "claims").write_text(claims)
    with running(api(careful)) as url:
        words = ("--test-issuer", "127.0.0.1:0", "--audience", "x", "--claims", "@claims")
        assert told in run(url, *words, code=2).stderr


def test_a_claim_may_have_any_other_name(monkeypatch):
    """`self` is the name of an argument, too."""
    monkeypatch.setattr(tokens, "ON_ACCESS_TOKENS", ON_ACCESS_TOKENS[::30])
    assert probed(raw.strict, claims={"self": 1, "": 2, "key": "x", "header": {}}).complete


P256, RSA, ED = (SigningKey.generate(name) for name in ("ES256", "PS256", "EdDSA"))


def pem(key, password=None):
    locked = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)


def jwk(key, **changes):
    kind = {"EC": ECKey, "RSA": RSAKey, "OKP": OKPKey}[key.public_jwk()["kty"]]
    return json.dumps(kind.import_key(pem(key)).as_dict(private=True) | changes).encode()


@pytest.mark.parametrize("form", [pem, jwk], ids=["pem", "jwk"])
@pytest.mark.parametrize("key", [P256, RSA, ED], ids=["ec", "rsa", "okp"])
def test_the_key_of_a_bound_token_is_read(key, form):
    read = probing.dpop_key(form(key))
    assert thumbprint(members(read.private.public_key())) == thumbprint(members(key.private.public_key()))
    assert read.sign(b"x")


@pytest.mark.parametrize(
    ("octets", "told"),
    [
        (lambda: pem(P256, b"secret"), "without a password"),
        (lambda: jwk(P256, d="AAAA"), "no proofs|no private key"),
        (lambda: jwk(P256, d="!"), "no private key that can be read"),
        (lambda: jwk(P256, alg="ECDH-ES"), "signs no proofs"),
        (lambda: json.dumps(P256.public_jwk()).encode(), "no private key that can be read"),
        (lambda: b'{"kty": "oct", "k": "AAAA"}', "signs no proofs"),
        (lambda: b"{", "no private key that can be read"),
    ],
    ids=["locked", "another", "base64", "encrypts", "public", "secret", "json"],
)
def test_what_is_no_key_of_a_bound_token_is_refused(octets, told):
    with pytest.raises(CannotProbe, match=told):
        probing.dpop_key(octets())


def test_a_certificate_and_another_s_key_do_not_go_together(tmp_path):
    (one, _), (_, other) = (certificate(f"CN={it}").write(tmp_path, it) for it in ("a", "b"))
    with pytest.raises(CannotProbe, match="is no private key"):
        probing.certificate(Path(one), Path(other))


@pytest.mark.parametrize(
    ("url", "told"), [("ftp://127.0.0.1/", "no address"), ("http://[::1", "no address"), ("x", "no address")]
)
def test_what_is_no_address_is_exit_code_2(run, url, told):
    assert told in run(url, "--token", "@token", code=2).stderr


def test_an_api_that_is_not_there_is_exit_code_2(run):
    with running(api(careful)) as url:
        pass
    assert "cannot be reached" in run(url, "--token", "@token", code=2).stderr


def test_another_machine_needs_a_word(run, monkeypatch):
    sent = []
    monkeypatch.setattr(probing, "probe", lambda *_, **__: sent.append(1))
    for host in ("192.0.2.1", "[2001:db8::1]"):
        assert "--i-may-test-this" in run(f"http://{host}/", "--token", "@token", code=2).stderr
    monkeypatch.setattr(probing, "system_resolver", lambda *_: ["127.0.0.1", "192.0.2.1"])
    assert "--i-may-test-this" in run("http://half.example/", "--token", "@token", code=2).stderr
    assert not sent


def test_with_that_word_it_goes_there(monkeypatch):
    class Probed(Exception):  # noqa: N818 - says what happened
        pass

    def probe(*_, **__):
        raise Probed

    monkeypatch.setattr(probing, "probe", probe)
    with pytest.raises(Probed):
        probing.report_on(probing.Asked("http://192.0.2.1/"), permitted=True)


def test_what_listens_on_loopback_cannot_be_reached_from_elsewhere():
    assert probing.is_here("http://127.0.0.1:8000/")
    assert probing.is_here("http://[::1]/")
    assert not probing.is_here("http://192.0.2.1/")
    assert not probing.is_here("nothing")


def test_a_revocation_that_fails_is_exit_code_2(run):
    with running(api(careful)) as url:
        assert "exit code 1" in run(url, "--token", "@token", "--revoke-command", "false", code=2).stdout
        told = run(url, "--token", "@token", "--revoke-command", "no-such-program", code=2).stdout
        assert "could not be run" in told


def test_a_revocation_that_does_nothing_is_found_out(run):
    with running(api(careful)) as url:
        result = run(url, "--token", "@token", "--revoke-command", "true", "--within", "1s", code=1)
    assert "revoked token lives on" in result.stdout


def test_a_key_set_is_fetched_or_read(monkeypatch, tmp_path):
    (tmp_path / "keys.json").write_text('{"keys": [{"kty": "EC"}]}')
    assert probing.key_set(str(tmp_path / "keys.json")) == {"keys": [{"kty": "EC"}]}
    monkeypatch.setattr(OutboundClient, "get", lambda *_: b'{"keys": []}')
    assert probing.key_set("http://127.0.0.1:9/keys") == {"keys": []}
    for text in ("[]", '{"keys": {}}', '{"keys": [1]}'):
        (tmp_path / "keys.json").write_text(text)
        with pytest.raises(CannotProbe, match="JWK Set"):
            probing.key_set(str(tmp_path / "keys.json"))


def test_a_name_that_no_host_has_is_no_result(run):
    assert "has no address" in run(f"http://{'a' * 64}.example/", "--token", "@token", code=2).stderr


def test_what_the_target_says_does_not_steer_the_terminal(run):
    """It stands in the message that the good token is not accepted."""
    steering = {"WWW-Authenticate": 'Bearer realm="\x1b]0;mine\x07"'}
    with running(lambda _: Response(401, {}, steering)) as url:
        told = run(url, "--token", "@token", code=2).stderr
    assert "\x1b" not in told
    assert r"\x1b]0;mine\x07" in told
