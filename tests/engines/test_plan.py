"""What any engine in front is told, and what it leaves to the gateway."""

import re

import pytest

from tokenward.app.config import load
from tokenward.app.engines.plan import NOT_CANONICAL, Place, plan
from tokenward.base.problems import Refusal
from tokenward.gateway.paths import canonical_path

DOCUMENT = """\
openapi: 3.1.0
info: {title: Bank, version: "1"}
paths:
  /accounts/{id}:
    get: {operationId: getAccount, security: [{oauth: [a]}], responses: {200: {description: ok}}}
    put: {operationId: putAccount, security: [{oauth: [a]}], responses: {200: {description: ok}}}
  /accounts/me:
    put: {operationId: putMine, security: [{oauth: [a]}], responses: {200: {description: ok}}}
    get: {operationId: getMine, security: [{oauth: [a]}], responses: {200: {description: ok}}}
components:
  securitySchemes:
    oauth: {type: oauth2, flows: {clientCredentials: {tokenUrl: "https://x/t", scopes: {a: b}}}}
"""

CONFIGURATION = """\
store: sqlite:data/tokenward.db
master_key: file:data/master.key
issuer: {url: http://127.0.0.1:8080, listen: 127.0.0.1:8080}
gateway: {url: http://127.0.0.1:8000, listen: 127.0.0.1:8000, proxies: [10.0.0.0/24], drain: 7s}
admin: {listen: 127.0.0.1:8081, token: file:data/admin.token}
apis:
  bank:
    openapi: bank.yaml
    risk: moderate
"""


@pytest.fixture
def planned(tmp_path):
    def _planned(more):
        (tmp_path / "bank.yaml").write_text(DOCUMENT, encoding="utf-8")
        (tmp_path / "tokenward.yaml").write_text(CONFIGURATION + more, encoding="utf-8")
        loaded = load(tmp_path / "tokenward.yaml")
        assert loaded.configuration is not None, loaded.findings
        where = Place(socket=tmp_path / "decisions"), Place(socket=tmp_path / "gateway")
        return plan(
            loaded.configuration, listen=Place(host="127.0.0.1", port=1), decisions=where[0], gateway=where[1]
        )

    return _planned


def test_an_api_is_told_with_all_that_the_gateway_would_do(planned):
    made = planned(
        "    upstream: [https://one.example:8443/v1, https://two.example/v1]\n"
        "    health: {path: /up, interval: 9s}\n"
        "    bounds: {body: 2KiB, read: 5s}\n"
        "    operations: {putAccount: {bounds: {body: 5MiB}}}\n"
    )
    (api,) = made.apis
    assert (api.name, api.mount, api.base, api.tls) == ("bank", "/bank", "/v1", True)
    assert [(it.host, it.port, it.authority) for it in api.upstreams] == [
        ("one.example", 8443, "one.example:8443"),
        ("two.example", 443, "two.example"),
    ]
    assert (api.health.path, api.health.interval) == ("/up", 9)
    assert (api.limits.body, api.limits.read, api.limits.connect) == (2048, 5, 3)
    mine, special = api.operations  # the first is looked at first, so that it is not taken for the other
    assert (mine.pattern, mine.limits) == (re.escape("/bank/accounts/me"), api.limits)
    assert (special.method, special.limits.body, special.limits.read) == ("PUT", 5 * 1024 * 1024, 5)
    assert re.fullmatch(special.pattern, "/bank/accounts/7")
    assert not re.fullmatch(special.pattern, "/bank/accounts/7/8")
    assert (made.proxies.networks, made.drain, made.tls) == (("10.0.0.0/24",), 7, None)
    assert made.own_paths == ("/.well-known/",)


def test_an_operation_that_no_other_is_taken_for_is_told_alone(planned):
    (api,) = planned(
        "    upstream: http://127.0.0.1:9\n    operations: {putMine: {bounds: {body: 5MiB}}}\n"
    ).apis
    assert [(it.method, it.limits.body) for it in api.operations] == [("PUT", 5 * 1024 * 1024)]


@pytest.mark.parametrize(("contract", "shown"), [("enforce", True), ("report", True), ("off", False)])
def test_a_body_is_shown_where_the_contract_looks_at_it(planned, contract, shown):
    (api,) = planned(f"    upstream: http://127.0.0.1:9\n    contract: {contract}\n").apis
    assert api.shows_bodies is shown


def test_upstreams_that_differ_in_more_than_their_address_are_the_gateways(planned):
    assert planned("    upstream: [http://127.0.0.1:9/v1, http://127.0.0.1:8/v2]\n").apis == ()


def test_paths_of_browser_apps_are_the_gateways(planned):
    made = planned(
        "    upstream: http://127.0.0.1:9\n"
        "browser_apps: {shop: {path: /sign, client_id: shop, client_secret: 'env:S', apis: [bank]}}\n"
    )
    assert made.own_paths == ("/.well-known/", "/sign/")


@pytest.mark.parametrize(
    "path",
    ["/", "/a", "/a%20b", "/a%2C", "/%C3%BC", "/a@b", "/%5B", "/a%40", "/a.b"],
)
def test_a_canonical_path_is_passed_on_as_it_is(path):
    assert canonical_path(path.encode()) == path
    assert not re.fullmatch(NOT_CANONICAL, path)


def test_every_spelling_that_is_not_canonical_is_known():
    """Whatever the decision would spell in another way must not go up as the client wrote it."""
    seen = 0
    digits = "0123456789abcdefABCDEF"
    for sent in (f"/x{place}y" for one in digits for other in digits for place in (f"%{one}{other}",)):
        try:
            canonical = canonical_path(sent.encode())
        except Refusal:
            continue
        seen += canonical != sent
        assert bool(re.fullmatch(NOT_CANONICAL, sent)) is (canonical != sent), sent
    assert seen > 60
