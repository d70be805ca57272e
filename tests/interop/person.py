"""A person with a browser: signs in on the real page, allows what is asked for, and tells where that leads.

It listens on loopback, so that a client in any language can send somebody to the authorization endpoint.
"""

import contextlib
import ssl
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from interop.forms import submitted
from serving import serving


@contextlib.contextmanager
def served_person(username: str, password: str, trusted: ssl.SSLContext) -> Generator[str]:
    """Where it is asked by GET with `url`; it answers with the redirect that ends the authorization."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            url = parse_qs(urlsplit(self.path).query)["url"][0]
            try:
                status, said = 200, signed_in(url, username, password, trusted)
            except (ValueError, httpx.HTTPError) as problem:
                status, said = 502, str(problem)
            self.send_response(status)
            self.send_header("content-length", str(len(said.encode())))
            self.end_headers()
            self.wfile.write(said.encode())

    with serving(Handler) as origin:
        yield f"{origin}/"


def signed_in(url: str, username: str, password: str, trusted: ssl.SSLContext) -> str:
    """The authorization response, an address of the client, after sign-in and consent in a new browser.

    Of a device, whose code is in the address, that of the page that says it is done.

    Raises:
        ValueError: a page without a form, or no redirect to the client.
    """
    with httpx.Client(trust_env=False, timeout=10, verify=trusted) as browser:
        return signed_in_with(browser, url, username, password)


def signed_in_with(browser: httpx.Client, url: str, username: str, password: str) -> str:
    """The same in a browser that somebody has, and in which they are signed in at the issuer then."""
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    shown = parse_qs(urlsplit(url).query).get("user_code", [])
    entries = [
        {"username": username, "password": password},
        *({"user_code": code} for code in shown),
        {"decision": "allow"},
    ]
    answer = browser.get(url)
    while True:
        if answer.is_redirect:
            target = urljoin(str(answer.url), answer.headers["location"])
            if not target.startswith(origin + "/"):
                return target
            answer = browser.get(target)
        elif entries:
            answer = submitted(browser, answer, **entries.pop(0))
        elif shown and answer.is_success:
            return str(answer.url)
        else:
            raise ValueError(f"no redirect to the client, {answer.status_code}")
