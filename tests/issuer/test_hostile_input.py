"""Whatever arrives, the answer is a clear 4xx or a good one: never a 5xx, never an exception."""

import asyncio
from collections.abc import Generator
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from issuer.house import CALLBACK, Caller, House, house
from tokenward.issuer.redirects import is_registered
from tokenward.store.records import Client
from tokenward.tokens import opaque

FEW = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

_NAMES = st.sampled_from(
    [
        "grant_type", "client_id", "client_secret", "scope", "resource", "code", "code_verifier",
        "redirect_uri", "refresh_token", "token", "token_type_hint", "response_type", "state", "nonce",
        "prompt", "max_age",
        "code_challenge", "code_challenge_method", "started", "request", "decision",
        "device_code", "user_code", "x",
    ]
)  # fmt: skip
_VALUES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "client_credentials",
            "authorization_code",
            "refresh_token",
            "urn:ietf:params:oauth:grant-type:device_code",
            "code",
            "S256",
            CALLBACK,
            "accounts:read",
            "openid",
        ]
        + [opaque.new(kind).secret.reveal() for kind in ("at", "rt", "ac", "dc", "cs")]
        + ["a" * 43, "none", "login", "0"]
    ),
)
_FORMS = st.dictionaries(_NAMES, _VALUES, max_size=8)
_BODIES = st.one_of(
    st.binary(max_size=200), _FORMS.map(lambda form: urlencode(form, errors="replace").encode())
)
_PATHS = st.sampled_from(
    [
        "/token",
        "/par",
        "/introspect",
        "/revoke",
        "/authorize",
        "/authorize/decision",
        "/device_authorization",
        "/device",
        "/device/decision",
    ]
)


class Lived:
    """One house for many examples."""

    def __init__(self, runner: asyncio.Runner, made: House, app: Caller) -> None:
        self.runner, self.house, self.app = runner, made, app

    def status(self, method: str, url: str, **request) -> int:
        self.house.clock.advance(60)  # so that the throttle is no answer to everything
        return self.runner.run(self.house.http.request(method, url, **request)).status_code


@pytest.fixture(scope="module")
def lived(tmp_path_factory) -> Generator[Lived]:
    with asyncio.Runner() as runner:
        context = house(tmp_path_factory.mktemp("issuer"))
        made = runner.run(context.__aenter__())
        try:
            yield Lived(runner, made, runner.run(made.client("web", "accounts:read", "openid")))
        finally:
            runner.run(context.__aexit__(None, None, None))


@FEW
@given(path=_PATHS, body=_BODIES, authenticated=st.booleans())
def test_any_body(lived, path, body, authenticated):
    headers = {"content-type": "application/x-www-form-urlencoded"}
    if authenticated:
        headers |= lived.app.basic()
    assert lived.status("POST", path, content=body, headers=headers) < 500


@FEW
@given(form=_FORMS)
def test_any_query_of_a_known_client(lived, form):
    known = {**lived.app.request(), **form, "client_id": lived.app.id}
    assert lived.status("GET", "/authorize?" + urlencode(known, errors="replace")) < 500


@FEW
@given(query=st.binary(max_size=200))
def test_any_query(lived, query):
    assert lived.status("GET", "/authorize?" + quote(query, safe="&=%+")) < 500


@FEW
@given(value=st.binary(max_size=80), scheme=st.sampled_from([b"Basic ", b"basic ", b"Bearer ", b""]))
def test_any_authorization_header(lived, value, scheme):
    header = (scheme + value).replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"")
    headers = [(b"authorization", header)]
    status = lived.status("POST", "/token", data={"grant_type": "client_credentials"}, headers=headers)
    assert status in (400, 401)


@given(uri=st.text(max_size=60))
def test_no_text_but_the_registered_one_is_a_redirect_address(uri):
    client = Client("c", "n", "native", ("http://127.0.0.1/cb", "com.example:/cb"), (), 0.0)
    assert not is_registered(client, uri) or uri.startswith(("http://127.0.0.1", "com.example:/cb"))


@given(port=st.integers(-5, 100_000))
def test_a_loopback_port_is_one_that_exists(port):
    client = Client("c", "n", "native", ("http://127.0.0.1/cb",), (), 0.0)
    assert is_registered(client, f"http://127.0.0.1:{port}/cb") is (1 <= port <= 65_535)
