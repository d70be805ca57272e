"""The stage of the story that `tokenward demo --once` tells: who plays, and how they speak and are heard.

Every exchange is a real one over HTTP. Everything shown passes the redactor first.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

from tokenward.base.redaction import redact
from tokenward.base.secret import Secret
from tokenward.flows.dpop import DpopProver
from tokenward.flows.token import FORM, TokenResponse, basic_authorization
from tokenward.tokens.keys import SigningKey


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, masked and ready to be shown."""

    sent: str
    received: str


class Unexpected(Exception):  # noqa: N818 - reads as the condition it is
    """A step had another outcome than the one it promises."""


@dataclass(slots=True)
class Story:
    """Where the servers are, who plays in the story, and what it has obtained so far.

    Attributes:
        issuer: base URL.
        gateway: base URL.
        service: client_id and secret of a service client with weather and bank scopes.
        app: client_id and redirect URI of a native application.
        bank_app: client_id, redirect URI and key of an application that proves what it is.
        person: user name and password of somebody who can sign in.
        api_key: a key for the weather.
        prover: the application's key.
        inside_jwt: makes a genuine inside JWT for the bank, as an insider could have copied it.
        exchanges: what the running step has sent and received.
        step_up: what the gateway wants of the sign-in (RFC 9470 §3).
    """

    issuer: str
    gateway: str
    service: tuple[str, Secret]
    app: tuple[str, str]
    bank_app: tuple[str, str, SigningKey]
    person: tuple[str, Secret]
    api_key: Secret
    inside_jwt: Callable[[], Secret]
    http: httpx.Client
    prover: DpopProver = field(default_factory=DpopProver)
    exchanges: list[Exchange] = field(default_factory=list)
    weather_token: Secret = field(default_factory=lambda: Secret(""))
    bank_token: Secret = field(default_factory=lambda: Secret(""))
    person_tokens: TokenResponse | None = None
    old_refresh_token: Secret = field(default_factory=lambda: Secret(""))
    large_transfer_token: Secret = field(default_factory=lambda: Secret(""))
    payment_token: Secret = field(default_factory=lambda: Secret(""))
    step_up: dict[str, str] = field(default_factory=dict)

    def call(
        self, method: str, url: str, *, bearer: Secret | None = None, form: bytes | None = None,
        headers: list[tuple[str, str]] | None = None, json: object = None,
    ) -> httpx.Response:  # fmt: skip
        """Send one request and note the exchange."""
        sent = list(headers or [])
        if bearer is not None:
            sent.append(("authorization", f"Bearer {bearer.reveal()}"))
        if form is not None:
            sent.append(("content-type", FORM))
        response = self.http.request(method, url, headers=sent, content=form, json=json)
        shown = [f"{method} {url}", *(f"{name}: {value}" for name, value in sent)]
        if form is not None:
            shown.append(form.decode())
        if json is not None:
            shown.append(response.request.content.decode())
        answer = [f"{response.status_code} {response.reason_phrase}"]
        answer += [
            f"{name}: {response.headers[name]}" for name in _TELLING_HEADERS if name in response.headers
        ]
        if "html" in response.headers.get("content-type", ""):
            answer.append(f"(a page of {len(response.content)} bytes)")
        elif response.text:
            answer.append(response.text)
        self.exchanges.append(Exchange(_fit_to_show(shown), _fit_to_show(answer)))
        return response

    def token(self, form: bytes) -> httpx.Response:
        """Ask the token endpoint, as the service."""
        headers = [("authorization", basic_authorization(*self.service))]
        return self.call("POST", f"{self.issuer}/token", form=form, headers=headers)

    def bound_token(self, form: bytes) -> httpx.Response:
        """Ask it as the application, for tokens that are bound to its key."""
        url = f"{self.issuer}/token"
        return self._with_proofs(
            url, lambda: self.call("POST", url, form=form, headers=[("dpop", self.prover.proof("POST", url))])
        )

    def bound_call(self, method: str, url: str, token: Secret, *, json: object = None) -> httpx.Response:
        """Call an API with a bound token and its proof."""
        return self._with_proofs(
            url, lambda: self.call(method, url, headers=self.prover.headers(method, url, token), json=json)
        )

    def _with_proofs(self, url: str, send: Callable[[], httpx.Response]) -> httpx.Response:
        """Send it, and once more if the server wants its nonce in the proof (RFC 9449 §8, §9)."""
        answer = send()
        if self.prover.must_repeat(url, answer.status_code, answer.headers, answer.content):
            return send()
        return answer


_TELLING_HEADERS = ("www-authenticate", "location", "allow", "retry-after", "sunset", "dpop-nonce")


def _fit_to_show(lines: list[str]) -> str:
    """The lines, masked, and sealed form fields and marks cut short: nobody else may use them."""
    return re.sub(r"([A-Za-z0-9_-]{12})[A-Za-z0-9_-]{33,}", r"\1…", redact("\n".join(lines)))


def expect(response: httpx.Response, status: int, *said: str) -> httpx.Response:
    """The response, if it has that status and holds those texts.

    Raises:
        Unexpected: it does not.
    """
    whole = response.text + response.headers.get("www-authenticate", "")
    missing = [text for text in said if text not in whole]
    if response.status_code != status or missing:
        raise Unexpected(f"expected {status} {' '.join(said)}".rstrip())
    return response


def follow(story: Story, response: httpx.Response) -> httpx.Response:
    """Go where the answer leads, until there is a page.

    Raises:
        Unexpected: there is none.
    """
    while response.is_redirect:
        response = story.call("GET", urljoin(str(response.url), response.headers["location"]))
    return expect(response, 200)


def submit(story: Story, page: httpx.Response, **entries: str) -> httpx.Response:
    """Fill in the page's form as a browser would: its hidden fields, and what the person enters.

    Raises:
        Unexpected: there is no form.
    """
    form = Form()
    form.feed(page.text)
    if form.action is None:
        raise Unexpected("expected a page with a form")
    url = urljoin(str(page.url), form.action)
    body = str(httpx.QueryParams({**form.hidden, **entries})).encode()
    return story.call("POST", url, form=body, headers=[("origin", story.issuer)])


class Form(HTMLParser):
    """The first form of a page: where it posts to, and its hidden fields."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.hidden: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note forms and hidden inputs."""
        attributes = dict(attrs)
        if tag == "form" and self.action is None:
            self.action = attributes.get("action") or ""
        if tag == "input" and attributes.get("type") == "hidden" and attributes.get("name"):
            self.hidden[attributes["name"] or ""] = attributes.get("value") or ""
