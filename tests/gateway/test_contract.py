"""Requests that differ from the document, through the proxy door: what is told, and what the backend saw."""

import asyncio
import json

import pytest

from gateway.shop import DOCUMENT, compiled
from gateway.wire import answer, through
from gateway.world import SHOP, World, code
from tokenward.base.problems import CATALOGUE
from tokenward.gateway.access import HeldBody
from tokenward.gateway.contract.operation import MAX_BODY
from tokenward.gateway.policy import Api, Policy

BUYER = ("authorization", "Bearer {buyer}")
JSON = ("content-type", "application/json")
GOOD = b'{"item": "tea", "count": 2}'


def reporting(world):
    """The same APIs, with a shop that only reports."""
    others = [api for api in world.policy.apis if api.name != "shop"]
    pool = world.policy.apis[-1].pool
    world.engine.policy = Policy([*others, Api("shop", "/shop", pool, SHOP, compiled("report"))])


def sent(gateway, data, *headers, path="/shop/orders", method="POST", chunked=False):
    framing = ("transfer-encoding", "chunked") if chunked else ("content-length", str(len(data)))
    if chunked:
        data = (b"%x\r\n%s\r\n" % (len(data), data) if data else b"") + b"0\r\n\r\n"
    return gateway.ask(path, method, (BUYER, *headers, framing), body=data)


def violations(body):
    return [tuple(each.values()) for each in json.loads(body)["violations"]]


def test_what_was_read_for_the_decision_reaches_the_backend_byte_by_byte():
    async def scenario(gateway):
        data = b' {"item":"tea" ,"count": 2.0, "gift":"\xc3\xa9\\u00e9"}\n'
        for chunked in (False, True):
            status, *_ = await sent(gateway, data, JSON, chunked=chunked)
            assert (status, gateway.backend.bodies[-1]) == (200, data)

    through(scenario)


HOSTILE = (
    (b"", "contract_body", "", "required"),
    (b"{", "contract_json", "", "syntax"),
    (b"{}{}", "contract_json", "", "syntax"),
    (b'{"item": "tea", "count": 2, "count": 3}', "contract_json", "", "syntax"),
    (b'{"labels": {"a": "b", "\\u0061": "c"}, "item": "tea", "count": 2}', "contract_json", "", "syntax"),
    (b'{"item": "tea", "count": NaN}', "contract_json", "", "syntax"),
    (b'{"item": "tea", "count": 1e999}', "contract_json", "", "syntax"),
    (b'{"item": "tea", "count": -Infinity}', "contract_json", "", "syntax"),
    (b'{"item": "tea", "count": ' + b"1" * 5000 + b"}", "contract_json", "", "syntax"),
    (b'{"item": "tea", "count": 01}', "contract_json", "", "syntax"),
    (b"{'item': 'tea', 'count': 2}", "contract_json", "", "syntax"),
    (b'{"item": "tea", "count": 2,}', "contract_json", "", "syntax"),
    (b'{"item": "tea", /* */ "count": 2}', "contract_json", "", "syntax"),
    (b'\xef\xbb\xbf{"item": "tea", "count": 2}', "contract_json", "", "syntax"),
    (b'{"item": "t\xe9a", "count": 2}', "contract_json", "", "utf-8"),
    (GOOD.decode().encode("utf-16"), "contract_json", "", "utf-8"),
    (b'{"item": "\\ud800", "count": 2}', "contract_json", "", "syntax"),
    (b'{"item": "t\nea", "count": 2}', "contract_json", "", "syntax"),
    (b"[" * 33 + b"]" * 33, "contract_size", "", "levels"),
    (b"[" * 200_000, "contract_json", "", "syntax"),
    (b'{"a":' * 200_000, "contract_json", "", "syntax"),
    (b'{"item":"' + b"\\" * 100_001, "contract_json", "", "syntax"),
    (b"[" + b"0," * 60_000 + b"0]", "contract_size", "", "values"),
    (b" " * (MAX_BODY + 1), "contract_size", "", "bytes"),
    (b'["tea"]', "contract_body", "", "type"),
    (b'{"item": "tea"}', "contract_body", "", "required"),
    (b'{"item": "TEA", "count": 2}', "contract_body", "/item", "pattern"),
    (b'{"item": "tea", "count": 2147483648}', "contract_body", "/count", "maximum"),
    (b'{"item": "tea", "count": "2"}', "contract_body", "/count", "type"),
    (b'{"item": "tea", "count": 2, "id": 1}', "contract_body", "/id", "falseSchema"),
    (b'{"item": "tea", "count": 2, "isAdmin": true}', "contract_body", "", "additionalProperties"),
    (
        b'{"item": "tea", "count": 2, "labels": {"s3cret": "s3cret"}}',
        "contract_body",
        "/labels/*",
        "maxLength",
    ),
    (b'{"item": "tea", "count": 2, "gift": 7}', "contract_body", "/gift", "anyOf"),
)


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_hostile_body_is_told_by_documented_names_and_reaches_nobody(chunked):
    async def scenario(gateway):
        for data, reason, name, rule in HOSTILE:
            status, _, body = await sent(gateway, data, JSON, chunked=chunked)
            problem = json.loads(body)
            assert (data[:60], problem["type"]) == (data[:60], f"urn:tokenward:problem:{reason}")
            assert status == CATALOGUE[reason].status
            assert [(told[1], told[2]) for told in violations(body)] == [(name, rule)]
            assert b"s3cret" not in body
            assert "s3cret" not in gateway.world.observed[-1].detail
            assert "isAdmin" not in gateway.world.observed[-1].detail
        assert gateway.backend.requests == 0

    through(scenario)


