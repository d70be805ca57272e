import asyncio
import datetime as dt
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from tokenward.base.forms import parse_form
from tokenward.base.outbound import Answer, OutboundClient, OutboundError, _parse, system_resolver

LOCAL = ("127.0.0.1",)


class Handler(BaseHTTPRequestHandler):
    """Answers by path; what it saw is kept on the server."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        name = self.path.partition("?")[0].strip("/") or "fine"
        getattr(self, name, self.fine)()

    def do_POST(self):
        self.server.seen.append((self.path, dict(self.headers)))
        self.server.seen.append(self.rfile.read(int(self.headers["content-length"])))
        getattr(self, self.path.strip("/"))()

    def answer(self, status=200, body=b"", **headers):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def fine(self):
        self.answer(body=b"the body")

    def redirect(self):
        self.answer(302, location="/fine")

    def missing(self):
        self.answer(404, b"no")

    def no_content(self):
        self.answer(204)

    def compressed(self):
        self.answer(body=b"\x1f\x8b", content_encoding="gzip")

    def exact(self):
        self.answer(body=b"x" * 1000)

    def announced(self):
        self.send_response(200)
        self.send_header("content-length", "1001")
        self.end_headers()
        self.wfile.write(b"x" * 1001)

    def endless(self):
        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
        except OSError:
            self.close_connection = True

    def drip(self):
        self.send_response(200)
        self.send_header("content-length", "100000")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"x")
                time.sleep(0.05)
        except OSError:
            self.close_connection = True

    def garbage(self):
        self.wfile.write(b"\x00\x01 this is no HTTP\r\n\r\n")
        self.close_connection = True

    def many_headers(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"x-filler: " + b"y" * 300_000 + b"\r\n\r\n")
        self.close_connection = True

    def truncated(self):
        self.send_response(200)
        self.send_header("content-length", "100")
        self.end_headers()
        self.wfile.write(b"short")
        self.close_connection = True

    def log_message(self, *_):
        pass


class QuietServer(ThreadingHTTPServer):
    block_on_close = False

    def handle_error(self, *_):
        """A client that hangs up is what these tests are about."""


@contextmanager
def serving(tls=None):
    server = QuietServer(("127.0.0.1", 0), Handler)
    server.seen = []
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def shared():
    with serving() as server:
        yield server


@pytest.fixture
def server(shared):
    shared.seen.clear()
    return shared


def url(server, path="/fine", host="127.0.0.1"):
    return f"http://{host}:{server.server_address[1]}{path}"


def client(**settings):
    return OutboundClient(**{"allow": LOCAL, "https_only": False, "max_bytes": 1000, **settings})


def code(target, of=None):
    with pytest.raises(OutboundError) as caught:
        (of or client()).get(target)
    return caught.value.code


def answers(*rounds):
    """A resolver that gives the next round at each call, and counts the calls."""
    calls = []

    def resolve(host, port):
        calls.append((host, port))
        return rounds[min(len(calls), len(rounds)) - 1]

    resolve.calls = calls
    return resolve


def test_get_returns_the_body(server):
    assert client().get(url(server)) == b"the body"


def test_get_async_returns_the_body(server):
    assert asyncio.run(client().get_async(url(server))) == b"the body"


@pytest.mark.parametrize("path", ["/fine", "/no_content", "/compressed"])
def test_json_is_posted_and_any_2xx_will_do(server, path):
    asyncio.run(client().post_json_async(url(server, path), b'{"a": 1}'))
    (sent_to, headers), body = server.seen
    assert (sent_to, body) == (path, b'{"a": 1}')
    assert headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("path", "expected"), [("/redirect", "redirect_refused"), ("/missing", "bad_status")]
)
def test_a_post_that_is_not_taken_is_an_error(server, path, expected):
    with pytest.raises(OutboundError) as caught:
        asyncio.run(client().post_json_async(url(server, path), b"{}"))
    assert caught.value.code == expected


def test_a_post_goes_nowhere_that_a_get_would_not(server):
    with pytest.raises(OutboundError) as caught:
        asyncio.run(client(allow=()).post_json_async(url(server), b"{}"))
    assert caught.value.code == "address_refused"
    assert server.seen == []


def test_get_works_inside_a_running_loop(server):
    async def main():
        return client().get(url(server))

    assert asyncio.run(main()) == b"the body"


def test_path_and_query_arrive_as_written(server):
    client().get(url(server, "/fine?a=%20b&c=d//e"))
    assert server.seen[0][0] == "/fine?a=%20b&c=d//e"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/redirect", "redirect_refused"),
        ("/missing", "bad_status"),
        ("/no_content", "bad_status"),
        ("/compressed", "bad_response"),
        ("/announced", "too_large"),
        ("/endless", "too_large"),
        ("/garbage", "bad_response"),
        ("/many_headers", "bad_response"),
        ("/truncated", "bad_response"),
    ],
)
def test_an_answer_that_is_not_plainly_good_is_refused(server, path, expected):
    assert code(url(server, path)) == expected


def test_the_target_of_a_redirect_is_never_asked(server):
    code(url(server, "/redirect"))
    assert [path for path, _ in server.seen] == ["/redirect"]


def test_a_body_of_exactly_the_limit_passes(server):
    assert len(client().get(url(server, "/exact"))) == 1000


def test_a_slow_drip_ends_at_the_deadline_of_the_whole(server):
    start = time.monotonic()
    assert code(url(server, "/drip"), client(timeout=0.3)) == "timeout"
    assert time.monotonic() - start < 2


def test_the_connection_itself_ends_at_the_deadline_not_only_the_caller(server):
    # Without a deadline on every read the abandoned thread would go on as long as the peer drips.
    code(url(server, "/drip"), client(timeout=0.3))
    stop = time.monotonic() + 2
    while any(t.name.startswith("tokenward-outbound") for t in threading.enumerate()):
        assert time.monotonic() < stop
        time.sleep(0.02)


def test_a_hanging_resolver_ends_at_the_deadline():
    release = threading.Event()

    def hang(_host, _port):
        release.wait(5)
        raise OSError

    try:
        slow = client(timeout=0.2, resolver=hang)
        assert code("http://example.test/", slow) == "timeout"
        with pytest.raises(OutboundError) as caught:
            asyncio.run(slow.get_async("http://example.test/"))
        assert caught.value.code == "timeout"
    finally:
        release.set()


def test_async_errors_are_the_same(server):
    with pytest.raises(OutboundError) as caught:
        asyncio.run(client().get_async(url(server, "/redirect")))
    assert caught.value.code == "redirect_refused"


def test_loopback_is_refused_unless_it_is_named(server):
    assert code(url(server), client(allow=())) == "address_refused"
    assert code(url(server, host="localhost"), client(allow=())) == "address_refused"
    assert server.seen == []


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "127.1", "0177.0.0.1", "[::ffff:127.0.0.1]", "[::1]"]
)
def test_other_spellings_of_loopback_are_refused(server, host):
    assert code(url(server, host=host), client(allow=())) == "address_refused"
    assert server.seen == []


def test_one_inside_address_among_public_ones_refuses_the_name(server):
    mixed = client(allow=(), resolver=answers(["93.184.215.14", "127.0.0.1"]))
    assert code(url(server, host="mixed.test"), mixed) == "address_refused"
    assert server.seen == []


def test_a_name_is_resolved_once_and_the_checked_address_is_the_one_connected_to(server):
    # The name exists nowhere else, so only the resolver's first answer can have led to the server. The
    # second answer, which a second look-up would get, is not allowed.
    rebinding = answers(["127.0.0.1"], ["10.0.0.1"])
    asked = client(resolver=rebinding)
    assert asked.get(url(server, host="rebind.test")) == b"the body"
    assert rebinding.calls == [("rebind.test", server.server_address[1])]
    assert server.seen[0][1]["Host"] == f"rebind.test:{server.server_address[1]}"
    assert code(url(server, host="rebind.test"), asked) == "address_refused"


def test_a_dead_address_is_passed_over_for_a_living_one(server, monkeypatch):
    # ::1 has no listener on this port.
    both = client(allow=("127.0.0.1", "::1"), resolver=answers(["::1", "127.0.0.1"]))
    assert both.get(url(server, host="two.test")) == b"the body"


def test_nobody_listening_and_no_such_name_are_unreachable():
    with serving() as gone:
        closed = url(gone)
    assert code(closed) == "unreachable"
    assert code("http://empty.test/", client(resolver=answers([]))) == "unreachable"
    assert code("http://odd.test/", client(resolver=answers(["no address"]))) == "unreachable"

    def fails(_host, _port):
        raise OSError("no such name")

    assert code("http://none.test/", client(resolver=fails)) == "unreachable"


def test_proxy_variables_are_ignored(server, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert client().get(url(server)) == b"the body"


BAD_URLS = [
    "",
    "http://",
    "//127.0.0.1/",
    "/path",
    "ftp://127.0.0.1/",
    "file:///etc/passwd",
    "gopher://127.0.0.1/",
    "http://user@127.0.0.1/",
    "http://user:pass@127.0.0.1/",
    "http://@127.0.0.1/",
    "http://127.0.0.1/#fragment",
    "http://127.0.0.1#",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:65536/",
    "http://127.0.0.1:x/",
    "http://127.0.0.1\\@example.test/",
    "http://127.0.0.1/\r\nx: y",
    "http://127.0.0.1/a b",
    " http://127.0.0.1/",
    "http://127.0.0.1/\t",
    "http://exämple.test/",
    "http://\u2460.test/",
    "http://a..test/",
    "http://.test/",
    "http://a.test./",
    "http://-a.test/",
    "http://" + "a" * 64 + ".test/",
    "http://" + "a." * 127 + "test/",
    "http://127.0.0.1/" + "a" * 2048,
    "http://[::1/",
    "http://[fe80::1%25eth0]/",
    "http://%31%32%37.0.0.1/",
    "http://127.0.0.1,example.test/",
]


@pytest.mark.parametrize("target", BAD_URLS)
def test_urls_that_can_be_read_in_two_ways_are_refused_before_any_look_up(target):
    resolver = answers(["127.0.0.1"])
    assert code(target, client(resolver=resolver)) == "bad_url"
    assert resolver.calls == []


@given(st.one_of(st.text(), st.text().map("http://a.test/".__add__), st.text().map("https://".__add__)))
def test_any_text_either_parses_or_is_a_bad_url(text):
    with suppress(OutboundError):
        target = _parse(text, ("https", "http"))
        assert target.host
        assert 0 < target.port < 65536
        assert target.path.isascii()


def test_plain_http_is_refused_unless_asked_for(server):
    assert code(url(server), client(https_only=True)) == "bad_url"
    assert server.seen == []


def test_errors_do_not_repeat_paths_queries_or_passwords(server):
    for target in (url(server, "/missing?key=hush"), "http://joe:hush@127.0.0.1/", "http://a.test/hush#"):
        with pytest.raises(OutboundError) as caught:
            client().get(target)
        assert "hush" not in str(caught.value) + caught.value.detail


def test_an_allowed_network_that_is_none_is_an_error_at_construction():
    for wrong in ("localhost", "10.0.0.1/8"):
        with pytest.raises(ValueError, match=r"network|address|host bits"):
            OutboundClient(allow=(wrong,))


def test_the_system_resolver_knows_loopback():
    assert "127.0.0.1" in system_resolver("localhost", 80)


# TLS: the connection goes to the address, the certificate must be the name's.


def _usage(*, authority):
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _certificate(name, issuer=None):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    issuer_name, issuer_key = issuer or (subject, key)
    names = [x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.9"))]
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        # Python 3.13 verifies strictly (RFC 5280 §4.2.1): key identifiers, and the authority's key usage.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
        .add_extension(_usage(authority=issuer is None), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )
    return built, key, subject


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """(server context, client context that trusts its authority)."""
    authority, authority_key, authority_name = _certificate("authority.test")
    certificate, key, _ = _certificate("keys.test", (authority_name, authority_key))
    folder = tmp_path_factory.mktemp("tls")
    (folder / "chain.pem").write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    serve = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serve.load_cert_chain(folder / "chain.pem")
    trust = ssl.create_default_context(
        cadata=authority.public_bytes(serialization.Encoding.PEM).decode("ascii")
    )
    return serve, trust


def test_tls_verifies_the_name_and_sends_it_as_sni(tls):
    serve, trust = tls
    asked = []
    serve.sni_callback = lambda _socket, name, _context: asked.append(name)
    with serving(serve) as server:
        target = f"https://keys.test:{server.server_address[1]}/"
        good = OutboundClient(allow=LOCAL, tls=trust, resolver=answers(["127.0.0.1"]))
        assert good.get(target) == b"the body"
        assert asked == ["keys.test"]


def test_tls_refuses_a_certificate_of_another_name_or_of_nobody_known(tls):
    serve, trust = tls
    with serving(serve) as server:
        port = server.server_address[1]
        other = OutboundClient(allow=LOCAL, tls=trust, resolver=answers(["127.0.0.1"]))
        assert code(f"https://other.test:{port}/", other) == "unreachable"
        untrusting = OutboundClient(allow=LOCAL, resolver=answers(["127.0.0.1"]))
        assert code(f"https://keys.test:{port}/", untrusting) == "unreachable"
        assert server.seen == []


def test_a_form_keeps_each_value_one_value(server):
    form = {"token": "x&client_id=evil", "hint": "a b+c=%26;\r\nX: y ä"}
    url = f"http://127.0.0.1:{server.server_address[1]}/exact"
    fetching = OutboundClient(allow=LOCAL, https_only=False).post_form_async(
        url, form, accept="text/x", authorization="Basic eA=="
    )
    assert asyncio.run(fetching) == b"x" * 1000, "the answer is read"
    (path, headers), body = server.seen[-2:]
    assert (path, headers["Accept"], headers["Authorization"]) == ("/exact", "text/x", "Basic eA==")
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_form(body.replace(b"%0D%0A", b"")) == {"token": form["token"], "hint": "a b+c=%26;X: y ä"}
    assert body.count(b"&") == 1


@pytest.mark.parametrize("path", ["missing", "no_content", "redirect", "endless"])
def test_a_form_is_answered_by_200_or_not_at_all(path, server):
    url = f"http://127.0.0.1:{server.server_address[1]}/{path}"
    fetching = OutboundClient(allow=LOCAL, https_only=False, max_bytes=5_000).post_form_async(url, {})
    with pytest.raises(OutboundError):
        asyncio.run(fetching)


def asked(server, path, method="GET", **more):
    asking = client().ask_async(method, url(server, path), headers=more.pop("headers", {}), **more)
    return asyncio.run(asking)


def test_a_question_is_answered_whatever_the_status(server):
    assert asked(server, "/missing", reads=True) == Answer(404, b"no")
    assert asked(server, "/fine", reads=True) == Answer(200, b"the body")


def test_a_body_that_nobody_wants_is_not_read(server):
    assert asked(server, "/endless") == Answer(200, b"")
    assert asked(server, "/compressed") == Answer(200, b"")
    with pytest.raises(OutboundError, match="too_large"):
        asked(server, "/endless", reads=True)


def test_a_question_is_never_led_elsewhere(server):
    with pytest.raises(OutboundError, match="redirect_refused"):
        asked(server, "/redirect")
    assert [path for path, _ in server.seen] == ["/redirect"]


def test_a_question_has_the_headers_and_the_body_that_it_should(server):
    asked(server, "/exact", headers={"X-Key": "k", "accept": "text/x"})
    asked(server, "/exact", "POST", headers={"X-Key": "k"}, body=b"{}")
    asked(server, "/exact", "POST")
    (_, first), (_, second), body, (_, third), nothing = server.seen
    assert (first["X-Key"], first["Accept"], "content-length" in first) == ("k", "text/x", False)
    assert (second["X-Key"], second["Accept"], second["Content-Length"], body) == ("k", "*/*", "2", b"{}")
    assert (third["Content-Length"], nothing) == ("0", b"")


def test_an_exchange_gives_whatever_is_answered_and_is_led_nowhere(server):
    answer = client().exchange("GET", url(server, "/redirect"))
    assert (answer.status, dict(answer.headers)["location"]) == (302, "/fine")
    assert client().exchange("GET", url(server, "/missing")).body == b"no"
    assert [path for path, _ in server.seen] == ["/redirect", "/missing"]


def test_an_exchange_sends_the_headers_and_the_body_that_it_should(server):
    client().exchange("POST", url(server, "/exact"), headers={"X-Key": "k"}, body=b"a=1")
    (_, headers), body = server.seen
    assert (headers["X-Key"], headers["Content-Length"], body) == ("k", "3", b"a=1")


def test_an_exchange_goes_nowhere_that_a_get_would_not(server):
    with pytest.raises(OutboundError, match="address_refused"):
        OutboundClient(https_only=False).exchange("GET", url(server, "/fine"))


def test_nothing_that_is_kept_of_an_answer_shows_its_body():
    assert "secret" not in repr(Answer(200, b"secret"))
