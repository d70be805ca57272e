"""Sign-in and consent as a person meets them: Debian's Chromium, a phone's width, no JavaScript."""

import asyncio
import contextlib
import http.server
import queue
import threading

import httpx
import pytest

from app.test_http2_door import door
from tokenward.app.demo import APP, PERSON
from tokenward.flows import pushed_request
from tokenward.flows import token as token_flow
from tokenward.flows.authorization import AuthorizationRequest, read_callback
from tokenward.flows.errors import FlowError
from tokenward.flows.token import TokenResponse


@pytest.fixture
def phone(browser):
    context = browser.new_context(viewport={"width": 320, "height": 640}, java_script_enabled=False)
    yield context.new_page()
    context.close()


@pytest.fixture
def native_app():
    """The loopback listener of a native application (RFC 8252 §7.3), on a port of its own choice."""
    seen: list[str] = []

    class Callback(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path.startswith("/callback"):
                seen.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"You can close this window.")

        def log_message(self, *_args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Callback)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/callback", seen
    server.shutdown()
    thread.join()
    server.server_close()


def _request(demo, redirect_uri):
    return AuthorizationRequest.begin(
        f"{demo.urls['issuer']}/authorize",
        client_id=APP,
        redirect_uri=redirect_uri,
        scope=["openid", "offline_access", "accounts:read"],
    )


def _sign_in(page, password):
    page.get_by_label("User name").fill(PERSON)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_person_signs_in_consents_and_the_app_gets_its_tokens(demo, phone, native_app, http):
    redirect_uri, seen = native_app
    request = _request(demo, redirect_uri)
    phone.goto(request.url)
    _sign_in(phone, "a wrong password")
    assert phone.get_by_text("wrong").count() == 1
    _sign_in(phone, demo.cast.password.reveal())
    for text in ("Demo app", "See accounts and transfers", PERSON):
        assert phone.get_by_text(text).count() >= 1, phone.content()
    phone.get_by_role("button", name="Allow").click()
    assert "You can close this window" in phone.content()
    code = read_callback(seen[0], request, demo.urls["issuer"])
    answer = http.post(
        f"{demo.urls['issuer']}/token",
        content=token_flow.authorization_code(code, request, public=True),
        headers={"content-type": token_flow.FORM},
    )
    tokens = TokenResponse.parse(answer.status_code, answer.content)
    answer = http.get(
        f"{demo.urls['gateway']}/bank/accounts",
        headers={"authorization": f"Bearer {tokens.access_token.reveal()}"},
    )
    assert answer.status_code == 200


def test_a_pushed_request_outlives_sign_in_and_reloads_and_is_answered_once(demo, browser, native_app, http):
    redirect_uri, seen = native_app
    request = _request(demo, redirect_uri)
    answer = http.post(
        f"{demo.urls['issuer']}/par",
        content=pushed_request.body(request),
        headers={"content-type": token_flow.FORM},
    )
    url = request.pushed_url(pushed_request.read(answer.status_code, answer.content))
    context = browser.new_context()
    page = context.new_page()
    page.goto(url)
    _sign_in(page, demo.cast.password.reveal())
    for _ in range(2):
        assert page.get_by_role("button", name="Allow").count() == 1, page.content()
        assert "request_uri" not in page.url
        page.reload()
    page.get_by_role("button", name="Allow").click()
    page.get_by_text("You can close this window").wait_for()
    assert read_callback(seen[0], request, demo.urls["issuer"])
    assert len(seen) == 1
    page.goto(url)
    assert page.get_by_text("was answered before").count() == 1, page.content()
    context.close()


