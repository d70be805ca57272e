"""Headers of answers and bounds of calls in the configuration."""

import pytest

from app.test_config import GOOD, write  # noqa: F401 - the fixture
from tokenward.app.config import load
from tokenward.gateway.answer_headers import DEFAULTS
from tokenward.gateway.bounds import UNBOUND, Bounds

HERE = "    risk: moderate\n"
LISTED = "listAccounts: {scopes: [accounts:list]}"


def matched(path, asked="/bank/accounts"):
    loaded = load(path)
    assert loaded.findings == ()
    return loaded.configuration.policy.match("GET", asked)


def test_headers_have_their_defaults_and_what_the_file_says_instead(write):  # noqa: F811
    def said(text):
        return {
            name.decode(): value.decode() for name, value in matched(write(text)).api.answers.authenticated
        }

    usual = {name: value for name, value in DEFAULTS.items() if name != "strict-transport-security"}
    assert said(GOOD) == usual
    own = "answer_headers: {Referrer-Policy: null, cross-origin-resource-policy: same-site}"
    changed = usual | {"cross-origin-resource-policy": "same-site"}
    del changed["referrer-policy"]
    assert said(GOOD.replace(HERE, f"{HERE}    {own}\n")) == changed


def test_https_is_told_where_the_gateway_has_it(write):  # noqa: F811
    text = GOOD.replace("gateway: {url: http://127.0.0.1:8000,", "gateway: {url: https://api.example,")
    assert (b"strict-transport-security", b"max-age=31536000") in matched(write(text)).api.answers.anonymous


def test_bounds_of_an_operation_win_over_those_of_its_api(write):  # noqa: F811
    assert matched(write(GOOD)).operation.bounds is UNBOUND
    text = GOOD.replace(HERE, f"{HERE}    bounds: {{body: 1MiB, read: 2m}}\n")
    text = text.replace(LISTED, LISTED.replace("}", ", bounds: {body: 4KiB, client: 5s, connect: 1s}}"))
    assert matched(write(text)).operation.bounds == Bounds(4096, 1, 120, 5)
    assert matched(write(text), "/bank/accounts/7").operation.bounds == Bounds(body=1024**2, read=120)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("answer_headers: {Server: x}", "answer-header"),
        ("answer_headers: {Set-Cookie: a=b}", "answer-header"),
        ('answer_headers: {Referrer-Policy: "a\\r\\nb"}', "answer-header"),
        ("answer_headers: {Referrer-Policy: ''}", "answer-header"),
        ("bounds: {body: 10}", "size"),
        ("bounds: {body: 2GiB}", "size"),
        ("bounds: {body: 10MB}", "size"),
        ("bounds: {read: 2h}", "duration"),
        ("bounds: {read: 0s}", "duration"),
    ],
)
def test_what_cannot_be_meant_is_an_error_where_it_stands(write, said, code):  # noqa: F811
    loaded = load(write(GOOD.replace(HERE, f"{HERE}    {said}\n")))
    assert [(it.code, it.severity, it.line) for it in loaded.findings] == [(code, "error", 13)]
