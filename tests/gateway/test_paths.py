import re
import unicodedata
from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tokenward.base.problems import AMBIGUOUS_PATH, TOO_LARGE, Refusal
from tokenward.gateway.paths import MAX_LENGTH, canonical_path


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        (b"/", "/"),
        (b"/a/b.c/~d_e-f", "/a/b.c/~d_e-f"),
        (b"/a/", "/a/"),
        (b"/%61%7E%2d", "/a~-"),
        (b"/a%20b", "/a%20b"),
        (b"/caf%c3%a9", "/caf%C3%A9"),
        (b"/a:b@c!$&'()*+,=", "/a:b@c!$&'()*+,="),
        (b"/.well-known/x", "/.well-known/x"),
        (b"/..a/a../.a", "/..a/a../.a"),
    ],
)
def test_a_path_with_one_reading_has_one_spelling(raw, canonical):
    assert canonical_path(raw) == canonical


REFUSED = [
    b"",
    b"*",
    b"a",
    b"http://x/",
    b"//",
    b"//a",
    b"/a//b",
    b"/a//",
    b"/.",
    b"/..",
    b"/./a",
    b"/a/..",
    b"/...",
    b"/a/../b",
    b"/%2e",
    b"/%2E%2e",
    b"/.%2e/a",
    b"/..%20",
    b"/%20",
    b"/a%2fb",
    b"/a%2Fb",
    b"/a\\b",
    b"/a%5cb",
    b"/a%00",
    b"/a\0",
    b"/a\n",
    b"/a%0d%0a",
    b"/a%7f",
    b"/a;b",
    b"/a%3bb",
    b"/a%25",
    b"/a%252e",
    b"/a#b",
    b"/a%23b",
    b"/a?b",
    b"/a%3fb",
    b"/a b",
    b'/a"b',
    b"/%",
    b"/%2",
    b"/%zz",
    b"/%+1",
    b"/% 1",
    b"/\xc3\xa9",
    b"/%ff",
    b"/%c0%ae",
    b"/%c0%af",
    b"/%e0%80%af",
    b"/%ed%a0%80",
    b"/%ef%bc%8f",
    b"/%ef%bc%8e%ef%bc%8e",
    b"/%e2%80%a4",
    b"/%e2%80%a5",
    b"/%e2%80%a6",
    b"/%ef%bc%9b",
    b"/%ef%bc%85",
    b"/%e2%88%95",
    b"/%e2%81%84",
    b"/%ef%bc%bc",
    b"/%e2%84%80",
    b"/e%cc%81",
    b"/%c2%85",
    b"/a/%2e%2e/b",
]


@pytest.mark.parametrize("raw", REFUSED)
def test_a_path_with_two_readings_is_refused(raw):
    with pytest.raises(Refusal) as refused:
        canonical_path(raw)
    assert refused.value.problem is AMBIGUOUS_PATH
    assert refused.value.detail


def test_a_path_may_be_so_long_and_no_longer():
    assert canonical_path(b"/" + b"a" * (MAX_LENGTH - 1))
    with pytest.raises(Refusal) as refused:
        canonical_path(b"/" + b"a" * MAX_LENGTH)
    assert refused.value.problem is TOO_LARGE


_PIECES = st.sampled_from(
    [
        b"/",
        b".",
        b"..",
        b"%2e",
        b"%2F",
        b"%5C",
        b"%25",
        b";",
        b"%",
        b"a",
        b"Z",
        b"%61",
        b"%c3%a9",
        b"%e2%80%a5",
        b"\xff",
        b"%20",
    ]
)


@given(st.lists(_PIECES, max_size=12).map(b"".join).map(lambda rest: b"/" + rest) | st.binary(max_size=30))
@example(b"/a/%2e%2e/b")
def test_what_passes_is_stable_and_has_no_dot_segment_and_no_hidden_separator(raw):
    try:
        path = canonical_path(raw)
    except Refusal:
        return
    assert canonical_path(path.encode()) == path
    assert path.startswith("/")
    segments = [unquote_to_bytes(segment).decode("utf-8") for segment in path[1:].split("/")]
    assert "" not in segments[:-1]
    for segment in segments:
        assert segment.strip(". ") or not segment
        assert not re.search(r"[/\\;?#%\x00-\x1f\x7f]", segment)


@given(
    st.lists(
        st.text(st.characters(categories=["Lu", "Ll", "Nd"], max_codepoint=0x17F), min_size=1), max_size=4
    )
)
def test_ordinary_letters_in_any_language_pass(segments):
    path = "/" + "/".join(quote(unicodedata.normalize("NFC", segment), safe="") for segment in segments)
    assert canonical_path(path.encode()) == path
