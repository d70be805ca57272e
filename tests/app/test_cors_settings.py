"""CORS in the configuration: what is refused, and what becomes of it."""

import pytest

from app.test_config import GOOD, write  # noqa: F401 - the fixture
from tokenward.app.config import load
from tokenward.gateway.cors import HEADERS

HERE = "    risk: moderate\n"


def cors_of(path):
    loaded = load(path)
    assert loaded.findings == ()
    return loaded.configuration.policy.match("GET", "/bank/accounts").api.cors


def with_cors(cors):
    return GOOD.replace(HERE, f"{HERE}    cors: {cors}\n")


def test_what_the_file_says_is_what_the_gateway_does(write):  # noqa: F811
    assert cors_of(write(GOOD)) is None
    usual = cors_of(write(with_cors("{origins: ['https://app.example', 'http://localhost:3000']}")))
    assert usual.origins == {b"https://app.example", b"http://localhost:3000"}
    assert (usual.methods, usual.headers, usual.credentials, usual.max_age) == (None, HEADERS, False, 600)
    own = (
        "{origins: ['https://a.example'], methods: [GET], headers: [X-Page], credentials: true, max_age: 1h}"
    )
    said = cors_of(write(with_cors(own)))
    assert (said.methods, said.headers) == ({"GET"}, HEADERS | {"x-page"})
    assert (said.credentials, said.max_age) == (True, 3600)
    anybody = cors_of(write(with_cors("{origins: ['*']}")))
    assert anybody.origins == frozenset()
    assert anybody.permits(b"https://any.example", "GET")


@pytest.mark.parametrize(
    ("cors", "code"),
    [
        ("{origins: ['*'], credentials: true}", "cors"),
        ("{origins: ['*', 'https://app.example']}", "cors"),
        ("{origins: []}", "cors"),
        ("{origins: ['null']}", "cors"),
        ("{origins: ['https://app.example/']}", "url"),
        ("{origins: ['https://*.example']}", "url"),
        ("{origins: ['https://App.example']}", "url"),
        ("{origins: ['https://app.example:443']}", "url"),
        ("{origins: ['http://app.example']}", "plain-http"),
        ("{origins: ['https://app.example', 'https://app.example']}", "origin"),
        ("{origins: ['https://app.example'], methods: []}", "cors"),
        ("{origins: ['https://app.example'], methods: [get]}", "cors"),
        ("{origins: ['https://app.example'], headers: ['*']}", "cors"),
        ("{origins: ['https://app.example'], headers: ['a b']}", "cors"),
        ("{origins: ['https://app.example'], max_age: 2d}", "duration"),
        ("{}", "missing-key"),
    ],
)
def test_what_would_let_anybody_in_is_an_error_where_it_stands(write, cors, code):  # noqa: F811
    loaded = load(write(with_cors(cors)))
    assert loaded.configuration is None
    assert [(it.code, it.line) for it in loaded.findings] == [(code, 13)]
    assert loaded.findings[0].remedy
