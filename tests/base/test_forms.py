import asyncio
from urllib.parse import quote_from_bytes, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.base.forms import (
    FORM_LIMIT,
    MAX_PARAMETERS,
    form_decoded,
    form_encoded,
    parse_form,
    read_form,
    take_form,
)
from tokenward.base.problems import DUPLICATE_PARAMETER, MALFORMED, TOO_LARGE, WRONG_MEDIA_TYPE, Refusal

# What a form can carry: any text without C0 controls, DEL and lone surrogates.
CLEAN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=[*map(chr, range(32)), "\x7f"]))


def read(chunks, content_type=b"application/x-www-form-urlencoded", *, limit=FORM_LIMIT, by=read_form):
    headers = [] if content_type is None else [(b"content-type", content_type)]
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.request", "body": b"", "more_body": False})
    pending = iter(messages)

    async def receive():
        return next(pending)

    return asyncio.run(by({"headers": headers}, receive, limit=limit))


def refused(raw):
    with pytest.raises(Refusal) as caught:
        parse_form(raw)
    return caught.value.problem


@given(st.dictionaries(CLEAN, CLEAN.filter(bool), max_size=MAX_PARAMETERS))
def test_what_a_browser_encodes_is_read_back(parameters):
    assert parse_form(urlencode(parameters).encode()) == parameters


@given(st.dictionaries(CLEAN, CLEAN.filter(bool), max_size=5))
def test_percent_encoding_every_byte_changes_nothing(parameters):
    def every_byte(text):
        return "".join(f"%{byte:02x}" for byte in text.encode())

    raw = "&".join(f"{every_byte(name)}={every_byte(value)}" for name, value in parameters.items())
    assert parse_form(raw.encode()) == parameters