@pytest.mark.parametrize(
    ("headers", "rule"),
    [
        ((), "missing"),
        ((JSON, JSON), "repeated"),
        ((("content-type", "application/json; charset=utf-16"),), "charset"),
        ((("content-type", "application/json; charset=utf-8; charset=utf-7"),), "repeated"),
        ((("content-type", "application/json, text/plain"),), "malformed"),
        ((("content-type", "application/json;charset"),), "malformed"),
        ((("content-type", "json"),), "malformed"),
        ((("content-type", ""),), "malformed"),
        ((("content-type", "application/xml"),), "undocumented"),
        ((("content-type", "text/json"),), "undocumented"),
        ((("content-type", "application/json+xml"),), "undocumented"),
        ((JSON, ("content-encoding", "gzip")), "content-encoding"),
        ((JSON, ("content-encoding", "identity"), ("content-encoding", "br")), "content-encoding"),
        ((JSON, ("content-encoding", "gzip, identity")), "content-encoding"),
    ],
    ids=str,
)
def test_a_body_of_another_media_type_or_coding_reaches_nobody(headers, rule):
    async def scenario(gateway):
        status, _, body = await sent(gateway, GOOD, *headers)
        assert status == 415
        assert [told[2] for told in violations(body)] == [rule]
        assert gateway.backend.requests == 0

    through(scenario)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        'application/json; charset="UTF-8"',
        "application/json;",
        "application/json ; v=1",
    ],
)
def test_the_documented_media_type_in_any_spelling_passes(content_type):
    async def scenario(gateway):
        assert (await sent(gateway, GOOD, ("content-type", content_type)))[0] == 200

    through(scenario)


