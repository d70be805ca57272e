import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.tokens.target_uri import normal_form

SAME = {
    "https://api.example/": [
        "https://api.example",
        "HTTPS://API.EXAMPLE/",
        "https://api.example:443/",
        "https://api.example:/",
        "https://api.example:0443/",
        "https://api.example/?a=b",
        "https://api.example?a=b",
        "https://api.example/#top",
        "https://api.example/.",
        "https://api.example/..",
        "https://api.example/a/..",
        "https://api.example/a/%2e%2E",
    ],
    "http://api.example/": ["http://api.example:80"],
    "https://api.example/a/b": [
        "https://api.example/a/./b",
        "https://api.example/a/x/../b",
        "https://api.example/%61/b",
        "https://api.example/../a/b",
    ],
    "https://api.example/~a%2Fb": ["https://api.example/%7ea%2fb"],
    "https://[::1]:8443/a": ["https://[::1]:8443/a?b"],
}
DIFFERENT = [
    "https://api.example/",
    "http://api.example/",
    "https://api.example:8443/",
    "https://api.example.:443/",
    "https://other.example/",
    "https://api.example/a",
    "https://api.example/A",
    "https://api.example/a/",
    "https://api.example//a",
    "https://api.example/a%2F",
    "https://api.example/a%2Fb",
    "https://api.example/a/b",
    "https://api.example/a;b",
    "https://api.example/a%3Bb",
    "https://api.example/a%00",
    "https://[::1]/a",
]
NONE = [
    "",
    "/a",
    "api.example/a",
    "//api.example/a",
    "ftp://api.example/a",
    "javascript:alert(1)",
    "https:///a",
    "https://",
    "https:api.example",
    "https://user@api.example/",
    "https://user:secret@api.example/",
    "https://@api.example/",
    "https://api.example:port/",
    "https://api.example:65536/",
    "https://api.example:-1/",
    "https://[::1/",
    "https://[fe80::x]/",
    "https://api.example/a b",
    " https://api.example/",
    "https://api.example/\n",
    "https://api.exa\tmple/",
    "https://api.example/é",
    "https://api.example/\ud800",
    "https://api.example\\@evil.example/",
    "https://api.example/a\\b",
    "https://api.example/%",
    "https://api.example/%4",
    "https://api.example/%zz",
    "https://api.example/%%34%31",
]


@pytest.mark.parametrize(("form", "spellings"), SAME.items(), ids=SAME)
def test_what_makes_no_difference(form: str, spellings: list[str]):
    for spelling in spellings:
        assert normal_form(spelling) == normal_form(form) is not None, spelling


def test_the_form_is_a_url_with_its_port():
    assert normal_form("https://[::1]") == "https://[::1]:443/"
    assert normal_form("http://API.example/%61?x") == "http://api.example:80/a"
    for up in ("a/b/..", "a/.", "a/b/%2e%2E"):  # RFC 3986 §5.2.4: a directory
        assert normal_form(f"https://api.example/{up}") == "https://api.example:443/a/"


def test_anything_else_does():
    assert len({normal_form(url) for url in DIFFERENT}) == len(DIFFERENT)


@pytest.mark.parametrize("url", NONE)
def test_what_is_no_target_has_no_form(url: str):
    assert normal_form(url) is None


urls = st.builds(
    "{}://{}{}{}".format,
    st.sampled_from(["https", "HTTP", "ws"]),
    st.sampled_from(["a.example", "A", "[::1]", "1.2.3.4", "a%41"]),
    st.sampled_from(["", ":443", ":80", ":1"]),
    st.text("/.%2eEfF~aA;?#:@", max_size=24).map(lambda path: f"/{path}" if path else ""),
)


@given(urls | st.text())
def test_a_normal_form_is_its_own(url: str):
    form = normal_form(url)
    if form is not None:
        assert normal_form(form) == form
        assert "?" not in form
        assert "#" not in form
        assert not {".", ".."} & set(form.split("/")[3:])
