"""The sample backends: what they answer, that it fits their documents, and that they verify by themselves."""

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from importlib import import_module
from typing import Any

import httpx
import pytest
import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource

from serving import serving
from tokenward.app.samples import SAMPLES
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.tokens import opaque
from tokenward.tokens.jws import sign_jwt
from tokenward.tokens.keys import SigningKey

INSIDE = "http://127.0.0.1:8000/.well-known/tokenward"
KEY = SigningKey.generate("ES256")


def read_document(name: str) -> dict[str, Any]:
    return yaml.safe_load(SAMPLES[name].document.read_text())


@contextmanager
def published_keys() -> Iterator[str]:
    """The gateway's JWK Set over HTTP."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"keys": [KEY.public_jwk()]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(Handler) as origin:
        yield f"{origin}/jwks.json"


class Caller:
    """Calls one sample in process, as the gateway would."""

    def __init__(self, name: str, jwks_url: str) -> None:
        self.audience = f"http://127.0.0.1:8000/{name}"
        self.app = import_module(SAMPLES[name].module).create_app(
            issuer=INSIDE, audience=self.audience, jwks_url=jwks_url
        )

    def jwt(
        self, scope: str, *, subject: str = "alice", audience: str | None = None, details: object = None
    ) -> str:
        now = int(SYSTEM_CLOCK.time())
        claims = {
            "iss": INSIDE,
            "aud": audience or self.audience,
            "sub": subject,
            "client_id": "app",
            "scope": scope,
            "iat": now,
            "exp": now + 60,
            **({} if details is None else {"authorization_details": details}),
        }
        return sign_jwt(KEY, claims, typ="at+jwt")

    def call(
        self,
        method: str,
        path: str,
        scope: str | None = "",
        *,
        subject: str = "alice",
        details: object = None,
        **more: Any,
    ) -> httpx.Response:
        headers = more.pop("headers", {})
        if scope is not None:
            headers = {
                **headers,
                "Authorization": f"Bearer {self.jwt(scope, subject=subject, details=details)}",
            }

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://backend") as client:
                return await client.request(method, path, headers=headers, **more)

        return asyncio.run(send())


@pytest.fixture
def weather() -> Iterator[Caller]:
    with published_keys() as url:
        yield Caller("weather", url)


@pytest.fixture
def bank() -> Iterator[Caller]:
    with published_keys() as url:
        yield Caller("bank", url)


def assert_documented(name: str, path: str, response: httpx.Response) -> None:
    """The answer is one that the OpenAPI document describes."""
    document = read_document(name)
    registry: Registry[Any] = Registry().with_resource(
        "urn:doc",
        Resource.from_contents({"$schema": "https://json-schema.org/draft/2020-12/schema", **document}),
    )
    described = document["paths"][path][response.request.method.lower()]["responses"][
        str(response.status_code)
    ]
    if "$ref" in described:
        described = document["components"]["responses"][described["$ref"].rpartition("/")[2]]
    schema = described["content"][response.headers["content-type"]]["schema"]
    absolute = json.loads(json.dumps(schema).replace('"#/', '"urn:doc#/'))
    Draft202012Validator(absolute, registry=registry).validate(response.json())


@pytest.mark.parametrize("name", SAMPLES)
def test_the_document_is_valid_openapi(name: str) -> None:
    OpenAPIV31SpecValidator(read_document(name)).validate()


@pytest.mark.parametrize("name", SAMPLES)
def test_every_protected_operation_has_a_scheme_and_documents_its_refusals(name: str) -> None:
    document = read_document(name)
    for path in document["paths"].values():
        for method, operation in path.items():
            if method == "parameters" or operation.get("x-tokenward-risk") == "public":
                continue
            assert operation.get("security", document["security"])
            assert {"401", "403", "404", "429"} <= set(operation["responses"])


@pytest.mark.parametrize("name", SAMPLES)
def test_the_debug_route_is_not_documented(name: str) -> None:
    assert "debug" not in SAMPLES[name].document.read_text()


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/forecast/oslo"), ("GET", "/stations"), ("GET", "/internal/debug"), ("GET", "/nowhere")],
)
def test_weather_called_directly_without_a_jwt_answers_401(weather: Caller, method: str, path: str) -> None:
    response = weather.call(method, path, None)
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer ")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/accounts"),
        ("GET", "/accounts/current"),
        ("POST", "/transfers"),
        ("GET", "/transfers/00000000000"),
        ("GET", "/internal/debug"),
    ],
)
def test_bank_called_directly_without_a_jwt_answers_401(bank: Caller, method: str, path: str) -> None:
    order = {"from": "current", "to": "savings", "amount": "1.00", "currency": "EUR"}
    response = bank.call(method, path, None, json=order if method == "POST" else None)
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer ")
    assert response.headers["content-type"] == "application/problem+json"


def test_a_jwt_for_another_audience_is_refused(weather: Caller) -> None:
    token = weather.jwt("forecast:read", audience="http://127.0.0.1:8000/bank")
    response = weather.call("GET", "/forecast/oslo", None, headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 401


def test_health_needs_no_credential(weather: Caller) -> None:
    response = weather.call("GET", "/health", None)
    assert response.json() == {"status": "ok"}
    assert_documented("weather", "/health", response)


def test_a_forecast_shows_the_jwt_that_the_backend_received(weather: Caller) -> None:
    response = weather.call("GET", "/forecast/lisbon?days=5", "forecast:read")
    assert_documented("weather", "/forecast/{city}", response)
    body = response.json()
    assert len(body["days"]) == 5
    received = body["received"]
    assert 50 < received.pop("seconds_left") <= 60
    assert received == {
        "issuer": INSIDE,
        "audience": [weather.audience],
        "subject": "alice",
        "scope": "forecast:read",
        "typ": "at+jwt",
        "alg": "ES256",
        "kid": KEY.kid,
        "opaque_token_seen": False,
    }


@pytest.mark.parametrize("place", ["header", "query", "percent-encoded query", "body"])
def test_an_opaque_token_that_leaks_through_is_told(weather: Caller, place: str) -> None:
    token = opaque.new("at").secret.reveal()
    path, more = "/forecast/oslo", {}
    if place == "header":
        more = {"headers": {"X-Original-Authorization": f"Bearer {token}"}}
    elif place == "body":
        more = {"content": json.dumps({"token": token})}
    else:
        path += "?access_token=" + (token if place == "query" else token.replace("_", "%5f"))
    response = weather.call("GET", path, "forecast:read", **more)
    assert response.json()["received"]["opaque_token_seen"] is True


@pytest.mark.parametrize(
    ("path", "scope", "status"),
    [
        ("/forecast/atlantis", "forecast:read", 404),
        ("/forecast/oslo?days=0", "forecast:read", 400),
        ("/forecast/oslo?days=%ff", "forecast:read", 400),
        ("/forecast/oslo?days=" + "9" * 5000, "forecast:read", 400),
        ("/forecast/oslo", "", 403),
        ("/forecast/oslo", "forecast:readall", 403),
    ],
)
def test_weather_refuses_as_documented(weather: Caller, path: str, scope: str, status: int) -> None:
    response = weather.call("GET", path, scope)
    assert response.status_code == status
    assert_documented("weather", "/forecast/{city}", response)


def test_stations_fit_the_document(weather: Caller) -> None:
    assert_documented("weather", "/stations", weather.call("GET", "/stations"))


def test_a_transfer_moves_money_once_and_can_be_read(bank: Caller) -> None:
    order = {"from": "current", "to": "savings", "amount": "25.50", "currency": "EUR"}
    made = bank.call("POST", "/transfers", "transfers:write", json=order)
    assert made.status_code == 201
    assert_documented("bank", "/transfers", made)
    assert made.headers["location"] == f"transfers/{made.json()['id']}"

    read = bank.call("GET", "/" + made.headers["location"], "accounts:read")
    assert read.json() == made.json() == {**order, "id": made.json()["id"]}
    assert_documented("bank", "/transfers/{id}", read)

    accounts = bank.call("GET", "/accounts", "accounts:read")
    assert_documented("bank", "/accounts", accounts)
    assert {one["id"]: one["balance"] for one in accounts.json()["accounts"]} == {
        "current": "1224.50",
        "savings": "8025.50",
    }
    one = bank.call("GET", "/accounts/savings", "accounts:read")
    assert_documented("bank", "/accounts/{id}", one)


def test_nobody_reads_or_moves_what_is_anothers(bank: Caller) -> None:
    order = {"from": "current", "to": "savings", "amount": "1000.00", "currency": "EUR"}
    made = bank.call("POST", "/transfers", "transfers:write", json=order)
    path = f"/transfers/{made.json()['id']}"
    assert bank.call("GET", path, "accounts:read", subject="mallory").status_code == 404
    untouched = bank.call("GET", "/accounts/current", "accounts:read", subject="mallory")
    assert untouched.json()["balance"] == "1250.00"


ORDER = {
    "amount": "120.00",
    "currency": "EUR",
    "payee": "Bücherei am Markt",
    "iban": "DE89370400440532013000",
    "reference": "Order 4711",
}
ALLOWED = {"type": "payment", **ORDER}


def test_a_payment_is_made_as_it_was_allowed_and_once(bank: Caller) -> None:
    details = [{"type": "other"}, ALLOWED]
    done = bank.call("POST", "/payments", details=details, json=ORDER)
    assert (done.status_code, done.json()["balance"]) == (201, "1130.00")
    assert_documented("bank", "/payments", done)
    again = bank.call("POST", "/payments", details=details, json=ORDER)
    assert again.status_code == 409
    assert_documented("bank", "/payments", again)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": "120.01"},
        {"payee": "Bücherei"},
        {"iban": "DE89370400440532013001"},
        {"reference": "Order 4712"},
    ],
)
def test_no_other_payment_is_made(change: dict[str, str], bank: Caller) -> None:
    refused = bank.call("POST", "/payments", details=[ALLOWED], json=ORDER | change)
    assert refused.status_code == 403
    assert_documented("bank", "/payments", refused)


@pytest.mark.parametrize("details", [None, [], [{"type": "other", **ORDER}], [{**ALLOWED, "extra": 1}], {}])
def test_without_that_payment_in_the_token_nothing_is_paid(details: object, bank: Caller) -> None:
    scopes = "accounts:read transfers:write"
    assert bank.call("POST", "/payments", scopes, details=details, json=ORDER).status_code == 403


def test_a_large_transfer_moves_what_the_account_holds_and_no_more(bank: Caller) -> None:
    large = {"from": "savings", "to": "current", "amount": "8000.01", "currency": "EUR"}
    refused = bank.call("POST", "/large-transfers", "transfers:write", json=large)
    assert refused.status_code == 409
    assert_documented("bank", "/large-transfers", refused)
    done = bank.call("POST", "/large-transfers", "transfers:write", json=large | {"amount": "8000.00"})
    assert done.status_code == 201
    assert_documented("bank", "/large-transfers", done)
    assert bank.call("GET", "/accounts/current", "accounts:read").json()["balance"] == "9250.00"


def test_scopes_are_checked_operation_by_operation(bank: Caller) -> None:
    order = {"from": "current", "to": "savings", "amount": "1.00", "currency": "EUR"}
    refused = bank.call("POST", "/transfers", "accounts:read", json=order)
    assert refused.status_code == 403
    assert re.search(
        r'error="insufficient_scope".*scope="transfers:write"', refused.headers["www-authenticate"]
    )
    assert_documented("bank", "/transfers", refused)
    assert bank.call("GET", "/accounts", "transfers:write").status_code == 403
    assert bank.call("GET", "/accounts/current", "accounts:read").json()["balance"] == "1250.00"


GOOD = {"from": "current", "to": "savings", "amount": "1.00", "currency": "EUR"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (GOOD | {"amount": "1000.01"}, 422),  # a large transfer
        (GOOD | {"amount": "0.00"}, 422),
        (GOOD | {"amount": "-1.00"}, 422),
        (GOOD | {"amount": 1.0}, 422),
        (GOOD | {"amount": "1e3"}, 422),
        (GOOD | {"amount": "٣.00"}, 422),
        (GOOD | {"to": "current"}, 422),
        (GOOD | {"to": "offshore"}, 404),
        (GOOD | {"to": ["savings"]}, 422),
        (GOOD | {"currency": "USD"}, 422),
        (GOOD | {"owner": "bob"}, 422),
        ({}, 422),
        ([], 422),
        (None, 422),
    ],
)
def test_a_bad_transfer_is_refused_and_moves_nothing(bank: Caller, body: object, status: int) -> None:
    refused = bank.call("POST", "/transfers", "transfers:write", json=body)
    assert refused.status_code == status
    assert_documented("bank", "/transfers", refused)
    assert bank.call("GET", "/accounts/current", "accounts:read").json()["balance"] == "1250.00"


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"", b'{"from":"\\ud800"}', b"[" * 20000])
def test_a_body_that_is_no_json_is_a_clear_refusal(bank: Caller, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    refused = bank.call("POST", "/transfers", "transfers:write", content=content, headers=headers)
    assert refused.status_code in (400, 422)
    assert_documented("bank", "/transfers", refused)
