"""Chromium signs a person in to an application of our library, at our issuer: real processes and pages."""

import contextlib
import secrets
import ssl

import httpx
import pytest

from e2e.bank import until
from interop import person
from interop.house import free_ports, private, tokenward, up
from interop.signing_in import served_shop

CONFIGURATION = """\
name: Corp
store: sqlite:data/tokenward.db
master_key: file:data/master.key
issuer: {{url: "http://localhost:{0}", listen: "127.0.0.1:{0}"}}
gateway: {{url: "http://localhost:{1}", listen: "127.0.0.1:{1}"}}
admin: {{listen: "127.0.0.1:{2}", token: file:data/admin.token}}
"""
SCOPES = [word for scope in ("openid", "offline_access", "email") for word in ("--scope", scope)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The origins of the shop and of the issuer, and the password of ada."""
    directory = tmp_path_factory.mktemp("corp")
    *ours, own = free_ports(4)
    issuer, origin = f"http://localhost:{ours[0]}", f"http://127.0.0.1:{own}"
    tokenward(directory, "init")
    (directory / "tokenward.yaml").write_text(CONFIGURATION.format(*ours))
    password = secrets.token_urlsafe(18)
    private(directory / "password.txt", password)
    claims = ("--claim", "email=ada@corp.example", "--claim", "email_verified=true")
    tokenward(directory, "users", "add", "ada", "--password", "@password.txt", *claims)
    registered = tokenward(
        directory, "clients", "add", "Shop", "--id", "shop", "--type", "web",
        "--redirect-uri", f"{origin}/auth/callback", *SCOPES, "--id-token-claim", "email",
        "--post-logout-redirect-uri", f"{origin}/",
        "--backchannel-logout-uri", f"{origin}/auth/backchannel-logout",
    )  # fmt: skip
    environment = {
        "ISSUER": issuer,
        "URL": origin,
        "CLIENT_ID": "shop",
        "SHOP_SECRET": registered["client_secret"],
    }
    with contextlib.ExitStack() as stack:
        stack.enter_context(up(directory, [f"{issuer}/jwks.json"], None))
        stack.enter_context(served_shop(own, environment))
        yield origin, issuer, password


@pytest.fixture
def page(browser):
    with contextlib.closing(browser.new_context()) as context:
        yield context.new_page()


def signed_in(page, shop):
    """Go to a page of the shop and through the issuer's pages, as far as it asks."""
    origin, issuer, password = shop
    page.goto(f"{origin}/orders")
    assert page.url.startswith(f"{issuer}/"), page.url
    page.get_by_label("User name").fill("ada")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    if page.url.startswith(issuer):  # consent is asked for once
        page.get_by_role("button", name="Allow").click()


def test_a_person_signs_in_calls_an_api_pays_and_signs_out(shop, page):
    origin, _issuer, _password = shop
    signed_in(page, shop)
    assert page.get_by_role("heading").inner_text() == "Orders of ada@corp.example"
    # The browser holds a name, which no script of a page can read, and no token.
    (cookie,) = (each for each in page.context.cookies(origin) if each["name"].startswith("tokenward-"))
    assert (cookie["httpOnly"], cookie["sameSite"], len(cookie["value"])) == (True, "Lax", 43)
    assert cookie["name"] not in page.evaluate("document.cookie")
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    # A script's request is answered, and one that is refused by an API goes on with a new token.
    assert page.evaluate("fetch('/tokens').then(answer => answer.json())") == {"renewed": True}
    page.goto(f"{origin}/pay")
    assert "paid_by" in page.content()
    page.goto(f"{origin}/orders")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{origin}/")
    assert page.inner_text("body").replace(" ", "") == '{"hello":""}'
    assert page.evaluate("fetch('/orders').then(answer => answer.status)") == 401


def test_signing_out_at_the_issuer_signs_this_browser_out_of_the_shop_and_no_other(shop, page, browser):
    origin, issuer, _password = shop
    hello = "fetch('/').then(answer => answer.json()).then(said => said.hello)"
    signed_in(page, shop)
    with contextlib.closing(browser.new_context()) as context:
        other = context.new_page()
        signed_in(other, shop)
        account = page.context.new_page()
        account.goto(f"{issuer}/account")
        account.get_by_role("button", name="Sign out", exact=True).click()
        # This browser tells the shop nothing: the issuer does, from server to server.
        until(lambda: page.evaluate(hello) == "", seconds=30)
        page.goto(f"{origin}/orders")
        assert page.url.startswith(f"{issuer}/sign-in"), page.url
        assert other.evaluate(hello) != ""


def test_two_tabs_sign_in_side_by_side(shop, page):
    origin, issuer, _password = shop
    other = page.context.new_page()
    other.goto(f"{origin}/pay")
    assert other.url.startswith(f"{issuer}/")
    signed_in(page, shop)
    other.reload()  # the issuer knows by now who is there, and answers what this tab began
    other.wait_for_url(f"{origin}/pay")
    assert "paid_by" in other.content()
    page.reload()
    assert page.get_by_role("heading").inner_text() == "Orders of ada@corp.example"


def test_another_site_signs_nobody_out_and_changes_nothing(shop, page):
    origin, issuer, _password = shop
    signed_in(page, shop)
    # A page of another origin on the same machine: its forms carry no cookie that is Lax, or are refused.
    evil = page.context.new_page()
    evil.goto(f"{issuer}/jwks.json")
    evil.set_content(f'<form method="post" action="{origin}/auth/sign-out"><button>Win</button></form>')
    with evil.expect_navigation() as gone:
        evil.get_by_role("button").click()
    assert gone.value.status == 400
    page.goto(f"{origin}/orders")
    assert page.get_by_role("heading").inner_text() == "Orders of ada@corp.example"


def test_what_was_begun_in_one_browser_does_not_end_in_another(shop, page):
    origin, _issuer, password = shop
    with httpx.Client(trust_env=False) as attacker:
        url = attacker.get(f"{origin}/auth/sign-in?next=/orders").headers["location"]
        brought = person.signed_in(url, "ada", password, ssl.create_default_context())
        page.goto(brought)
        assert page.get_by_role("heading").inner_text() == "You are not signed in"
        page.goto(f"{origin}/")
        assert page.inner_text("body").replace(" ", "") == '{"hello":""}'
        assert attacker.get(brought).headers["location"] == f"{origin}/orders", "it was a good one"
