import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.world import BANK
from tokenward.gateway.openapi import ApiRules, OperationRule, operations
from tokenward.gateway.policy import Api, Policy
from tokenward.gateway.upstreams import Pool

DOCUMENT = {
    "openapi": "3.1.0",
    "components": {
        "securitySchemes": {
            "oauth": {"type": "oauth2", "flows": {}},
            "oidc": {"type": "openIdConnect"},
            "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        },
        "pathItems": {"shared": {"get": {"operationId": "getShared", "x-tokenward-risk": "low"}}},
    },
    "security": [{"oauth": ["accounts:read"]}],
    "paths": {
        "/accounts/{id}": {"get": {"operationId": "getAccount"}, "parameters": []},
        "/transfers": {"post": {"operationId": "transfer", "security": [{"oauth": ["transfers:write"]}]}},
        "/about": {"get": {"operationId": "about", "x-tokenward-risk": "public", "security": []}},
        "/x-ray/café": {"get": {"x-tokenward-risk": "low"}},
        "/shared": {"$ref": "#/components/pathItems/shared"},
        "x-extension": {},
    },
}
RULES = ApiRules(risk="moderate")


def changed(**paths):
    document = copy.deepcopy(DOCUMENT)
    for path, item in paths.items():
        document["paths"][path.replace("__", "/")] = item
    return document


def one(item, rules=RULES, path="/one"):
    """The outcome for a document with that path item only."""
    document = copy.deepcopy(DOCUMENT)
    document["paths"] = {path: item}
    return operations(document, rules)


def texts(result):
    return [problem.text for problem in result[1]]


def test_a_sound_document_gives_its_operations():
    found, problems = operations(DOCUMENT, RULES)
    assert problems == []
    assert {(each.label, each.operation_id, each.tier.name, tuple(each.scopes)) for each in found} == {
        ("GET /accounts/{id}", "getAccount", "moderate", ("accounts:read",)),
        ("POST /transfers", "transfer", "moderate", ("transfers:write",)),
        ("GET /about", "about", "public", ()),
        ("GET /x-ray/caf%C3%A9", "GET /x-ray/caf%C3%A9", "low", ("accounts:read",)),
        ("GET /shared", "getShared", "low", ("accounts:read",)),
    }
    Policy([Api("a", "/a", Pool(("http://127.0.0.1:9",)), BANK, found)])


def test_the_configuration_adds_by_id_or_by_method_and_path():
    item = {"get": {"operationId": "read", "security": [{"key": []}]}, "put": {"security": [{"key": []}]}}
    rules = ApiRules(
        operations={
            "read": OperationRule("low"),
            "PUT /one": OperationRule("moderate", frozenset({"write"})),
        }
    )
    found, problems = one(item, rules)
    assert problems == []
    assert [(each.operation_id, each.tier.name, set(each.scopes)) for each in found] == [
        ("read", "low", set()),
        ("PUT /one", "moderate", {"write"}),
    ]


@pytest.mark.parametrize("documented", [True, False, None])
@pytest.mark.parametrize("configured", [True, False])
def test_document_or_configuration_says_what_is_a_websocket(documented, configured):
    item = {"get": {"security": [{"key": []}]}}
    if documented is not None:
        item["get"]["x-tokenward-websocket"] = documented
    rules = ApiRules(operations={"GET /one": OperationRule("low", websocket=configured)})
    (found,), problems = one(item, rules)
    assert problems == []
    assert found.websocket is bool(documented or configured)


def rule(risk=None, scopes=None, name="GET /one"):
    return ApiRules(
        risk="moderate",
        operations={name: OperationRule(risk, frozenset(scopes) if scopes is not None else None)},
    )


GET = {"get": {}}
KEY_ONLY = {"get": {"security": [{"key": []}]}}

PROBLEMS = [
    (
        "a WebSocket that is no GET",
        {"post": {"x-tokenward-websocket": True, "security": [{"key": []}], "x-tokenward-risk": "low"}},
        RULES,
        ("paths", "/one", "post", "x-tokenward-websocket"),
        "document",
    ),
    (
        "neither a WebSocket nor none",
        {"get": {"x-tokenward-websocket": "yes", "security": [{"key": []}], "x-tokenward-risk": "low"}},
        RULES,
        ("paths", "/one", "get", "x-tokenward-websocket"),
        "document",
    ),
    (
        "a WebSocket that is no GET, says the configuration",
        {"put": {"security": [{"key": []}]}},
        ApiRules(operations={"PUT /one": OperationRule("low", websocket=True)}),
        ("operations", "PUT /one", "websocket"),
        "config",
    ),
    ("nobody said how risky", GET, ApiRules(), ("paths", "/one", "get"), "document"),
    ("moderate without a scope", KEY_ONLY, RULES, ("paths", "/one", "get"), "document"),
    ("moderate with scopes taken away", KEY_ONLY, rule(scopes=[]), ("paths", "/one", "get"), "document"),
    ("no such tier", GET, ApiRules(risk="medium"), ("risk",), "config"),
    (
        "a tier that is no text",
        {"get": {"x-tokenward-risk": ["low"]}},
        RULES,
        ("paths", "/one", "get", "x-tokenward-risk"),
        "document",
    ),
    (
        "contradicting tiers",
        {"get": {"x-tokenward-risk": "public"}},
        rule("moderate"),
        ("operations", "GET /one", "risk"),
        "config",
    ),
    ("contradicting scopes", GET, rule(scopes=["other"]), ("operations", "GET /one", "scopes"), "config"),
    ("public with scopes", GET, rule("public"), ("security",), "document"),
    (
        "public with configured scopes",
        KEY_ONLY,
        rule("public", ["a"]),
        ("operations", "GET /one", "scopes"),
        "config",
    ),
    (
        "anybody in the document, moderate here",
        {"get": {"security": []}},
        rule(scopes=["a"]),
        ("paths", "/one", "get", "security"),
        "document",
    ),
    (
        "optional in the document, moderate here",
        {"get": {"security": [{"oauth": ["a"]}, {}]}},
        RULES,
        ("paths", "/one", "get", "security"),
        "document",
    ),
    ("an unknown operation", GET, rule(name="nosuch"), ("operations", "nosuch"), "config"),
    ("a quote in a scope", KEY_ONLY, rule(scopes=['a"b']), ("operations", "GET /one", "scopes"), "config"),
    (
        "a space in a scope",
        {"get": {"security": [{"oauth": ["a b"]}]}},
        RULES,
        ("paths", "/one", "get", "security", 0, "oauth"),
        "document",
    ),
    (
        "an undeclared scheme",
        {"get": {"security": [{"nosuch": []}]}},
        RULES,
        ("paths", "/one", "get", "security", 0, "nosuch"),
        "document",
    ),
    (
        "different alternatives",
        {"get": {"security": [{"oauth": ["a"]}, {"oidc": ["b"]}]}},
        RULES,
        ("paths", "/one", "get", "security"),
        "document",
    ),
    (
        "an alternative that needs no scope",
        {"get": {"security": [{"oauth": ["a"]}, {"key": []}]}},
        RULES,
        ("paths", "/one", "get", "security"),
        "document",
    ),
    (
        "security of the wrong type",
        {"get": {"security": {"oauth": []}}},
        RULES,
        ("paths", "/one", "get", "security"),
        "document",
    ),
    ("an operation of the wrong type", {"get": []}, RULES, ("paths", "/one", "get"), "document"),
    (
        "an operationId of the wrong type",
        {"get": {"operationId": 7}},
        RULES,
        ("paths", "/one", "get"),
        "document",
    ),
    ("a path item of the wrong type", [], RULES, ("paths", "/one"), "document"),
    ("TRACE", {"trace": {}}, RULES, ("paths", "/one", "trace"), "document"),
    ("a reference out of the document", {"$ref": "other.yaml"}, RULES, ("paths", "/one", "$ref"), "document"),
    ("a reference by URL", {"$ref": "http://127.0.0.1/x"}, RULES, ("paths", "/one", "$ref"), "document"),
    (
        "a reference beside more",
        {"$ref": "#/components/pathItems/shared", "get": {}},
        RULES,
        ("paths", "/one", "$ref"),
        "document",
    ),
    ("a reference in a circle", {"$ref": "#/paths/~1one"}, RULES, ("paths", "/one", "$ref"), "document"),
    ("a dangling reference", {"$ref": "#/nosuch/x"}, RULES, ("paths", "/one"), "document"),
]


@pytest.mark.parametrize(
    ("item", "rules", "location", "source"), [row[1:] for row in PROBLEMS], ids=[row[0] for row in PROBLEMS]
)
def test_a_problem_is_found_at_its_place(item, rules, location, source):
    found, problems = one(item, rules)
    assert found == ()
    assert [(problem.location, problem.source) for problem in problems] == [(location, source)]
    assert problems[0].text
    assert problems[0].remedy


@pytest.mark.parametrize(
    "path",
    [
        "/a//b",
        "/a/../b",
        "/./a",
        "/a;b",
        "/a#b",
        "/a?b",
        "/a%2Fb",
        "/a\\b",
        "/a%25b",
        "one",
        "",
        "/{a}.{b}",
        "/x{a}",
        "/{a",
        "/{}",
        "/{a}/{a}",
    ],
)
def test_a_path_that_no_request_can_reach_is_a_problem(path):
    found, problems = one(GET, path=path)
    assert found == ()
    assert [problem.location for problem in problems] == [("paths", path)]


def test_two_paths_of_one_shape_are_a_problem():
    _, problems = operations(changed(**{"__accounts__{other}": {"get": {"operationId": "other"}}}), RULES)
    assert [problem.location for problem in problems] == [("paths", "/accounts/{other}")]


def test_two_spellings_of_one_path_are_a_problem():
    _, problems = operations(changed(**{"__%61bout": {"get": {"x-tokenward-risk": "low"}}}), RULES)
    assert [problem.location for problem in problems] == [("paths", "/%61bout")]


def test_an_operation_id_twice_is_a_problem():
    _, problems = operations(changed(__other={"get": {"operationId": "getAccount"}}), RULES)
    assert {problem.location[-1] for problem in problems} == {"operationId"}


def test_two_entries_for_one_operation_are_a_problem():
    rules = ApiRules("moderate", {"about": OperationRule("public"), "GET /about": OperationRule("public")})
    assert texts(operations(DOCUMENT, rules)) == ["about has two entries"]


def test_the_configuration_chooses_between_alternatives():
    item = {"get": {"security": [{"oauth": ["a"]}, {"oidc": ["b"]}]}}
    found, problems = one(item, rule(scopes=["a"]))
    assert problems == []
    assert found[0].scopes == {"a"}


@pytest.mark.parametrize("version", [None, 3.1, "2.0", "3.2.0", "4.0.0"])
def test_another_format_is_a_problem(version):
    found, problems = operations({"openapi": version, "paths": {}}, RULES)
    assert found == ()
    assert [problem.location for problem in problems] == [("openapi",)]


@pytest.mark.parametrize("paths", [{}, None, [], {"x-a": {}}])
def test_a_document_without_operations_is_a_problem(paths):
    document = {"openapi": "3.1.0"} | ({"paths": paths} if paths is not None else {})
    assert [problem.location for problem in operations(document, RULES)[1]] == [("paths",)]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["get", "$ref", "security", "operationId", "oauth", "x-tokenward-risk", "/a"]),
            inner,
        )
    ),
    max_leaves=8,
)


@given(_JSON, _JSON, _JSON)
def test_no_document_makes_it_raise(item, security, components):
    document = {"openapi": "3.0.3", "paths": {"/a": item}, "security": security, "components": components}
    found, problems = operations(document, ApiRules(risk="low"))
    assert found or problems
