import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.base.asgi import JSON, NO_STORE, header_values, only_header, read_body, respond
from tokenward.base.problems import MALFORMED, TOO_LARGE, Refusal


def body_of(*messages, limit=10):
    """(what read_body gave, how many messages it took)."""
    taken = []

    async def receive():
        taken.append(messages[len(taken)])
        return taken[-1]

    return asyncio.run(read_body(receive, limit=limit)), len(taken)


def part(body=b"", *, more=False):
    return {"type": "http.request", "body": body, "more_body": more}


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=8))
def test_a_body_arrives_whole_however_it_was_cut(chunks):
    messages = [part(chunk, more=True) for chunk in chunks[:-1]] + [part(chunks[-1])]
    assert body_of(*messages, limit=1000) == (b"".join(chunks), len(chunks))


def test_a_message_without_optional_members_is_an_empty_end():
    assert body_of({"type": "http.request"}) == (b"", 1)


def test_the_limit_is_the_last_size_taken():
    assert body_of(part(b"x" * 10)) == (b"x" * 10, 1)
    with pytest.raises(Refusal) as caught:
        body_of(part(b"x" * 11))
    assert caught.value.problem is TOO_LARGE


def test_reading_stops_at_the_limit_and_not_at_the_end():
    messages = [part(b"x" * 6, more=True)] * 2  # a third read would be an IndexError
    with pytest.raises(Refusal) as caught:
        body_of(*messages)
    assert caught.value.problem is TOO_LARGE


def test_a_peer_that_leaves_before_the_end_is_refused():
    with pytest.raises(Refusal) as caught:
        body_of(part(b"x", more=True), {"type": "http.disconnect"})
    assert caught.value.problem is MALFORMED


SCOPE = {"headers": [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]}


def test_header_values_are_all_of_them_in_order():
    assert header_values(SCOPE, b"a") == [b"1", b"3"]
    assert header_values(SCOPE, b"c") == []


def test_a_header_that_may_appear_once_is_refused_twice():
    assert only_header(SCOPE, b"b") == b"2"
    assert only_header(SCOPE, b"c") is None
    with pytest.raises(Refusal) as caught:
        only_header(SCOPE, b"a")
    assert caught.value.problem is MALFORMED
    assert "3" not in caught.value.detail


def test_a_response_is_one_start_and_one_body_with_its_length():
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(respond(send, 200, b"{}", [JSON, NO_STORE]))
    assert sent == [
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [JSON, NO_STORE, (b"content-length", b"2")],
        },
        {"type": "http.response.body", "body": b"{}"},
    ]
