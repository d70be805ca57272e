"""Two gateways over one PostgreSQL answer the same people: real processes, real sign-ins."""

import contextlib
import json
import re
import shutil
import ssl
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest

from databases import postgres_database
from e2e.single_page import single_page_app
from interop import person
from interop.house import free_ports, served_echo, up
from tokenward.tokens import base64url

OWN = {"Tokenward-CSRF": "1"}
MORE = """\
  more:
    openapi: notes.openapi.yaml
    upstream: "{}"
    risk: moderate
browser_apps:"""
EXCHANGE = """\
exchange:
  - {client: notes-app, subject_api: notes, target_api: more, scopes: ["notes:write"]}
"""


class Gateways:
    """Both of them, and a browser's cookies before them."""

    def __init__(self, running, database, ports):
        self.running = running
        self.database = database
        self._host = running.gateway.removeprefix("http://")
        self._clients = [
            httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) for port in ports
        ]

    def close(self):
        for client in self._clients:
            client.close()

    def ask(self, which, method, path, cookies, **headers):
        named = {"host": self._host, "cookie": "; ".join(f"{name}={it}" for name, it in cookies.items())}
        answer = self._clients[which].request(method, path, headers=named | headers)
        self._clients[which].cookies.clear()
        return answer

    def sign_in(self, left, back):
        """The cookies of who went away at one gateway and came back at another."""
        cookies = {}
        answer = self.ask(left, "GET", "/bff/login?next=/app/", cookies)
        cookies |= dict(answer.cookies)
        url = answer.headers["location"]
        brought = person.signed_in(url, "ada", self.running.password, ssl.create_default_context())
        answer = self.ask(back, "GET", brought.removeprefix(self.running.gateway), cookies)
        assert answer.headers["location"] == self.running.app, answer.text
        return dict(answer.cookies)

    def call(self, which, cookies):
        return self.ask(which, "GET", "/api/notes", cookies, **OWN).status_code

    def rows(self, query):
        with psycopg.connect(self.database) as connection:
            return [row[0] for row in connection.execute(query)]


@pytest.fixture(scope="module")
def gateways(tmp_path_factory):
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(postgres_database())
        directory, echo = tmp_path_factory.mktemp("first"), stack.enter_context(served_echo())

        def change(text):
            text = text.replace("apis: [notes]", "apis: [notes, more]")
            return EXCHANGE + text.replace("browser_apps:", MORE.format(echo), 1)

        running = stack.enter_context(single_page_app(directory, database, change))
        # The same configuration on another machine: it listens elsewhere, and is the same to the world.
        second = tmp_path_factory.mktemp("other") / "house"
        shutil.copytree(directory, second)
        text = (second / "tokenward.yaml").read_text()
        listening = re.findall(r'listen: "127\.0\.0\.1:(\d+)"', text)
        ports = free_ports(3)
        for old, new in zip(listening, ports, strict=True):
            text = text.replace(f'listen: "127.0.0.1:{old}"', f'listen: "127.0.0.1:{new}"')
        (second / "tokenward.yaml").write_text(text)
        stack.enter_context(up(second, [f"http://127.0.0.1:{ports[1]}/app/"], None))
        yield stack.enter_context(contextlib.closing(Gateways(running, database, (listening[1], ports[1]))))


def test_who_leaves_at_one_and_comes_back_at_the_other_is_signed_in_at_both(gateways):
    cookies = gateways.sign_in(0, 1)
    assert [gateways.call(which, cookies) for which in (0, 1)] == [200, 200]
    said = [gateways.ask(which, "GET", "/bff/session", cookies, **OWN).json() for which in (0, 1)]
    assert (said[0]["signed_in"], said[0]) == (True, said[1])


def test_two_tabs_at_two_processes_refresh_once(gateways):
    known = set(gateways.rows("SELECT token_id FROM access_tokens"))
    cookies = gateways.sign_in(0, 0)
    assert [gateways.call(which, cookies) for which in (0, 1)] == [200, 200]
    (token,) = set(gateways.rows("SELECT token_id FROM access_tokens")) - known
    refreshes = len(gateways.rows("SELECT token_id FROM refresh_tokens"))
    gateways.running.tokenward("tokens", "revoke", "--token-id", token)
    time.sleep(1)  # the promise
    with ThreadPoolExecutor(16) as tabs:
        answers = list(tabs.map(lambda number: gateways.call(number % 2, cookies), range(16)))
    assert answers == [200] * 16
    assert len(gateways.rows("SELECT token_id FROM refresh_tokens")) == refreshes + 1
    assert gateways.rows("SELECT count(*) FROM browser_sessions WHERE holder IS NOT NULL") == [0]


