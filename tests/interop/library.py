"""Our library at a server that we did not write, oidc-provider on loopback, in processes that really die."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urljoin

import httpx
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from interop.flows import FAILURES, results
from interop.forms import submitted
from interop.house import free_ports, private
from interop.page import Result
from tokenward.base.clock import Clock
from tokenward.base.entropy import identifier
from tokenward.client import (
    ClientCredentials,
    ClientSecret,
    DeviceSignIn,
    PrivateKeyJwt,
    Server,
    ServerUnavailable,
    SignIn,
    SignInRequired,
    TokenError,
    Vault,
)
from tokenward.tokens.keys import SigningKey

LIBRARY = "oidc-provider"
PROGRAM = Path(__file__).parent / "issuers" / "oidc_provider_library.mjs"
WORKER = Path(__file__).parent / "library_worker.py"
API, SHORT = "https://notes.example", "https://short.example"
PROCESSES = 4


class Shifted:
    """The clock of a machine that is wrong by so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def time(self) -> float:
        return time.time() + self._seconds

    def monotonic(self) -> float:
        return time.monotonic()


class Visit:
    """The server, and where this application keeps what it has."""

    def __init__(self, provider: str, directory: Path) -> None:
        self.provider = provider
        self.directory = directory
        self.key = f"file:{directory / 'vault.key'}"

    def server(self, clock: Clock | None = None) -> Server:
        return Server(self.provider, clock=clock) if clock is not None else Server(self.provider)

    def app(self, client_id: str = "app", **changes: object) -> SignIn:
        given = {"scope": "openid notes:read", "resource": API} | changes
        return SignIn(self.server(), client_id=client_id, **given)  # type: ignore[arg-type]

    def vault(self, name: str) -> Vault:
        return Vault(self.directory / name, key=self.key)

    def services(self, clock: Clock | None = None) -> list[ClientCredentials]:
        proofs = {
            "by-secret": ClientSecret(f"file:{self.directory / 'secret'}"),
            "by-key": PrivateKeyJwt(f"file:{self.directory / 'client.key'}"),
        }
        return [
            ClientCredentials(
                self.server(clock), client_id=name, authentication=proof, scope="notes:read", resource=API
            )
            for name, proof in proofs.items()
        ]

    def person(self, url: str, **typed: str) -> bool:
        """Through the server's own pages, whatever they ask, to where they lead."""
        with httpx.Client(trust_env=False, timeout=10) as browser:
            answer = browser.get(url)
            for _ in range(25):
                if answer.is_redirect:
                    answer = browser.get(urljoin(str(answer.url), answer.headers["location"]))
                elif not str(answer.url).startswith(f"{self.provider}/"):
                    return True
                elif 'name="login"' in answer.text:
                    answer = submitted(browser, answer, login="ada", password="any")
                elif "<form" in answer.text:
                    answer = submitted(browser, answer, **typed)
                else:
                    return answer.is_success
        raise AssertionError("the pages had no end")

    def spawn(self, task: str, vault: str, *, keeps: bool = True) -> subprocess.Popen[str]:
        command = [sys.executable, str(WORKER), task, self.provider, str(self.directory / vault), self.key]
        return subprocess.Popen([*command, SHORT], stdout=subprocess.PIPE, text=True)


def services(visit: Visit) -> None:
    """`ClientCredentials` by a secret and by `private_key_jwt`."""
    for source in visit.services():
        assert source.token().scope == ("notes:read",)


def wrong_clock(visit: Visit) -> None:
    """Client credentials, and a sign-in with DPoP, where the clock is ten minutes slow or fast."""
    for seconds in (-600.0, 600.0):
        clock = Shifted(seconds)
        assert all(source.token().value.reveal() for source in visit.services(clock))
        app = SignIn(visit.server(clock), client_id="app", scope="openid notes:read", resource=API, dpop=True)
        person = app.sign_in(open_browser=visit.person)
        assert person is not None
        assert person.subject == "ada"


def signs_in(visit: Visit) -> None:
    """`SignIn`, and refreshing with rotation."""
    app = visit.app()
    person = app.sign_in(open_browser=visit.person)
    assert person is not None
    assert person.subject == "ada"
    _refreshed(app)


def pushed(visit: Visit) -> None:
    """`SignIn` of a client whose requests must be pushed (RFC 9126)."""
    urls: list[str] = []

    def browser(url: str) -> bool:
        urls.append(url)
        return visit.person(url)

    assert visit.app("pushing-app").sign_in(open_browser=browser) is not None
    assert "request_uri=" in urls[0]
    assert "scope=" not in urls[0]


def bound(visit: Visit) -> None:
    """`SignIn` with DPoP, with the nonce that it asks for, and refreshing."""
    app = visit.app(dpop=True)
    app.sign_in(open_browser=visit.person)
    assert app.token().kind == "DPoP"
    _refreshed(app)


