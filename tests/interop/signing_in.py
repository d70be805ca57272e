"""An application of our library at a provider that we did not write: oidc-provider, on loopback."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urljoin

import httpx
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from interop.flows import results
from interop.forms import submitted
from interop.house import free_ports, private
from interop.page import Result
from interop.vouched import LIBRARY, served_provider
from tokenward.base.entropy import identifier
from tokenward.tokens.keys import SigningKey

__all__ = ["FLOWS", "LIBRARY", "Shop", "running", "served_shop", "visited"]

TESTS = Path(__file__).parents[1]
GOING = {"accept": "text/html", "sec-fetch-mode": "navigate"}


class Shop:
    """A browser before both of them."""

    def __init__(self, shop: str, provider: str) -> None:
        self.shop = shop
        self.provider = provider

    def browser(self) -> httpx.Client:
        return httpx.Client(trust_env=False, timeout=10)

    def sign_in(self, browser: httpx.Client, path: str, person: str) -> httpx.Response:
        """Go to a page of the shop, through the provider's own pages; where that ends."""
        answer = browser.get(f"{self.shop}{path}", headers=GOING)
        for _ in range(25):
            if answer.is_redirect:
                answer = browser.get(urljoin(str(answer.url), answer.headers["location"]), headers=GOING)
            elif str(answer.url).startswith(f"{self.shop}/"):
                return answer
            elif 'name="login"' in answer.text:
                answer = submitted(browser, answer, login=person, password="any")
            else:
                answer = submitted(browser, answer)  # its consent
        raise AssertionError("it never led back")

    def subject(self, browser: httpx.Client) -> str:
        """Who is signed in at the shop, "" for nobody."""
        return str(browser.get(f"{self.shop}/").json()["hello"])


def first(visit: Shop) -> None:
    """Somebody who goes to a page signs in there and is back at that page, with claims of its userinfo."""
    with visit.browser() as browser:
        page = visit.sign_in(browser, "/orders", "ada")
        assert (page.status_code, str(page.url)) == (200, f"{visit.shop}/orders"), page.text
        assert "Orders of ada@corp.example" in page.text


def by_key(visit: Shop) -> None:
    """As a client by `private_key_jwt`, a second one in the same application."""
    with visit.browser() as browser:
        assert visit.sign_in(browser, "/stock", "grace").json() == {"stock_for": "grace"}
        assert visit.subject(browser) == "", "it is not signed in as the other client"


def renewed(visit: Shop) -> None:
    """A token that an API refuses is renewed by the refresh token of the session."""
    with visit.browser() as browser:
        visit.sign_in(browser, "/orders", "ada")
        answer = browser.get(f"{visit.shop}/tokens")
        assert answer.is_success, answer.text
        assert answer.json() == {"renewed": True}


def anew(visit: Shop) -> None:
    """What asks for a sign-in of just now asks again, and its `auth_time` says that it was."""
    with visit.browser() as browser:
        visit.sign_in(browser, "/orders", "ada")
        time.sleep(2.1)
        page = browser.get(f"{visit.shop}/auth/sign-in?next=/orders&max_age=1", headers=GOING)
        while page.is_redirect:
            page = browser.get(urljoin(str(page.url), page.headers["location"]))
        assert 'name="login"' in page.text, "it did not ask again"
        page = visit.sign_in(browser, "/auth/sign-in?next=/orders&max_age=1", "ada")
        assert "Orders of" in page.text, page.text


def no(visit: Shop) -> None:
    """Whoever says no there gets a page here, and is not signed in."""
    with visit.browser() as browser:
        page = browser.get(f"{visit.shop}/orders", headers=GOING)
        while page.is_redirect:
            page = browser.get(urljoin(str(page.url), page.headers["location"]))
        back = browser.get(f"{page.url}/abort")
        while back.is_redirect:
            back = browser.get(urljoin(str(back.url), back.headers["location"]))
        assert (back.status_code, "You said no" in back.text) == (403, True), back.text
        assert visit.subject(browser) == ""


def out_there(visit: Shop) -> None:
    """Signing out there ends the session here, by a logout token (Back-Channel Logout), and no other."""
    with visit.browser() as browser, visit.browser() as other:
        visit.sign_in(browser, "/orders", "ada")
        visit.sign_in(other, "/orders", "ada")
        page = browser.get(f"{visit.provider}/session/end")
        submitted(browser, page, logout="yes")
        assert (visit.subject(browser), visit.subject(other)) == ("", "ada")


def out_here(visit: Shop) -> None:
    """Signing out here leads on to signing out there by `id_token_hint`, and back."""
    with visit.browser() as browser:
        page = visit.sign_in(browser, "/orders", "ada")
        answer = submitted(browser, page, "/auth/sign-out")
        assert answer.headers["location"].startswith(f"{visit.provider}/session/end?id_token_hint=")
        back = submitted(browser, browser.get(answer.headers["location"]), logout="yes")
        while back.is_redirect:
            back = browser.get(urljoin(str(back.url), back.headers["location"]))
        assert (str(back.url), back.json()) == (f"{visit.shop}/", {"hello": ""})
        page = browser.get(f"{visit.shop}/orders", headers=GOING)
        while page.is_redirect:
            page = browser.get(urljoin(str(page.url), page.headers["location"]))
        assert 'name="login"' in page.text, "it still knows who is there"


FLOWS: tuple[Callable[[Shop], None], ...] = (first, by_key, renewed, anew, no, out_there, out_here)


def visited(node: str, directory: Path) -> list[Result]:
    """Each flow, and what came of it."""
    with running(node, directory) as visit:
        return results(FLOWS, visit)


@contextlib.contextmanager
def running(node: str, directory: Path) -> Iterator[Shop]:
    """The provider and the shop on free ports of loopback; both end on leaving."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, mode=0o700)
    secret, key = identifier(), SigningKey.generate("ES256")
    port, own = free_ports(2)
    # Two names of one machine, since cookies do not tell ports apart.
    provider, shop = f"http://127.0.0.1:{port}", f"http://localhost:{own}"
    pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    private(directory / "shop.key", pem.decode())
    environment = {
        "ISSUER": provider,
        "URL": shop,
        "CLIENT_ID": "ours-shop",
        "SHOP_SECRET": secret,
        "KEY_CLIENT_ID": "ours-shop-key",
        "SHOP_KEY": str(directory / "shop.key"),
        "PROMPT": "consent",
    }
    with served_provider(node, port, shop, secret, key), served_shop(own, environment):
        _wait(f"{provider}/.well-known/openid-configuration")
        yield Shop(shop, provider)
    shutil.rmtree(directory)


@contextlib.contextmanager
def served_shop(port: int, environment: Mapping[str, str]) -> Iterator[None]:
    """The application at that port of loopback, once it answers; it ends on leaving."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "--log-level", "warning", "--port", str(port), "interop.shop:app"],
        env=kept | {"PYTHONPATH": str(TESTS)} | dict(environment),
    )
    try:
        _wait(f"http://127.0.0.1:{port}/")
        yield
    finally:
        process.terminate()
        process.wait(20)


def _wait(url: str) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url, trust_env=False).is_success:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{url} does not answer")
