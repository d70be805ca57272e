"""`tokenward inspect` as people run it: a process of its own, pipes, files, terminals, keys by HTTP."""

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import jsonschema_rs
import pytest
from cryptography.hazmat.primitives import serialization

from serving import serving
from tokenward.app.inspection_keys import CannotUse, read_key, read_trust
from tokenward.app.reports import json as json_report
from tokenward.auditor.inspection.checks.table import LINTS
from tokenward.base.outbound import OutboundClient
from tokenward.tokens import base64url
from tokenward.tokens.encryption_keys import DecryptionKey
from tokenward.tokens.jwe import encrypt_nested
from tokenward.tokens.jws import sign_jwt
from tokenward.tokens.keys import SigningKey

PROGRAM = Path(sys.executable).with_name("tokenward")
KEY = SigningKey.generate()
JWKS = {"keys": [KEY.public_jwk()]}
AUDIENCE = "https://api.example.com"


def claims(issuer="https://login.example.com", **more):
    now = int(time.time())
    basic = {"iss": issuer, "aud": AUDIENCE, "sub": "1", "client_id": "shop", "scope": "orders:read"}
    return basic | {"iat": now - 5, "exp": now + 600, "jti": "j", "cnf": {"jkt": "A" * 43}} | more


def token(**more):
    return sign_jwt(KEY, claims(**more), typ="at+jwt")


@pytest.fixture
def inspect(tmp_path, scanner_cache):
    """Runs the command as a process of its own."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(scanner_cache), "HOME": str(tmp_path), "COLUMNS": "80"}

    def run(*arguments, stdin=""):
        return subprocess.run(
            [PROGRAM, "inspect", *arguments],
            cwd=tmp_path,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    run.here = tmp_path
    run.environment = environment
    return run


def written(inspect, name, content):
    path = inspect.here / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return name


def test_a_good_token_from_standard_input(inspect):
    text = token()
    done = inspect(stdin=text)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("An OAuth access token in the form of a JWT (RFC 9068)\n")
    assert "not checked: anybody may have written this" in done.stdout
    assert "who issued it (RFC 7519 §4.1.1)" in done.stdout
    assert "No findings" in done.stdout
    assert text.rpartition(".")[2] not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert done.stderr == ""


def test_findings_make_the_exit_code_1_and_info_does_not(inspect):
    long = token(exp=int(time.time()) + 7200)
    assert inspect(stdin=long).returncode == 1
    assert inspect("--fail-on", "high", stdin=long).returncode == 0
    only_info = {name: value for name, value in claims().items() if name != "cnf"}
    done = inspect(stdin=sign_jwt(KEY, only_info, typ="at+jwt"))
    assert "1 finding (1 info)" in done.stdout
    assert done.returncode == 0
    assert inspect("--fail-on", "info", stdin=sign_jwt(KEY, only_info, typ="at+jwt")).returncode == 1


def test_a_file_with_a_command(inspect):
    name = written(
        inspect, "request.txt", f"curl -H 'Authorization: Bearer {token()}' \\\n  http://api.example.com/x"
    )
    done = inspect(f"@{name}")
    assert done.returncode == 1
    assert "It goes to http://api.example.com." in done.stdout
    assert "A bound token is sent as if it were none" in done.stdout
    assert "request.txt /claims/cnf" in done.stdout


@pytest.mark.parametrize(
    "arguments", [[token()], ["Authorization:", "Bearer", token()], ["Bearer x"], ["-", "x"]], ids=range(4)
)
def test_a_credential_as_an_argument_is_refused_with_the_reason_and_not_repeated(inspect, arguments):
    done = inspect(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    for words in ("never an argument", "shell's history", "list of processes", "tokenward inspect @FILE"):
        assert words in done.stderr
    assert "eyJ" not in done.stderr


@pytest.mark.parametrize(
    ("stdin", "arguments", "why"),
    [
        ("", [], "nothing in it"),
        ("x" * 2_000_000, [], "larger than 1,024 KiB"),
        ("curl 'x", [], "a quote is not closed"),
        ("", ["@missing"], "missing: No such file"),
        (token(), ["--key", "missing"], "missing cannot be read"),
        (token(), ["--jwks", "missing"], "missing cannot be read"),
        (token(), ["--wordlist", "missing"], "missing"),
        (token(), ["--audience", "x"], "--audience checks nothing without a key"),
        (token(), ["--jwks", "http://keys.example.com/"], "fetched by https"),
        (token(), ["--issuer", "ftp://x"], "fetched by https"),
        (token(), ["--output", "missing/report"], "missing"),
    ],
    ids=range(11),
)
def test_what_cannot_be_done_is_told_with_exit_code_2(inspect, stdin, arguments, why):
    done = inspect(*arguments, stdin=stdin)
    assert done.returncode == 2
    assert why in done.stderr
    assert "Traceback" not in done.stderr
    assert "eyJ" not in done.stderr


def at_terminal(inspect, typed):
    """What a person sees who types at the prompt."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, "inspect"],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=inspect.environment,
        cwd=inspect.here,
    )
    os.close(follower)
    seen = b""
    sent = False
    while True:
        if not select.select([leader], [], [], 60)[0]:
            process.kill()
            break
        try:
            chunk = os.read(leader, 4096)
        except OSError:
            break
        if not chunk:
            break
        seen += chunk
        if not sent and b"not shown" in seen:
            time.sleep(0.2)  # the prompt turns echoing off after it has asked
            os.write(leader, typed.encode() + b"\n")
            sent = True
    os.close(leader)
    return process.wait(60), seen.decode()


