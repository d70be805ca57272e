"""A certificate proves the client, on the connection to the endpoint that takes one."""

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from certificates import LOOPBACK, certificate, certificate_authority
from tokenward.client import ClientCertificate, ClientCredentials, Server

AUTHORITY = certificate_authority()


@pytest.fixture
def files(tmp_path):
    """Paths of the client's certificate and key, and of the authority that both sides trust."""
    own, key = certificate("CN=billing", issuer=AUTHORITY).write(tmp_path, "client")
    (tmp_path / "ca.pem").write_bytes(AUTHORITY.pem)
    return Path(own), Path(key), tmp_path / "ca.pem"


@pytest.fixture
def tls_server(tmp_path, files):
    """An authorization server that notes paths, certificates and bodies."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.answer({
                "issuer": origin, "token_endpoint": f"{origin}/token",
                "mtls_endpoint_aliases": {"token_endpoint": f"{origin}/mtls"},
            })  # fmt: skip

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            seen.append((self.path, self.connection.getpeercert().get("subject"), body))
            self.answer({"access_token": "a", "token_type": "Bearer", "expires_in": 60})

        def answer(self, content):
            raw = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_):
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own = certificate("CN=localhost", issuer=AUTHORITY, extensions=(LOOPBACK,))
    context.load_cert_chain(*own.write(tmp_path, "server"))
    context.load_verify_locations(files[2])
    context.verify_mode = ssl.CERT_REQUIRED
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        origin = f"https://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield origin, seen
        server.shutdown()
        thread.join()


def test_the_certificate_is_shown_where_the_server_takes_one_and_the_client_says_its_name(tls_server, files):
    origin, seen = tls_server
    own, key, authority = files
    proof = ClientCertificate(own, key, authorities=authority)
    ClientCredentials(Server(origin), client_id="billing", authentication=proof).token()
    ((path, subject, body),) = seen
    assert path == "/mtls"
    assert ("commonName", "billing") in [pair for each in subject for pair in each]
    assert b"client_id=billing" in body


def test_a_key_that_others_can_read_or_that_is_none_is_refused_at_once(files):
    own, key, _ = files
    key.chmod(0o640)
    with pytest.raises(ValueError, match="chmod 600"):
        ClientCertificate(own, key)
    key.chmod(0o600)
    key.write_text("no key")
    with pytest.raises(ValueError, match="cannot be used"):
        ClientCertificate(own, key)


def test_a_key_written_into_code_is_refused_and_not_repeated(files):
    own, key, _ = files
    for certificate_, key_ in ((own, key.read_text()), (own.read_text() + key.read_text(), key)):
        with pytest.raises(ValueError, match="name the files") as caught:
            ClientCertificate(certificate_, key_)
        assert key.read_text()[40:60] not in str(caught.value)