def device(visit: Visit) -> None:
    """`DeviceSignIn`, and refreshing."""
    tv = DeviceSignIn(visit.server(), client_id="tv", scope="openid notes:read", resource=API)
    person = tv.sign_in(
        show=lambda asked: visit.person(asked.verification_uri_complete, user_code=asked.user_code)
    )
    assert person is not None
    assert person.subject == "ada"
    _refreshed(tv)


def signs_out(visit: Visit) -> None:
    """Signing out revokes; what comes of a revoked refresh token is `SignInRequired`."""
    first, second = visit.app(vault=visit.vault("out")), visit.app()
    first.sign_in(open_browser=visit.person)
    record = first.held()
    assert record is not None
    first.sign_out()
    _signed_out(first)
    second._take(record)
    second.reject(second.token())
    _signed_out(second)


def together(visit: Visit) -> None:
    """4 processes of 50 threads share a sign-in whose tokens live 2 s: one refresh a life, no call fails."""
    app = visit.app(resource=SHORT, vault=visit.vault("shared"))
    app.sign_in(open_browser=visit.person)
    began = time.monotonic()
    workers = [visit.spawn("share", "shared") for _ in range(PROCESSES)]
    said = [json.loads(worker.communicate(timeout=120)[0]) for worker in workers]
    lives = (time.monotonic() - began) / (2 * 0.7)
    tokens = {token for each in said for token in each["tokens"]}
    assert [each["failed"] for each in said] == [[]] * PROCESSES, said[0]["failed"]
    assert 2 < len(tokens) <= 2 + lives, (len(tokens), lives)
    _refreshed(app)


def killed_before(visit: Visit) -> None:
    """A process killed while it holds the lock, before its request leaves: nobody is signed out."""
    app = visit.app(vault=visit.vault("before"), resource=SHORT)
    app.sign_in(open_browser=visit.person)
    assert visit.spawn("die-before", "before").wait(60) == -signal.SIGKILL
    _refreshed(visit.app(vault=visit.vault("before"), resource=SHORT))


def killed_after(visit: Visit) -> None:
    """Killed with the answer in hand: the server ends the sign-in, and `SignInRequired` says so."""
    app = visit.app(vault=visit.vault("after"), resource=SHORT)
    app.sign_in(open_browser=visit.person)
    assert visit.spawn("die-after", "after").wait(60) == -signal.SIGKILL
    again = visit.app(vault=visit.vault("after"), resource=SHORT)
    with contextlib.suppress(SignInRequired):  # on a busy machine its token is over by itself already
        again.reject(again.token())
    _signed_out(again)
    again.sign_in(open_browser=visit.person)
    assert again.token().value.reveal()


def nobody_there(visit: Visit) -> None:
    """A server that is not there is `ServerUnavailable`, and no sign-out."""
    (port,) = free_ports(1)
    try:
        ClientCredentials(
            Server(f"http://127.0.0.1:{port}"),
            client_id="by-secret",
            authentication=ClientSecret(f"file:{visit.directory / 'secret'}"),
        ).token()
    except ServerUnavailable:
        return
    raise AssertionError("it found somebody")


def _refreshed(source: SignIn | DeviceSignIn) -> None:
    before = source.token()
    source.reject(before)
    after = source.token()
    assert after.value.reveal() != before.value.reveal()


def _signed_out(source: SignIn) -> None:
    try:
        source.token()
    except SignInRequired:
        return
    raise AssertionError("somebody is still signed in")


FLOWS: tuple[Callable[[Visit], None], ...] = (
    services, signs_in, pushed, bound, device, signs_out, wrong_clock, together, killed_before, killed_after,
    nobody_there,
)  # fmt: skip


def visited(node: str, directory: Path) -> list[Result]:
    """Each flow, and what came of it."""
    with running(node, directory) as visit:
        return results(FLOWS, visit, (*FAILURES, TokenError))


@contextlib.contextmanager
def running(node: str, directory: Path) -> Iterator[Visit]:
    """The provider on a free port of loopback; it ends on leaving."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, mode=0o700)
    secret, key = identifier(), SigningKey.generate("ES256")
    (port,) = free_ports(1)
    pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    private(directory / "client.key", pem.decode())
    private(directory / "secret", secret)
    private(directory / "vault.key", identifier() + identifier())
    environment = {
        **os.environ,
        "CLIENT_SECRET": secret,
        "CLIENT_JWKS": json.dumps({"keys": [key.public_jwk()]}),
    }
    process = subprocess.Popen([node, str(PROGRAM), str(port), SHORT], env=environment)
    try:
        provider = f"http://127.0.0.1:{port}"
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{provider}/.well-known/openid-configuration", trust_env=False).is_success:
                    break
            time.sleep(0.05)
        yield Visit(provider, directory)
    finally:
        process.terminate()
        process.wait(20)
    shutil.rmtree(directory)
