"""Whatever arrives at the admin listener, the answer is a clear 4xx or a good one: never a 5xx."""

import asyncio
import json
from collections.abc import Generator

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.admin_answers import Documented
from databases import postgres_database
from tokenward.app.admin import admin_app
from tokenward.app.config import load
from tokenward.app.foundation import foundation
from tokenward.app.initialise import initialise

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

_TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["client", "user", "all", "service", "native", "\0", "\ud800", "x" * 300]),
)
_VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), _TEXTS, st.sampled_from([10**40, 1e308, -0.0])
    ),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
_NAMES = st.sampled_from(
    ["client_id", "name", "type", "scopes", "redirect_uris", "overlap", "what", "subject", "before", "x"]
)
_CLIENTS = st.fixed_dictionaries(
    {"name": _TEXTS, "type": st.sampled_from(["web", "spa", "native", "service"])},
    optional={"client_id": _TEXTS, "redirect_uris": st.lists(_TEXTS, max_size=2), "scopes": st.lists(_TEXTS)},
)
_REVOCATIONS = st.fixed_dictionaries(
    {"what": st.sampled_from(["token", "grant", "client", "user", "all"]), "subject": _TEXTS},
    optional={"before": st.floats(allow_nan=True) | st.sampled_from([10**40, -1])},
)
_BODIES = st.one_of(
    st.one_of(_CLIENTS, _REVOCATIONS).map(lambda body: json.dumps(body).encode()),
    st.binary(max_size=60),
    st.dictionaries(_NAMES, _VALUES, max_size=6).map(lambda body: json.dumps(body).encode()),
    st.sampled_from(
        [b"[" * 50_000, b'{"a":' * 5_000, b'{"name":"a","name":"b"}', b"\xef\xbb\xbf{}", b"{", b""]
    ),
)
_PATHS = st.one_of(
    st.sampled_from(["/clients", "/clients/app", "/clients/app/secrets", "/revocations", "/signing-keys"]),
    st.sampled_from(["%00", "%ff", "%ed%a0%80", "%2f", "..", "x" * 2000, "%F0%9F%92%A9"]).map(
        "/clients/{}".format
    ),
    st.sampled_from(["%00", "%ff"]).map("/clients/{}/secrets".format),
)
_TYPES = st.sampled_from(
    ["application/json", "application/json; charset=utf-16", "text/plain", "application/json;;=", "\xff"]
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def status(request, tmp_path_factory) -> Generator:
    """A function that sends one request and returns the status."""
    directory = tmp_path_factory.mktemp("admin")
    initialise(directory)
    with asyncio.Runner() as runner, pytest.MonkeyPatch.context() as patch, postgres_database() as url:
        if request.param == "postgresql":
            patch.setenv("TOKENWARD_TEST_DATABASE", url)
            path = directory / "tokenward.yaml"
            path.write_text(
                path.read_text().replace(
                    "store: sqlite:data/tokenward.db", "store: env:TOKENWARD_TEST_DATABASE"
                )
            )
        opened = foundation(load(directory / "tokenward.yaml").configuration)
        ground = runner.run(opened.__aenter__())
        http = httpx.AsyncClient(
            transport=Documented(admin_app(ground)),
            base_url="http://127.0.0.1:8081",
            headers={"authorization": f"Bearer {(directory / 'data' / 'admin.token').read_text().strip()}"},
        )
        try:
            yield lambda *words, **how: runner.run(http.request(*words, **how)).status_code
        finally:
            runner.run(opened.__aexit__(None, None, None))


@FEW
@given(path=_PATHS, method=st.sampled_from(["GET", "POST", "DELETE", "PUT"]), body=_BODIES, kind=_TYPES)
def test_no_request_makes_it_fail(status, path, method, body, kind):
    assert status(method, path, content=body, headers=[(b"content-type", kind.encode("latin-1"))]) < 500


@FEW
@given(path=st.sampled_from(["/clients", "/clients/app/secrets", "/revocations"]), body=_BODIES)
def test_no_body_makes_it_fail(status, path, body):
    assert status("POST", path, content=body, headers={"content-type": "application/json"}) < 500
