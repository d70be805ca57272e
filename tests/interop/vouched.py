"""A provider that we did not write, through which people sign in to us: oidc-provider, on loopback."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from interop.flows import results
from interop.forms import submitted
from interop.house import free_ports, private, tokenward, up
from interop.page import Result
from tokenward.base.entropy import identifier
from tokenward.tokens.keys import SigningKey

LIBRARY = "oidc-provider"
PROGRAM = Path(__file__).parent / "issuers" / "oidc_provider_people.mjs"

CONFIGURATION = """\
store: sqlite:data/tokenward.db
master_key: file:data/master.key
people:
  passwords: false
  upstream:
    - name: secret
      label: By a secret
      issuer: "{provider}"
      client_id: ours-secret
      client_secret: file:client.secret
      create: true
      claims: [email]
      email_domains: [corp.example]
      sign_out: true
    - name: key
      label: By a key
      issuer: "{provider}"
      client_id: ours-key
      private_key: file:client.key
      link: email
      email_domains: [corp.example]
issuer: {{url: "http://localhost:{issuer}", listen: "127.0.0.1:{issuer}"}}
gateway: {{url: "http://localhost:{gateway}", listen: "127.0.0.1:{gateway}"}}
admin: {{listen: "127.0.0.1:{admin}", token: file:data/admin.token}}
"""


class Visit:
    """A browser before both of them."""

    def __init__(self, ours: str, provider: str) -> None:
        self.ours = ours
        self.provider = provider

    def browser(self) -> httpx.Client:
        return httpx.Client(trust_env=False, timeout=10)

    def leave(self, browser: httpx.Client, name: str, query: str = "") -> httpx.Response:
        page = browser.get(f"{self.ours}/sign-in?again=1&continue=/account{query}")
        return submitted(browser, page, f"/sign-in/with/{name}")

    def sign_in(self, browser: httpx.Client, name: str, person: str, query: str = "") -> httpx.Response:
        """Through the provider's own pages, as far as it asks; our answer to coming back."""
        return self.followed(browser, self.leave(browser, name, query), person)

    def followed(self, browser: httpx.Client, answer: httpx.Response, person: str) -> httpx.Response:
        for _ in range(20):
            if answer.is_redirect:
                target = urljoin(str(answer.url), answer.headers["location"])
                answer = browser.get(target)
                if target.startswith(f"{self.ours}/"):
                    return answer
            elif 'name="login"' in answer.text:
                answer = submitted(browser, answer, login=person, password="any")
            else:
                answer = submitted(browser, answer)  # its consent
        raise AssertionError("it never led back")

    def username(self, browser: httpx.Client) -> str:
        """Who is signed in here, "" for nobody."""
        page = browser.get(f"{self.ours}/account")
        return page.text.partition("Your account, <bdi>")[2].partition("</bdi>")[0] if page.is_success else ""


def first(visit: Visit) -> None:
    """Somebody who signs in there is signed in here, by the name that its userinfo tells."""
    with visit.browser() as browser:
        back = visit.sign_in(browser, "secret", "ada")
        assert (back.status_code, back.headers["location"]) == (303, "/account"), back.text
        assert visit.username(browser) == "ada"


def by_key(visit: Visit) -> None:
    """As a client by `private_key_jwt`; the person is recognised by the verified address."""
    with visit.browser() as browser:
        visit.sign_in(browser, "secret", "grace")
    with visit.browser() as browser:
        back = visit.sign_in(browser, "key", "grace")
        assert back.status_code == 303, back.text
        assert visit.username(browser) == "grace"


def anew(visit: Visit) -> None:
    """`max_age` and `prompt=login` make it ask again, and its `auth_time` says that it did."""
    with visit.browser() as browser:
        visit.sign_in(browser, "secret", "ada")
        asked = visit.leave(browser, "secret", f"&since={time.time()}")
        query = parse_qs(urlsplit(asked.headers["location"]).query)
        assert (int(query["max_age"][0]) < 3, query["prompt"]) == (True, ["login"]), query
        page = browser.get(urljoin(str(asked.url), asked.headers["location"]))
        while page.is_redirect:
            page = browser.get(urljoin(str(page.url), page.headers["location"]))
        assert 'name="login"' in page.text, "it did not ask again"
        back = visit.followed(browser, page, "ada")
        assert (back.status_code, back.headers["location"]) == (303, "/account"), back.text


