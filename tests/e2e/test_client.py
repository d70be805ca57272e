"""The library with our own issuer and gateway, over HTTP and through real processes."""

import asyncio
from http.server import BaseHTTPRequestHandler

import httpx
import pytest

from client.test_presenting import pem_of
from e2e.bank import bank, until
from e2e.devices import SCOPES, Television, enter_code
from e2e.test_exchange import CONFIGURATION
from issuer.platform import served_platform
from serving import serving
from tokenward.app.story import follow, submit
from tokenward.client import (
    ApiKey,
    ClientCredentials,
    ClientSecret,
    DeviceSignIn,
    GitHubActions,
    GitLabCI,
    HttpxAuth,
    Kubernetes,
    PrivateKeyJwt,
    Server,
    SignIn,
    SignInRequired,
    TokenError,
    TokenExchange,
    WorkloadIdentity,
)
from tokenward.tokens.keys import SigningKey


@pytest.fixture
def platform():
    with served_platform() as served:
        yield served


@pytest.fixture
def service(demo, monkeypatch):
    """Makes a source for the demo's service."""
    monkeypatch.setenv("DEMO_SECRET", demo.cast.service_secret.reveal())

    def make(api, scope, **changes):
        return ClientCredentials(
            Server(demo.urls["issuer"]),
            client_id="demo-service",
            authentication=ClientSecret("env:DEMO_SECRET"),
            scope=[scope],
            resource=f"{demo.urls['gateway']}/{api}",
            **changes,
        )

    return make


def test_a_service_reads_a_forecast_and_an_account_sync_and_async(demo, service):
    gateway = demo.urls["gateway"]
    with httpx.Client(auth=HttpxAuth(service("weather", "forecast:read")), trust_env=False) as web:
        assert web.get(f"{gateway}/weather/forecast/berlin").status_code == 200

    async def account():
        source = service("bank", "accounts:read", dpop=True)
        async with httpx.AsyncClient(auth=HttpxAuth(source), trust_env=False) as web:
            answers = [await web.get(f"{gateway}/bank/accounts") for _ in range(3)]
        assert source._kept.token.kind == "DPoP"
        return [answer.status_code for answer in answers]

    assert asyncio.run(account()) == [200, 200, 200]


def test_a_token_that_was_revoked_is_renewed_unnoticed(demo, service):
    source = service("weather", "forecast:read")
    url = f"{demo.urls['gateway']}/weather/forecast/berlin"
    with httpx.Client(trust_env=False) as web:
        assert web.get(url, auth=HttpxAuth(source)).status_code == 200
        first = source.token()
        secret = demo.cast.service_secret.reveal()
        form = {"token": first.value.reveal()}
        revoked = web.post(f"{demo.urls['issuer']}/revoke", data=form, auth=("demo-service", secret))
        assert revoked.status_code == 200

        def renewed():  # it is dead within a second
            assert web.get(url, auth=HttpxAuth(source)).status_code == 200
            return source.token() is not first

        assert until(renewed)


def test_an_api_key_is_shown_or_stays_at_home(demo, monkeypatch):
    gateway = demo.urls["gateway"]
    monkeypatch.setenv("WEATHER_KEY", demo.cast.api_key.reveal())
    key = ApiKey("env:WEATHER_KEY", resource=f"{gateway}/weather", header="X-API-Key")
    short = TokenExchange(Server(demo.urls["issuer"]), subject=key)
    with httpx.Client(trust_env=False) as web:
        for source in (key, short):
            answer = web.get(f"{gateway}/weather/forecast/berlin", auth=HttpxAuth(source))
            assert answer.status_code == 200, source
    assert short.token().scope == ("forecast:read",)
    assert short.token().expires_at - short.token().obtained_at <= 3600


def test_a_scope_that_the_client_may_not_have_is_said_with_what_mends_it(service):
    with pytest.raises(TokenError, match="ask for scopes that the client may have"):
        service("weather", "forecast:write").token()


