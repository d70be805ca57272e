import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.test_proxy import SPOOFED
from tokenward.base.problems import BAD_UPSTREAM, MALFORMED, Refusal
from tokenward.gateway import headers
from tokenward.gateway.headers import DROPPED, Verdict, fold, incoming, outgoing, screen, verdict
from tokenward.gateway.trace import Trace


def sent(*given_headers, jwt="j"):
    trace = Trace("r", "t", "p")
    return outgoing(given_headers, inside_jwt=jwt, peer="192.0.2.1", scheme="https", host="h", trace=trace)


@pytest.mark.parametrize("name", SPOOFED)
def test_a_name_that_speaks_for_us_is_dropped_in_any_case(name):
    for spelling in (name, name.lower(), name.upper()):
        assert verdict(spelling.encode()) is Verdict.DROP


@pytest.mark.parametrize(
    "name",
    ["accept", "User-Agent", "x-trace", "content-type", "x-userless".replace("x-", "y-")],
)
def test_an_ordinary_name_passes(name):
    assert verdict(name.encode()) is Verdict.FORWARD


@pytest.mark.parametrize("name", [b"", b" ", b"x-user ", b"a:b", b":path", b"a\r\nb", b"\xff", b"a b"])
def test_a_name_that_is_no_token_is_refused(name):
    with pytest.raises(Refusal) as refused:
        screen([(name, b"x")])
    assert refused.value.problem is MALFORMED


@pytest.mark.parametrize("value", [b"a\rb", b"a\nb", b"a\0b", b"\xff", b"\xc3"])
def test_a_value_that_could_split_a_message_is_refused(value):
    with pytest.raises(Refusal) as refused:
        screen([(b"x-a", b"fine"), (b"x-b", value)])
    assert refused.value.problem is MALFORMED


def test_two_halves_of_a_character_in_two_values_are_refused():
    with pytest.raises(Refusal):
        screen([(b"x-a", b"\xc3"), (b"x-b", b"\xa9")])


@given(st.sampled_from(DROPPED), st.data())
def test_every_row_of_the_table_holds_for_its_look_alikes(row, data):
    name = row.removesuffix("*") + ("x" if row.endswith(("-*",)) else "")
    spelling = "".join(
        data.draw(st.sampled_from("-_."))
        if character == "-"
        else data.draw(st.sampled_from([character, character.upper()]))
        for character in name
    )
    assert verdict(spelling.encode()) is Verdict.DROP
    assert fold(spelling) == name.strip("-")


def test_what_we_set_stands_alone():
    names = [
        name for name, _ in sent((b"authorization", b"Bearer t"), (b"X_Request_Id", b"f"), (b"accept", b"a"))
    ]
    assert names == [
        "accept",
        "authorization",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "x-request-id",
        "traceparent",
    ]


def test_an_anonymous_call_has_no_authorization():
    assert "authorization" not in dict(sent((b"authorization", b"Bearer t"), jwt=None))


def test_a_nominated_name_is_dropped_with_its_look_alikes():
    result = dict(
        sent((b"connection", b"X-Hop,close"), (b"x_hop", b"1"), (b"x-hop", b"2"), (b"x-stay", b"3"))
    )
    assert "x-stay" in result
    assert not {"x_hop", "x-hop"} & result.keys()


def test_the_memo_is_bounded():
    for number in range(3 * headers._MEMO_SIZE):
        verdict(b"x-n%d" % number)
    assert len(headers._memo) <= headers._MEMO_SIZE
    verdict(b"x" * 5000)
    assert b"x" * 5000 not in headers._memo


def test_a_response_header_with_a_control_character_is_the_upstreams_fault():
    with pytest.raises(Refusal) as refused:
        incoming([(b"X-A", b"a\x01")], bodiless=False)
    assert refused.value.problem is BAD_UPSTREAM


def test_no_control_character_but_the_tab_comes_back_from_a_backend():
    def passes(byte):
        try:
            return bool(incoming([(b"X-Name", b"a" + bytes([byte]) + b"b")], bodiless=False))
        except Refusal:
            return False

    assert {byte for byte in range(256) if not passes(byte)} == {*range(0x20), 0x7F} - {0x09}
