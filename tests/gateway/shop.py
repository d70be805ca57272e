"""An API whose document is a contract: what the tests of it, and the case table, ask for."""

from tokenward.gateway.openapi import ApiRules, operations


def scalar(kind, **more):
    return {"type": kind, **more}


def parameter(name, place, schema, **more):
    return {"name": name, "in": place, "schema": schema, **more}


def body(schema, media_type="application/json", *, required=True):
    return {"required": required, "content": {media_type: {"schema": schema}}}


ANSWERS = {"responses": {"200": {"description": "Done."}}}

DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Shop", "version": "1"},
    "security": [{"oauth2": ["orders"]}],
    "paths": {
        "/orders": {
            "get": {
                "parameters": [
                    parameter("limit", "query", scalar("integer", minimum=1, maximum=50)),
                    parameter("tag", "query", {"type": "array", "items": scalar("string", maxLength=5)}),
                    parameter(
                        "ids",
                        "query",
                        {"type": "array", "maxItems": 3, "items": scalar("integer")},
                        explode=False,
                    ),
                    parameter(
                        "filter",
                        "query",
                        {
                            "type": "object",
                            "additionalProperties": False,
                            "properties": {
                                "open": scalar("boolean"),
                                "from": scalar("string", format="date"),
                            },
                        },
                        style="deepObject",
                    ),
                    parameter("note", "query", scalar("string"), allowReserved=True),
                    parameter("X-Level", "header", scalar("integer", maximum=9)),
                    parameter("theme", "cookie", {"enum": ["dark", "light"]}),
                    {
                        "name": "q",
                        "in": "query",
                        "content": {"application/json": {"schema": scalar("object")}},
                    },
                ],
                **ANSWERS,
            },
            "post": {
                "requestBody": {"$ref": "#/components/requestBodies/Order"},
                **ANSWERS,
            },
        },
        "/orders/{number}": {
            "parameters": [parameter("number", "path", scalar("integer"), required=True)],
            "get": {**ANSWERS},
            "delete": {**ANSWERS},
            "put": {"requestBody": body({"$ref": "#/components/schemas/Order"}, required=False), **ANSWERS},
        },
        "/search": {
            "get": {"parameters": [parameter("word", "query", scalar("string"), required=True)], **ANSWERS}
        },
        "/trees": {"post": {"requestBody": body({"$ref": "#/components/schemas/Tree"}), **ANSWERS}},
        "/files": {"post": {"requestBody": body({}, "application/octet-stream"), **ANSWERS}},
        "/ending": {
            "get": {
                "deprecated": True,
                "x-tokenward-deprecated": "2026-12-01",
                "x-tokenward-sunset": "2027-06-01T00:00:00Z",
                "x-tokenward-deprecation-link": "https://shop.example/changes",
                **ANSWERS,
            }
        },
        "/ended": {
            "get": {
                "deprecated": True,
                "x-tokenward-deprecated": "2026-01-01",
                "x-tokenward-sunset": "2026-06-01",
                **ANSWERS,
            }
        },
    },
    "components": {
        "securitySchemes": {"oauth2": {"type": "oauth2", "flows": {}}},
        "requestBodies": {"Order": body({"$ref": "#/components/schemas/Order"})},
        "schemas": {
            "Order": {
                "type": "object",
                "required": ["id", "item", "count"],
                "additionalProperties": False,
                "properties": {
                    "id": scalar("integer", readOnly=True),
                    "item": {"$ref": "#/components/schemas/Item"},
                    "count": scalar("integer", minimum=1, format="int32"),
                    "gift": {"anyOf": [scalar("string", maxLength=20), {"type": "null"}]},
                    "labels": {"type": "object", "additionalProperties": scalar("string", maxLength=3)},
                },
            },
            "Item": scalar("string", pattern="^[a-z]{1,10}$"),
            # Both alternatives describe `child`, which a careless validator looks at 2^n times.
            "Tree": {"oneOf": [{"$ref": "#/components/schemas/Oak"}, {"$ref": "#/components/schemas/Elm"}]},
            **{
                name: {
                    "type": "object",
                    "required": ["kind"],
                    "properties": {
                        "child": {"$ref": "#/components/schemas/Tree"},
                        "kind": {"const": name},
                        "apples": {"type": "array"},
                    },
                }
                for name in ("Oak", "Elm")
            },
        },
    },
}


def compiled(contract="enforce", document=DOCUMENT, risk="moderate"):
    """The operations of a document, of which nothing has to be mended."""
    found, problems = operations(document, ApiRules(risk=risk, contract=contract))
    assert not problems, problems
    return found


SHOP_OPERATIONS = compiled()
