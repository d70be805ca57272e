"""No page shuts anybody out, as far as axe-core can tell: in Chromium, in both colours, on a phone."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from e2e.devices import Television
from e2e.test_upstream import two  # noqa: F401 - a fixture
from tokenward.app.demo import BANK_APP, BANK_REDIRECT, PERSON, running_demo
from tokenward.app.story_payment import PAYMENT
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.secret import Secret
from tokenward.flows.authorization import AuthorizationRequest
from tokenward.identity.factors import totp


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with running_demo(tmp_path_factory.mktemp("pages"), free_ports=True, issuer_host="localhost") as demo:
        yield demo


def serious(page):
    """What is serious on this page, in both colours."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, f"{page.title()} is too wide"
        for violation in Axe().run(page).response["violations"]:
            if violation["impact"] in {"serious", "critical"}:
                targets = [node["target"] for node in violation["nodes"]]
                found.append((page.title(), scheme, violation["id"], targets))
    return found


def test_no_page_shuts_anybody_out(house, browser, http):
    # The policy of our pages lets no script in but our own; axe has to get in past it.
    context = browser.new_context(viewport={"width": 360, "height": 740}, bypass_csp=True)
    page, issuer, found, titles = context.new_page(), house.urls["issuer"], [], []

    def look():
        titles.append(page.title())
        found.extend(serious(page))

    def sign_in(password):
        page.get_by_label("User name").fill(PERSON)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in", exact=True).click()

    request = AuthorizationRequest.begin(
        f"{issuer}/authorize",
        client_id=BANK_APP,
        redirect_uri=BANK_REDIRECT,
        scope=["openid", "accounts:read", "transfers:write"],
    )
    payment = AuthorizationRequest.begin(
        f"{issuer}/authorize",
        client_id=BANK_APP,
        redirect_uri=BANK_REDIRECT,
        authorization_details=[{"type": "payment", **PAYMENT}],
    )
    page.goto(issuer)
    look()
    page.goto(f"{request.url}&acr_values=urn:tokenward:acr:two-factor")
    look()
    sign_in("not the password")
    look()
    sign_in(house.cast.password.reveal())
    look()
    page.get_by_role("link", name="Set up an authenticator app").click()
    look()
    secret = Secret(page.locator("main code").first.inner_text())
    page.get_by_label("six digits").fill("000000")
    page.get_by_role("button", name="Use this app").click()
    look()
    page.get_by_label("six digits").fill(totp.code(secret, SYSTEM_CLOCK.time()))
    page.get_by_role("button", name="Use this app").click()
    look()
    page.get_by_role("button", name="Make ten codes").click()
    look()
    code = page.locator(".codes code").first.inner_text()
    page.get_by_role("link", name="I have written them down").click()
    look()
    page.goto(payment.url)
    assert page.locator(".given").all_inner_texts() == list(PAYMENT.values())
    look()
    for path in ("", "/passkeys", "/password", "/authenticator", "/recovery-codes"):
        page.goto(f"{issuer}/account{path}")
        look()
    television = Television(house, http)
    for decision in ("Allow", "Deny"):
        told, _ = television.ask()
        page.goto(told.verification_uri_complete)
        look()
        page.get_by_role("button", name="Go on").click()
        look()
        page.get_by_role("button", name=decision).click()
        look()
    page.goto(told.verification_uri_complete)
    page.get_by_role("button", name="Go on").click()
    look()
    page.goto(f"{issuer}/authorize?client_id=nobody")
    look()
    page.goto(f"{request.url}&prompt=select_account&login_hint=somebody")
    assert page.get_by_role("link", name="Go on as").is_visible()
    look()
    page.goto(f"{issuer}/end-session?client_id={BANK_APP}")
    look()
    page.get_by_role("button", name="Sign out").click()
    look()
    page.goto(f"{issuer}/sign-in")
    sign_in(house.cast.password.reveal())
    look()
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Go on").click()
    look()
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url(f"{issuer}/account")
    context.close()
    assert not found
    assert len(set(titles)) >= 18, titles


def test_nor_does_a_page_about_accounts_at_providers(two, browser):  # noqa: F811
    origin, provider, password = two
    context = browser.new_context(viewport={"width": 360, "height": 740}, bypass_csp=True)
    page, found = context.new_page(), []

    def look(title):
        assert title in page.title()
        found.extend(serious(page))

    page.goto(f"{origin}/account/providers")
    look("Sign in")
    page.get_by_role("button", name="Sign in with Corp").click()
    assert page.url.startswith(provider)
    page.get_by_label("User name").fill("ada")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url(f"{origin}/account/providers")
    look("Sign in through another service")
    page.get_by_role("button", name="Unlink").click()
    assert page.get_by_role("alert").inner_text().startswith("This is the only way in")
    look("Error: Sign in through another service")
    page.get_by_role("link", name="Back to your account").click()
    page.wait_for_url(f"{origin}/account")
    assert page.get_by_role("heading", name="Sign in through").count() == 1
    look("Your account")
    context.close()
    assert not found