QUERIES = (
    ("", None),
    ("limit=1&limit=2", "limit: repeated"),
    ("limit=50", None),
    ("limit=0", "limit: minimum"),
    ("limit=51", "limit: maximum"),
    ("limit=1.0", "limit: type"),
    ("limit=+1", "limit: type"),
    ("limit=%2B1", "limit: type"),
    ("limit=01", "limit: type"),
    ("limit=0x1", "limit: type"),
    ("limit=1e1", "limit: type"),
    ("limit=%31", None),
    ("l%69mit=51", "limit: maximum"),
    ("limit=", "limit: type"),
    ("limit", "limit: type"),
    ("limit=1%00", "limit: type"),
    ("limit=%c2%b2", "limit: type"),
    ("limit=1" + "0" * 60, "limit: type"),
    ("limit[]=1", "undocumented"),
    ("limit[$gt]=1", "undocumented"),
    ("Limit=1", "undocumented"),
    ("limit%00=1", "undocumented"),
    ("limit.x=1", "undocumented"),
    ("%20limit=1", "undocumented"),
    ("limit=1;debug=1", "limit: ambiguous"),
    ("note=a;b", None),
    ("tag=a&tag=b", None),
    ("tag=a&tag=abcdef", "tag: maxLength"),
    ("tag=a+b", None),
    ("tag=%ff", "tag: encoding"),
    ("tag=%c0%ae", "tag: encoding"),
    ("tag=%zz", "tag: encoding"),
    ("%zz=1", "encoding"),
    ("ids=1,2,3", None),
    ("ids=1,2,3,4", "ids: maxItems"),
    ("ids=1,x", "ids: type"),
    ("ids=1%2C2", "ids: type"),
    ("ids=1&ids=2", "ids: repeated"),
    ("filter[open]=true&filter[from]=2026-01-31", None),
    ("filter%5Bopen%5D=false", None),
    ("filter[open]=TRUE", "filter: type"),
    ("filter[open]=1", "filter: type"),
    ("filter[from]=2026-02-31", "filter: format"),
    ("filter[open]=true&filter[open]=false", "filter: repeated"),
    ("filter[other]=1", "undocumented"),
    ("filter[open][x]=1", "undocumented"),
    ("filter=1", "undocumented"),
    ("q=%7B%22a%22%3A1%7D", None),
    ("q=%7B%22a%22%3A1%2C%22a%22%3A2%7D", "q: syntax"),
    ("q=1", "q: type"),
    ("debug=1", "undocumented"),
    ("=1", "undocumented"),
    ("&&limit=5&", None),
)


def test_every_query_is_read_in_one_way_or_not_at_all():
    async def scenario(gateway):
        for query, rule in QUERIES:
            before = gateway.backend.requests
            status, _, body = await gateway.ask("/shop/orders", headers=(BUYER,), query=query)
            told = rule and f"query {rule}" if rule and ":" in rule else rule and f"query: {rule}"
            found = gateway.world.observed[-1].violations
            assert (query, [str(each) for each in found]) == (query, [told] if told else [])
            assert (query, status) == (query, 400 if rule else 200)
            assert gateway.backend.requests == before + (not rule)
            assert rule is None or b"debug" not in body, "what only the caller names is not repeated"

    through(scenario)


@pytest.mark.parametrize(
    ("path", "headers", "rule"),
    [
        ("/shop/orders/7", (), None),
        ("/shop/orders/-7", (), None),
        ("/shop/orders/7a", (), "path number: type"),
        ("/shop/orders/%37", (), None),
        ("/shop/orders/1e3", (), "path number: type"),
        ("/shop/search", (), "query word: required"),
        ("/shop/orders", (("x-level", "9"),), None),
        ("/shop/orders", (("x-level", "10"),), "header x-level: maximum"),
        ("/shop/orders", (("X-LEVEL", "10"),), "header x-level: maximum"),
        ("/shop/orders", (("x-level", "1"), ("x-level", "2")), "header x-level: repeated"),
        ("/shop/orders", (("x-other", "anything"),), None),
        ("/shop/orders", (("cookie", "a=b; theme=dark"),), None),
        ("/shop/orders", (("cookie", "theme=pink"),), "cookie theme: enum"),
        ("/shop/orders", (("cookie", "theme=dark; theme=light"),), "cookie theme: repeated"),
        ("/shop/orders", (("cookie", "theme=dark"), ("cookie", "theme=light")), "cookie theme: repeated"),
    ],
    ids=str,
)
def test_parameters_in_path_headers_and_cookies(path, headers, rule):
    async def scenario(gateway):
        status, *_ = await gateway.ask(path, headers=(BUYER, *headers))
        assert [str(each) for each in gateway.world.observed[-1].violations] == ([rule] if rule else [])
        assert status == (400 if rule else 200)
        assert gateway.backend.requests == (not rule)

    through(scenario)


def test_a_body_where_none_is_documented_reaches_nobody_however_it_is_framed():
    async def scenario(gateway):
        for chunked in (False, True):
            status, _, body = await sent(
                gateway, b"x", path="/shop/orders/7", method="DELETE", chunked=chunked
            )
            assert (status, violations(body)[0][0]) == (400, "no_body")
        assert gateway.backend.requests == 0
        status, *_ = await sent(gateway, b"", path="/shop/orders/7", method="DELETE")
        assert status == 200

    through(scenario)