class GitHub(BaseHTTPRequestHandler):
    """The token service of a GitHub job, as far as it is asked here."""

    make = None

    def do_GET(self):
        asked = self.headers["authorization"] == "Bearer of the job" and "audience=" in self.path
        body = b'{"value": "%s"}' % self.make().encode() if asked else b"{}"
        self.send_response(200 if asked else 401)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_a_key_and_a_platform_prove_a_client_without_any_secret(
    tmp_path, command, backend, platform, monkeypatch
):  # fmt: skip
    key = SigningKey.generate()
    pem = tmp_path / "key.pem"
    pem.write_text(pem_of(key))
    pem.chmod(0o600)
    jwks = tmp_path / "public.json"
    jwks.write_text(f'{{"keys": [{key.public_jwk()}]}}'.replace("'", '"'))
    own = CONFIGURATION.format(upstream=backend[0], platform=platform.issuer)
    with bank(tmp_path, command, own) as (issuer, gateway, _):
        command("clients", "add", "Payer", "--type", "service", "--id", "payer", "--scope", "accounts:read",
                "--auth-method", "private_key_jwt", "--jwks", str(jwks))  # fmt: skip
        command("clients", "add", "Deploy", "--type", "service", "--id", "deploy-bot",
                "--auth-method", "workload", "--scope", "accounts:read")  # fmt: skip
        asked = {"scope": "accounts:read", "resource": f"{gateway}/bank"}
        sources = [
            ClientCredentials(
                Server(issuer), client_id="payer", authentication=PrivateKeyJwt(f"file:{pem}"), **asked
            )
        ]
        monkeypatch.setenv("ASSERTION", platform.token(issuer))
        (tmp_path / "token").write_text(platform.token(issuer) + "\n")
        sources += [
            WorkloadIdentity(Server(issuer), client_id="deploy-bot", platform=each, **asked)
            for each in (GitHubActions(), GitLabCI(), Kubernetes(tmp_path / "token"))
        ]
        said = command("clients", "add", "Reports", "--type", "service", "--id", "reports")
        monkeypatch.setenv(
            "REPORTS_SECRET", dict(line.split() for line in said.splitlines())["client_secret"]
        )
        reports = ClientSecret("env:REPORTS_SECRET")
        sources.append(
            TokenExchange(Server(issuer), subject=sources[0], client_id="reports", authentication=reports)
        )
        GitHub.make = staticmethod(lambda: platform.token(issuer))
        with serving(GitHub) as github:
            monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{github}/token?api-version=2.0")
            monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of the job")
            with httpx.Client(trust_env=False) as web:
                for source in sources:
                    answer = web.get(f"{gateway}/bank/accounts", auth=HttpxAuth(source))
                    assert answer.status_code == 200, source
            monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of another")
            other = WorkloadIdentity(Server(issuer), client_id="x", platform=GitHubActions())
            with pytest.raises(TokenError, match="GitHub answered 401 without a token"):
                other.token()


class Person:
    """Signs in and consents on the real pages, as a browser would."""

    def __init__(self, demo, web):
        self.story = demo.story(web)

    def __call__(self, url):
        story = self.story
        username, password = story.person
        page = follow(story, story.call("GET", url))
        page = follow(story, submit(story, page, username=username, password=password.reveal()))
        location = submit(story, page, decision="allow").headers["location"]
        assert story.http.get(location).status_code == 200


def test_a_person_signs_in_and_a_later_run_refreshes_though_one_died_in_between(demo, vault, monkeypatch):
    gateway = demo.urls["gateway"]

    def app():
        return SignIn(
            Server(demo.urls["issuer"]),
            client_id="demo-app",
            scope=["openid", "offline_access", "accounts:read"],
            resource=f"{gateway}/bank",
            dpop=True,
            vault=vault,
        )

    with httpx.Client(trust_env=False) as web:
        person = app().sign_in(open_browser=Person(demo, web))
        assert person.subject
        url = f"{gateway}/bank/accounts"
        assert web.get(url, auth=HttpxAuth(app())).status_code == 200

        # A run that refreshes, and is killed before it has kept what came.
        def killed(*_):
            raise KeyboardInterrupt

        dying = app()
        dying.reject(dying.token())
        with monkeypatch.context() as patch:
            patch.setattr(vault, "save", killed)
            with pytest.raises(KeyboardInterrupt):
                dying.token()
        after = app()
        before = after.token()
        after.reject(before)
        assert after.token().value.reveal() != before.value.reveal()
        assert web.get(url, auth=HttpxAuth(after)).status_code == 200
        after.sign_out()
        with pytest.raises(SignInRequired):
            app().token()


def test_a_person_lets_a_program_without_a_browser_in_and_it_stays_so(demo, http, vault):
    gateway = demo.urls["gateway"]
    television = Television(demo, http).client_id

    def app():
        return DeviceSignIn(
            Server(demo.urls["issuer"]),
            client_id=television,
            scope=SCOPES,
            resource=f"{gateway}/bank",
            dpop=True,
            vault=vault,
        )

    def person(device):
        enter_code(demo, http, device.user_code)

    assert app().sign_in(show=person).subject
    with httpx.Client(auth=HttpxAuth(app()), trust_env=False) as web:
        assert web.get(f"{gateway}/bank/accounts").status_code == 200
    after = app()
    before = after.token()
    after.reject(before)
    assert after.token().value.reveal() != before.value.reveal()
    after.sign_out()
    with pytest.raises(SignInRequired):
        app().token()
