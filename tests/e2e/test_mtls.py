"""Certificates from client to backend: `tokenward up` with TLS of its own, and behind a real nginx."""

import contextlib
import http.server
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from certificates import LOOPBACK, Held, certificate, certificate_authority, san
from tokenward.app import probing
from tokenward.auditor.probing.asked import Asked
from tokenward.auditor.probing.probe import probe
from tokenward.base.secret import Secret

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
ELSEWHERE = "127.0.0.2"  # where whoever is no proxy connects from
STARTING = 60.0

OPENAPI = """\
openapi: 3.1.0
info: {title: Echo, version: "1"}
paths:
  /headers:
    get: {operationId: headers, responses: {200: {description: ok}}}
"""

CONFIGURATION = """\
store: sqlite:data/tokenward.db
master_key: file:data/master.key
issuer: {url: "https://localhost:%(issuer_url)d", listen: 127.0.0.1:%(issuer)d, %(how)s}
gateway: {url: "https://localhost:%(gateway_url)d", listen: 127.0.0.1:%(gateway)d, %(how)s}
admin: {listen: 127.0.0.1:%(admin)d, token: file:data/admin.token}
apis:
  echo:
    openapi: echo.yaml
    upstream: http://127.0.0.1:%(upstream)d
    mount: /echo
    risk: moderate
    operations: {headers: {scopes: [echo:read]}}
"""

OWN_TLS = "tls: {certificate: server.pem, key: file:server.key}, client_certificates: {ca: ca.pem}"
PROXIED = "proxies: [127.0.0.1], client_certificates: {ca: ca.pem, header: X-SSL-Cert}"

NGINX_CONFIGURATION = """\
daemon off;
pid %(directory)s/nginx.pid;
error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path %(directory)s/body;
    proxy_temp_path %(directory)s/proxy;
    fastcgi_temp_path %(directory)s/fastcgi;
    uwsgi_temp_path %(directory)s/uwsgi;
    scgi_temp_path %(directory)s/scgi;
    ssl_certificate %(directory)s/server.pem;
    ssl_certificate_key %(directory)s/server.key;
    ssl_verify_client optional_no_ca;
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header Connection "";
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-SSL-Cert $ssl_client_escaped_cert;
    server { listen 127.0.0.1:%(issuer_url)d ssl; location / { proxy_pass http://127.0.0.1:%(issuer)d; } }
    server { listen 127.0.0.1:%(gateway_url)d ssl; location / { proxy_pass http://127.0.0.1:%(gateway)d; } }
}
"""

AUTHORITY = certificate_authority()
SERVER = certificate("CN=localhost", extensions=(LOOPBACK,))
BILLING = certificate("CN=billing", issuer=AUTHORITY, extensions=(san("dns:billing.example"),))
IMPOSTOR = certificate("CN=billing", issuer=certificate_authority(), extensions=(san("dns:billing.example"),))
COLLEAGUE = certificate("CN=colleague", issuer=AUTHORITY, extensions=(san("dns:colleague.example"),))
REPORT, STRANGER = certificate("CN=report"), certificate("CN=report")


def _free_ports(names):
    sockets = {name: socket.create_server(("127.0.0.1", 0)) for name in names}
    ports = {name: sock.getsockname()[1] for name, sock in sockets.items()}
    for sock in sockets.values():
        sock.close()
    return ports


@dataclass
class Place:
    """What runs, and how to speak to it."""

    directory: Path
    ports: dict[str, int]
    behind_nginx: bool
    clients: dict[str, str] = field(default_factory=dict)

    @contextlib.contextmanager
    def connection(self, held: Held | None, **options):
        context = ssl.create_default_context(cadata=SERVER.pem.decode())
        if held is not None:
            context.load_cert_chain(*held.write(self.directory, "client"))
        with httpx.Client(trust_env=False, timeout=10, verify=context, **options) as client:
            yield client

    def token(self, client_id, held, **headers):
        with self.connection(held) as http:
            form = {"grant_type": "client_credentials", "client_id": client_id}
            return http.post(
                f"https://localhost:{self.ports['issuer_url']}/token", data=form, headers=headers
            )

    def call(self, token, held, **headers):
        headers = {"authorization": f"Bearer {token}", **headers}
        with self.connection(held) as http:
            return http.get(f"https://localhost:{self.ports['gateway_url']}/echo/headers", headers=headers)

    def register(self, name, **how):
        admin = (self.directory / "data" / "admin.token").read_text().strip()
        answer = httpx.post(
            f"http://127.0.0.1:{self.ports['admin']}/clients",
            headers={"authorization": f"Bearer {admin}"},
            json={"client_id": name, "name": name, "type": "service", "scopes": ["echo:read"], **how},
            trust_env=False,
        )
        assert answer.status_code == 201, answer.text


