"""Tokens of another issuer that are bound to a key or a certificate: its binding is tried like our own's."""

import base64
import hashlib
import json
import ssl
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography.hazmat.primitives.hashes import SHA256

from certificates import LOOPBACK, SERVER_ONLY, certificate, certificate_authority
from targets import raw
from targets.probed import found
from targets.serving import REFUSED, Response, running
from tokenward.app import probing
from tokenward.auditor.attacks.kit import b64
from tokenward.auditor.probing import tokens
from tokenward.auditor.probing.asked import Asked
from tokenward.auditor.probing.probe import probe
from tokenward.auditor.probing.wire import CannotProbe
from tokenward.base.secret import Secret
from tokenward.tokens.jws import sign_jwt
from tokenward.tokens.keys import SigningKey, members, thumbprint

ISSUER = SigningKey.generate()
HELD, OTHER = SigningKey.generate(), SigningKey.generate()


def trust():
    them = raw.Trust()
    them.url, them.fetched = "https://issuer.example", {"keys": [ISSUER.public_jwk()]}
    return them


def token(**cnf):
    now = int(time.time())
    claims = {
        "iss": "https://issuer.example",
        "aud": raw.AUDIENCE,
        "sub": "ann",
        "iat": now,
        "exp": now + 600,
    }
    claims |= {"client_id": "app", "jti": "t-1"} | ({"cnf": cnf} if cnf else {})
    return Secret(sign_jwt(ISSUER, claims, typ="at+jwt"))


def jkt(key=HELD):
    return thumbprint(members(key.private.public_key()))


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(tokens, "ON_ACCESS_TOKENS", tokens.ON_ACCESS_TOKENS[::9])


def fired(target, **asked):
    with running(target) as url:
        settings = {"dpop_key": HELD, "rate": 1e6} | asked
        return probe(Asked(url, **settings), sleep=lambda _: None)


WEAK = {
    raw.proofs: set(),
    raw.proofs_replayed: {"dpop-replay"},
    raw.no_proof: {"dpop-proof", "dpop-downgrade", "dpop-replay"},
}


@pytest.mark.parametrize("target", WEAK, ids=lambda it: it.__name__)
def test_a_bound_token_of_another_issuer_is_tried_with_proofs_that_are_not_its_own(target):
    result = fired(target(trust()), token=token(jkt=jkt()))
    assert found(result) == WEAK[target], [(each.check.id, each.detail) for each in result.findings]
    assert result.complete
    assert result.numbers["trials"] > 180


def test_forged_tokens_come_with_proofs_for_them():
    """Without, a target that verifies no signature would refuse them for the want of one."""

    def target(request):
        scheme, _, text = request.authorization.partition(" ")
        try:
            assert scheme.lower() == "dpop"
            assert len(text.split(".")) == 3
            claims = json.loads(base64.urlsafe_b64decode(request.fields["HTTP_DPOP"].split(".")[1] + "=="))
            assert claims["ath"] == b64(hashlib.sha256(text.encode()).digest())
            assert claims["htm"] == request.method
        except (KeyError, AssertionError):
            return REFUSED
        return Response()

    assert "signature" in found(fired(target, token=token(jkt=jkt())))


def test_an_opaque_token_may_be_bound_too():
    strict = raw.proofs(trust())
    good = token(jkt=jkt()).reveal()

    def target(request):
        words = request.authorization.split(" ")
        if words[1:] != ["opaque-token-1"] or words[0].lower() not in {"dpop", "bearer"}:
            return REFUSED
        verified = request.fields.get("HTTP_DPOP", "").split(".")
        if len(verified) != 3:
            return REFUSED
        ath = json.loads(base64.urlsafe_b64decode(verified[1] + "=="))["ath"]
        return Response() if ath == b64(hashlib.sha256(b"opaque-token-1").digest()) else REFUSED

    assert strict(_Asking(good)).status == 401
    result = fired(target, token=Secret("opaque-token-1"))
    assert {"dpop-proof", "dpop-downgrade", "dpop-replay"} <= found(result)


class _Asking:
    def __init__(self, text):
        self.authorization, self.fields, self.method, self.path = f"DPoP {text}", {}, "GET", "/"


