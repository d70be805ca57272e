"""The story that `tokenward demo --once` tells: each promise of the main job, kept or broken in plain sight.

Each step is a real exchange over HTTP with an expected outcome; the table at the end is the order of telling.
Everything shown passes the redactor first.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.redaction import redact
from tokenward.base.secret import Secret
from tokenward.flows import token as token_flow
from tokenward.flows.authorization import AuthorizationRequest, read_callback
from tokenward.flows.dpop import DpopProver
from tokenward.flows.token import FORM, TokenResponse, basic_authorization


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
        person: user name and password of somebody who can sign in.
        api_key: a key for the weather.
        prover: the application's key.
        inside_jwt: makes a genuine inside JWT for the bank, as an insider could have copied it.
        exchanges: what the running step has sent and received.
    """

    issuer: str
    gateway: str
    service: tuple[str, Secret]
    app: tuple[str, str]
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
_TRANSFER = {"from": "current", "to": "savings", "amount": "10.00", "currency": "EUR"}


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


def obtain_token(story: Story) -> None:
    """The service gets an opaque token for the weather, by client credentials."""
    answer = story.token(token_flow.client_credentials(scope=["forecast:read"]))
    story.weather_token = TokenResponse.parse(expect(answer, 200).status_code, answer.content).access_token


def read_forecast(story: Story) -> None:
    """The gateway lets it through; the backend shows the JWT that it received instead of the token."""
    url = f"{story.gateway}/weather/forecast/berlin"
    answer = expect(story.call("GET", url, bearer=story.weather_token), 200)
    received = answer.json()["received"]
    if received["opaque_token_seen"] or story.weather_token.reveal() in answer.text:
        raise Unexpected("expected that the opaque token never reaches the backend")
    if received["subject"] != story.service[0] or not 0 < received["seconds_left"] <= 60:
        raise Unexpected("expected a JWT for the service with at most 60 seconds of life")


def forecast_by_api_key(story: Story) -> None:
    """An API key is good enough for the weather, and tells its holder that it ends soon."""
    key = ("x-api-key", story.api_key.reveal())
    answer = expect(story.call("GET", f"{story.gateway}/weather/forecast/berlin", headers=[key]), 200)
    if "sunset" not in answer.headers or story.api_key.reveal() in answer.text:
        raise Unexpected("expected a Sunset header, and that the key never reaches the backend")
    expect(story.call("GET", f"{story.gateway}/bank/accounts", headers=[key]), 401, "invalid_token")


def end_api_key(story: Story) -> None:
    """Whoever holds an API key can end it, without an account; within a second it opens nothing."""
    form = f"token={story.api_key.reveal()}".encode()
    expect(story.call("POST", f"{story.issuer}/revoke", form=form), 200)
    url, key = f"{story.gateway}/weather/forecast/berlin", ("x-api-key", story.api_key.reveal())
    _dies_within_a_second(story, lambda: story.call("GET", url, headers=[key]))


def read_account(story: Story) -> None:
    """A token with scope accounts:read reads an account."""
    answer = story.token(token_flow.client_credentials(scope=["accounts:read"]))
    story.bank_token = TokenResponse.parse(expect(answer, 200).status_code, answer.content).access_token
    expect(story.call("GET", f"{story.gateway}/bank/accounts", bearer=story.bank_token), 200)


def transfer_with_a_bearer_token(story: Story) -> None:
    """The same token cannot move money: a copy would be as good, so the bank wants one bound to a key."""
    answer = story.call("POST", f"{story.gateway}/bank/transfers", bearer=story.bank_token, json=_TRANSFER)
    expect(answer, 403, "insufficient_tier", "DPoP")


def token_of_another_audience(story: Story) -> None:
    """A token for the weather opens nothing at the bank."""
    answer = story.call("GET", f"{story.gateway}/bank/accounts", bearer=story.weather_token)
    expect(answer, 401, "invalid_token")


