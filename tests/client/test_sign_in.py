"""A person signs in with a browser: the answer is checked, and no crash signs them out."""

import os
import subprocess
import sys
import time
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from client.browser import Browser
from tokenward.base.clock import ManualClock
from tokenward.client import ClientSecret, Server, SignIn, SignInRequired, TokenError
from tokenward.client.loopback import Loopback, listening
from tokenward.flows.pkce import challenge


@pytest.fixture
def fake(fake):
    fake.lets_people_in()
    return fake


@pytest.fixture
def app(fake, tmp_path):
    def make(**changes):
        server = (
            Server(fake.issuer, clock=changes.pop("clock")) if "clock" in changes else Server(fake.issuer)
        )
        return SignIn(server, client_id="notes", **({"scope": ["notes:read"]} | changes))

    return make


def id_token(fake, browser, **changes):
    return fake.id_token(**{"nonce": browser.asked.get("nonce")} | changes)


def test_a_person_signs_in_and_the_code_goes_with_its_verifier_once(fake, app):
    browser = Browser(fake.issuer)
    notes = app(resource=f"{fake.api}/api")
    assert notes.sign_in(open_browser=browser) is None
    assert notes.token().value.reveal() == "access-1"
    assert browser.statuses == [200]
    ((form, _),) = fake.forms
    assert urlsplit(form["redirect_uri"]).netloc.startswith("127.0.0.1:")
    assert challenge(form["code_verifier"]) == browser.asked["code_challenge"]
    assert (form["code"], form["client_id"]) == ("a code", "notes")
    assert browser.asked["resource"] == f"{fake.api}/api"


def test_before_anybody_signed_in_it_is_said_so(fake, app):
    with pytest.raises(SignInRequired, match=r"call sign_in\(\)"):
        app().token()
    assert fake.forms == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iss": "https://other.example"}, "issuer_mismatch"),
        ({"iss": None}, "issuer_mismatch"),
        ({"code": None}, "malformed_response"),
        ({"code": None, "error": "server_error"}, "server_error"),
        ({"code": None, "error": "access_denied"}, "access_denied"),
    ],
    ids=["other", "no-iss", "nothing", "error", "denied"],
)
def test_an_answer_that_is_none_is_refused_and_redeems_nothing(fake, app, changes, code):
    with pytest.raises(SignInRequired if code == "access_denied" else TokenError, match=code):
        app().sign_in(open_browser=Browser(fake.issuer, **changes))
    assert fake.forms == []


def test_an_answer_to_another_request_neither_counts_nor_ends_the_wait(fake, app):
    forged = Browser(fake.issuer, state="forged", code="of somebody else")
    real = Browser(fake.issuer)
    app().sign_in(open_browser=lambda url: [forged(url), real(url)] and True)
    assert (forged.statuses, real.statuses) == ([400], [200])
    assert fake.forms[0][0]["code"] == "a code"


def test_who_does_not_come_back_and_who_has_no_browser(app):
    with pytest.raises(SignInRequired, match="timeout"):
        app().sign_in(open_browser=lambda _: True, timeout=0.05)
    with pytest.raises(SignInRequired, match="no browser"):
        app().sign_in(open_browser=lambda _: False)


@pytest.mark.parametrize(
    "target", ["/", "/callback", "/callback?state=s&state=s", "/other?state=s", "/callback?state="]
)
def test_only_the_answer_is_taken(target):
    loopback = Loopback(1)
    loopback.expect("s")
    assert loopback.offer(target) in {400, 404}
    assert loopback.offer("/callback?state=s&code=c") == 200
    assert Loopback(1).offer("/callback?state=") in {400, 404}


def test_the_page_holds_nothing_and_is_kept_nowhere():
    with listening() as loopback:
        loopback.expect("s")
        answer = httpx.get(f"{loopback.redirect_uri}?state=s&code=secret", trust_env=False)
    assert "secret" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_who_signed_in_is_what_the_id_token_says(fake, app):
    browser = Browser(fake.issuer)
    fake.scripts = [lambda *_: (200, fake.token(id_token=id_token(fake, browser)))]
    person = app(scope="openid notes:read").sign_in(open_browser=browser)
    assert person.subject == "alice"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"nonce": "of another"}, "nonce_mismatch"),
        ({"aud": "another"}, "wrong_audience"),
        ({"iss": "https://other.example"}, "wrong_issuer"),
        ({"exp": 1}, "expired"),
    ],
    ids=["nonce", "audience", "issuer", "expired"],
)
def test_an_id_token_that_is_not_of_this_sign_in_signs_nobody_in(fake, app, changes, code):
    browser = Browser(fake.issuer)
    fake.scripts = [lambda *_: (200, fake.token(id_token=id_token(fake, browser, **changes)))]
    notes = app(scope="openid")
    with pytest.raises(TokenError, match=code):
        notes.sign_in(open_browser=browser)
    with pytest.raises(SignInRequired):
        notes.token()