def test_at_a_terminal_a_hidden_prompt_asks(inspect):
    text = token()
    code, seen = at_terminal(inspect, text)
    assert code == 0
    assert "OAuth access token" in seen
    assert text[-40:] not in seen


def test_what_a_terminal_cut_off_is_refused_with_the_way_out(inspect):
    code, seen = at_terminal(inspect, "eyJ" + "a" * 6000)
    assert code == 2
    assert "cuts lines at 4,095 characters" in " ".join(seen.split())
    assert "aaaa" not in seen


@pytest.mark.parametrize("form", ["json", "sarif", "html", "markdown", "terminal"])
def test_every_format_tells_and_shows_no_secret(inspect, form):
    text = token(email="ann@example.com", password="hunter2-horse", exp=int(time.time()) + 90_000)
    done = inspect("--format", form, "--output", "report", stdin=text)
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    report = (inspect.here / "report").read_text()
    for words in (
        "There is a credential in it",
        "token.long-lived" if form in {"json", "sarif"} else "lives long",
    ):
        assert words in report
    if form != "sarif":
        assert "for whom it is: everybody else must refuse it" in report
    for secret in (text, text.rpartition(".")[2], "hunter2-horse"):
        assert secret not in report
    if form == "json":
        document = json.loads(report)
        jsonschema_rs.Draft202012Validator(json_report.schema(), validate_formats=True).validate(document)
        assert document["tool"]["part"] == "inspect"
        assert [each["title"] for each in document["sections"]][1:] == ["Header", "Claims"]
        assert {"name": "sub", "value": "1", "meaning": document["sections"][2]["entries"][2]["meaning"],
                "source": "RFC 7519 §4.1.2"} in document["sections"][2]["entries"]  # fmt: skip


EVIL = "\x1b[31mred\x1b]0;title\x07\u202egnp.exe\x9b2J<script>alert(1)</script>`|![x](y)"


@pytest.mark.parametrize("form", ["json", "sarif", "html", "markdown", "terminal"])
def test_claims_cannot_write_to_a_terminal_or_a_page(inspect, form):
    done = inspect(
        "--format", form, stdin=token(**{"note": EVIL, EVIL: EVIL, "aud": [EVIL, "*"], "scope": EVIL})
    )
    assert done.returncode == 1
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", done.stdout)
    if form == "html":
        assert "<script" not in done.stdout


def test_the_list_and_a_wordlist_find_a_secret(inspect):
    def made(secret):
        import hmac  # noqa: PLC0415

        parts = [
            base64url.encode(json.dumps(part).encode())
            for part in ({"alg": "HS256", "typ": "at+jwt"}, claims())
        ]
        return (
            f"{'.'.join(parts)}.{base64url.encode(hmac.digest(secret, '.'.join(parts).encode(), 'sha256'))}"
        )

    assert "CRITICAL  The secret can be guessed" in inspect(stdin=made(b"my-jwt-secret")).stdout
    rare = b"nobody-would-think-of-this"
    assert "can be guessed" not in inspect(stdin=made(rare)).stdout
    written(inspect, "words", f"{'x' * 5000}\na\r\n{rare.decode()}\r\nb")
    done = inspect("--wordlist", "words", stdin=made(rare))
    assert "can be guessed" in done.stdout
    assert rare.decode() not in done.stdout


def test_keys_of_a_file_and_an_audience(inspect):
    written(inspect, "jwks.json", JWKS)
    done = inspect("--jwks", "jwks.json", "--audience", AUDIENCE, stdin=token())
    assert done.returncode == 0
    assert "good: ES256, by the set in jwks.json" in done.stdout
    done = inspect("--jwks", "jwks.json", "--audience", "https://other.example.com", stdin=token())
    assert done.returncode == 1
    assert "aud does not name the configured audience" in " ".join(done.stdout.split())


def answering(pages):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            page = pages.get(self.path)
            if callable(page):
                page = page(f"http://{self.headers['Host']}")
            self.send_response(200 if page else 404)
            self.end_headers()
            self.wfile.write(json.dumps(page).encode() if page else b"")

        def log_message(self, *_): ...

    return serving(Handler)


DISCOVERY = "/.well-known/openid-configuration"


def test_an_issuer_is_asked_for_its_keys(inspect):
    pages = {DISCOVERY: lambda me: {"issuer": me, "jwks_uri": f"{me}/jwks"}, "/jwks": JWKS}
    with answering(pages) as url:
        done = inspect("--issuer", url, "--audience", AUDIENCE, stdin=token(issuer=url))
        assert f"good: ES256, by the keys of {url}" in " ".join(done.stdout.split())
        other = inspect("--issuer", url, stdin=token(issuer="https://login.example.com"))
        assert "iss is not the configured issuer" in " ".join(other.stdout.split())
        assert inspect("--jwks", f"{url}/jwks", stdin=token()).returncode == 0