def no_token(story: Story) -> None:
    """Without a token the answer says only how to come back."""
    answer = expect(story.call("GET", f"{story.gateway}/bank/accounts"), 401, "Bearer")
    if "error=" in answer.headers["www-authenticate"]:
        raise Unexpected("expected a bare challenge")


def garbage(story: Story) -> None:
    """A text that is no token is refused before anything is looked up."""
    garbage_token = Secret("tkw_at_" + "0" * 60)
    expect(story.call("GET", f"{story.gateway}/bank/accounts", bearer=garbage_token), 401, "invalid_token")


def token_in_query(story: Story) -> None:
    """A token in a URL lands in logs and histories, so it is refused there, valid or not."""
    url = f"{story.gateway}/bank/accounts?access_token={story.bank_token.reveal()}"
    expect(story.call("GET", url), 400, "invalid_request")


def two_credentials(story: Story) -> None:
    """Two credentials in one request have no single meaning."""
    twice = [
        ("authorization", f"Bearer {token.reveal()}") for token in (story.bank_token, story.weather_token)
    ]
    expect(story.call("GET", f"{story.gateway}/bank/accounts", headers=twice), 400, "invalid_request")


def undocumented_path(story: Story) -> None:
    """The backend has this route, its OpenAPI document has not: nobody outside reaches it."""
    expect(story.call("GET", f"{story.gateway}/bank/internal/debug", bearer=story.bank_token), 404)


def inside_jwt_outside(story: Story) -> None:
    """A genuine inside JWT, copied by an insider, is worthless at the outside door."""
    jwt = story.inside_jwt()
    expect(story.call("GET", f"{story.gateway}/bank/accounts", bearer=jwt), 401, "invalid_token")


def revoke(story: Story) -> None:
    """A revoked token is refused at the gateway within a second, cached or not."""
    expect(story.call("GET", f"{story.gateway}/bank/accounts", bearer=story.bank_token), 200)
    form = f"token={story.bank_token.reveal()}".encode()
    headers = [("authorization", basic_authorization(*story.service))]
    expect(story.call("POST", f"{story.issuer}/revoke", form=form, headers=headers), 200)
    url, token = f"{story.gateway}/bank/accounts", story.bank_token
    _dies_within_a_second(story, lambda: story.call("GET", url, bearer=token))


def sign_in_and_consent(story: Story) -> None:
    """A person signs in on the real page and consents; the code comes back with `state` and `iss`."""
    client_id, redirect_uri = story.app
    request = AuthorizationRequest.begin(
        f"{story.issuer}/authorize",
        client_id=client_id,
        redirect_uri=redirect_uri,
        scope=["openid", "offline_access", "accounts:read", "transfers:write"],
        dpop_jkt=story.prover.thumbprint,
    )
    username, password = story.person
    page = _follow(story, story.call("GET", request.url))
    page = _follow(story, _submit(story, page, username=username, password=password.reveal()))
    answer = _submit(story, page, decision="allow")
    code = read_callback(expect(answer, 303).headers["location"], request, story.issuer)
    form = token_flow.authorization_code(code, request, public=True)
    _keep_tokens(story, expect(story.bound_token(form), 200, "id_token", "refresh_token"))


def transfer_as_person(story: Story) -> None:
    """With the scope that the person consented to, and a proof by the key, the transfer goes through."""
    token = _person_tokens(story).access_token
    expect(story.bound_call("POST", f"{story.gateway}/bank/transfers", token, json=_TRANSFER), 201)