def test_an_optional_body_may_be_absent_and_is_checked_when_it_is_there():
    async def scenario(gateway):
        assert (await sent(gateway, b"", path="/shop/orders/7", method="PUT"))[0] == 200
        assert (await sent(gateway, b"", JSON, path="/shop/orders/7", method="PUT"))[0] == 200
        assert (await sent(gateway, b"{}", JSON, path="/shop/orders/7", method="PUT"))[0] == 422

    through(scenario)


def test_a_transport_that_announces_no_body_gets_no_further():
    """From HTTP/2 on a body needs no announcement: only reading tells whether there is one."""

    class Unannounced(HeldBody):
        expected = True

    world = World()

    def decided(data, *headers, method="DELETE", path="/shop/orders/7"):
        request = world.request(path, method=method, headers=(BUYER, *headers))._replace(
            body=Unannounced(data)
        )
        return code(asyncio.run(world.engine.decide(request)))

    assert decided(b"") == "allow"
    assert decided(b"x") == "contract_no_body"
    assert decided(b"", method="PUT") == "allow"
    assert decided(b"{}", method="PUT") == "contract_media_type"
    assert decided(b"", method="POST", path="/shop/orders") == "contract_body"


def test_a_door_that_shows_no_body_lets_nothing_pass_whose_contract_is_enforced():
    world = World()
    request = world.request("/shop/orders/7", "buyer")._replace(body=None)
    assert code(asyncio.run(world.engine.decide(request))) == "unavailable"
    reporting(world)
    assert code(asyncio.run(world.engine.decide(request))) == "allow"


def test_other_media_types_stream_through_unread():
    async def scenario(gateway):
        first_half = asyncio.Event()

        async def streaming(reader, writer):
            gateway.backend.bodies.append(await reader.readexactly(4))
            first_half.set()
            gateway.backend.bodies.append(await reader.readexactly(4))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

        gateway.backend.answer = streaming
        reader, writer = await gateway.open()
        headers = (BUYER, ("content-type", "application/octet-stream"), ("content-length", "8"))
        writer.write(gateway.raw("/shop/files", "POST", headers, body=b"half"))
        await asyncio.wait_for(first_half.wait(), 10)
        writer.write(b"rest")
        assert (await answer(reader))[0] == 200
        assert gateway.backend.bodies == [b"half", b"rest"]
        writer.close()

    through(scenario)


def test_a_body_is_read_only_of_a_caller_whom_nothing_else_keeps_out():
    class Unread:
        expected = True

        async def read(self, limit):
            raise AssertionError("nobody may read it")

    world = World()
    for path, token, reason in (
        ("/shop/orders", None, "no_credential"),
        ("/shop/orders", "unknown", "invalid_token"),
        ("/shop/orders", "reader", "invalid_token"),
        ("/shop/nowhere", "buyer", "undocumented"),
        ("/bank/transfers", "writer", "allow"),
    ):
        request = world.request(path, token, method="POST")._replace(body=Unread())
        assert (path, code(asyncio.run(world.engine.decide(request)))) == (path, reason)


def test_who_stops_in_the_middle_of_a_body_is_told_so_and_holds_no_upstream():
    async def scenario(gateway):
        headers = (BUYER, JSON, ("content-length", "100"))
        status, _, body = await gateway.send(gateway.raw("/shop/orders", "POST", headers, body=b'{"item'))
        assert (status, json.loads(body)["type"]) == (408, "urn:tokenward:problem:client_silent")
        assert gateway.backend.connections == 0

    through(scenario, client=0.2)


def test_who_goes_away_in_the_middle_of_a_body_reaches_nobody():
    async def scenario(gateway):
        _, writer = await gateway.open()
        headers = (BUYER, JSON, ("content-length", "100"))
        writer.write(gateway.raw("/shop/orders", "POST", headers, body=b'{"item'))
        await writer.drain()
        writer.close()
        while not gateway.world.observed:  # noqa: ASYNC110 - the door tells nobody
            await asyncio.sleep(0.005)
        assert code(gateway.world.observed[-1]) == "malformed_request"
        assert gateway.backend.connections == 0

    through(scenario)


