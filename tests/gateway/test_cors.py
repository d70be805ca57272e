"""Pages of other origins: who may ask, what the answer says, and who may read what came."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire import through
from gateway.world import PAGE, World, code
from tokenward.gateway.cors import EXPOSED, HEADERS, Cors, answer_headers

ORIGIN = PAGE.decode()
NOTES = "/pages/notes"


def ask(world, method="PUT", names="", origin=ORIGIN, path=NOTES):
    named = (("access-control-request-headers", names),) if names else ()
    headers = (("origin", origin), ("access-control-request-method", method), *named)
    return world.decide(path, method="OPTIONS", headers=headers)


def page_call(world, *headers, token="pager", method="GET", origin=ORIGIN, path=NOTES):
    held = (("authorization", "Bearer {" + token + "}"),) if token else ()
    return world.decide(path, method=method, headers=(*held, ("origin", origin), *headers))


def told(decision):
    if code(decision) == "allow":
        return {name.decode(): value.decode() for name, value in decision.told}
    return dict(decision.headers)


def of_cors(decision):
    return {
        name: value
        for name, value in told(decision).items()
        if name.startswith("access-control-") or name == "vary"
    }


def test_a_preflight_confirms_what_was_asked_and_tells_nothing_else():
    world = World()
    decision = ask(world, "PUT", "Authorization, DPoP")
    assert decision.headers == {
        "access-control-allow-origin": ORIGIN,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "PUT",
        "access-control-allow-headers": "authorization, dpop",
        "access-control-max-age": "600",
        "vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    }
    assert (decision.api, decision.operation, decision.facts) == ("pages", "PUT /notes", None)
    assert world.observed == [decision]
    assert world.lookups == 0


def test_a_credential_in_a_preflight_is_nobodys():
    world = World()
    headers = (
        ("authorization", "Bearer {damaged}"), ("origin", ORIGIN), ("access-control-request-method", "GET"),
    )  # fmt: skip
    decision = world.decide(NOTES, method="OPTIONS", headers=headers, query="access_token=x")
    assert code(decision) == "preflight"
    assert world.lookups == 0


def test_a_refused_preflight_allows_nothing():
    decision = ask(World(), origin="https://evil.example")
    assert of_cors(decision) == {"vary": "Origin"}


@pytest.mark.parametrize("token", ["pager", "weather", "damaged", None])
def test_the_page_may_read_the_answer_whatever_it_is(token):
    decision = page_call(World(), token=token)
    assert code(decision) == {"pager": "allow", None: "no_credential"}.get(token, "invalid_token")
    assert of_cors(decision) == {
        "vary": "Origin",
        "access-control-allow-origin": ORIGIN,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": ", ".join(EXPOSED),
    }
    assert {"WWW-Authenticate", "RateLimit", "DPoP-Nonce", "Retry-After"} <= set(EXPOSED)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://app.example.evil.example", "*"])
@pytest.mark.parametrize("token", ["pager", None])
def test_no_other_page_may_read_any(origin, token):
    assert of_cors(page_call(World(), token=token, origin=origin)) == {"vary": "Origin"}


def test_nor_where_there_are_two_origins_or_none_or_a_method_is_not_for_pages():
    world = World()
    assert of_cors(page_call(world, ("origin", "https://evil.example"))) == {"vary": "Origin"}
    assert of_cors(page_call(world, method="DELETE")) == {"vary": "Origin"}
    assert of_cors(world.decide(NOTES, "pager")) == {"vary": "Origin"}


def test_where_any_origin_is_good_nobody_is_named_and_null_is_still_none():
    cors = Cors(frozenset())
    given_one = answer_headers(cors, [(b"origin", b"https://any.example")], "GET")
    assert given_one["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in given_one
    assert answer_headers(cors, [(b"origin", b"null")], "GET") == {"vary": "Origin"}


def test_an_api_without_cors_is_left_alone():
    decision = World().decide(headers=(("authorization", "Bearer {reader}"), ("origin", ORIGIN)))
    assert of_cors(decision) == {}
    assert decision.hides == ()


@given(origin=st.binary(max_size=40), method=st.sampled_from(["GET", "PUT", "DELETE"]))
def test_nothing_but_the_origin_itself_is_ever_let_read(origin, method):
    shared = answer_headers(Cors(frozenset({PAGE})), [(b"origin", origin)], method)
    assert ("access-control-allow-origin" in shared) == (origin == PAGE)


def test_no_header_that_names_somebody_is_free_for_pages():
    assert not [name for name in HEADERS if name.startswith(("x-user", "x-forwarded", "cookie", "host"))]


async def answer_as_if_anybody_might_read(_reader, writer):
    writer.write(
        b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\naccess-control-allow-CREDENTIALS: true\r\n"
        b"Vary: Accept\r\nContent-Length: 2\r\n\r\nok"
    )


def test_through_the_door_the_api_behind_says_nothing_of_who_may_read():
    async def scenario(gateway):
        gateway.backend.answer = answer_as_if_anybody_might_read
        for origin, readable in ((ORIGIN, [ORIGIN]), ("https://evil.example", [])):
            headers = [("authorization", "Bearer {pager}"), ("origin", origin)]
            status, fields, _ = await gateway.ask(NOTES, headers=headers)
            assert status == 200
            assert [value for name, value in fields if name == "access-control-allow-origin"] == readable
            assert [value for name, value in fields if name == "vary"] == ["Accept", "Origin"]
        headers = [("authorization", "Bearer {reader}"), ("origin", ORIGIN)]
        _, fields, _ = await gateway.ask(headers=headers)  # an API that answers browsers itself
        assert ("access-control-allow-origin", "*") in fields

    through(scenario)


def test_a_preflight_never_reaches_the_api_and_has_no_body():
    async def scenario(gateway):
        headers = [("origin", ORIGIN), ("access-control-request-method", "GET")]
        status, fields, body = await gateway.ask(NOTES, "OPTIONS", headers)
        assert (status, body, gateway.backend.requests) == (204, b"", 0)
        assert "content-length" not in dict(fields)
        assert dict(fields)["access-control-allow-origin"] == ORIGIN

    through(scenario)


def test_the_page_may_read_that_the_api_is_down():
    async def hang_up(_reader, writer):
        writer.close()

    async def scenario(gateway):
        gateway.backend.answer = hang_up
        headers = [("authorization", "Bearer {pager}"), ("origin", ORIGIN)]
        status, fields, _ = await gateway.ask(NOTES, headers=headers)
        assert (status, dict(fields)["access-control-allow-origin"]) == (502, ORIGIN)

    through(scenario)