def test_who_signs_out_at_one_has_signed_out_at_the_other(gateways):
    cookies = gateways.sign_in(1, 0)
    assert gateways.call(1, cookies) == 200
    kept = gateways.rows("SELECT content FROM browser_sessions")
    answer = gateways.ask(0, "POST", "/bff/logout", cookies, origin=gateways.running.gateway, **OWN)
    assert answer.status_code == 200
    assert [gateways.call(which, cookies) for which in (1, 0)] == [401, 401]
    assert len(gateways.rows("SELECT content FROM browser_sessions")) == len(kept) - 1


def test_the_database_holds_no_name_and_no_token_of_a_session(gateways):
    (name,) = gateways.sign_in(0, 1).values()
    with psycopg.connect(gateways.database) as connection:
        rows = connection.execute("SELECT browser_sessions::text, content FROM browser_sessions").fetchall()
    held = b"".join(text.encode() + content for text, content in rows)
    for secret in (name.encode(), b"tkw_", b"eyJ"):
        assert secret not in held
    assert rows


def more(gateways, which, cookies):
    """Who calls the second API, by the inside JWT that reaches it; or the status."""
    answer = gateways.ask(which, "GET", "/more/notes", cookies, **OWN)
    if not answer.is_success:
        return answer.status_code
    payload = answer.json()["authorization"].split(".")[1]
    return json.loads(base64url.decode(payload))


def test_one_sign_in_calls_several_apis_each_by_a_token_of_its_own(gateways):
    cookies = gateways.sign_in(0, 0)
    subject = gateways.ask(0, "GET", "/bff/session", cookies, **OWN).json()["subject"]
    for which in (0, 1, 0):
        assert gateways.call(which, cookies) == 200
        said = more(gateways, which, cookies)
        assert (said["aud"], said["sub"]) == (f"{gateways.running.gateway}/more", subject)
    audiences = gateways.rows("SELECT DISTINCT audience FROM access_tokens WHERE client_id = 'notes-app'")
    assert {f"{gateways.running.gateway}{path}" for path in ("/api", "/more")} <= set(audiences)
    # Both end with the tokens that they come of, and are had again.
    gateways.running.tokenward("tokens", "revoke", "--token-id", newest(gateways, "/api"))
    time.sleep(1)  # the promise
    assert more(gateways, 0, cookies)["sub"] == subject
    gateways.ask(0, "POST", "/bff/logout", cookies, origin=gateways.running.gateway, **OWN)
    assert [more(gateways, which, cookies) for which in (0, 1)] == [401, 401]


def newest(gateways, path):
    """The access token that was given last for the API there."""
    (found,) = gateways.rows(
        f"SELECT token_id FROM access_tokens WHERE audience = '{gateways.running.gateway}{path}' "
        "ORDER BY issued_at DESC LIMIT 1"
    )
    return found


ADDED = """\
paths:
  /added:
    post:
      operationId: added
      responses: {200: {description: "Added"}}
"""


def test_what_a_reload_adds_is_guarded_like_everything_else(gateways):
    cookies = gateways.sign_in(0, 0)

    def answer(**headers):
        return gateways.ask(0, "POST", "/more/added", cookies, **headers)

    here = {"origin": gateways.running.gateway}
    assert answer(**here, **OWN).status_code == 404
    document = gateways.running.directory / "notes.openapi.yaml"
    document.write_text(document.read_text().replace("paths:\n", ADDED, 1))
    end = time.monotonic() + 60
    while (last := answer(**here, **OWN)).status_code != 200:
        assert last.status_code == 404, last.text
        assert time.monotonic() < end, (gateways.running.directory / "log").read_text()
        time.sleep(0.2)
    for headers in ({}, here, OWN, {**OWN, "origin": "null"}, {**OWN, "sec-fetch-site": "same-site"}):
        refused = answer(**headers)
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:tokenward:problem:foreign_page")
    assert gateways.call(0, cookies) == 200, "who was signed in still is"