def test_a_deep_body_of_a_schema_that_refers_to_itself_twice_costs_no_more_than_its_limit():
    def tree(levels):
        data = b'{"kind":"Oak"}'
        for _ in range(levels):
            data = b'{"child":' + data + b',"kind":"Oak"}'
        return data

    async def scenario(gateway):
        assert (await sent(gateway, tree(8), JSON, path="/shop/trees"))[0] == 200
        apples = b',"apples":[' + b"0," * 40_000 + b"0]}"
        for data in (tree(30), tree(8)[:-1] + apples):
            status, _, body = await sent(gateway, data, JSON, path="/shop/trees")
            assert (status, violations(body)) == (413, [("size", "", "alternatives")])

    through(scenario)


def test_where_a_contract_is_only_reported_what_differs_passes_whole_and_is_told():
    async def scenario(gateway):
        reporting(gateway.world)
        for data, _, name, rule in HOSTILE:
            status, *_ = await sent(gateway, data, JSON)
            assert (data[:60], status, gateway.backend.bodies[-1]) == (data[:60], 200, data)
            (told,) = gateway.world.observed[-1].violations
            assert (data[:60], told.name, told.rule) == (data[:60], name, rule)
        await gateway.ask("/shop/orders", headers=(BUYER,), query="debug=1&limit=51&more=1")
        told = [str(each) for each in gateway.world.observed[-1].violations]
        assert told == ["query: undocumented", "query limit: maximum"]
        status, *_ = await gateway.ask("/shop/nowhere", headers=(BUYER,))
        assert status == 404, "nobody said how risky it is, so that nobody may call it"
        assert (await gateway.ask("/shop/ended", headers=(BUYER,)))[0] == 200

    through(scenario)


@pytest.mark.parametrize(
    ("path", "method", "shadow"),
    [
        ("/shop/internal/debug", "GET", ("shop", "GET")),
        ("/shop/internal/debug", "PROPFIND", ("shop", "other")),
        ("/shop/orders", "PATCH", ("shop", "PATCH")),
        ("/shop", "GET", ("shop", "GET")),
        ("/shopping", "GET", ("", "")),
        ("/nowhere", "GET", ("", "")),
        ("/shop/%2e%2e/x", "GET", ("", "")),
    ],
)
def test_what_no_document_lists_is_shadow_traffic_of_the_api_that_was_asked(path, method, shadow):
    decision = World().decide(path, "buyer", method=method)
    assert (decision.api, decision.shadow) == shadow


def test_an_operation_on_its_way_out_says_so():
    async def scenario(gateway):
        link = b"Link: </page/2>; rel=next\r\nSunset: Mon, 01 Mar 2027 00:00:00 GMT\r\n"

        async def with_link(_reader, writer):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n%s\r\nok" % link)

        status, headers, _ = await gateway.ask("/shop/ending", headers=(BUYER,))
        announced = '<https://shop.example/changes>; rel="deprecation"; type="text/html"'
        assert status == 200
        assert dict(headers)["deprecation"] == "@1796083200"
        assert dict(headers)["sunset"] == "Tue, 01 Jun 2027 00:00:00 GMT"
        assert dict(headers)["link"] == announced
        gateway.backend.answer = with_link
        _, headers, _ = await gateway.ask("/shop/ending", headers=(BUYER,))
        assert [value for name, value in headers if name == "link"] == ["</page/2>; rel=next", announced]
        assert [value for name, value in headers if name == "sunset"] == ["Mon, 01 Mar 2027 00:00:00 GMT"]

    through(scenario)


def test_an_operation_ends_at_its_sunset():
    async def scenario(gateway):
        status, headers, body = await gateway.ask("/shop/ended", headers=(BUYER,))
        assert (status, violations(body)) == (410, [("sunset", "", "past")])
        assert dict(headers)["sunset"] == "Mon, 01 Jun 2026 00:00:00 GMT"
        assert (await gateway.ask("/shop/ending", headers=(BUYER,)))[0] == 200
        gateway.world.clock.advance(365 * 86_400)
        assert gateway.backend.requests == 1

    through(scenario)


def test_off_means_off():
    world = World()
    pool = world.policy.apis[-1].pool
    off = compiled("off")
    world.engine.policy = Policy([Api("shop", "/shop", pool, SHOP, off)])
    assert all(each.contract is None for each in off)
    assert code(world.decide("/shop/orders", "buyer", query="debug=1")) == "allow"
    assert len(off) == sum(
        len({"get", "put", "post", "delete"} & set(it)) for it in DOCUMENT["paths"].values()
    )
