"""What the gateway reads of a request and of another issuer's answer, behind what stands before that."""

import email
import json
import logging
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl, quote

from fuzz.target import Target, chosen, compact, expanded, split, text
from gateway.shop import compiled
from gateway.test_contract_forms import FORM, MULTIPART, SCHEMA, TEA, document, named
from tokenward.base.clock import ManualClock
from tokenward.base.problems import Refusal
from tokenward.gateway.access import AccessRequest, HeldBody
from tokenward.gateway.contract.violations import KINDS
from tokenward.gateway.foreign import Terms
from tokenward.gateway.introspection import Introspected, Server
from tokenward.gateway.policy import Operation
from tokenward.gateway.steps import _MAX_QUERY

NOW = 1_800_000_000

logging.getLogger("tokenward.gateway.introspection").addHandler(logging.NullHandler())


def done(work: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as result:
        return result.value
    raise AssertionError("it waits for something")


# What may be told: names of the document, as they stand there.
_NAMED = {"", "number", "limit", "tag", "ids", "filter", "note", "x-level", "theme", "q"}
_PROPERTIES = {
    "id",
    "item",
    "count",
    "gift",
    "labels",
    "child",
    "kind",
    "apples",
    *SCHEMA["properties"],
    "town",
    "*",
}


def _told(operation: Operation, request: AccessRequest, below: str, *, body: bool) -> str:
    contract = operation.contract
    assert contract is not None
    found = list(contract.head(request, below))
    if body:
        found += done(contract.body(request))
    for each in found:
        assert each.kind in KINDS
        parts = {part for part in each.name.split("/") if not part.isdigit()}
        assert each.name in _NAMED or parts <= _PROPERTIES | {""}, "a name that is the caller's"
    return " ".join(sorted({f"{each.kind}:{each.rule}" for each in found})) or "accepted"


def _request(
    query: bytes = b"", headers: tuple[tuple[bytes, bytes], ...] = (), body: bytes = b""
) -> AccessRequest:
    return AccessRequest("POST", b"", query, headers, "192.0.2.1", body=HeldBody(body))


_SHOP = {each.label: each for each in compiled()}


def _parameters(data: bytes) -> Callable[[], str]:
    query, number, level, cookie = split(data[1:], 4)
    query = query[:_MAX_QUERY]
    operation = _SHOP[chosen(data, 0, ("GET /orders", "GET /orders/{number}"))]
    below = f"/orders/{quote(text(number).encode('utf-8', 'replace'), safe='%')}"
    headers = ((b"x-level", level), (b"cookie", cookie)) if level or cookie else ()
    return lambda: _told(operation, _request(query, headers), below, body=False)


_PARAMETER_SEEDS = [
    b"\0limit=5&tag=a&tag=b&ids=1,2&filter[open]=true&filter%5Bfrom%5D=2026-01-31&note=a;b&q=%7B%7D\n\n9\ntheme=dark",
    b"\1\n7",
    b"\0limit=51&limit=1&%zz=1&tag=%ff&debug=1\n\n10\ntheme=dark; theme=light",
    b"\0\0\x0c&tag=a\0",
]


def _json_body(data: bytes) -> Callable[[], str]:
    operation = _SHOP[chosen(data, 0, ("POST /orders", "POST /trees"))]
    octets = expanded(data[1:])
    request = _request(headers=((b"content-type", b"application/json"),), body=octets)

    def call() -> str:
        told = _told(operation, request, "/orders", body=True)
        assert told != "accepted" or isinstance(json.loads(octets), dict)
        return told

    return call


_JSON_SEEDS = [
    b'\0{"item":"tea","count":2,"gift":null,"labels":{"a":"b"}}',
    b'\0{"item":"TEA","count":0}',
    b'\1{"kind":"Oak","child":{"kind":"Elm","apples":[]}}',
    b'\1\0\x05{"kind":"Oak","child":\0',
    b"\0\0\x0d[\0",
]


def _form_operation(kind: str) -> Operation:
    (operation,) = compiled(document=document(SCHEMA, kind), risk="low")
    return operation


_FORMS = {kind: _form_operation(kind) for kind in (FORM, MULTIPART)}


def _form(data: bytes) -> Callable[[], str]:
    kind = chosen(data, 0, (FORM, MULTIPART))
    octets = expanded(data[1:])
    said = kind if kind == FORM else f"{kind}; boundary=B"
    request = _request(headers=((b"content-type", said.encode()),), body=octets)

    def call() -> str:
        told = _told(_FORMS[kind], request, "/a", body=True)
        if told == "accepted":
            others = _by_others(kind, octets)
            single = [name for name in others if name not in {"tags", "ids"}]
            assert len(single) == len(set(single)), "another program reads a field twice"
            assert set(others) <= set(SCHEMA["properties"]), "another program reads another field"
        return told

    return call


def _by_others(kind: str, octets: bytes) -> list[str]:
    """The names of the fields, as Python's own readers have them."""
    if kind == FORM:
        return [name for name, _ in parse_qsl(octets.decode("ascii", "replace"), keep_blank_values=True)]
    message = email.message_from_bytes(b"Content-Type: multipart/form-data; boundary=B\r\n\r\n" + octets)
    return [
        str(part.get_param("name", header="content-disposition"))
        for part in message.walk()
        if part is not message
    ]


_FORM_SEEDS = [
    b"\0name=tea&count=2&gift=true&tags=1&tags=2&place=%7B%22town%22%3A%22Bern%22%7D",
    b"\0name=a&name=b",
    b"\0name=tea\0\x09&x=1\0",
    b"\1" + TEA + named("count", b"9") + b"--B--\r\n",
    b"\1" + TEA + TEA + b"--B--",
]


_TERMS = Terms(
    "https://stranger.example",
    "https://partner.example",
    frozenset({"orders:read"}),
    actor=True,
    sign_in=True,
)


def _introspection(data: bytes) -> Callable[[], str]:
    octets = expanded(data)

    async def post(*_: object, **__: object) -> bytes:
        return octets

    server = Server("https://stranger.example/introspect", lambda: (None, {}), post)
    source = Introspected(server, _TERMS, audience="bank", believed=15, clock=ManualClock(NOW))

    def call() -> str:
        try:
            facts = done(source._ask("their-token", b""))
        except Refusal as refusal:
            return refusal.detail.rpartition(": ")[2]
        if facts is None:
            return "inactive"
        assert facts.audience == _TERMS.audience
        assert facts.scope <= _TERMS.scopes
        assert facts.client_id.startswith(f"{_TERMS.issuer}|")
        assert facts.subject.startswith(f"{_TERMS.issuer}|")
        assert facts.user_id is None or facts.user_id.startswith(f"{_TERMS.issuer}|")
        assert facts.expires_at > NOW >= facts.issued_at - 30
        assert facts.believed_until == NOW + 15
        return "accepted"

    return call


_ANSWER = {
    "active": True, "iss": _TERMS.issuer, "aud": "bank", "client_id": "app", "sub": "alice",
    "token_type": "Bearer",
    "scope": "orders:read orders:write", "iat": NOW - 1, "exp": NOW + 300,
}  # fmt: skip
_ANSWERS = [
    compact(_ANSWER),
    compact(_ANSWER | {"act": {"sub": "robot", "act": {"sub": "b"}}, "amr": ["pwd"], "auth_time": NOW - 9}),
    compact(_ANSWER | {"cnf": {"jkt": "A" * 43}, "token_type": "DPoP", "aud": ["bank", "x"]}),
    compact({"active": False}),
    compact(_ANSWER | {"exp": NOW}),
    b"[]",
]

TARGETS = (
    Target("contract_parameters", _parameters, tuple(_PARAMETER_SEEDS)),
    Target("contract_json", _json_body, tuple(_JSON_SEEDS)),
    Target("contract_form", _form, tuple(_FORM_SEEDS)),
    Target("introspection", _introspection, tuple(_ANSWERS)),
)
