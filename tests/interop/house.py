"""The house that foreign clients visit: issuer and gateway over TLS, and everybody that they can be.

All is made by the commands that people use: `init`, `users add`, `clients add`, `keys add`, `up`.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner

from certificates import LOOPBACK, certificate, certificate_authority, san
from interop.documents import served_document
from interop.person import served_person
from issuer.platform import served_platform
from serving import serving
from tokenward.app.cli import application
from tokenward.app.samples import SAMPLES
from tokenward.base.entropy import identifier
from tokenward.tokens.keys import SigningKey

REDIRECT = "http://127.0.0.1/callback"
WEB_REDIRECT = "https://app.example/callback"
BYE = "https://app.example/bye"

CONFIGURATION = """\
store: sqlite:data/tokenward.db
master_key: file:data/master.key
issuer: {{url: "{issuer}", listen: "{issuer_listen}", {tls}}}
gateway: {{url: "{gateway}", listen: "{gateway_listen}", {tls}}}
admin: {{listen: "{admin_listen}", token: file:data/admin.token}}
exchange:
  - {{client: backend, subject_api: bank, target_api: weather, scopes: [forecast:read]}}
workload_identity:
  - platform: github
    issuer: {platform}
    rules: [{{client: deploy-bot, claims: {{repository: octo/app, ref: refs/heads/main}}}}]
clients:
  inside_networks: ["127.0.0.0/8"]
  documents: {{hosts: [localhost], scopes: [offline_access, "tools:use", "tools-behind:use"]}}
  registration:
    open: true
    reason: whoever visits is ours
    scopes: [offline_access, "tools:use", "tools-behind:use"]
apis:
  weather: {{openapi: weather.openapi.yaml, upstream: "{upstream}", risk: low}}
  bank:
    openapi: bank.openapi.yaml
    upstream: "{upstream}"
    risk: moderate
    operations: {{createTransfer: {{risk: high}}, createPayment: {{scopes: [transfers:write]}}}}
  tools: {{openapi: tools.openapi.yaml, upstream: "{tools_behind}", audience: "{tools}", risk: moderate}}
  tools-behind: {{openapi: tools-behind.openapi.yaml, upstream: "{tools_behind}", risk: moderate}}
