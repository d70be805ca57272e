import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.tokens import base64url


@given(st.binary(max_size=100))
def test_bytes_come_back(data: bytes):
    assert base64url.decode(base64url.encode(data)) == data


@given(st.text(max_size=20) | st.text("AQgw-_=+/ \n", max_size=12))
def test_a_text_is_the_one_spelling_of_its_bytes_or_refused(text: str):
    try:
        data = base64url.decode(text)
    except ValueError:
        return
    assert base64url.encode(data) == text


@pytest.mark.parametrize(
    "text", ["A", "AB", "AAAAA", "AA==", "AA=", "A A", "AA\n", "+A", "/A", "é", "\ud800", "AAB", "="]
)
def test_other_spellings_are_refused(text: str):
    with pytest.raises(ValueError, match="base64url"):
        base64url.decode(text)
