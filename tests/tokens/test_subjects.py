import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.tokens.subjects import sector_identifier, subject

KEY = bytes(range(32))


def test_a_public_subject_is_the_person_s_id():
    assert subject(KEY, "ada", "") == "ada"


def test_a_pairwise_subject_is_the_same_for_ever():
    # Computed apart: HMAC-SHA256 of "12:shop.exampleada", base64url.
    assert subject(KEY, "ada", "shop.example") == "jykJO5lHd8XzogJ2y7B_ztg8fs4DZn5VumMdhA4L6dE"


@given(st.text(), st.text(), st.text(min_size=1), st.text(min_size=1))
def test_another_person_or_another_sector_is_another_subject(one, other, first, second):
    same = (one, first) == (other, second)
    assert (subject(KEY, one, first) == subject(KEY, other, second)) == same


def test_another_key_is_another_subject():
    assert subject(KEY, "ada", "s.example") != subject(bytes(32), "ada", "s.example")


@pytest.mark.parametrize(
    ("uris", "named", "sector"),
    [
        (("https://shop.example/cb",), "", "shop.example"),
        (("https://shop.example/cb", "https://shop.example:8443/other"), "", "shop.example"),
        (("https://a.example/cb", "https://b.example/cb"), "a.example", "a.example"),
        (("com.example.app:/cb",), "app.example", "app.example"),
    ],
)
def test_the_sector_is_the_one_host_or_the_named_one(uris, named, sector):
    assert sector_identifier(uris, named) == sector


@pytest.mark.parametrize(
    ("uris", "named"),
    [
        ((), ""),
        (("https://a.example/cb", "https://b.example/cb"), ""),
        (("com.example.app:/cb",), ""),
        (("http://127.0.0.1/cb",), ""),
        (("http://localhost/cb",), ""),
        (("http://[::1]/cb",), ""),
        (("https://a.example/cb",), "A.example"),
        (("https://a.example/cb",), "https://a.example"),
        (("https://a.example/cb",), "a..example"),
        (("https://a.example/cb",), "a b"),
    ],
)
def test_what_makes_no_sector(uris, named):
    with pytest.raises(ValueError, match="sector"):
        sector_identifier(uris, named)