def test_a_second_press_of_allow_whose_first_answer_was_lost_says_where_to_start(
    demo, browser, native_app, http
):
    """No second code, and no code a second time: the application might redeem both, which ends its tokens."""
    redirect_uri, seen = native_app
    request = _request(demo, redirect_uri)
    answer = http.post(
        f"{demo.urls['issuer']}/par",
        content=pushed_request.body(request),
        headers={"content-type": token_flow.FORM},
    )
    context = browser.new_context()
    page = context.new_page()
    page.goto(request.pushed_url(pushed_request.read(answer.status_code, answer.content)))
    _sign_in(page, demo.cast.password.reveal())
    page.get_by_role("button", name="Allow").wait_for()
    field = page.locator("form input[name=request]").input_value()
    lost = context.request.post(
        f"{demo.urls['issuer']}/authorize/decision",
        form={"request": field, "decision": "allow"},
        headers={"origin": demo.urls["issuer"]},
        max_redirects=0,
    )
    assert lost.status == 303
    with page.expect_response("**/authorize/decision") as pressed:
        page.get_by_role("button", name="Allow").click()
    assert pressed.value.status == 409
    page.get_by_text("If the application did not go on, start again there.").wait_for()
    assert seen == []
    context.close()


def test_a_second_press_of_allow_is_asked_about_and_gives_a_code_if_it_is_meant(demo, phone, native_app):
    """Of a request that was not pushed: what asks again is the page itself."""
    redirect_uri, seen = native_app
    request = _request(demo, redirect_uri)
    phone.goto(request.url)
    _sign_in(phone, demo.cast.password.reveal())
    phone.get_by_role("button", name="Allow").wait_for()
    lost = phone.context.request.post(
        f"{demo.urls['issuer']}/authorize/decision",
        form={"request": phone.locator("form input[name=request]").input_value(), "decision": "allow"},
        headers={"origin": demo.urls["issuer"]},
        max_redirects=0,
    )
    assert lost.status == 303
    with phone.expect_response("**/authorize/decision") as pressed:
        phone.get_by_role("button", name="Allow").click()
    assert pressed.value.status == 409
    phone.get_by_role("alert").get_by_text("You have answered this already").wait_for()
    assert seen == []
    phone.get_by_role("button", name="Allow").click()
    phone.get_by_text("You can close this window").wait_for()
    assert read_callback(seen[0], request, demo.urls["issuer"])


def test_who_refuses_sends_the_app_away_with_access_denied(demo, phone, native_app):
    redirect_uri, seen = native_app
    request = _request(demo, redirect_uri)
    phone.goto(request.url)
    _sign_in(phone, demo.cast.password.reveal())
    phone.get_by_role("button", name="Deny").click()
    with pytest.raises(FlowError) as refused:
        read_callback(seen[0], request, demo.urls["issuer"])
    assert refused.value.code == "access_denied"


def test_no_page_is_wider_than_the_phone(demo, phone):
    titles = set()

    def look():
        titles.add(phone.title())
        assert phone.evaluate("document.documentElement.scrollWidth") <= 320

    phone.goto(_request(demo, "http://127.0.0.1/callback").url)
    look()
    _sign_in(phone, demo.cast.password.reveal())
    look()
    phone.goto(f"{demo.urls['issuer']}/authorize?client_id=nobody")
    look()
    assert len(titles) == 3


def test_the_error_page_says_nothing_of_what_it_was_sent(demo):
    marker = "x1y2z3marker"
    answer = httpx.get(
        f"{demo.urls['issuer']}/authorize?client_id={marker}&redirect_uri=https://{marker}.example",
        trust_env=False,
    )
    assert answer.status_code == 400
    assert marker not in answer.text


@contextlib.contextmanager
def _door_in_a_thread(directory):
    running, done = queue.Queue(), threading.Event()

    async def serve():
        async with door(directory) as opened:
            running.put(opened)
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        yield running.get(timeout=10)
    finally:
        done.set()
        thread.join(20)


def test_chromium_calls_an_api_over_http2(browser, tmp_path):
    with _door_in_a_thread(tmp_path) as opened:
        context = browser.new_context(ignore_https_errors=True)
        page = context.new_page()
        page.goto(f"https://localhost:{opened.port}/.well-known/tokenward/health")
        fetched = page.evaluate(
            """async token => {
                const headers = {authorization: `Bearer ${token}`};
                const ask = () => fetch("/bank/accounts/7", {headers});
                const answers = await Promise.all(Array.from({length: 20}, ask));
                const seen = performance.getEntriesByType("resource").map(it => it.nextHopProtocol);
                return [answers.map(it => it.status), [...new Set(seen)]];
            }""",
            opened.world.tokens["reader"],
        )
        context.close()
    assert fetched == [[200] * 20, ["h2"]]
    assert opened.backend.requests == 20
