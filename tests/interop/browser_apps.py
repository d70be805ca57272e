"""Browser apps of our gateway at issuers that we did not write (oidc-provider), beside one at ours.

Three applications of one origin, each at an issuer of its own.
"""

import contextlib
import os
import shutil
import signal
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx

from interop import person
from interop.forms import submitted
from interop.house import free_ports, private, served_echo, tokenward, up
from tokenward.app.samples import SAMPLES
from tokenward.base.entropy import identifier

LIBRARY = "oidc-provider"
PROGRAM = Path(__file__).parent / "issuers" / "oidc_provider_browser_apps.mjs"
OWN = {"Tokenward-CSRF": "1"}
TOKEN_SECONDS = 6
# A host for each, since cookies do not tell ports apart.
FIRST, SECOND = "127.0.0.2", "127.0.0.3"

CONFIGURATION = """\
store: sqlite:data/tokenward.db
master_key: file:data/master.key
issuer: {{url: "http://127.0.0.1:{issuer}", listen: "127.0.0.1:{issuer}"}}
gateway: {{url: "http://localhost:{gateway}", listen: "127.0.0.1:{gateway}"}}
admin: {{listen: "127.0.0.1:{admin}", token: file:data/admin.token}}
apis:
  ours: {{openapi: bank.openapi.yaml, upstream: "{upstream}", risk: moderate, {paying}}}
  first:
    openapi: bank.openapi.yaml
    upstream: "{upstream}"
    audience: https://first.example
    risk: moderate
    {paying}
    trust: [{{jwt: {{issuer: "{first}", algorithms: [RS256], credential: client_secret}}}}]
  second:
    openapi: bank.openapi.yaml
    upstream: "{upstream}"
    audience: https://second.example
    risk: moderate
    {paying}
    trust: [{{jwt: {{issuer: "{second}", algorithms: [RS256], credential: client_secret}}}}]
browser_apps:
  ours:
    client_id: ours
    client_secret: file:ours.secret
    scopes: [openid, offline_access, "accounts:read"]
    apis: [ours]
  first:
    path: /bff-first
    issuer: "{first}"
    client_id: gateway
    client_secret: file:first.secret
    prompt: consent
    scopes: [openid, offline_access, "accounts:read"]
    apis: [first]
  second:
    path: /bff-second
    issuer: "{second}"
    client_id: gateway
    client_secret: file:second.secret
    prompt: consent
    scopes: [openid, offline_access, "accounts:read"]
    apis: [second]
"""
PAYING = "operations: {createPayment: {scopes: [transfers:write]}}"
PATHS = {"ours": "/bff", "first": "/bff-first", "second": "/bff-second"}


@dataclass
class Visit:
    """Browsers before the gateway and the issuers."""

    gateway: str
    issuers: dict[str, str]
    password: str
    log: Path

    def browser(self) -> httpx.Client:
        return httpx.Client(trust_env=False, timeout=20, headers={"accept": "text/html"})

    def login(self, browser: httpx.Client, app: str, query: str = "") -> httpx.Response:
        """Sent away to the issuer."""
        return browser.get(f"{self.gateway}{PATHS[app]}/login?next=/x{query}")

    def answered(self, browser: httpx.Client, away: httpx.Response, who: str) -> str:
        """Through the issuer's pages, as far as it asks; where it sends the browser back to."""
        target = away.headers["location"]
        if target.startswith(self.issuers["ours"]):
            return person.signed_in(target, who, self.password, ssl.create_default_context())
        answer = away
        for _ in range(25):
            if answer.is_redirect:
                target = urljoin(str(answer.url), answer.headers["location"])
                if target.startswith(self.gateway):
                    return target
                answer = browser.get(target)
            elif 'name="login"' in answer.text:
                answer = submitted(browser, answer, login=who, password="any")
            else:
                answer = submitted(browser, answer)  # its consent
        raise AssertionError("it never led back")

    def sign_in(self, browser: httpx.Client, app: str, who: str = "ada", query: str = "") -> None:
        back = browser.get(self.answered(browser, self.login(browser, app, query), who))
        assert (back.status_code, back.headers.get("location")) == (303, f"{self.gateway}/x"), back.text

    def call(self, browser: httpx.Client, api: str) -> int:
        return browser.get(f"{self.gateway}/{api}/accounts", headers=OWN).status_code

    def session(self, browser: httpx.Client, app: str) -> dict[str, object]:
        said = browser.get(f"{self.gateway}{PATHS[app]}/session", headers=OWN)
        assert said.is_success, said.text
        return dict(said.json())

    def sign_out(self, browser: httpx.Client, app: str) -> str:
        said = browser.post(f"{self.gateway}{PATHS[app]}/logout", headers={**OWN, "origin": self.gateway})
        assert said.is_success, said.text
        return str(said.json()["location"])

    def counted(self, app: str) -> dict[str, int]:
        return dict(httpx.get(f"{self.issuers[app]}/counted", trust_env=False).json())