def no(visit: Visit) -> None:
    """Whoever says no there gets a page here, and is not signed in."""
    with visit.browser() as browser:
        page = visit.leave(browser, "secret")
        while page.is_redirect:
            page = browser.get(urljoin(str(page.url), page.headers["location"]))
        back = browser.get(f"{page.url}/abort")
        while back.is_redirect and not str(back.url).startswith(visit.ours):
            back = browser.get(urljoin(str(back.url), back.headers["location"]))
        assert (back.status_code, "provider_refused" in back.text) == (403, True), back.text
        assert visit.username(browser) == ""


def out_there(visit: Visit) -> None:
    """Signing out there ends the session here, by a logout token (Back-Channel Logout)."""
    with visit.browser() as browser, visit.browser() as other:
        visit.sign_in(browser, "secret", "ada")
        visit.sign_in(other, "secret", "ada")
        page = browser.get(f"{visit.provider}/session/end")
        submitted(browser, page, logout="yes")
        assert visit.username(browser) == ""
        assert visit.username(other) == "ada", "another session of theirs is another `sid`"


def out_here(visit: Visit) -> None:
    """Signing out here leads on to signing out there, and back."""
    with visit.browser() as browser:
        visit.sign_in(browser, "secret", "ada")
        answer = submitted(browser, browser.get(f"{visit.ours}/account"), "/sign-out")
        page = browser.get(answer.headers["location"])
        back = submitted(browser, page, logout="yes")
        while back.is_redirect:
            back = browser.get(urljoin(str(back.url), back.headers["location"]))
        assert str(back.url) == f"{visit.ours}/", back.url
        page = visit.leave(browser, "secret")
        while page.is_redirect:
            page = browser.get(urljoin(str(page.url), page.headers["location"]))
        assert 'name="login"' in page.text, "it still knows who is there"


FLOWS: tuple[Callable[[Visit], None], ...] = (first, by_key, anew, no, out_there, out_here)


def visited(node: str, directory: Path) -> list[Result]:
    """Each flow, and what came of it."""
    with running(node, directory) as visit:
        return results(FLOWS, visit)


@contextlib.contextmanager
def served_provider(node: str, port: int, ours: str, secret: str, key: SigningKey) -> Iterator[None]:
    """The provider at that port of loopback, which may take a moment to answer; it ends on leaving."""
    environment = {
        "PATH": os.environ["PATH"],
        "CLIENT_SECRET": secret,
        "CLIENT_JWKS": json.dumps({"keys": [key.public_jwk()]}),
    }
    process = subprocess.Popen([node, str(PROGRAM), str(port), ours], env=environment)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@contextlib.contextmanager
def running(node: str, directory: Path) -> Iterator[Visit]:
    """The provider and our servers on free ports of loopback; all end on leaving."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, mode=0o700)
    secret, key = identifier(), SigningKey.generate("ES256")
    with contextlib.ExitStack() as stack:
        port, issuer, gateway, admin = free_ports(4)
        # Two names of one machine, since cookies do not tell ports apart.
        provider, ours = f"http://127.0.0.1:{port}", f"http://localhost:{issuer}"
        stack.enter_context(served_provider(node, port, ours, secret, key))
        tokenward(directory, "init")
        (directory / "tokenward.yaml").write_text(
            CONFIGURATION.format(provider=provider, issuer=issuer, gateway=gateway, admin=admin)
        )
        private(directory / "client.secret", secret)
        pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        private(directory / "client.key", pem.decode())
        urls = [f"{provider}/.well-known/openid-configuration", f"{ours}/jwks.json"]
        stack.enter_context(up(directory, urls, None))
        yield Visit(ours, provider)
    shutil.rmtree(directory)