class _Echo(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps([name.lower() for name in self.headers]).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        """Say nothing."""


@contextlib.contextmanager
def _running(*command, cwd=None):
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


@pytest.fixture(scope="module", params=["own TLS", "nginx"])
def place(request, tmp_path_factory):
    behind_nginx = request.param == "nginx"
    if behind_nginx and NGINX is None:
        pytest.skip("there is no nginx")
    directory = tmp_path_factory.mktemp("mtls")
    ports = _free_ports(["issuer", "gateway", "admin", "upstream", "issuer_url", "gateway_url"])
    if not behind_nginx:
        ports |= {"issuer_url": ports["issuer"], "gateway_url": ports["gateway"]}
    (directory / "tokenward.yaml").write_text(
        CONFIGURATION % {**ports, "how": PROXIED if behind_nginx else OWN_TLS}
    )
    (directory / "echo.yaml").write_text(OPENAPI)
    (directory / "ca.pem").write_bytes(AUTHORITY.pem)
    (directory / "nginx.conf").write_text(NGINX_CONFIGURATION % {**ports, "directory": directory})
    SERVER.write(directory, "server")
    run = [sys.executable, "-m", "tokenward.app.cli"]
    subprocess.run([*run, "init"], cwd=directory, check=True, capture_output=True)
    backend = http.server.ThreadingHTTPServer(("127.0.0.1", ports["upstream"]), _Echo)
    threading.Thread(target=backend.serve_forever).start()
    made = Place(directory, ports, behind_nginx)
    with contextlib.ExitStack() as stack:
        stack.callback(backend.server_close)
        stack.callback(backend.shutdown)
        stack.enter_context(_running(*run, "up", cwd=directory))
        if behind_nginx:
            stack.enter_context(_running(NGINX, "-p", str(directory), "-c", str(directory / "nginx.conf")))
        _wait(lambda: _answers(made))
        bound = {"bound_tokens": "mtls"}
        for name in ("billing", "colleague"):
            made.register(name, auth_method="tls_client_auth", tls_subject=f"san_dns:{name}.example", **bound)
        pem = REPORT.pem.decode()
        made.register("report", auth_method="self_signed_tls_client_auth", certificates=[pem], **bound)
        _wait(lambda: _token(made, "report", REPORT))
        yield made


def _wait(condition):
    end = time.monotonic() + STARTING
    while time.monotonic() < end:
        with contextlib.suppress(httpx.HTTPError, OSError):
            if condition():
                return
        time.sleep(0.1)
    pytest.fail("it did not come up")


def _answers(place):
    with place.connection(None) as http:
        urls = (
            f"https://localhost:{place.ports['issuer_url']}/jwks.json",
            f"https://localhost:{place.ports['gateway_url']}/.well-known/tokenward/health",
        )
        return all(http.get(url).status_code == 200 for url in urls)


def _token(place, client_id, held):
    answer = place.token(client_id, held)
    return answer.json().get("access_token")


def _refused(ask):
    """Refused by an answer, or by the end of the handshake, which our own listener puts to strangers."""
    try:
        answer = ask()
    except httpx.TransportError:
        return True
    return answer.status_code in {400, 401}


@pytest.mark.parametrize(
    ("client_id", "held"), [("billing", BILLING), ("report", REPORT)], ids=["PKI", "own"]
)
def test_a_token_that_was_asked_for_with_a_certificate_opens_the_api_with_it_and_with_no_other(
    place, client_id, held
):
    token = _token(place, client_id, held)
    answer = place.call(token, held)
    assert answer.status_code == 200
    assert not [name for name in answer.json() if "cert" in name]
    for other in (None, COLLEAGUE, STRANGER):
        assert _refused(lambda other=other: place.call(token, other))
    assert place.call(token, held).status_code == 200


@pytest.mark.parametrize("client_id", ["billing", "report"])
@pytest.mark.parametrize(
    "held", [None, COLLEAGUE, IMPOSTOR, STRANGER], ids=["none", "A's", "another CA's", "own"]
)
def test_somebody_elses_certificate_proves_nobody(place, client_id, held):
    assert _refused(lambda: place.token(client_id, held))


@pytest.mark.parametrize("name", ["X-SSL-Cert", "X_SSL_Cert", "x-ssl-CERT", "Client-Cert", "SSL_CLIENT_CERT"])
@pytest.mark.parametrize("shown", [None, COLLEAGUE], ids=["without a certificate", "beside another"])
def test_a_client_cannot_say_in_a_header_which_certificate_it_has(place, name, shown):
    spoofed = {name: quote(BILLING.pem.decode())}
    assert _refused(lambda: place.token("billing", shown, **spoofed))
    token = _token(place, "billing", BILLING)
    assert _refused(lambda: place.call(token, shown, **spoofed))


def test_whoever_goes_round_the_proxy_is_refused_with_the_header(place):
    if not place.behind_nginx:
        pytest.skip("there is none")
    header = {"X-SSL-Cert": quote(BILLING.pem.decode())}
    form = {"grant_type": "client_credentials", "client_id": "billing"}
    token = _token(place, "billing", BILLING)
    transport = httpx.HTTPTransport(local_address=ELSEWHERE)
    with httpx.Client(trust_env=False, transport=transport) as http:
        issuer = f"http://127.0.0.1:{place.ports['issuer']}"
        assert http.post(f"{issuer}/token", data=form, headers=header).status_code == 400
        assert http.post(f"{issuer}/token", data=form).status_code == 401
        gateway = f"http://127.0.0.1:{place.ports['gateway']}/echo/headers"
        bearer = {"authorization": f"Bearer {token}"}
        assert http.get(gateway, headers={**bearer, **header}).status_code == 400
        assert http.get(gateway, headers=bearer).status_code == 401


def test_a_probe_with_a_token_that_is_bound_to_a_certificate_finds_nothing(place):
    chain, key = BILLING.write(place.directory, "billing")
    authorities, _ = SERVER.write(place.directory, "trusted")
    asked = Asked(
        f"https://localhost:{place.ports['gateway_url']}/echo/headers",
        token=Secret(_token(place, "billing", BILLING)),
        certificate=probing.certificate(Path(chain), Path(key)),
        authorities=authorities,
        rate=1e6,
    )
    result = probe(asked)
    assert [(each.check.id, each.detail) for each in result.findings] == []
    assert result.complete
    assert not [each for each in result.unseen if "certificate" in each.what]
