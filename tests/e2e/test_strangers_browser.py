"""A link of a client that registered itself leads no browser away from us: real processes, in Chromium."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from e2e.test_accessibility_browser import serious
from interop.house import free_ports, tokenward, up
from tokenward.flows.authorization import AuthorizationRequest

ELSEWHERE = "https://phishing.example/cb"
CONFIGURATION = """\
name: Acme
store: sqlite:data/tokenward.db
master_key: file:data/master.key
clients:
  registration:
    open: true
    reason: this test registers itself
    scopes: [openid]
    redirect_hosts: [phishing.example]
issuer: {{url: "http://localhost:{0}", listen: "127.0.0.1:{0}"}}
gateway: {{url: "http://localhost:{1}", listen: "127.0.0.1:{1}"}}
admin: {{listen: "127.0.0.1:{2}", token: file:data/admin.token}}
"""


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    directory, ports = tmp_path_factory.mktemp("acme"), free_ports(3)
    tokenward(directory, "init")
    (directory / "tokenward.yaml").write_text(CONFIGURATION.format(*ports))
    with up(directory, [f"http://localhost:{ports[0]}/jwks.json"], None):
        yield f"http://localhost:{ports[0]}"


def test_a_person_is_told_where_it_would_lead_and_goes_only_by_a_press(issuer, browser):
    client = {
        "client_name": "Acme security",
        "redirect_uris": [ELSEWHERE],
        "token_endpoint_auth_method": "none",
    }
    told = httpx.post(f"{issuer}/register", json=client, trust_env=False)
    request = AuthorizationRequest.begin(
        f"{issuer}/authorize", client_id=told.json()["client_id"], redirect_uri=ELSEWHERE, scope=["launch"]
    )
    context = browser.new_context(viewport={"width": 360, "height": 740}, bypass_csp=True)
    page, asked = context.new_page(), []
    page.route(
        "https://phishing.example/**", lambda route: (asked.append(route), route.fulfill(body="gotcha"))
    )
    for silent in ("", "&prompt=none"):
        assert page.goto(request.url + silent).status == 400
        page.wait_for_timeout(300)
        assert page.url.startswith(f"{issuer}/authorize?")
        assert "phishing.example, which nobody here has checked" in page.inner_text("main")
        assert "Acme security" not in page.inner_text("main")
    assert not asked
    assert not serious(page)
    page.get_by_role("link", name="Go to phishing.example").click()
    page.wait_for_url("https://phishing.example/**")
    query = parse_qs(urlsplit(page.url).query)
    assert (query["error"], query["iss"]) == (["invalid_scope"], [issuer])
    (route,) = asked
    assert "referer" not in route.request.headers
    context.close()