def test_a_sign_in_that_is_too_weak_or_too_old_is_refused(fake, app):
    for asked, code in (({"acr_values": ["two"]}, "too_weak"), ({"max_age": 10}, "")):
        browser = Browser(fake.issuer)
        token = lambda *_: (200, fake.token(id_token=id_token(fake, browser, auth_time=1)))  # noqa: B023, E731
        fake.scripts = [token]
        with pytest.raises(TokenError, match=f"wrong_id_token: .*{code}"):
            app(scope="openid").sign_in(open_browser=browser, **asked)


def test_no_id_token_is_no_sign_in(fake, app):
    with pytest.raises(TokenError, match="no ID token"):
        app(scope="openid").sign_in(open_browser=Browser(fake.issuer))


def test_each_refresh_gives_a_new_refresh_token_and_one_that_is_left_out_goes_on(fake, app):
    clock = ManualClock()
    notes = app(clock=clock)
    fake.scripts = [(200, fake.token(refresh_token=f"refresh-{n}")) for n in (1, 2)] + [
        (200, fake.token())
    ] * 2
    notes.sign_in(open_browser=Browser(fake.issuer))
    for _ in range(3):
        clock.advance(7200)
        notes.token()
    assert [form["refresh_token"] for form, _ in fake.forms[1:]] == ["refresh-1", "refresh-2", "refresh-2"]


def test_a_later_run_needs_nobody_and_goes_on_with_the_key(fake, app, vault):
    fake.token_type = "DPoP"
    fake.scripts = [(200, fake.token(refresh_token="refresh-1", expires_in=1))]
    browser = Browser(fake.issuer)
    first = app(vault=vault, dpop=True)
    first.sign_in(open_browser=browser)
    time.sleep(1.1)
    token = app(vault=vault, dpop=True).token()
    assert token.key.prover(first.server.clock).thumbprint == browser.asked["dpop_jkt"]
    assert fake.forms[1][0]["refresh_token"] == "refresh-1"


def test_a_sign_in_that_has_ended_is_said_so_and_forgotten(fake, app, vault):
    fake.scripts = [(200, fake.token(refresh_token="r", expires_in=1)), (400, {"error": "invalid_grant"})]
    notes = app(vault=vault)
    notes.sign_in(open_browser=Browser(fake.issuer))
    time.sleep(1.1)
    for _ in range(2):
        with pytest.raises(SignInRequired, match="the sign-in has ended"):
            notes.token()
    with pytest.raises(SignInRequired, match="nobody is signed in"):
        app(vault=vault).token()
    assert fake.issued == 2
    notes.sign_in(open_browser=Browser(fake.issuer))
    assert notes.token()


def test_trouble_ends_no_sign_in(fake, app, vault):
    fake.scripts = [(200, fake.token(refresh_token="r", expires_in=1)), *[(500, {})] * 3]
    app(vault=vault).sign_in(open_browser=Browser(fake.issuer))
    time.sleep(1.1)
    with pytest.raises(TokenError, match="answered 500"):
        app(vault=vault).token()
    assert app(vault=vault).token()
    assert {form.get("refresh_token") for form, _ in fake.forms[1:]} == {"r"}


def test_a_process_that_dies_between_refresh_and_vault_signs_nobody_out(fake, app, vault):
    fake.scripts = [(200, fake.token(refresh_token="r", expires_in=1))]
    app(vault=vault).sign_in(open_browser=Browser(fake.issuer))
    time.sleep(1.1)
    dying = (
        "import os, sys\nfrom pathlib import Path\nfrom tokenward.client import Server, SignIn, Vault\n"
        "vault = Vault(Path(sys.argv[2]), key=sys.argv[3])\nvault.save = lambda *_: os._exit(9)\n"
        "SignIn(Server(sys.argv[1]), client_id='notes', scope=['notes:read'], vault=vault).token()"
    )
    arguments = [sys.executable, "-c", dying, fake.issuer, str(vault.directory), vault._reference]
    assert subprocess.run(arguments, check=False, env=os.environ).returncode == 9
    assert app(vault=vault).token()
    assert [form["refresh_token"] for form, _ in fake.forms[1:]] == ["r", "r"]


def test_who_signs_out_is_gone_here_and_there(fake, app, vault):
    fake.scripts = [(200, fake.token(refresh_token="r"))]
    notes = app(vault=vault)
    notes.sign_in(open_browser=Browser(fake.issuer))
    notes.sign_out()
    assert fake.forms[1][0] == {"client_id": "notes", "token": "r"}
    for each in (notes, app(vault=vault)):
        with pytest.raises(SignInRequired):
            each.token()


@pytest.fixture
def pushing(fake):
    fake.metadata["pushed_authorization_request_endpoint"] = f"{fake.issuer}/par"
    return fake


PUSHED = (201, {"request_uri": "urn:ietf:params:oauth:request_uri:abc", "expires_in": 60})


