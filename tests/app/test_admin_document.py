"""The OpenAPI document of the admin API: it tells all that is served, with bounds, and nothing else is."""

import json
import logging
import re

import httpx
import pytest
from generate_reference import ADMIN_DOCUMENT
from openapi_spec_validator import validate
from pydantic import ValidationError
from typer.testing import CliRunner

from app.admin_answers import DOCUMENT, check, why_not
from app.test_admin import _admin, _run, configuration  # noqa: F401 - a fixture
from tokenward.app import admin_pace
from tokenward.app.admin import OPERATIONS, admin_app
from tokenward.app.admin_clients import KeySet, NewKeys
from tokenward.app.admin_document import document
from tokenward.app.admin_operations import Operation
from tokenward.app.admin_pace import BURST, SECONDS, Pace
from tokenward.app.cli import application
from tokenward.base.clock import ManualClock
from tokenward.base.problems import TOO_MANY_REQUESTS, Refusal

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY")


def test_it_is_valid_openapi():
    validate(json.loads(json.dumps(DOCUMENT)))


def test_what_is_published_is_what_the_code_says():
    assert json.loads(ADMIN_DOCUMENT.read_text(encoding="utf-8")) == DOCUMENT, "run make docs"


def test_our_own_auditor_finds_nothing():
    asked = ["audit", "openapi", str(ADMIN_DOCUMENT), "--profile", "internal", "--fail-on", "info"]
    told = CliRunner().invoke(application, asked)
    assert told.exit_code == 0, told.output
    assert "No findings" in told.output


def test_all_that_is_served_is_in_it_and_nothing_else(configuration):  # noqa: F811
    async def work(http, ground):
        assert {route.path for route in admin_app(ground).routes} == set(DOCUMENT["paths"])
        for path, operations in DOCUMENT["paths"].items():
            documented = {name.upper() for name in operations}
            documented |= {"HEAD"} if "GET" in documented else set()
            for method in METHODS:
                answer = await http.request(method, path.replace("{", "").replace("}", ""))
                assert (answer.status_code != 405) is (method in documented), (method, path)

    _run(configuration, work)


def test_an_answer_that_is_not_documented_is_noticed():
    def answer(status, body, method="GET", path="/health", **headers):
        pace = {"ratelimit": '"anybody";r=1', "ratelimit-policy": '"anybody";q=2000;w=10'}
        request = httpx.Request(method, f"http://127.0.0.1:8081{path}")
        return request, httpx.Response(status, json=body, headers={**pace, **headers})

    check(*answer(200, {"status": "ok"}))
    for wrong in (
        answer(200, {"status": "ok", "more": 1}),
        answer(200, {"status": "well"}),
        answer(200, {"status": "ok"}, ratelimit="many"),
        answer(201, {"status": "ok"}),
        answer(200, {"status": "ok"}, path="/hidden"),
        answer(405, {}, "POST", allow="GET"),
        answer(200, {"status": "ok"}, **{"content-type": "text/html"}),
    ):
        with pytest.raises(AssertionError):
            check(*wrong)


def test_it_is_served_to_who_manages_and_names_its_server(configuration):  # noqa: F811
    async def work(http, _ground):
        return (await http.get("/openapi.json")).json()

    served = _run(configuration, work)
    assert served.pop("servers")[0]["url"] == f"http://{configuration.settings.admin.listen}"
    assert served == {name: told for name, told in DOCUMENT.items() if name != "servers"}


def _schemas(node, path="#"):
    if isinstance(node, dict):
        if "type" in node or "anyOf" in node:
            yield path, node
        for name, value in node.items():
            yield from _schemas(value, f"{path}/{name}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _schemas(value, f"{path}/{number}")


_BOUNDS = {
    "string": ({"maxLength"}, {"pattern"}, {"enum"}, {"const"}),
    "array": ({"maxItems"},),
    "integer": ({"minimum", "maximum"},),
    "number": ({"minimum", "maximum"},),
}


def test_everything_has_bounds():
    found = list(_schemas(DOCUMENT))
    assert len(found) > 200
    for path, schema in found:
        wanted = _BOUNDS.get(schema.get("type")) if isinstance(schema.get("type"), str) else None
        assert wanted is None or any(each <= set(schema) for each in wanted), path


def test_names_that_are_refused_are_not_documented():
    key = {"kty": "EC", "x": "a"}
    schema = DOCUMENT["components"]["schemas"]["NewKeys"]
    assert why_not(schema, {"jwks": {"keys": [key]}}) is None
    for name in ("î", "", "x" * 65, "a\n"):
        assert why_not(schema, {"jwks": {"keys": [{**key, name: "a"}]}}) is not None
        with pytest.raises(ValidationError):
            NewKeys.model_validate({"jwks": {"keys": [{**key, name: "a"}]}})


async def _show(_ground, name: str) -> dict[str, int]:
    """Nothing."""


async def _nothing(_ground) -> None:
    """Nothing."""


@pytest.mark.parametrize(
    "make",
    [
        lambda: Operation("GET", "/x", _show),
        lambda: Operation("GET", "/x/{name}/{other}", _show),
        lambda: Operation("GET", "/x/{name}", _show, 204),
        lambda: Operation("POST", "/x", _nothing),
        lambda: document([*OPERATIONS, OPERATIONS[0]]),
        lambda: document([*OPERATIONS, Operation("GET", "/health", _nothing, 204)]),
    ],
)
def test_a_row_that_does_not_fit_is_refused(make):
    with pytest.raises(ValueError, match=r"does not take|and not both|twice"):
        make()


def test_input_that_is_not_as_documented_is_pointed_at_and_other_is_not(configuration):  # noqa: F811
    new = {"name": "Report", "type": "service"}

    async def work(http, _ground):
        async def told(**body):
            answer = (await http.post("/clients", json=body)).json()
            return answer["status"], answer.get("pointer")

        return [
            await told(**new, scopes=["fine", "not fine"]),
            await told(**new, **{"a/b~c": 1}),
            await told(**new, scopes=["nosuch"]),
        ]

    assert _run(configuration, work) == [(422, "/scopes/1"), (422, "/a~1b~0c"), (422, None)]


def test_a_whole_number_may_have_a_point(configuration):  # noqa: F811
    async def work(http, _ground):
        client_id = (await http.post("/clients", json={"name": "Report", "type": "service"})).json()[
            "client_id"
        ]
        return [
            (await http.post(f"/clients/{client_id}/secrets", content=body, headers=JSON)).status_code
            for body in (
                b'{"overlap": 60.0}',
                b'{"overlap": 60.5}',
                b'{"overlap": true}',
                b'{"overlap": "60"}',
            )
        ]

    assert _run(configuration, work) == [201, 422, 422, 422]


JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    "query", ["x=1", "after=", "limit=0", "limit=1001", "limit=1.0", "limit=1&limit=1", "after=%00"]
)
def test_a_query_that_is_not_documented_is_refused(configuration, query):  # noqa: F811
    async def work(http, _ground):
        return (await http.get(f"/clients?{query}")).status_code, (
            await http.get("/clients/x?x=1")
        ).status_code

    assert _run(configuration, work) == (422, 422)