def stolen_bound_token(story: Story) -> None:
    """A stolen bound token is worthless: as a bearer token, with a copied proof, and with a thief's own."""
    url, token = f"{story.gateway}/bank/accounts", _person_tokens(story).access_token
    expect(story.call("GET", url, bearer=token), 401, "invalid_token")
    headers = story.prover.headers("GET", url, token)
    expect(story.call("GET", url, headers=headers), 200)
    expect(story.call("GET", url, headers=headers), 401, "invalid_dpop_proof")
    thief = DpopProver()
    thief.must_repeat(url, 200, story.call("GET", url, headers=headers).headers, b"")
    expect(story.call("GET", url, headers=thief.headers("GET", url, token)), 401, "invalid_dpop_proof")
    stolen = token_flow.refresh_token(_refresh_token(story), client_id=story.app[0])
    expect(story.call("POST", f"{story.issuer}/token", form=stolen), 400, "invalid_grant")


def transfer_without_scope(story: Story) -> None:
    """A token of fewer scopes, though bound, cannot move money either: that operation needs another one."""
    form = token_flow.refresh_token(_refresh_token(story), scope=["accounts:read"], client_id=story.app[0])
    _keep_tokens(story, expect(story.bound_token(form), 200))
    token = _person_tokens(story).access_token
    answer = story.bound_call("POST", f"{story.gateway}/bank/transfers", token, json=_TRANSFER)
    expect(answer, 403, "insufficient_scope", "transfers:write")


def refresh(story: Story) -> None:
    """Refreshing gives a new access token and a new refresh token."""
    story.old_refresh_token = _refresh_token(story)
    _keep_tokens(story, expect(_refresh(story, story.old_refresh_token), 200))
    token = _person_tokens(story).access_token
    expect(story.bound_call("GET", f"{story.gateway}/bank/accounts", token), 200)


def replay_kills_the_family(story: Story) -> None:
    """The successor is used, then the old token is replayed: somebody stole it, so the whole family dies."""
    _keep_tokens(story, expect(_refresh(story, _refresh_token(story)), 200))
    expect(_refresh(story, story.old_refresh_token), 400, "invalid_grant")
    expect(_refresh(story, _refresh_token(story)), 400, "invalid_grant")
    url, token = f"{story.gateway}/bank/accounts", _person_tokens(story).access_token
    _dies_within_a_second(story, lambda: story.bound_call("GET", url, token))


STEPS: tuple[Callable[[Story], None], ...] = (
    obtain_token,
    read_forecast,
    forecast_by_api_key,
    end_api_key,
    read_account,
    transfer_with_a_bearer_token,
    token_of_another_audience,
    no_token,
    garbage,
    token_in_query,
    two_credentials,
    undocumented_path,
    inside_jwt_outside,
    revoke,
    sign_in_and_consent,
    transfer_as_person,
    stolen_bound_token,
    transfer_without_scope,
    refresh,
    replay_kills_the_family,
)


def _dies_within_a_second(story: Story, call: Callable[[], httpx.Response]) -> None:
    since = SYSTEM_CLOCK.monotonic()
    while SYSTEM_CLOCK.monotonic() - since < 1.0:
        if call().status_code == 401:
            return
        story.exchanges.pop()
    raise Unexpected("expected a refusal within a second")


def _refresh(story: Story, token: Secret) -> httpx.Response:
    return story.bound_token(token_flow.refresh_token(token, client_id=story.app[0]))


def _keep_tokens(story: Story, answer: httpx.Response) -> None:
    story.person_tokens = TokenResponse.parse(answer.status_code, answer.content, token_type="DPoP")  # noqa: S106 - a type


def _person_tokens(story: Story) -> TokenResponse:
    if story.person_tokens is None:
        raise Unexpected("expected that the sign-in has given tokens")
    return story.person_tokens


def _refresh_token(story: Story) -> Secret:
    token = _person_tokens(story).refresh_token
    if token is None:
        raise Unexpected("expected a refresh token")
    return token


def _follow(story: Story, response: httpx.Response) -> httpx.Response:
    while response.is_redirect:
        response = story.call("GET", urljoin(str(response.url), response.headers["location"]))
    return expect(response, 200)


def _submit(story: Story, page: httpx.Response, **entries: str) -> httpx.Response:
    """Fill in the page's form as a browser would: its hidden fields, and what the person enters."""
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
