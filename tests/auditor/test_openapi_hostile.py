"""Documents that somebody wrote to harm whoever audits them, or that are simply broken."""

import json
import os
import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.test_openapi import CASES, TODAY, document
from tokenward.auditor.openapi.audit import Means, audit_document
from tokenward.auditor.openapi.nodes import File, Node
from tokenward.auditor.openapi.patterns import anchored
from tokenward.auditor.openapi.reading import METHODS, NotOpenApi
from tokenward.auditor.openapi.references import BOUNDS
from tokenward.auditor.openapi.suppression import Allowances
from tokenward.base.documents.reading import parse_leniently
from tokenward.base.documents.source import SourceError


def audited(path):
    source = parse_leniently(path.read_bytes(), path, BOUNDS)
    return audit_document(source, path.name, str(path), Means(TODAY, base=path.parent))


@pytest.fixture
def root(tmp_path):
    """A directory with a document in it, and a secret beside it."""
    (tmp_path / "secret.yaml").write_text("type: string\n")
    room = tmp_path / "room"
    room.mkdir()
    return room


def written(root, reference, **more):
    change = {"components": {"schemas": {"Order": {"properties": {"it": {"$ref": reference}}}}}, **more}
    path = root / "shop.json"
    path.write_text(json.dumps(document(change)))
    return path


REFUSED = [
    ("../secret.yaml", "out of the directory"),
    ("%2e%2e/secret.yaml", "out of the directory"),
    ("/etc/passwd", "out of the directory"),
    ("file:///etc/passwd", "another scheme"),
    ("http://127.0.0.1:1/x.json", "another scheme"),
    ("https://example.com/x.json#/A", "another scheme"),
    ("//example.com/x.json", "another scheme"),
    ("http://[::1", "another scheme"),
    ("link.yaml", "out of the directory"),
    ("nothing.yaml", "no such file"),
    (".", "no file"),
    ("pipe", "no file"),
    ("broken.yaml", "not YAML"),
    ("x\x00y", "can be no file"),
    ("#/components/schemas/Nothing", "no such place"),
    ("#/paths/~1orders/get/security/9", "no such place"),
    ("#anchor", "anchor"),
    ("#/components/schemas/Order/properties/it", "circle"),
]


@pytest.mark.parametrize(("reference", "why"), REFUSED, ids=[repr(row[0]) for row in REFUSED])
def test_a_reference_that_leads_elsewhere_is_not_followed_and_told(root, reference, why):
    (root / "link.yaml").symlink_to(root.parent / "secret.yaml")
    (root / "broken.yaml").write_text("[")

    os.mkfifo(root / "pipe")
    result = audited(written(root, reference))
    assert any(why in each.why for each in result.unseen), result.unseen
    assert not any(each.skipped for each in result.unseen)
    assert all("line " in each.why for each in result.unseen)


def test_references_into_files_beside_and_below_are_followed_and_places_are_theirs(root):
    below = root / "schemas"
    below.mkdir()
    (below / "it.yaml").write_text("A:\n  type: object\n  properties:\n    x: {$ref: '../more.yaml#/B'}\n")
    (root / "more.yaml").write_text("B:\n  type: string\n")
    result = audited(written(root, "schemas/it.yaml#/A"))
    assert not result.unseen
    found = {(it.check.id, it.place.source, it.place.pointer, it.place.line) for it in result.findings}
    assert ("openapi.open-object", "schemas/it.yaml", "/A", 1) in found
    assert ("openapi.string-unbounded", "more.yaml", "/B", 1) in found


def test_a_document_from_the_network_names_no_file(root):
    path = written(root, "more.yaml")
    source = parse_leniently(path.read_bytes(), path, BOUNDS)
    result = audit_document(source, "https://example.com/shop.json", "", Means(TODAY))
    assert "is no file itself" in result.unseen[0].why


def test_an_acceptance_in_another_file_holds_there(root):
    allow = "[{check: openapi.string-unrestricted, reason: x, until: '2027-01-01'}]"
    (root / "more.yaml").write_text(f"B: {{type: string, maxLength: 5, x-tokenward-allow: {allow}}}\n")
    result = audited(written(root, "more.yaml#/B"))
    assert [it.suppression is not None for it in result.findings] == [True]