def first(visit: Visit) -> None:
    """Somebody signs in there, and calls an API that trusts it; the page is told who, and no token."""
    with visit.browser() as browser:
        visit.sign_in(browser, "first")
        said = visit.session(browser, "first")
        assert (said["signed_in"], said["issuer"], said["subject"]) == (True, visit.issuers["first"], "ada")
        assert visit.call(browser, "first") == 200


def refreshed(visit: Visit) -> None:
    """Calls in parallel refresh once, again and again: a refresh token that is used twice ends it all."""
    with visit.browser() as browser:
        visit.sign_in(browser, "first")
        before = visit.counted("first")
        for times in (1, 2):
            time.sleep(TOKEN_SECONDS)
            with ThreadPoolExecutor(12) as tabs:
                codes = list(tabs.map(lambda _: visit.call(browser, "first"), range(12)))
            assert codes == [200] * 12, codes
            now = visit.counted("first")
            assert now["refreshed"] - before["refreshed"] == times, now
        assert now["refused"] == before["refused"]


def better(visit: Visit) -> None:
    """A fresh sign-in of the same person gives a session of another name, which outlives the older one's."""
    with visit.browser() as browser:
        visit.sign_in(browser, "first")
        (old,) = session_cookies(browser).values()
        time.sleep(1.1)
        visit.sign_in(browser, "first", query="&max_age=1")
        (new,) = session_cookies(browser).values()
        assert old != new
        assert visit.call(browser, "first") == 200
        time.sleep(TOKEN_SECONDS)
        assert visit.call(browser, "first") == 200, "its grant was ended with the older session's"


def side_by_side(visit: Visit) -> None:
    """Three applications of one browser: each has its session, its person and its API, and no other's."""
    with visit.browser() as browser:
        for app, who in (("ours", "ada"), ("first", "grace"), ("second", "joan")):
            visit.sign_in(browser, app, who)
        names = session_cookies(browser)
        assert len(names) == len(set(names.values())) == 3, list(names)
        said = {app: visit.session(browser, app) for app in PATHS}
        assert {app: it["issuer"] for app, it in said.items()} == visit.issuers
        assert (said["first"]["subject"], said["second"]["subject"]) == ("grace", "joan")
        assert {api: visit.call(browser, api) for api in PATHS} == dict.fromkeys(PATHS, 200)
        visit.sign_out(browser, "first")
        assert {api: visit.call(browser, api) for api in PATHS} == {"ours": 200, "first": 401, "second": 200}


def of_another(visit: Visit) -> None:
    """A session of one application is none at another's API, by its own cookie or by the other's."""
    for app in PATHS:
        with visit.browser() as browser:
            visit.sign_in(browser, app)
            ((own, value),) = session_cookies(browser).items()
            others = [each for each in PATHS if each != app]
            assert [visit.call(browser, each) for each in others] == [401, 401]
            for each in others:
                with visit.browser() as thief:
                    visit.sign_in(thief, each, "grace" if each != "ours" else "ada")
                    ((name, _),) = session_cookies(thief).items()
                    thief.cookies.clear()
                    thief.cookies.set(name, value)
                    assert visit.call(thief, each) == 401
                    assert visit.session(thief, each) == {"signed_in": False}
                    visit.sign_out(thief, each)
            assert visit.call(browser, app) == 200, f"{own} is still good where it belongs"


def mixed_up(visit: Visit) -> None:
    """An answer of one issuer is none at the other's application, nor one that names another issuer."""
    with visit.browser() as browser:
        back = visit.answered(browser, visit.login(browser, "first"), "ada")
        there = visit.answered(browser, visit.login(browser, "second"), "grace")
        query = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
        (state,) = parse_qs(urlsplit(there).query)["state"]
        assert query["iss"] == visit.issuers["first"]
        for path, changed, told in (
            # The answer as it is, at the other application: this one began nothing of that state.
            (PATHS["second"], {}, "unknown_state"),
            # With the state of the sign-in that is under way there: `iss` says whose answer it is (RFC 9207).
            (PATHS["second"], {"state": state}, "issuer_mismatch"),
            # And with its `iss`: the code is another issuer's.
            (PATHS["second"], {"state": state, "iss": visit.issuers["second"]}, "invalid_grant"),
            (PATHS["first"], {"iss": visit.issuers["second"]}, "issuer_mismatch"),
            (PATHS["first"], {"iss": visit.issuers["ours"]}, "issuer_mismatch"),
        ):
            answer = browser.get(f"{visit.gateway}{path}/callback?{urlencode({**query, **changed})}")
            assert (answer.status_code, told in answer.text) == (403, True), (path, changed, answer.text)
        assert session_cookies(browser) == {}
        assert browser.get(back).status_code == 303, "it was a good one"
        assert visit.session(browser, "first")["subject"] == "ada"