"""
TLS = "tls: {certificate: server.pem, key: file:server.key}, client_certificates: {ca: clients-ca.pem}"

TOOLS = (Path(__file__).parent / "tools.openapi.yaml").read_text(encoding="utf-8")

PERSON = "alice"
OF_PEOPLE = ["openid", "offline_access", "email", "accounts:read", "transfers:write"]
KEY_HOLDERS = ("openid-client", "oauth4webapi", "Authlib", "requests-oauthlib", "requests_oauth2client")


@dataclass(frozen=True)
class House:
    """What a client is told.

    Attributes:
        place: the JSON object that it reads, secrets included.
        directory: where the files are that `place` names.
    """

    place: dict[str, object]
    directory: Path


@contextlib.contextmanager
def running_house(directory: Path) -> Iterator[House]:
    """All of it in `directory`, on free ports of loopback; it ends on leaving.

    Raises:
        RuntimeError: a command was refused, or the servers did not come up.
    """
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, mode=0o700)
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(served_echo())
        platform = stack.enter_context(served_platform())
        *ports, tools_port, behind_port = free_ports(5)
        listens = [f"127.0.0.1:{port}" for port in ports]
        issuer, gateway = (f"https://localhost:{port}" for port in ports[:2])
        tokenward(directory, "init")
        (directory / "tokenward.yaml").write_text(
            CONFIGURATION.format(
                issuer=issuer,
                gateway=gateway,
                issuer_listen=listens[0],
                gateway_listen=listens[1],
                admin_listen=listens[2],
                tls=TLS,
                upstream=upstream,
                platform=platform.issuer,
                tools=f"https://localhost:{tools_port}/mcp",
                tools_behind=f"http://127.0.0.1:{behind_port}",
            )
        )
        for sample in SAMPLES.values():
            shutil.copy(sample.document, directory)
        for name, scope in (("tools", "tools:use"), ("tools-behind", "tools-behind:use")):
            (directory / f"{name}.openapi.yaml").write_text(TOOLS.replace("SCOPE", scope))
        trusted = _certificates(directory)
        private(directory / "job.pem", _pem(platform.key))
        password = identifier()
        private(directory / "password.txt", password)
        tokenward(
            directory, "users", "add", PERSON, "--password", "@password.txt", "--claim", "email=a@b.example"
        )
        place: dict[str, object] = {
            "issuer": issuer,
            "gateway": gateway,
            "ca": str(directory / "server.pem"),
            "directory": str(directory),
            "platform": platform.issuer,
            "platform_kid": platform.key.kid,
            "redirect": REDIRECT,
            "web_redirect": WEB_REDIRECT,
            "bye": BYE,
            "person": stack.enter_context(served_person(PERSON, password, trusted)),
            "tools": f"https://localhost:{tools_port}/mcp",
            "document": stack.enter_context(served_document(directory, redirect=REDIRECT)),
            "tools_ports": [tools_port, behind_port],
            "secrets": _clients(directory, gateway, f"https://localhost:{tools_port}/mcp"),
            "api_keys": {name: _api_key(directory, name) for name in KEY_HOLDERS},
        }
        private(directory / "place.json", json.dumps(place))
        urls = [f"{issuer}/jwks.json", f"{gateway}/weather/health"]
        stack.enter_context(up(directory, urls, trusted, certificate="server.pem"))
        yield House(place, directory)
    shutil.rmtree(directory)


def _clients(directory: Path, gateway: str, tools: str) -> dict[str, str]:
    """Register them all; the secrets of those that have one, by client_id."""
    for name in ("payer-es256", "payer-rs256", "bank-app", "signer"):
        key = SigningKey.generate("RS256" if name == "payer-rs256" else "ES256")
        private(directory / f"{name}.key", _pem(key))
        (directory / f"{name}.kid").write_text(key.kid)
        (directory / f"{name}.json").write_text(json.dumps({"keys": [key.public_jwk()]}))
    people = [word for scope in OF_PEOPLE for word in ("--scope", scope)] + ["--id-token-claim", "email"]
    both = ["--scope", "accounts:read", "--scope", "forecast:read"]
    agent = [
        word for name in ("offline_access", "tools:use", "tools-behind:use") for word in ("--scope", name)
    ]
    table = {
        "desk-app": ["--type", "native", "--redirect-uri", REDIRECT, *people],
        "tv": ["--type", "device", *people],
        "site": [
            "--type", "web", "--redirect-uri", WEB_REDIRECT, "--post-logout-redirect-uri", BYE,
            "--userinfo-claim", "email", *people,
        ],
        "portal": [
            "--type", "web", "--redirect-uri", WEB_REDIRECT, "--subject-type", "pairwise", "--id-token-alg",
            "ES256", "--userinfo-alg", "ES256", "--userinfo-claim", "email", *people,
        ],
        "bank-app": [
            "--type", "web", "--profile", "fapi2", "--require-signed-request-object", *people,
            "--redirect-uri", WEB_REDIRECT, "--auth-method", "private_key_jwt", "--jwks", "bank-app.json",
        ],
        "signer": [
            "--type", "web", "--require-signed-request-object", "--redirect-uri", WEB_REDIRECT, *people,
            "--auth-method", "private_key_jwt", "--jwks", "signer.json",
        ],
        "report": ["--type", "service", *both],
        "reader": [
            "--type", "service", "--access-token-format", "jwt", "--reason", "its gateway reads them", *both,
        ],
        "backend": ["--type", "service", "--scope", f"introspect:{gateway}/bank"],
        "deploy-bot": ["--type", "service", "--auth-method", "workload", "--scope", "accounts:read"],
        "assistant": ["--type", "native", "--redirect-uri", REDIRECT, *agent],
        "tools-server": ["--type", "service", "--scope", f"introspect:{tools}"],
        "tools-job": ["--type", "service", "--scope", "tools:use"],
        **{
            name: [
                "--type", "service", "--auth-method", "private_key_jwt", "--jwks", f"{name}.json", *both,
                "--scope", "tools:use",
            ]
            for name in ("payer-es256", "payer-rs256")
        },
        "billing": [
            "--type", "service", "--auth-method", "tls_client_auth", "--tls-subject",
            "san_dns:billing.example", "--bound-tokens", "mtls", *both,
        ],
        "colleague": [
            "--type", "service", "--auth-method", "self_signed_tls_client_auth", "--certificate",
            "colleague.pem", "--bound-tokens", "mtls", *both,
        ],
    }  # fmt: skip
    secrets = {}
    for name, options in table.items():
        said = tokenward(directory, "clients", "add", name.title(), "--id", name, *options)
        if "client_secret" in said:
            secrets[name] = said["client_secret"]
    return secrets


def _api_key(directory: Path, name: str) -> str:
    terms = ["--owner", "ann@example.com", "--api", "weather", "--scope", "forecast:read"]
    return tokenward(directory, "keys", "add", name, *terms)["api_key"]


def _certificates(directory: Path) -> ssl.SSLContext:
    authority = certificate_authority()
    (directory / "clients-ca.pem").write_bytes(authority.pem)
    server = certificate("CN=localhost", extensions=(LOOPBACK,))
    server.write(directory, "server")
    certificate("CN=billing", issuer=authority, extensions=(san("dns:billing.example"),)).write(
        directory, "billing"
    )
    certificate("CN=colleague").write(directory, "colleague")
    return ssl.create_default_context(cadata=server.pem.decode())


def _pem(key: SigningKey) -> str:
    return key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def private(path: Path, text: str) -> None:
    """Write what nobody else may read."""
    path.touch(mode=0o600)
    path.write_text(text)


def tokenward(directory: Path, *arguments: str) -> dict[str, str]:
    """Run a command; what it prints, by the first word of each line."""
    lines = (line.split(maxsplit=1) for line in printed(directory, *arguments).splitlines())
    return {line[0]: line[1] for line in lines if len(line) == 2}


def printed(directory: Path, *arguments: str) -> str:
    """Run a command; what it prints.

    In this process, since a house takes dozens of them; on a thread of its own, since that of a test has an
    event loop already where it drives a browser.
    """
    with contextlib.chdir(directory), ThreadPoolExecutor(1) as thread:
        ran = thread.submit(CliRunner().invoke, application, list(arguments)).result()
    if ran.exit_code != 0:
        raise RuntimeError(f"tokenward {' '.join(arguments[:3])}: {ran.stderr}") from ran.exception
    return ran.stdout


@contextlib.contextmanager
def up(
    directory: Path, urls: list[str], trusted: ssl.SSLContext | None, *, certificate: str = ""
) -> Generator[None]:
    """`tokenward up`, once all these URLs answer.

    Args:
        directory: where its configuration is.
        urls: what has to answer.
        trusted: whom those who ask them trust.
        certificate: of servers on this machine, whom our servers trust in turn.
    """
    environment = {**os.environ, **({"SSL_CERT_FILE": certificate} if certificate else {})}
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tokenward.app.cli", "up"],
            cwd=directory, env=environment, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        with httpx.Client(trust_env=False, timeout=5, verify=trusted or True) as http:
            while not all(_answers(http, url) for url in urls):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((directory / "log").read_text())
                time.sleep(0.1)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _answers(http: httpx.Client, url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return http.get(url).status_code == 200
    return False


@contextlib.contextmanager
def served_echo() -> Generator[str]:
    """A backend that tells which headers have reached it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers.get("content-length", 0)))
            body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the standard library calls it so

    with serving(Handler) as origin:
        yield origin


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listened on a moment ago."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [sock.getsockname()[1] for sock in sockets]