@pytest.mark.parametrize("lasts", [1, 7], ids=["once", "seven times"])
def test_a_nonce_is_taken_up_as_often_as_it_changes(few, lasts):
    strict, asked = raw.proofs(trust()), []

    def target(request):
        asked.append(1)
        nonce = str(len(asked) // (2 * lasts))
        parts = request.fields.get("HTTP_DPOP", "").split(",")[0].split(".")
        try:
            given = json.loads(base64.urlsafe_b64decode(parts[1] + "==")).get("nonce")
        except (IndexError, ValueError):
            return REFUSED
        if given not in {nonce, str(int(nonce) - 1)}:
            told = {"WWW-Authenticate": 'DPoP error="use_dpop_nonce"', "DPoP-Nonce": nonce}
            return Response(401, {"error": "use_dpop_nonce"}, told)
        answer = strict(request)
        return Response(answer.status, answer.body, {**answer.fields, "DPoP-Nonce": nonce})

    result = fired(target, token=token(jkt=jkt()))
    assert result.complete
    assert found(result) == set()


def test_a_token_that_is_bound_to_something_else_is_said_to_be():
    with pytest.raises(CannotProbe, match="bound to another key"):
        fired(raw.proofs(trust()), token=token(jkt=jkt()), dpop_key=OTHER)
    with pytest.raises(CannotProbe, match="--dpop-key would name"):
        fired(raw.proofs(trust()), token=token(jkt=jkt()), dpop_key=None)


def test_a_bound_token_that_passes_without_its_key_is_a_finding(few):
    careless = raw.no_binding(trust())
    bound = token(jkt=jkt(), **{"x5t#S256": "x"})
    assert {"dpop-downgrade", "certificate-binding"} <= found(fired(careless, token=bound, dpop_key=None))


@pytest.fixture(scope="module")
def identities(tmp_path_factory):
    """A CA; a server and a client by it; and a certificate of nobody's."""
    folder = tmp_path_factory.mktemp("mtls")
    authority = certificate_authority()
    made = {
        "server": certificate("CN=api", issuer=authority, extensions=(LOOPBACK, SERVER_ONLY)),
        "client": certificate("CN=app", issuer=authority),
        "nobody": certificate("CN=nobody"),
    }
    paths = {name: held.write(folder, name) for name, held in made.items()}
    paths["ca"] = authority.write(folder, "ca")
    return folder, made, paths


@contextmanager
def serving(identities, judge, mode=ssl.CERT_OPTIONAL):
    """A TLS target that hands `judge` the token and the client's certificate (DER, or None)."""
    _, _, paths = identities
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*paths["server"])
    context.load_verify_locations(paths["ca"][0])
    context.verify_mode = mode

    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def setup(self):
            self.request = context.wrap_socket(self.request, server_side=True)
            super().setup()

        def finish(self):
            super().finish()
            self.request.close()

        def do_GET(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            shown = ", ".join(self.headers.get_all("Authorization", []))
            scheme, _, text = shown.partition(" ")
            good = scheme.lower() == "bearer" and judge(text, self.connection.getpeercert(binary_form=True))
            self.send_response(200 if good else 401)
            self.send_header("WWW-Authenticate", "Bearer")
            self.end_headers()
            self.wfile.write(b'{"accounts": []}' if good else b"{}")

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_):
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_port}/accounts"
        finally:
            server.shutdown()
            thread.join()


def mtls(identities, url, text, **more):
    _, _, paths = identities
    given = probing.certificate(*map(probing.Path, paths["client"]))
    asked = {"authorities": paths["ca"][0], "certificate": given, "rate": 1e6} | more
    return probe(Asked(url, token=text, **asked), sleep=lambda _: None)


def bound_to(identities, name="client"):
    return b64(identities[1][name].certificate.fingerprint(SHA256()))


@pytest.mark.parametrize(
    ("compares", "expected"), [(True, set()), (False, {"certificate-binding"})], ids=["strict", "careless"]
)
def test_a_token_of_another_issuer_that_is_bound_to_a_certificate(identities, few, compares, expected):
    good = token(**{"x5t#S256": bound_to(identities)})

    def judge(text, shown):
        return text == good.reveal() and (not compares or shown == identities[1]["client"].der)

    with serving(identities, judge) as url:
        result = mtls(identities, url, good)
    assert found(result) == expected
    assert result.complete
    if expected:
        assert "no certificate" in result.findings[0].detail


def test_a_target_that_talks_to_nobody_without_a_certificate(identities, few):
    good = token(**{"x5t#S256": bound_to(identities)})
    with serving(identities, lambda text, _: text == good.reveal(), ssl.CERT_REQUIRED) as url:
        assert found(mtls(identities, url, good)) == set()
        with pytest.raises(CannotProbe, match=r"wants a client's certificate. --client-certificate names"):
            mtls(identities, url, good, certificate=None)


def test_whether_an_opaque_token_is_bound_is_told_only_where_it_can_be(identities):
    def careless(text, _):
        return text == "opaque-token-1"

    def strict(text, shown):
        return careless(text, shown) and shown == identities[1]["client"].der

    for judge, told in ((careless, True), (strict, False)):
        with serving(identities, judge) as url:
            result = mtls(identities, url, Secret("opaque-token-1"))
        assert found(result) == set()
        assert any("only its issuer knows" in each.why for each in result.unseen) is told


def test_a_token_that_is_bound_to_another_certificate_is_left_out(identities, few):
    good = token(**{"x5t#S256": bound_to(identities, "nobody")})
    with serving(identities, lambda text, _: text == good.reveal()) as url:
        assert any("not bound to the one" in each.why for each in mtls(identities, url, good).unseen)


TOLD = {
    "expired": ({"days": (-9, -1)}, "has expired"),
    "not yet valid": ({"days": (1, 9)}, "is not valid yet"),
    "another host": ({"extensions": ()}, "is for another"),
}


@pytest.mark.parametrize("name", TOLD)
def test_why_tls_failed_is_said_in_words(identities, name, tmp_path):
    changes, told = TOLD[name]
    folder, made, paths = identities
    authority = certificate_authority("CN=Another CA")
    held = certificate("CN=api", issuer=authority, **{"extensions": (LOOPBACK,)} | changes)
    server = {"server": held.write(tmp_path, "server"), "ca": authority.write(tmp_path, "authority")}
    with (
        serving((folder, made, paths | server), lambda *_: True) as url,
        pytest.raises(CannotProbe, match=told) as raised,
    ):
        mtls(identities, url, token(), authorities=server["ca"][0])
    assert "_ssl" not in str(raised.value)
    assert "CERTIFICATE_VERIFY" not in str(raised.value)


def test_a_certificate_of_nobody_that_is_trusted_is_said_to_be_one(identities, tmp_path):
    folder, made, paths = identities
    held = certificate("CN=api", extensions=(LOOPBACK,)).write(tmp_path, "server")
    with serving((folder, made, paths | {"server": held}), lambda *_: True) as url:
        with pytest.raises(CannotProbe, match=r"self-signed, and not trusted here\. --ca names"):
            mtls(identities, url, token())
        with running(lambda _: REFUSED) as plain, pytest.raises(CannotProbe, match="does not speak TLS"):
            mtls(identities, plain.replace("http:", "https:"), token())
