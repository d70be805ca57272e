"""Passkeys and step-up as a person meets them: Debian's Chromium, with an authenticator of its own making."""

import contextlib
import re
from urllib.parse import urlencode

import httpx
import pytest

from tokenward.app.demo import BANK_APP, BANK_REDIRECT, PERSON, running_demo
from tokenward.flows import token as token_flow
from tokenward.flows.authorization import AuthorizationRequest, read_callback
from tokenward.flows.client_assertion import client_assertion
from tokenward.flows.dpop import DpopProver
from tokenward.flows.token import FORM, TokenResponse
from tokenward.tokens.acr import ACR

LARGE = {"from": "savings", "to": "current", "amount": "2500.00", "currency": "EUR"}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with running_demo(tmp_path_factory.mktemp("passkeys"), free_ports=True, issuer_host="localhost") as demo:
        yield demo


@pytest.fixture
def page(browser):
    """A page whose browser has a platform authenticator that knows its owner."""
    context = browser.new_context()
    opened = context.new_page()
    devtools = context.new_cdp_session(opened)
    devtools.send("WebAuthn.enable")
    devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    # The application does not exist: what matters is the address that the browser is sent to.
    context.route(BANK_REDIRECT + "*", lambda route: route.fulfill(status=200, body="Back at the bank."))
    yield opened
    context.close()


class Bank:
    """The bank's own application: it proves what it is, and binds its tokens to a key."""

    def __init__(self, demo, http):
        self.demo, self.http, self.prover = demo, http, DpopProver()
        self.issuer = demo.urls["issuer"]

    def request(self):
        return AuthorizationRequest.begin(
            f"{self.issuer}/authorize",
            client_id=BANK_APP,
            redirect_uri=BANK_REDIRECT,
            scope=["openid", "accounts:read", "transfers:write"],
            dpop_jkt=self.prover.thumbprint,
        )

    def token(self, page, request):
        page.wait_for_url(BANK_REDIRECT + "*")
        code = read_callback(page.url, request, self.issuer)
        form, key = token_flow.authorization_code(code, request), self.demo.cast.bank_app_key
        url = f"{self.issuer}/token"

        def ask():
            headers = {"content-type": FORM, "dpop": self.prover.proof("POST", url)}
            proof = client_assertion(key, client_id=BANK_APP, audience=self.issuer)  # good once
            return self.http.post(url, content=form + b"&" + urlencode(proof).encode(), headers=headers)

        answer = self._repeated(url, ask)
        return TokenResponse.parse(answer.status_code, answer.content, token_type="DPoP").access_token

    def call(self, method, path, token, **options):
        url = self.demo.urls["gateway"] + path

        def ask():
            return self.http.request(method, url, headers=self.prover.headers(method, url, token), **options)

        return self._repeated(url, ask)

    def _repeated(self, url, ask):
        answer = ask()
        if self.prover.must_repeat(url, answer.status_code, answer.headers, answer.content):
            return ask()
        return answer


@pytest.fixture
def bank(house, http):
    return Bank(house, http)


def sign_in(page, password):
    page.get_by_label("User name").fill(PERSON)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_from_a_password_to_a_passkey_to_a_critical_operation_and_to_the_end_of_it(house, page, bank):
    issuer = house.urls["issuer"]
    # First run: the password, and a passkey.
    page.goto(f"{issuer}/sign-in")
    sign_in(page, house.cast.password.reveal())
    page.wait_for_url(f"{issuer}/account")
    page.get_by_role("link", name="Manage passkeys").click()
    page.get_by_label("Name for a new one").fill("Test laptop")
    page.get_by_role("button", name="Make a passkey").click()
    page.wait_for_url(f"{issuer}/account/recovery-codes*")
    page.get_by_role("button", name="Make ten codes").click()
    codes = page.locator(".codes code").all_inner_texts()
    assert len(set(codes)) == 10
    page.get_by_role("link", name="I have written them down").click()
    page.wait_for_url(f"{issuer}/account")
    page.get_by_role("button", name="Sign out").click()

    # The passkey alone signs in, and is phishing-resistant: no other step is asked for.
    request = bank.request()
    page.goto(f"{request.url}&{urlencode({'acr_values': ACR['phishing-resistant'], 'max_age': '300'})}")
    # Nobody clicks: the page offers passkeys while the name is typed, and this authenticator takes the offer.
    page.get_by_role("heading", name="Demo bank asks for access").wait_for()
    page.get_by_role("button", name="Allow").click()
    token = bank.token(page, request)
    assert bank.call("POST", "/bank/large-transfers", token, json=LARGE).status_code == 201

    # The account tells of it, and ends it.
    page.goto(f"{issuer}/account")
    applications = page.get_by_role("region", name="Applications that can act for you")
    assert applications.get_by_text("Demo bank").count() == 1
    applications.get_by_role("button", name="Withdraw access").click()
    assert applications.get_by_text("Demo bank").count() == 0
    for _ in range(20):
        # The first call after it may still be answered, and cut off in the middle.
        with contextlib.suppress(httpx.RemoteProtocolError):
            if bank.call("GET", "/bank/accounts", token).status_code == 401:
                break
        page.wait_for_timeout(50)
    else:
        pytest.fail("the token is still good a second after the access was withdrawn")


def test_a_second_factor_is_asked_for_whatever_the_client_wants(house, page, bank):
    """The person of the first test has a passkey by now: the password alone is never enough again."""
    request = bank.request()
    page.goto(request.url)
    sign_in(page, house.cast.password.reveal())
    assert page.get_by_role("heading", name="Enter a code").count() == 1
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Go on").click()
    assert re.search("wrong", page.get_by_role("alert").first.inner_text())


def test_nobody_is_shown_a_passkey_where_scripts_are_off(house, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{house.urls['issuer']}/sign-in")
    assert page.get_by_role("button", name="Sign in with a passkey").count() == 0
    context.close()
