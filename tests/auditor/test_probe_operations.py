"""What a probe finds operation by operation, with the API's document in its hand."""

import json

import pytest

from targets import raw
from targets.probed import Telling, found
from targets.serving import REFUSED, Response, running
from tokenward.app.probing import document
from tokenward.auditor.attacks import ON_ACCESS_TOKENS
from tokenward.auditor.probing import tokens
from tokenward.auditor.probing.asked import Asked
from tokenward.auditor.probing.operations import Reading, readings
from tokenward.auditor.probing.probe import probe
from tokenward.auditor.probing.wire import CannotProbe
from tokenward.base.secret import Secret

READER = {"security": [{"oauth": ["accounts:read"]}]}
ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "example": 7}}
PATHS = {
    "/accounts": {"get": READER},
    "/accounts/{id}": {"get": READER | {"parameters": [ID]}},
    "/cards/{number}": {"get": READER | {"parameters": [{"name": "number", "in": "path", "required": True}]}},
    "/search": {
        "get": READER | {"parameters": [{"name": "q", "in": "query", "required": True, "example": "a b"}]},
        "post": READER,
    },
    "/me": {"get": {"security": [{"oauth": []}]}},
    "/rates": {"get": {"security": []}},
}


@pytest.fixture
def api(tmp_path):
    def read(paths=PATHS, **more):
        path = tmp_path / "openapi.json"
        path.write_text(
            json.dumps({"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths} | more)
        )
        return document(path)

    return read


def test_operations_are_found_where_the_url_shows_that_the_api_is(api):
    listed = list(readings(api(), "http://127.0.0.1:1/v1/accounts"))
    called = [each for each in listed if isinstance(each, Reading)]
    assert [(each.name, each.url, each.scoped, each.particular) for each in called] == [
        ("GET /accounts", "http://127.0.0.1:1/v1/accounts", True, False),
        ("GET /accounts/{id}", "http://127.0.0.1:1/v1/accounts/7", True, True),
        ("GET /search", "http://127.0.0.1:1/v1/search?q=a+b", True, False),
        ("GET /me", "http://127.0.0.1:1/v1/me", False, False),
    ]
    assert [(each.what, each.why) for each in listed if not isinstance(each, Reading)] == [
        ("GET /cards/{number}", "the document has no example of `number`")
    ]


def test_the_url_itself_stands_for_its_operation(api):
    urls = [each.url for each in readings(api(), "http://127.0.0.1:1/cards/12") if isinstance(each, Reading)]
    assert "http://127.0.0.1:1/cards/12" in urls


def test_else_the_first_server_says_the_path(api):
    it = api(servers=[{"url": "https://api.example/v2/"}])
    assert next(readings(it, "http://127.0.0.1:1/health")).url == "http://127.0.0.1:1/v2/accounts"


def probed(api, monkeypatch, *, open_paths=(), scopes=True, owners=True, **asked):
    monkeypatch.setattr(tokens, "ON_ACCESS_TOKENS", ON_ACCESS_TOKENS[::40])
    trust = raw.Trust()

    def answer(request):
        if request.path in open_paths:
            return Response()
        if "," in request.authorization:
            return REFUSED
        if request.path == "/gone":
            return Response(404, {})
        if request.bearer == "token-of-bob-000000":
            return Response(404, {}) if owners and request.path == "/accounts/7" else Response()
        try:
            claims = trust.strict(request.bearer)
        except Exception:  # noqa: BLE001 - whatever goes wrong
            return REFUSED
        if scopes and request.path != "/me" and "accounts:read" not in claims.get("scope", ""):
            return Response(403, {"error": "insufficient_scope"})
        return Response()

    with running(answer) as url:
        settings = {"test_issuer": ("127.0.0.1", 0), "audience": raw.AUDIENCE, "rate": 1e6} | asked
        return probe(Asked(url, document=api(), **settings), sleep=lambda _: None, watcher=Telling(trust))


@pytest.mark.parametrize(
    ("weak", "expected"),
    [
        ({}, set()),
        ({"open_paths": ("/accounts/7",)}, {("open-operation", "/accounts/7")}),
        ({"open_paths": ("/me",)}, {("open-operation", "/me")}),
        ({"open_paths": ("/rates",)}, set()),
        (
            {"scopes": False},
            {("scope", "/accounts"), ("scope", "/accounts/7"), ("scope", "/search?q=a+b")},
        ),
        ({"owners": False}, {("other-user", "/accounts/7")}),
    ],
    ids=["careful", "open thing", "open list", "open on purpose", "no scopes", "no owners"],
)
def test_each_operation_is_called_without_and_with_too_little(api, monkeypatch, weak, expected):
    other = {"other_token": Secret("token-of-bob-000000")} if "owners" in weak or not weak else {}
    result = probed(api, monkeypatch, **weak, **other)
    told = {
        (it.check.id.removeprefix("probe."), "/" + it.place.source.split("/", 3)[3]) for it in result.findings
    }
    assert told == expected


def test_where_the_good_token_is_not_good_nothing_is_said(api, monkeypatch):
    result = probed(lambda: api(PATHS | {"/gone": {"get": READER}}), monkeypatch)
    assert found(result) == set()
    assert [(it.what, it.why) for it in result.unseen if it.what == "GET /gone"] == [
        ("GET /gone", "the good token is not accepted there (404)")
    ]


@pytest.mark.parametrize(
    ("text", "told"), [("paths: [", "openapi.json:1"), ("{}", "no OpenAPI document"), (None, "no such file")]
)
def test_a_document_that_is_none_is_no_result(tmp_path, text, told):
    path = tmp_path / "openapi.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(CannotProbe, match=told):
        document(path)
