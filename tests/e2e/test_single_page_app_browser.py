"""The single-page app of the how-to page in Chromium: real processes, real pages, real attacks."""

import asyncio
import contextlib
import re
import secrets
import sqlite3
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler

import httpx
import pytest

from client.web.visit import EVENT
from docs.test_pages import _blocks
from e2e.single_page import PAGE, sign_in, single_page_app
from interop import person
from serving import serving
from tokens.minting import mint
from tokenward.app.config import load
from tokenward.app.foundation import foundation
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.secret import Secret
from tokenward.flows.authorization import AuthorizationRequest, read_callback
from tokenward.flows.token import FORM, authorization_code
from tokenward.identity.factors import totp

CALL = """async ([path, options]) => {
  const answer = await fetch(path, options);
  return [answer.status, (await answer.text())];
}"""
OWN = {"Tokenward-CSRF": "1"}
TOKEN = re.compile(r"tkw_(?!ac)[a-z]{2}_|eyJ")
MIGRATION = PAGE.with_name("move-to-short-lived-tokens.md")

# What a script that got into the page would look for: every place where a page can keep something, every
# answer that it can get, and what it can see of the sign-in and the sign-out.
LOOT = """async () => {
  const own = {headers: {'Tokenward-CSRF': '1'}};
  const read = async (url, more) => {
    try { const answer = await fetch(url, {...own, ...more});
          return [answer.url, [...answer.headers], await answer.text()]; }
    catch (error) { return [String(error)]; }
  };
  const cached = [];
  for (const name of await caches.keys())
    for (const request of await (await caches.open(name)).keys()) cached.push(request.url);
  return JSON.stringify([
    document.cookie, {...localStorage}, {...sessionStorage}, await indexedDB.databases(), cached,
    (await navigator.serviceWorker.getRegistrations()).length,
    await read('/bff/session'), await read('/bff/session', {cache: 'force-cache'}),
    await read('/bff/login'), await read('/bff/login', {redirect: 'manual'}), await read('/bff/callback'),
    await read('/api/notes'), await read('/.well-known/tokenward/jwks.json'),
    performance.getEntries().map((each) => each.name), document.documentElement.outerHTML, location.href,
    document.referrer, history.state, window.name,
  ]);
}"""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with single_page_app(tmp_path_factory.mktemp("spa")) as it:
        yield it


@pytest.fixture
def page(browser):
    with contextlib.closing(browser.new_context()) as context:
        yield context.new_page()


def signed_in(page, running, name="ada"):
    page.goto(running.app)
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in").click()
    sign_in(page, running, name)
    page.get_by_text(f"Signed in as {name.title()}").wait_for()


def call(page, path="/api/notes", **options):
    return page.evaluate(CALL, [path, {"headers": OWN, **options}])[0]


def session_cookie(page, running):
    (found,) = page.context.cookies(running.gateway)
    return found