HOSTILE = {
    "a bomb of aliases": "openapi: 3.1.0\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)),
    "deep lists": "openapi: 3.1.0\npaths: " + "[" * 5_000,
    "deep JSON": '{"openapi": "3.1.0", "paths": ' + '{"a":' * 50_000,
    "cut off": '{"openapi": "3.1.0", "paths": {"/a": {"get": {"resp',
    "an alias around itself": "openapi: 3.1.0\na: &a {b: *a}\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_breaks_off_is_audited_up_to_there(root, name):
    path = root / ("shop.json" if HOSTILE[name].startswith("{") else "shop.yaml")
    path.write_text(HOSTILE[name])
    result = audited(path)
    assert not result.complete
    assert "what comes after it was not read" in result.unseen[0].why


def test_a_circle_of_files_ends(root):
    (root / "a.yaml").write_text("$ref: b.yaml\n")
    (root / "b.yaml").write_text("$ref: a.yaml\n")
    assert "circle" in audited(written(root, "a.yaml")).unseen[0].why


def test_callbacks_in_callbacks_end(root):
    ring = {"$ref": "#/paths/~1orders"}
    change = {"paths": {"/orders": {"post": {"callbacks": {"again": {"{$url}": ring}}}}}}
    assert audited(written(root, "#/x", **change)).complete


def _all_of(*parts):
    return {
        "allOf": [
            {"$ref": f"#/components/schemas/{part}"} if isinstance(part, str) else part for part in parts
        ]
    }


# Each schema a part of many, in ever other company.
COMPANY = {
    "a chain": {f"S{n}": _all_of(f"S{n + 1}", {"maxLength": n}) for n in range(3_000)},
    "a ring": {f"S{n}": _all_of(f"S{(n + 1) % 3_000}", {"pattern": f"^{n}$"}) for n in range(3_000)},
    "each in each": {f"S{n}": _all_of(*(f"S{m}" for m in range(60)), {"format": str(n)}) for n in range(60)},
    "one with thousands": {"S0": _all_of(*({"const": n} for n in range(3_000)))}
    | {f"S{n}": _all_of("S0", {"maxLength": n}) for n in range(1, 3_000)},
    "alternatives": {
        f"S{n}": {"anyOf": _all_of("S0", f"S{n + 1}")["allOf"], "maxLength": n} for n in range(3_000)
    },
}


@pytest.mark.parametrize("name", COMPANY)
def test_parts_of_parts_are_looked_at_a_few_times_each(name, monkeypatch):
    schemas = COMPANY[name]
    made, make = [], Node.__init__
    monkeypatch.setattr(Node, "__init__", lambda node, *of: (made.append(None), make(node, *of))[-1])
    properties = {key: {"$ref": f"#/components/schemas/{key}"} for key in schemas}
    body = {"content": {"application/json": {"schema": {"properties": properties}}}}
    path = {"/a": {"put": {"requestBody": body}}}
    text = json.dumps({"openapi": "3.1.0", "components": {"schemas": schemas}, "paths": path}).encode()
    source = parse_leniently(text, Path("x.json"), BOUNDS)
    audit_document(source, "x.json", "", Means(TODAY))
    assert len(made) < 400 * 3_000


def test_types_that_are_wrong_everywhere_are_passed_over():
    for wrong in (None, 1, "x", [], {}, [None], {"x": None}, True, 1.5):
        for path in _paths(CASES["clean"]):
            data = _with(CASES["clean"], path, wrong)
            try:
                source = parse_leniently(json.dumps(data).encode(), Path("x.json"), BOUNDS)
                audit_document(source, "x.json", "", Means(TODAY))
            except (NotOpenApi, SourceError):
                pass


def _paths(value, before=()):
    if before:
        yield before
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, each in members:
        yield from _paths(each, (*before, key))


def _with(value, path, wrong):
    if not path:
        return wrong
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[path[0]] = _with(value[path[0]], path[1:], wrong)
    return copied


_WORDS = re.findall(
    r"\S+",
    """
openapi swagger info version servers url variables enum default paths parameters name in schema type format
properties items allOf anyOf oneOf additionalProperties $ref requestBody content responses headers security
components schemas securitySchemes flows implicit scopes callbacks webhooks example examples value pattern
maxLength required deprecated x-tokenward-allow check reason until x-internal securityDefinitions definitions
host schemes basePath consumes produces readOnly expires_in
""",
)
_TEXTS = st.sampled_from(
    re.findall(
        r"\S+",
        """
3.1.0 2.0
#/components #/paths/~1a string object array query path http basic oauth2 apiKey ^(a+)+$ ( http://{x}
https:// 2027-01-01 openapi.http-basic id password 200 default application/json body formData * true
{$request.body#/url}
""",
    )
)
_KEYS = st.sampled_from([*_WORDS, *METHODS, "/a", "/a/{id}", "200", "default", "application/json", "id"])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**70) | st.floats(allow_nan=False) | _TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=6),
    max_leaves=40,
)


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(_KEYS, _VALUES, max_size=8), st.sampled_from(["openapi", "swagger"]))
def test_no_document_makes_the_audit_fail(data, generation):
    data = {key: value for key, value in data.items() if key not in {"openapi", "swagger"}}
    data[generation] = "3.1.0" if generation == "openapi" else "2.0"
    text = json.dumps(data).encode()
    source = parse_leniently(text, Path("x.json"), BOUNDS)
    result = audit_document(source, "x.json", "", Means(TODAY))
    assert 0 <= result.numbers["score"] <= 100
    assert all(it.place.line >= 1 for it in result.findings)


@settings(deadline=None)
@given(st.text(alphabet="ab^$|()[]{}*+?\\.,0-9", max_size=30))
def test_no_pattern_makes_the_audit_fail(pattern):
    change = {
        "components": {"schemas": {"Order": {"properties": {"it": {"type": "string", "pattern": pattern}}}}}
    }
    source = parse_leniently(json.dumps(document(change)).encode(), Path("x.json"), BOUNDS)
    audit_document(source, "x.json", "", Means(TODAY))


def test_a_pattern_of_many_groups_is_no_abyss():
    assert not anchored("(" * 2_000 + "^a$" + ")" * 2_000)
    assert anchored("((^a$))")


def test_thousands_of_acceptances_do_not_keep_each_finding_waiting():
    class Counted(str):
        __slots__ = ()
        compared = 0
        __hash__ = str.__hash__

        def __eq__(self, other):
            Counted.compared += 1
            return str.__eq__(self, other)

    other = {"check": "other", "reason": "a partner", "until": "2026-12-31"}
    text = json.dumps({"x-tokenward-allow": [other] * 1_000 + [other | {"check": "mine"}]}).encode()
    source = parse_leniently(text, Path("x.json"), BOUNDS)
    allowances = Allowances(date(2026, 6, 1), frozenset({"other", "mine"}))
    assert allowances.of(Node(File("x.json", "", source), source.data), Counted("mine")) is not None
    assert Counted.compared < 5
