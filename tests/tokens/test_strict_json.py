import contextlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.tokens.strict_json import MAX_DEPTH, read_object

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**14), 10**14)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(), values, max_size=4), st.booleans())
def test_an_object_comes_back(value: dict[str, object], ascii_only: bool):
    data = json.dumps(value, ensure_ascii=ascii_only).encode()
    try:
        assert read_object(data) == value
    except ValueError as error:
        assert "deeper" in str(error)  # noqa: PT017 - the only reason that such an object may be refused for


@given(st.binary() | st.text('{}[]",:\\u01e', max_size=30).map(str.encode))
def test_any_bytes_give_an_object_or_a_value_error(data: bytes):
    with contextlib.suppress(ValueError):
        assert isinstance(read_object(data), dict)


REFUSED = {
    "nothing": b"",
    "list": b"[]",
    "text": b'"a"',
    "number": b"1",
    "null": b"null",
    "two objects": b"{}{}",
    "trailing text": b"{} x",
    "trailing NUL": b"{}\x00",
    "byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": "{}".encode("utf-16-le"),
    "Latin-1": b'{"a":"\xe9"}',
    "overlong UTF-8": b'{"a":"\xc0\xaf"}',
    "encoded surrogate": b'{"a":"\xed\xa0\x80"}',
    "same name twice": b'{"a":1,"a":1}',
    "same name twice, escaped": b'{"a":1,"\\u0061":2}',
    "same name twice, inside": b'{"b":[{"a":1,"a":2}]}',
    "lone surrogate": b'{"a":"\\ud800"}',
    "lone surrogate in a name": b'{"\\udfff":1}',
    "lone surrogate in a list": b'{"a":[["\\ud800x"]]}',
    "surrogates in the wrong order": b'{"a":"\\udc00\\ud800"}',
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":Infinity}',
    "-Infinity": b'{"a":-Infinity}',
    "float out of range": b'{"a":-1e400}',
    "integer of 17 digits": b'{"a":10000000000000000}',
    "integer of 2⁵³": b'{"a":9007199254740992}',
    "integer of -2⁵³": b'{"a":-9007199254740992}',
    "integer of many digits": b'{"a":' + b"1" * 10_000 + b"}",
    "control character": b'{"a":"\n"}',
    "single quotes": b"{'a':1}",
    "comment": b'{"a":1/**/}',
    "trailing comma": b'{"a":1,}',
    "leading zero": b'{"a":01}',
    "one level too deep": b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}",
    "far too deep": b'{"a":' * 100_000,
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_what_two_parsers_could_read_differently_is_refused(data: bytes):
    with pytest.raises(ValueError, match=r"."):
        read_object(data)


def test_the_largest_integers_that_all_programs_agree_on_are_read():
    assert read_object(b'{"a":9007199254740991,"b":-9007199254740991}') == {"a": 2**53 - 1, "b": 1 - 2**53}


def test_the_deepest_allowed_object_is_read():
    depth = MAX_DEPTH - 1
    assert read_object(b'{"a":' + b"[" * depth + b"]" * depth + b"}")


def test_brackets_inside_texts_are_no_depth():
    text = '[{\\"' * 50
    assert read_object(json.dumps({"a": text, "b": [text]}).encode()) == {"a": text, "b": [text]}


def test_many_siblings_are_no_depth():
    assert read_object(json.dumps({"a": [[]] * 50}).encode())


def test_a_pair_of_surrogates_is_one_character():
    assert read_object(b'{"a":"\\ud83d\\udd11"}') == {"a": "\U0001f511"}


@pytest.mark.parametrize(
    "data", [b'{"' + b'\\"' * 100_000, b"[" * 20 + b'"' * 200_000, b'"\\' * 100_000 + b"[" * 20]
)
def test_hostile_quoting_takes_linear_time(data: bytes):
    start = time.process_time()
    with pytest.raises(ValueError, match=r"."):
        read_object(data)
    assert time.process_time() - start < 2  # quadratic time would be minutes