def test_lists_come_in_pages(configuration):  # noqa: F811
    async def work(http, _ground):
        made = [
            (await http.post("/clients", json={"name": "Report", "type": "service"})).json()["client_id"]
            for _ in range(5)
        ]
        seen, after = [], ""
        for size in (2, 2, 1):
            page = (await http.get(f"/clients?limit=2{after}")).json()
            assert len(page["clients"]) == size
            seen += [each["client_id"] for each in page["clients"]]
            after = f"&after={page['next']}"
        assert page["next"] is None
        assert sorted(seen) == sorted(made)
        whole = (await http.get("/clients")).json()
        assert ([each["client_id"] for each in whole["clients"]], whole["next"]) == (seen, None)
        exactly = (await http.get("/clients?limit=5")).json()
        assert exactly["next"] is None
        return (await http.get("/clients?after=nobody")).status_code

    assert _run(configuration, work) == 404


def test_a_path_with_words_is_no_key(configuration):  # noqa: F811
    async def work(http, _ground):
        answers = [
            await http.get("/api-keys/imports"),
            await http.get("/clients/"),
            await http.get("/clients/a%00"),
        ]
        return [each.status_code for each in answers]

    assert _run(configuration, work) == [405, 404, 404]


def test_who_guesses_uses_up_nobody_elses_calls(configuration, monkeypatch):  # noqa: F811
    monkeypatch.setattr(admin_pace, "BURST", 3)
    monkeypatch.setattr(admin_pace, "SECONDS", 3000)

    async def work(http, _ground):
        guesses = [await http.get("/clients", headers={"authorization": "Bearer x"}) for _ in range(4)]
        assert [each.status_code for each in guesses] == [401, 401, 401, 429]
        assert int(guesses[-1].headers["retry-after"]) > 900
        calls = [await http.get("/clients") for _ in range(4)]
        assert [each.headers["ratelimit"][-1] for each in calls] == ["2", "1", "0", "0"]
        return [each.status_code for each in calls] + [(await http.get("/health")).status_code]

    assert _run(configuration, work) == [200, 200, 200, 429, 200]


def test_calls_come_back_with_time():
    pace = Pace(ManualClock())
    for _ in range(BURST):
        pace.count("managing")
    with pytest.raises(Refusal) as refused:
        pace.count("managing")
    assert (refused.value.problem, refused.value.retry_after) == (TOO_MANY_REQUESTS, 1)
    pace._buckets._clock.advance(SECONDS)
    assert pace.headers("managing")["ratelimit"] == f'"managing";r={BURST}'


def test_a_fault_says_nothing_of_what_it_handled(configuration, monkeypatch, caplog):  # noqa: F811
    async def work(http, ground):
        async def broken():
            raise RuntimeError("tkw_ad_of_somebody")

        monkeypatch.setattr(ground.store, "clients", broken)
        return await http.get("/clients")

    with caplog.at_level(logging.ERROR):
        answer = _run(configuration, work)
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:tokenward:problem:internal_error")
    assert "of_somebody" not in answer.text + caplog.text
    assert "list_clients failed with RuntimeError" in caplog.text


def test_what_other_members_of_a_key_set_may_be_called_is_told():
    names = DOCUMENT["components"]["schemas"]["KeySet"]["propertyNames"]["pattern"]
    for name in ("x5c", "a" * 64, "", "a" * 65, "\u00d5"):
        try:
            KeySet.model_validate({"keys": [{"kty": "EC"}], name: "value"})
        except ValidationError:
            assert not re.search(names, name)
        else:
            assert re.search(names, name)