def injected(visit: Visit) -> None:
    """A code that somebody else got at the same issuer is none for the sign-in of this browser (PKCE)."""
    with visit.browser() as browser, visit.browser() as attacker:
        theirs = visit.answered(attacker, visit.login(attacker, "first"), "mallory")
        code = parse_qs(urlsplit(theirs).query)["code"][0]
        mine = visit.answered(browser, visit.login(browser, "first"), "ada")
        own = parse_qs(urlsplit(mine).query)["code"][0]
        answer = browser.get(mine.replace(own, code))
        assert (answer.status_code, session_cookies(browser)) == (403, {}), answer.text


def out_here(visit: Visit) -> None:
    """Signing out here ends the refresh token there, and leads on to its own sign-out."""
    with visit.browser() as browser:
        visit.sign_in(browser, "first")
        before = visit.counted("first")["revoked"]
        where = visit.sign_out(browser, "first")
        assert where.startswith(f"{visit.issuers['first']}/session/end?client_id=gateway")
        assert visit.counted("first")["revoked"] == before + 1
        assert visit.call(browser, "first") == 401


def out_there(visit: Visit) -> None:
    """Signing out there ends the session here (Back-Channel Logout), and none at the other issuer."""
    with visit.browser() as browser:
        visit.sign_in(browser, "first")
        visit.sign_in(browser, "second")
        submitted(browser, browser.get(f"{visit.issuers['first']}/session/end"), logout="yes")
        assert [visit.call(browser, api) for api in ("first", "second")] == [401, 200]


def session_cookies(browser: httpx.Client) -> dict[str, str]:
    """By name; those of sign-ins that are under way are none."""
    return {
        each.name: str(each.value)
        for each in browser.cookies.jar
        if each.name.startswith("tokenward-") and "-login-" not in each.name and each.value
    }


FLOWS: tuple[Callable[[Visit], None], ...] = (
    first, refreshed, better, side_by_side, of_another, mixed_up, injected, out_here, out_there,
)  # fmt: skip


@contextlib.contextmanager
def running(node: str, directory: Path) -> Iterator[Visit]:
    """The issuers and our servers on free ports of loopback; all end on leaving."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, mode=0o700)
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(served_echo())
        *ours, one, two = free_ports(5)
        gateway = f"http://localhost:{ours[1]}"
        issuers = {
            "ours": f"http://127.0.0.1:{ours[0]}",
            "first": f"http://{FIRST}:{one}",
            "second": f"http://{SECOND}:{two}",
        }
        for name, host, port in (("first", FIRST, one), ("second", SECOND, two)):
            secret = identifier()
            private(directory / f"{name}.secret", secret)
            command = [node, str(PROGRAM), host, str(port), gateway, PATHS[name], f"https://{name}.example"]
            process = subprocess.Popen(command, env={"PATH": os.environ["PATH"], "CLIENT_SECRET": secret})
            stack.callback(process.wait, 30)
            stack.callback(process.send_signal, signal.SIGTERM)
        tokenward(directory, "init")
        (directory / "tokenward.yaml").write_text(
            CONFIGURATION.format(
                issuer=ours[0], gateway=ours[1], admin=ours[2], upstream=upstream, paying=PAYING,
                first=issuers["first"], second=issuers["second"],
            )
        )  # fmt: skip
        for sample in SAMPLES.values():
            shutil.copy(sample.document, directory)
        password = identifier()
        private(directory / "password.txt", password)
        tokenward(directory, "users", "add", "ada", "--password", "@password.txt")
        registered = tokenward(
            directory, "clients", "add", "Ours", "--id", "ours", "--type", "web", "--redirect-uri",
            f"{gateway}/bff/callback", "--scope", "openid", "--scope", "offline_access", "--scope",
            "accounts:read",
        )  # fmt: skip
        private(directory / "ours.secret", registered["client_secret"])
        urls = [f"{issuers[name]}/.well-known/openid-configuration" for name in ("first", "second")]
        stack.enter_context(up(directory, [*urls, f"{issuers['ours']}/jwks.json"], None))
        yield Visit(gateway, issuers, password, directory / "log")