def test_keys_that_cannot_be_had_leave_the_rest_and_the_exit_code_2(inspect):
    pages = {
        DISCOVERY: {"issuer": "https://login.example.com", "jwks_uri": "https://login.example.com/jwks"},
        "/list": [1],
    }
    with answering(pages) as url:
        for arguments, why in (
            (["--jwks", f"{url}/missing"], "answered 404"),
            (["--jwks", f"{url}/list"], "no JSON object"),
            (["--issuer", url], "its metadata is another issuer's"),
        ):
            done = inspect(*arguments, stdin=token())
            assert done.returncode == 2
            assert "An OAuth access token" in done.stdout
            assert why in " ".join(done.stdout.split())


def test_a_document_cannot_lead_inside(inspect):
    """The origin that a person names may be this machine; where its metadata point may not."""
    with answering({"/jwks": JWKS}) as inside:
        leading = {DISCOVERY: lambda me: {"issuer": me, "jwks_uri": f"{inside}/jwks"}}
        with answering(leading) as url:
            done = inspect("--issuer", url, stdin=token(issuer=url))
    assert done.returncode == 2
    assert "good" not in done.stdout
    assert "fetched by https" in done.stdout + done.stderr


PEM = serialization.Encoding.PEM
PRIVATE = KEY.private.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
PUBLIC = KEY.private.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
LOCKED = KEY.private.private_bytes(
    PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
)


@pytest.mark.parametrize(
    "content", [PRIVATE, PUBLIC, b"\n" + PUBLIC, json.dumps(KEY.public_jwk()).encode()], ids=range(4)
)
def test_a_key_in_every_form_verifies(inspect, content):
    (inspect.here / "key").write_bytes(content)
    assert "good: ES256, by the key in key" in inspect("--key", "key", stdin=token()).stdout


def test_a_private_jwk_and_pem_open_what_is_encrypted(inspect):
    key = DecryptionKey.generate("ECDH-ES+A256KW")
    text = encrypt_nested(token(), key.encryption_key())
    numbers = key.key.private_numbers()
    jwk = key.public_jwk() | {"d": base64url.encode(numbers.private_value.to_bytes(32, "big"))}
    written(inspect, "jwk", jwk)
    (inspect.here / "pem").write_bytes(key.to_pkcs8())
    done = inspect("--key", "jwk", stdin=text)
    assert "opened with the key in jwk" in done.stdout
    assert "An OAuth access token in the form of a JWT" in done.stdout
    assert jwk["d"] not in done.stdout


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (LOCKED, "is encrypted"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "no PEM file"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "no PEM file"),
        (b"{", "no JSON object"),
        (b'{"keys":[]}', "--jwks"),
        (b'{"kty":"oct","k":"!"}', "no base64url"),
        (b'{"kty":"EC","d":"x"}', "no private JWK"),
        (b"\n", "is empty"),
        (b"x" * 70_000, "too large"),
    ],
    ids=range(9),
)
def test_what_is_no_key_is_refused(tmp_path, content, why):
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(CannotUse, match=re.escape(why)):
        read_key(tmp_path / "key")


@pytest.mark.parametrize(
    ("content", "readings"),
    [
        (b"short!", [b"short!"]),
        (b"short!\n", [b"short!", b"short!\n"]),
        (b"c2VjcmV0c2VjcmV0", [b"c2VjcmV0c2VjcmV0", b"secretsecret"]),
        (b"c2VjcmV0-_8=", [b"c2VjcmV0-_8=", b"secret\xfb\xff"]),
        (b"00ff00ff", [b"00ff00ff", b"\xd3G\xdf\xd3G\xdf", b"\x00\xff\x00\xff"]),
    ],
)
def test_a_file_with_a_secret_is_read_in_each_way_it_may_be_meant(tmp_path, content, readings):
    (tmp_path / "key").write_bytes(content)
    assert [secret for secret, _ in read_key(tmp_path / "key").secrets] == readings


def test_without_anything_named_nothing_is_fetched(monkeypatch):
    monkeypatch.setattr(OutboundClient, "get", lambda *_: pytest.fail("something was fetched"))
    assert read_trust(jwks="", issuer="", key=None, audience="") is None


def test_it_needs_no_server():
    program = (
        "import sys; sys.argv = ['tokenward', 'inspect', '@/dev/null']\n"
        "from tokenward.app.cli import main\n"
        "from tokenward.app import inspect_command\n"
        "loaded = ('tokenward.store', 'tokenward.issuer', 'tokenward.gateway', 'tokenward.identity',\n"
        "          'sqlalchemy',\n"
        "          'joserfc', 'httpcore', 'jinja2')\n"
        "assert not [name for name in sys.modules if name.startswith(loaded)]\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_page_of_the_checks_has_each():
    page = (Path(__file__).parents[2] / "docs" / "reference" / "inspection-checks.md").read_text("utf-8")
    assert all(f"`{lint.check.id}`" in page for lint in LINTS)