def test_a_person_signs_in_writes_and_signs_out(running, page):
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    signed_in(page, running)
    cookie = session_cookie(page, running)
    assert (cookie["httpOnly"], cookie["sameSite"], len(cookie["value"])) == (True, "Lax", 43)
    page.get_by_label("New note").fill("<img src=x onerror=alert(1)>")
    page.get_by_role("button", name="Add").click()
    page.get_by_role("listitem").get_by_text("<img src=x onerror=alert(1)>").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{running.issuer}/**")
    assert "id_token_hint" not in page.url
    page.get_by_role("button", name="Sign out").click()
    page.get_by_text("Not signed in").wait_for()
    assert page.context.cookies(running.gateway) == []
    assert call(page) == 401
    # Who keeps the cookie has nothing either.
    page.context.add_cookies([cookie])
    assert call(page) == 401
    assert errors == []


def test_a_script_in_the_page_finds_no_token_to_steal(running, page):
    signed_in(page, running)
    name = session_cookie(page, running)["value"]
    found = page.evaluate(LOOT)
    assert '"signed_in": true' in found.replace("\\", "")
    assert not TOKEN.search(found), found
    assert name not in found
    # And what signs out tells no ID token.
    out = page.evaluate(CALL, ["/bff/logout", {"method": "POST", "headers": OWN}])
    assert out[0] == 200
    assert not TOKEN.search(out[1])
    # An inline script does not run at all.
    page.goto(running.app)
    page.evaluate("document.body.append(Object.assign(document.createElement('a'), {href: 'x'}))")
    ran = "(() => { const s = document.createElement('script'); s.append('window.ran = 1');"
    with contextlib.suppress(Exception):  # Trusted Types say so
        page.evaluate(ran + "document.body.append(s); })()")
    assert page.evaluate("window.ran") is None


def test_a_better_sign_in_is_asked_for_and_leads_back_to_what_it_was_for(running, page):
    signed_in(page, running, "grace")
    before = session_cookie(page, running)["value"]
    page.get_by_role("button", name="Publish all").click()
    page.wait_for_url(re.compile("/account/second-factor"))
    page.goto(page.url.replace("/account/second-factor", "/account/authenticator"))
    key = page.locator("code").first.inner_text()
    page.locator("input[name=code]").fill(totp.code(Secret(key), SYSTEM_CLOCK.time()))
    page.get_by_role("button", name=re.compile("Go on|Add|Confirm|Use")).first.click()
    page.wait_for_url(re.compile("/account/recovery-codes"))
    back = re.search(r'name="continue" value="([^"]+)"', page.content())[1].replace("&amp;", "&")
    page.goto(running.issuer + back)
    if page.url.startswith(running.issuer):
        page.get_by_role("button", name="Allow").click()
    page.get_by_text("Published.").wait_for()
    after = session_cookie(page, running)["value"]
    assert after != before, "the name of the session changes with what it may do"
    page.context.clear_cookies(name=session_cookie(page, running)["name"])
    page.context.add_cookies([{"name": "x", "value": "x", "url": running.gateway}])
    assert call(page) == 401


def rows(running, table):
    with contextlib.closing(sqlite3.connect(running.directory / "data" / "tokenward.db")) as database:
        return [row[0] for row in database.execute(f"SELECT token_id FROM {table}")]


def test_two_tabs_share_one_refresh(running, page):
    known = set(rows(running, "access_tokens"))
    signed_in(page, running)
    assert call(page) == 200
    (token,) = set(rows(running, "access_tokens")) - known
    other = page.context.new_page()
    other.goto(running.app)
    other.get_by_text("Signed in as Ada").wait_for()
    refreshes = len(rows(running, "refresh_tokens"))
    running.tokenward("tokens", "revoke", "--token-id", token)
    time.sleep(1)  # the promise
    begin = """() => { window.answers = Promise.all(Array.from({length: 10}, () =>
      fetch('/api/notes', {headers: {'Tokenward-CSRF': '1'}}).then((answer) => answer.status))) ; }"""
    page.evaluate(begin)
    other.evaluate(begin)
    answers = page.evaluate("window.answers") + other.evaluate("window.answers")
    assert answers == [200] * 20
    assert len(rows(running, "refresh_tokens")) == refreshes + 1


async def logout_token(running, subject):
    """As the issuer signs it."""
    async with foundation(load(running.directory / "tokenward.yaml").configuration) as ground:
        ring = await ground.key_ring("outside", fresh=lambda: True)
        now = int(SYSTEM_CLOCK.time())
        claims = {
            "iss": running.issuer,
            "aud": "notes-app",
            "sub": subject,
            "iat": now,
            "exp": now + 60,
            "jti": secrets.token_urlsafe(12),
            "events": {EVENT: {}},
        }
        return mint(claims, ring.signer("RS256"), typ="logout+jwt")


def test_who_signs_out_at_the_issuer_is_signed_out_here(running, page):
    signed_in(page, running)
    other = page.context.new_page()
    other.goto(f"{running.issuer}/account")
    other.get_by_role("button", name="Sign out").click()
    end = time.monotonic() + 20
    while call(page) != 401:
        assert time.monotonic() < end, (running.directory / "log").read_text()
        page.wait_for_timeout(100)


def test_a_logout_token_counts_once_and_a_forged_one_never(running, page):
    signed_in(page, running)
    subject = page.evaluate("fetch('/bff/session', {headers: {'Tokenward-CSRF': '1'}}).then(a => a.json())")[
        "subject"
    ]
    url = f"{running.gateway}/bff/backchannel-logout"
    with httpx.Client(trust_env=False) as provider:
        forged = mint({"iss": running.issuer, "aud": "notes-app", "sub": subject}, typ="logout+jwt")
        assert provider.post(url, data={"logout_token": forged}).status_code == 400
        assert call(page) == 200
        with ThreadPoolExecutor(1) as apart:  # Playwright has the loop of this thread
            token = apart.submit(asyncio.run, logout_token(running, subject)).result()
        assert provider.post(url, data={"logout_token": token}).status_code == 200
        assert call(page) == 401
        assert provider.post(url, data={"logout_token": token}).status_code == 400, "it counts once"
    page.reload()
    page.get_by_text("Not signed in").wait_for()
    assert page.context.cookies(running.gateway) == []


class Evil(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", "0")
        self.end_headers()


@pytest.fixture
def elsewhere():
    """A page of another site, and one of a sibling, an origin to which cookies are sent all the same."""
    with serving(Evil) as origin:
        yield origin, origin.replace("127.0.0.1", "localhost")


FORM_OF_ANOTHER = """([action, method]) => {
  const form = Object.assign(document.createElement('form'), {action, method});
  form.append(Object.assign(document.createElement('button'), {textContent: 'Win'}));
  document.body.append(form);
}"""
SCRIPT = """async ([url, options]) => {
  try { return (await fetch(url, {credentials: 'include', ...options})).status; } catch (error) { return 0; }
}"""


@pytest.mark.parametrize("which", [0, 1], ids=["another site", "a sibling"])
def test_a_page_of_somebody_else_changes_nothing_and_signs_nobody_out(running, page, elsewhere, which):
    signed_in(page, running)
    evil = page.context.new_page()
    evil.goto(elsewhere[which])
    for path in ("/api/notes/publish", "/bff/logout"):
        evil.evaluate(FORM_OF_ANOTHER, [running.gateway + path, "post"])
        with evil.expect_navigation() as gone:
            evil.get_by_role("button").click()
        assert gone.value.status in {401, 403}, path
        evil.goto(elsewhere[which])
    evil.evaluate(FORM_OF_ANOTHER, [running.gateway + "/bff/logout", "get"])
    with evil.expect_navigation() as gone:
        evil.get_by_role("button").click()
    assert gone.value.status == 405
    evil.goto(elsewhere[which])
    asked = {"method": "POST", "headers": {"content-type": "text/plain"}, "body": "{}"}
    assert evil.evaluate(SCRIPT, [running.gateway + "/api/notes", {"headers": OWN}]) == 0
    assert evil.evaluate(SCRIPT, [running.gateway + "/api/notes", asked | {"mode": "no-cors"}]) == 0
    assert call(page) == 200, "still signed in"


def test_what_was_begun_in_one_browser_does_not_end_in_another(running, page):
    """Login CSRF: a person who is signed in as somebody else writes into their account."""
    with httpx.Client(trust_env=False) as attacker:
        url = attacker.get(f"{running.gateway}/bff/login?next=/app/").headers["location"]
        brought = person.signed_in(url, "ada", running.password, ssl.create_default_context())
        assert page.goto(brought).status == 403
        page.goto(running.app)
        page.get_by_text("Not signed in").wait_for()
        assert attacker.get(brought).headers["location"] == running.app, "it was a good one"


def test_a_cookie_that_somebody_planted_becomes_no_session(running, page):
    planted = {"name": "tokenward-x", "value": "A" * 43, "url": running.gateway}
    page.goto(running.app)
    page.context.add_cookies([planted])
    signed_in(page, running)
    (real,) = (each for each in page.context.cookies(running.gateway) if each["name"] != planted["name"])
    # Fixation: a name that somebody chose is not the one that the sign-in gives.
    with contextlib.closing(page.context.browser.new_context()) as fresh:
        fresh.add_cookies([{"name": real["name"], "value": "B" * 43, "url": running.gateway}])
        victim = fresh.new_page()
        signed_in(victim, running)
        (given,) = fresh.cookies(running.gateway)
        assert given["value"] not in {"B" * 43, real["value"]}


@pytest.mark.parametrize(
    "aim", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_the_sign_in_leads_to_no_other_site(running, page, aim):
    signed_in(page, running)
    page.goto(f"{running.gateway}/bff/login?next={aim}")
    page.wait_for_url(f"{running.gateway}/**")
    assert page.url == f"{running.gateway}/"


BEFORE, AFTER = _blocks(MIGRATION, "js")


def obtained(running):
    """What a page that is a public client gets by a sign-in."""
    redirect = f"{running.gateway}/app/"
    running.tokenward(
        "clients", "add", "Old notes", "--id", "notes", "--type", "spa", "--redirect-uri", redirect,
        "--scope", "openid", "--scope", "offline_access", "--scope", "notes:write",
    )  # fmt: skip
    request = AuthorizationRequest.begin(
        f"{running.issuer}/authorize",
        client_id="notes",
        redirect_uri=redirect,
        scope=("openid", "offline_access", "notes:write"),
        resource=f"{running.gateway}/api",
    )
    back = person.signed_in(request.url, "ada", running.password, ssl.create_default_context())
    form = authorization_code(read_callback(back, request, running.issuer), request) + b"&client_id=notes"
    answer = httpx.post(
        f"{running.issuer}/token", content=form, headers={"content-type": FORM}, trust_env=False
    )
    return answer.json()


def test_a_page_with_tokens_in_its_storage_moves_to_a_session(running, browser):
    with contextlib.closing(browser.new_context(bypass_csp=True)) as context:  # such a page has none
        moved(running, context.new_page())


def moved(running, page):
    given = obtained(running)
    page.goto(running.app)
    page.evaluate("(given) => { localStorage.refresh = given.refresh_token; }", given)

    def placed(block):
        block = block.replace("https://login.example.com", running.issuer)
        return f"async () => {{ {block.replace('https://api.example.com', '')} return notes.status; }}"

    assert page.evaluate(placed(BEFORE)) == 200
    assert TOKEN.search(page.evaluate(LOOT)), "the whole attack"

    with page.expect_navigation(url=f"{running.issuer}/**"):
        page.evaluate(placed(AFTER))
    sign_in(page, running)
    page.get_by_text("Signed in as Ada").wait_for()
    assert page.evaluate(placed(AFTER)) == 200
    assert not TOKEN.search(page.evaluate(LOOT))
    running.tokenward("tokens", "revoke", "--client", "notes")