@given(st.binary(max_size=400) | st.text("ab=&%+0aF\x00é", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(raw):
    try:
        parameters = parse_form(raw)
    except Refusal:
        return
    assert all(parameters.values())
    assert not any(ord(c) < 32 or ord(c) == 127 for item in parameters.items() for c in "".join(item))


@given(st.binary(min_size=1, max_size=20))
def test_bytes_that_are_no_utf8_are_refused_and_never_replaced(data):
    raw = f"a={quote_from_bytes(data)}".encode()
    try:
        text = data.decode()
    except UnicodeDecodeError:
        assert refused(raw) is MALFORMED
    else:
        if any(ord(character) < 32 or character == "\x7f" for character in text):
            assert refused(raw) is MALFORMED
        else:
            assert parse_form(raw) == {"a": text}


@pytest.mark.parametrize(
    "raw", [b"scope=a&scope=a", b"scope=a&scope=", b"scope=&scope=", b"scope=a&%73cope=b", b"a+b=1&a%20b=2"]
)
def test_a_name_present_twice_is_refused_however_it_is_spelled(raw):
    assert refused(raw) is DUPLICATE_PARAMETER


@pytest.mark.parametrize(
    "raw",
    [
        b"a=%",
        b"a=%4",
        b"a=%zz",
        b"a=%%41",
        b"%=a",
        b"a=%u0041",
        b"a=%00",
        b"a=b%0d%0aSet-Cookie",
        b"a=%7f",
        b"a=\n",
        b"a=\xc3\xa9",
        b"a=%ff",
        b"a=%c0%af",
        b"a=%ed%a0%80",
        b"\xef\xbb\xbfa=1",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(raw):
    assert refused(raw) is MALFORMED


@pytest.mark.parametrize(
    ("raw", "parameters"),
    [
        (b"", {}),
        (b"&&", {}),
        (b"a", {}),
        (b"a=", {}),
        (b"a=1&&b=2&", {"a": "1", "b": "2"}),
        (b"a=b=c", {"a": "b=c"}),
        (b"a=1+2%2B3", {"a": "1 2+3"}),
        (b"a=1;b=2", {"a": "1;b=2"}),
    ],
)
def test_the_shape_of_pairs(raw, parameters):
    assert parse_form(raw) == parameters


def test_the_number_of_parameters_is_limited():
    assert len(parse_form(b"&".join(b"a%d=1" % n for n in range(MAX_PARAMETERS)))) == MAX_PARAMETERS
    assert refused(b"&" * MAX_PARAMETERS) is TOO_LARGE


def test_a_plus_is_a_space_only_before_decoding():
    assert form_decoded("a+b") == "a b"
    assert form_decoded("a%2Bb") == "a+b"


@pytest.mark.parametrize(
    "media_type",
    [
        b"application/x-www-form-urlencoded",
        b"Application/X-WWW-Form-Urlencoded",
        b"application/x-www-form-urlencoded; charset=UTF-8",
        b'application/x-www-form-urlencoded;charset="utf-8"',
    ],
)
def test_a_form_in_utf8_is_read(media_type):
    assert read([b"a=", b"1"], media_type) == {"a": "1"}


@pytest.mark.parametrize(
    "media_type",
    [
        None,
        b"",
        b"application/json",
        b"multipart/form-data; boundary=x",
        b"application/x-www-form-urlencoded; charset=iso-8859-1",
        b"application/x-www-form-urlencoded, text/plain",
        b"application/x-www-form-urlencodedx",
        b'application/x-www-form-urlencoded; charset="utf-8',
    ],
)
def test_anything_else_is_refused(media_type):
    with pytest.raises(Refusal) as caught:
        read([b"a=1"], media_type)
    assert caught.value.problem is WRONG_MEDIA_TYPE


def test_two_content_types_are_refused():
    async def receive():
        raise AssertionError("the body must not be read")

    kind = (b"content-type", b"application/x-www-form-urlencoded")
    with pytest.raises(Refusal) as caught:
        asyncio.run(read_form({"headers": [kind, kind]}, receive))
    assert caught.value.problem is MALFORMED


def test_the_body_is_limited_to_the_byte_and_not_read_further():
    assert read([b"a=" + b"x" * (FORM_LIMIT - 2)])["a"] == "x" * (FORM_LIMIT - 2)
    with pytest.raises(Refusal) as caught:
        read([b"a=" + b"x" * (FORM_LIMIT - 2), b"x"])
    assert caught.value.problem is TOO_LARGE


def test_a_refusal_never_repeats_what_was_sent():
    for raw in (b"password=hunter22%", b"hunter22=1&hunter22=2", b"a=hunter22%00", b"a=hunter22%ff"):
        with pytest.raises(Refusal) as caught:
            parse_form(raw)
        assert "hunter22" not in repr(caught.value) + str(caught.value)


LEGIBLE = [
    (b"a=1&b=2&a=1", 64, "duplicate_parameter", {"a": "1", "b": "2"}),
    (b"a=1&b=2&a=3", 64, "duplicate_parameter", {"b": "2"}),
    (b"a=1&b=%00&c=%ff&d=%0", 64, "malformed_request", {"a": "1"}),
    (b"a=1&b=\xff&c=3", 64, "malformed_request", {"a": "1", "c": "3"}),
    (b"a=1&b=123456789", 8, "too_large", {"a": "1"}),
    (b"a=1&b=2&c=3", 7, "too_large", {"a": "1"}),
    (b"a=12345678", 4, "too_large", {}),
    (b"&".join(b"a%d=1" % each for each in range(60)), 999, "too_large", {f"a{n}": "1" for n in range(51)}),
]


@pytest.mark.parametrize(("raw", "limit", "code", "legible"), LEGIBLE, ids=map(str, range(len(LEGIBLE))))
def test_of_a_refused_form_that_is_legible_which_can_mean_one_thing_only(raw, limit, code, legible):
    fields, refusal = read([raw[:5], raw[5:]], limit=limit, by=take_form)
    assert (refusal.problem.code, fields) == (code, legible)


def test_a_form_that_is_not_refused_is_taken_as_it_is_read():
    assert read([b"a=1&b="], by=take_form) == ({"a": "1"}, None)


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"]))
    )
)
def test_parameters_are_written_as_urllib_writes_them(parameters):
    assert form_encoded(parameters) == urlencode(parameters)


def test_every_octet_is_written_so_that_it_reads_as_itself():
    text = "".join(map(chr, range(0x20, 0x7F))) + "ü€"
    assert parse_form(form_encoded({text: text, "a": "b&c=d"}).encode()) == {text: text, "a": "b&c=d"}
