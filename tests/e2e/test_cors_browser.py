"""CORS as a browser enforces it: pages of two origins, and a gateway of a third one."""

import contextlib
import http.server
import threading
import time

import pytest

from e2e.edge import DOCUMENT, edge

DELETE = "    delete: {operationId: remove, x-tokenward-risk: public, responses: {200: {description: ok}}}\n"
DELETABLE = DOCUMENT.replace("  /closed:", f"{DELETE}  /closed:")

# What a page gets to see of a call: its answer, or that it may not know.
CALL = """async ([url, options]) => {
  try {
    const answer = await fetch(url, options);
    return {status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.json()};
  } catch (error) {
    return error.name;
  }
}"""
UNTOLD = "TypeError"  # Fetch §4.4: a network error tells nothing


class Blank(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def site():
    """The origin of a site with a blank page."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Blank)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def sites():
    with site() as ours, site() as foreign:
        yield ours, foreign


@contextlib.contextmanager
def calling(browser, origin, gateway):
    """A call to the API by a page of that origin."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(origin)

    def call(path="/echo/open", **options):
        return page.evaluate(CALL, [gateway + path, options])

    call.cookie = lambda: page.evaluate("document.cookie = 'session=s3cret'")
    try:
        yield call
    finally:
        context.close()


def sent(answer):
    return {name.lower(): value for name, value in answer["body"]["headers"]}


def deleted(running):
    """The calls by DELETE that were let pass."""
    return [line for line in running.logged() if "DELETE /open" in line and "reason=allow" in line]


def test_what_a_page_may_do_is_what_its_origin_may(tmp_path, browser, sites):
    ours, foreign = sites
    policy = f"cors: {{origins: ['{ours}'], methods: [GET], credentials: true}}"
    with edge(tmp_path, api=policy, document=DELETABLE) as running:
        with calling(browser, ours, running.urls[0]) as call:
            answer = call()
            assert answer["status"] == 200
            assert answer["headers"]["x-request-id"]
            assert "x-powered-by" not in answer["headers"], "the API says so, but to no page"
            asked = call(headers={"If-None-Match": '"1"'})  # which a browser asks about first
            assert sent(asked)["if-none-match"] == '"1"'
            refused = call("/echo/closed", headers={"X-API-Key": "tkw_ak_x"})
            assert (refused["status"], refused["body"]["type"]) == (
                401,
                "urn:tokenward:problem:invalid_token",
            )
            assert refused["headers"]["www-authenticate"].startswith("Bearer ")

            assert call(method="DELETE") == UNTOLD
            assert call(headers={"X-Debug": "1"}) == UNTOLD

            call.cookie()
            assert "cookie" not in sent(call())
            assert sent(call(credentials="include"))["cookie"] == "session=s3cret"
        with calling(browser, foreign, running.urls[0]) as call:
            assert call() == UNTOLD
            assert call(headers={"If-None-Match": '"1"'}) == UNTOLD
            assert call("/echo/closed") == UNTOLD
            assert call(mode="no-cors") == UNTOLD, "Cross-Origin-Resource-Policy"
        assert not deleted(running)


def test_without_credentials_in_the_policy_no_page_reads_an_answer_to_a_call_with_cookies(
    tmp_path, browser, sites
):
    ours, _ = sites
    with (
        edge(tmp_path, api=f"cors: {{origins: ['{ours}']}}", document=DELETABLE) as running,
        calling(browser, ours, running.urls[0]) as call,
    ):
        call.cookie()
        assert call(credentials="include") == UNTOLD
        assert call(credentials="omit")["status"] == 200
        assert call(method="DELETE")["body"]["line"].startswith("DELETE /open "), "no methods are named"
        while not deleted(running):
            time.sleep(0.05)


def test_an_api_without_a_policy_is_read_by_no_page(tmp_path, browser, sites):
    ours, _ = sites
    with edge(tmp_path, document=DELETABLE) as running, calling(browser, ours, running.urls[0]) as call:
        assert call() == UNTOLD
        assert call(method="DELETE") == UNTOLD