def test_a_request_is_pushed_where_the_server_takes_that_and_the_browser_carries_none_of_it(pushing, app):
    sent = []

    def browser(url):
        sent.append(dict(parse_qsl(urlsplit(url).query)))
        Browser(pushing.issuer)(f"{url}&{urlencode(pushing.forms[0][0])}")

    pushing.scripts = [PUSHED]
    app(resource=f"{pushing.api}/api").sign_in(open_browser=browser, max_age=60)
    assert sent == [{"client_id": "notes", "request_uri": PUSHED[1]["request_uri"]}]
    (asked, _), (redeemed, _) = pushing.forms
    assert asked["code_challenge"] == challenge(redeemed["code_verifier"])
    assert asked["redirect_uri"] == redeemed["redirect_uri"]
    assert (asked["resource"], asked["max_age"], asked["response_type"]) == (
        f"{pushing.api}/api", "60", "code",
    )  # fmt: skip


def test_who_pushes_proves_who_it_is(pushing, app, monkeypatch):
    monkeypatch.setenv("FAKE_SECRET", "a secret of the fake client")
    pushing.scripts = [(400, {"error": "invalid_client"})]
    with pytest.raises(TokenError, match="invalid_client"):
        app(authentication=ClientSecret("env:FAKE_SECRET")).sign_in(open_browser=Browser(pushing.issuer))
    assert pushing.forms[0][1]["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((400, {"error": "invalid_request"}), "invalid_request"),
        ((201, {"request_uri": "has spaces"}), "malformed_response"),
        ((201, {"request_uri": 1}), "malformed_response"),
        ((201, b"<html>"), "malformed_response"),
        ((404, b""), "malformed_response"),
        ((500, {}), "server_unavailable"),
    ],
    ids=["refused", "spaces", "number", "page", "nothing", "trouble"],
)
def test_what_could_not_be_pushed_does_not_go_through_the_browser(pushing, app, answer, code):
    pushing.scripts = [answer] * 3
    opened = []
    with pytest.raises(TokenError, match=code):
        app().sign_in(open_browser=opened.append, timeout=1)
    assert not opened


def test_a_server_that_wants_requests_pushed_and_says_not_where_is_asked_nothing(fake, app):
    fake.metadata["require_pushed_authorization_requests"] = True
    opened = []
    with pytest.raises(TokenError, match="does not say where"):
        app().sign_in(open_browser=opened.append, timeout=1)
    assert not opened


@pytest.mark.parametrize("kept", [False, True], ids=["memory", "vault"])
def test_a_refresh_that_comes_too_late_signs_nobody_in_again(fake, app, vault, kept):
    notes = app(vault=vault if kept else None)
    fake.scripts = [(200, fake.token(refresh_token="of the first"))]
    notes.sign_in(open_browser=Browser(fake.issuer))
    notes.reject(notes.token())

    def meanwhile(*_):
        notes.sign_out()
        return 200, fake.token(refresh_token="too late")

    fake.scripts = [meanwhile]
    with pytest.raises(TokenError, match="ended"):
        notes.token()
    assert notes.held() is None
    with pytest.raises(TokenError):
        notes.token()


def test_a_refresh_that_comes_too_late_does_not_replace_who_signed_in_meanwhile(fake, app):
    notes, browser = app(), Browser(fake.issuer)
    fake.scripts = [(200, fake.token(refresh_token="of the first"))]
    notes.sign_in(open_browser=browser)
    notes.reject(notes.token())

    def meanwhile(*_):
        fake.scripts = [(200, fake.token(access_token="of another", refresh_token="of another"))]
        notes.sign_in(open_browser=browser)
        return 200, fake.token(access_token="too late", refresh_token="too late")

    fake.scripts = [meanwhile]
    assert notes.token().value.reveal() == "of another"
    assert notes.held().refresh_token.reveal() == "of another"


def test_a_sign_out_at_the_last_moment_counts(fake, app, vault, monkeypatch):
    notes = app(vault=vault)
    fake.scripts = [(200, fake.token(refresh_token="of the first"))]
    notes.sign_in(open_browser=Browser(fake.issuer))
    notes.reject(notes.token())
    monkeypatch.setattr(vault, "save", lambda *_: notes.sign_out())
    with pytest.raises(TokenError):
        notes.token()
    assert notes.held() is None


@pytest.mark.parametrize("seconds", [-600, 600], ids=["slow", "fast"])
def test_a_wrong_clock_signs_in_by_the_servers_time(fake, app, seconds):
    clock = ManualClock(time.time() + seconds)
    browser, notes = Browser(fake.issuer), app(scope="openid", clock=clock)

    def tokens(*_):
        return 200, fake.token(id_token=id_token(fake, browser, auth_time=int(time.time())))

    fake.scripts = [tokens]
    assert notes.sign_in(open_browser=browser, max_age=60).subject == "alice"
    # A time that helps nothing is not kept: neither a server's nor what a token claims.
    other = app(scope="openid", clock=clock)
    fake.scripts = [lambda *_: (200, fake.token(id_token=id_token(fake, browser, iat=1, exp=2)))]
    with pytest.raises(TokenError, match="wrong_id_token: expired"):
        other.sign_in(open_browser=browser)
    assert other.server.clock.time() == clock.time()
