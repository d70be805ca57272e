"""One Tokenward signs people in through another: real HTTP, real processes, and no password of its own."""

import contextlib
import secrets
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest

from interop.forms import submitted
from interop.house import free_ports, private, tokenward, up

CORP = """\
name: Corp
store: sqlite:data/tokenward.db
master_key: file:data/master.key
issuer: {{url: "http://localhost:{0}", listen: "127.0.0.1:{0}"}}
gateway: {{url: "http://localhost:{1}", listen: "127.0.0.1:{1}"}}
admin: {{listen: "127.0.0.1:{2}", token: file:data/admin.token}}
"""
OURS = """\
name: Ours
store: sqlite:data/tokenward.db
master_key: file:data/master.key
people:
  passwords: false
  upstream:
    - name: corp
      label: Corp
      issuer: {corp}
      client_id: ours
      client_secret: file:corp.secret
      create: true
      claims: [email]
      two_factors_acr: ["urn:tokenward:acr:two-factor"]
issuer: {{url: "http://127.0.0.1:{0}", listen: "127.0.0.1:{0}"}}
gateway: {{url: "http://127.0.0.1:{1}", listen: "127.0.0.1:{1}"}}
admin: {{listen: "127.0.0.1:{2}", token: file:data/admin.token}}
"""


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The origins of ours and of the provider, and the password of ada there."""
    corp, ours = tmp_path_factory.mktemp("corp"), tmp_path_factory.mktemp("ours")
    ports = free_ports(6)
    provider, origin = f"http://localhost:{ports[0]}", f"http://127.0.0.1:{ports[3]}"
    password = secrets.token_urlsafe(18)
    for directory, text in (
        (corp, CORP.format(*ports[:3])),
        (ours, OURS.format(*ports[3:], corp=provider)),
    ):
        tokenward(directory, "init")
        (directory / "tokenward.yaml").write_text(text)
    private(corp / "password.txt", password)
    claims = ("--claim", "email=ada@corp.example", "--claim", "email_verified=true")
    tokenward(corp, "users", "add", "ada", "--password", "@password.txt", *claims)
    told = [
        word
        for name in ("preferred_username", "email", "email_verified")
        for word in ("--id-token-claim", name)
    ]
    asked = [word for name in ("openid", "profile", "email") for word in ("--scope", name)]
    registered = tokenward(
        corp, "clients", "add", "Ours", "--id", "ours", "--type", "web",
        "--redirect-uri", f"{origin}/sign-in/from/corp", *asked, *told,
    )  # fmt: skip
    private(ours / "corp.secret", registered["client_secret"])
    with contextlib.ExitStack() as stack:
        stack.enter_context(up(corp, [f"{provider}/jwks.json"], None))
        stack.enter_context(up(ours, [f"{origin}/jwks.json"], None))
        yield origin, provider, password


def signed_in(browser, origin, password, query=""):
    """Through the provider; the answer of ours to coming back."""
    page = browser.get(f"{origin}/sign-in?again=1{query}")
    answer = submitted(browser, page, "/sign-in/with/corp")
    entries = [("/sign-in", {"username": "ada", "password": password}), ("/authorize", {"decision": "allow"})]
    while not answer.is_redirect or "/sign-in/from/corp?" not in answer.headers["location"]:
        if answer.is_redirect:
            answer = browser.get(urljoin(str(answer.url), answer.headers["location"]))
        else:
            assert answer.status_code == 200, answer.text
            action, fields = entries.pop(0) if 'name="password"' in answer.text else entries.pop()
            answer = submitted(browser, answer, action, **fields)
    return browser.get(answer.headers["location"])


def test_who_signs_in_at_the_one_is_signed_in_at_the_other(two):
    origin, provider, password = two
    with httpx.Client(trust_env=False, timeout=10) as browser:
        assert 'type="password"' not in browser.get(f"{origin}/sign-in").text
        back = signed_in(browser, origin, password, "&continue=/account")
        assert (back.status_code, back.headers["location"]) == (303, "/account")
        account = browser.get(f"{origin}/account")
        assert "Your account, <bdi>ada</bdi>" in account.text
        # An answer is good once, in the real store, too.
        assert browser.get(str(back.url)).status_code == 403
        assert parse_qs(back.url.query.decode())["iss"] == [provider]


def test_what_must_be_new_is_new_there(two):
    origin, _provider, password = two
    with httpx.Client(trust_env=False, timeout=10) as browser:
        signed_in(browser, origin, password)
        # Changing factors takes a fresh sign-in, which the provider's own session does not replace.
        page = browser.get(f"{origin}/account/authenticator")
        assert page.status_code == 200  # it was just now
        asked = submitted(
            browser, browser.get(f"{origin}/sign-in?again=1&since=4000000000.0"), "/sign-in/with/corp"
        )
        query = parse_qs(urlsplit(asked.headers["location"]).query)
        assert (query["max_age"], query["prompt"]) == (["0"], ["login"])
        page = browser.get(asked.headers["location"])
        assert (page.status_code, urlsplit(page.headers["location"]).path) == (303, "/sign-in")
