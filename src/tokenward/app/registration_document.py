"""The OpenAPI document of the issuer's registration endpoint (RFC 7591, RFC 7592): the API for clients.

The metadata is read by `issuer.client_metadata`, whose rules go further than a schema can; the tests of
registration hold every request that was taken and every answer against this.
"""

import importlib.metadata
from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field, TypeAdapter, with_config
from pydantic.json_schema import JsonSchemaMode
from typing_extensions import TypedDict

from tokenward.app.admin_values import Jwk
from tokenward.base.problems import (
    INTERNAL_ERROR,
    INVALID_CLIENT_METADATA,
    INVALID_REDIRECT_URI,
    INVALID_TOKEN,
    JSON_EXPECTED,
    MALFORMED,
    NOT_FOUND,
    REGISTRATION_FULL,
    TOLD,
    TOO_LARGE,
    TOO_MANY_REQUESTS,
    UNAPPROVED_SOFTWARE_STATEMENT,
    UNAVAILABLE,
    Problem,
)
from tokenward.issuer.asgi import ROUTES
from tokenward.issuer.registering import PATH

SERVER = "https://login.example"

Text = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
Contact = Annotated[str, Field(min_length=1, max_length=2_000, pattern=r"^[^\x00-\x1f\x7f]+$")]
Uri = Annotated[str, Field(max_length=2_000, pattern=r"^[!-~]+$")]
Page = Annotated[str, Field(max_length=2_000, pattern=r"^https://[!-~]+$|^$")]
Scopes = Annotated[str, Field(max_length=4_000, pattern=r"^[\x20\x21\x23-\x5b\x5d-\x7e]*$")]
Moment = Annotated[int, Field(ge=0, le=253_402_300_799)]
Id = Annotated[str, Field(pattern=r"^[0-9A-Za-z]{22}$")]
Method = Literal["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]
Grants = Annotated[
    list[Literal["authorization_code", "refresh_token"]],
    Field(max_length=20, json_schema_extra={"contains": {"const": "authorization_code"}}),
]


class KeySet(TypedDict):
    """A JWK Set with public keys (RFC 7517 §5)."""

    keys: Annotated[list[Jwk], Field(max_length=20)]


class _Said(TypedDict):
    redirect_uris: Annotated[list[Uri], Field(min_length=1, max_length=20)]
    client_name: NotRequired[Name]
    application_type: NotRequired[Literal["web", "native"]]
    token_endpoint_auth_method: NotRequired[Method]
    grant_types: NotRequired[Grants]
    response_types: NotRequired[Annotated[list[Literal["code"]], Field(min_length=1, max_length=1)]]
    scope: NotRequired[Scopes]
    jwks: NotRequired[KeySet]
    jwks_uri: NotRequired[Page]
    dpop_bound_access_tokens: NotRequired[bool]
    require_pushed_authorization_requests: NotRequired[bool]
    client_uri: NotRequired[Page]
    logo_uri: NotRequired[Page]
    policy_uri: NotRequired[Page]
    tos_uri: NotRequired[Page]
    software_id: NotRequired[Text]
    software_version: NotRequired[Text]
    contacts: NotRequired[Annotated[list[Contact], Field(max_length=20)]]


class ClientMetadata(_Said):
    """What a client says of itself (RFC 7591 §2). What nobody here knows is ignored."""


class ChangedMetadata(_Said):
    """What it says from now on, in the place of all that it said (RFC 7592 §2.2)."""

    client_id: Id


@with_config(extra="forbid")
class Registration(_Said):
    """What is registered (RFC 7591 §3.2.1, RFC 7592 §3)."""

    client_id: Id
    client_id_issued_at: Moment
    registration_client_uri: Uri


class Registered(Registration):
    """The same, with what is shown this once: a secret that is new, and the registration access token."""

    client_secret: NotRequired[Annotated[str, Field(max_length=100, description="Shown this once.")]]
    client_secret_expires_at: NotRequired[Moment]
    registration_access_token: NotRequired[Annotated[str, Field(max_length=100)]]


_MODELS: tuple[Any, ...] = (ClientMetadata, ChangedMetadata, Registration, Registered)
_ERROR: dict[str, Any] = {
    "type": "object",
    "properties": {
        "error": {"type": "string", "pattern": "^[a-z_]{1,60}$"},
        "error_description": {"type": "string", "maxLength": 10_000, "pattern": f"^{TOLD}+$"},
    },
    "required": ["error", "error_description"],
    "additionalProperties": False,
}
_ALWAYS = (NOT_FOUND, INVALID_TOKEN, TOO_MANY_REQUESTS, UNAVAILABLE, INTERNAL_ERROR)
_WRITING = (
    INVALID_CLIENT_METADATA, INVALID_REDIRECT_URI, UNAPPROVED_SOFTWARE_STATEMENT, TOO_LARGE, JSON_EXPECTED,
)  # fmt: skip
# method → operationId, scheme, model of the body, status, what else it may be refused for.
_TABLE: dict[str, tuple[str, str, str | None, int, tuple[Problem, ...]]] = {
    "POST": (
        "registerItself", "initialAccessToken", "ClientMetadata", 201,
        (*_WRITING, REGISTRATION_FULL),
    ),
    "GET": ("readRegistration", "registrationAccessToken", None, 200, (MALFORMED,)),
    "PUT": ("changeRegistration", "registrationAccessToken", "ChangedMetadata", 200, (*_WRITING, MALFORMED)),
    "DELETE": ("removeRegistration", "registrationAccessToken", None, 204, (MALFORMED,)),
}  # fmt: skip


def document(server: str = SERVER) -> dict[str, Any]:
    """The document, of the methods that the issuer has at that path.

    Raises:
        KeyError: it has one that this does not tell.
    """
    wanted: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [
        (each.__name__, "serialization", TypeAdapter(each)) for each in _MODELS
    ]
    _, shared = TypeAdapter.json_schemas(wanted, ref_template="#/components/schemas/{model}")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tokenward client registration",
            "version": importlib.metadata.version("tokenward"),
            "description": "Clients that register themselves, where `clients.registration` lets them.",
        },
        "servers": [{"url": server}],
        "paths": {PATH: {method.lower(): _operation(method) for method in ROUTES[PATH].methods}},
        "components": {
            "schemas": {**shared["$defs"], "Error": _ERROR},
            "securitySchemes": {
                "initialAccessToken": _scheme("An initial access token; none where registration is open."),
                "registrationAccessToken": _scheme(
                    "That of the registration, another one after each change."
                ),
            },
        },
    }


def _operation(method: str) -> dict[str, Any]:
    name, scheme, body, status, refuses = _TABLE[method]
    schema = TypeAdapter(Id).json_schema()
    query = {"name": "client_id", "in": "query", "required": True, "schema": schema}
    made: dict[str, Any] = {"operationId": name, "security": [{scheme: []}]}
    if method != "POST":
        made["parameters"] = [query]
    if body is not None:
        made["requestBody"] = {"required": True, "content": _json(body)}
    done: dict[str, Any] = (
        {"description": "Done."}
        if status == 204
        else {"description": "Done.", "content": _json("Registered" if body else "Registration")}
    )
    if method == "POST":
        done["links"] = {
            each: {"operationId": each, "parameters": {"client_id": "$response.body#/client_id"}}
            for each in (name for other, (name, *_) in _TABLE.items() if other != "POST")
        }
    statuses = sorted({problem.status for problem in (*_ALWAYS, *refuses)})
    refused = {str(each): _refusal(each, (*_ALWAYS, *refuses)) for each in statuses}
    return {**made, "responses": {str(status): done, **refused}}


def _refusal(status: int, problems: tuple[Problem, ...]) -> dict[str, Any]:
    texts = " ".join(dict.fromkeys(each.text for each in problems if each.status == status))
    headers = {"WWW-Authenticate": {"schema": {"type": "string", "maxLength": 500}}} if status == 401 else {}
    headers |= (
        {"Retry-After": {"schema": {"type": "integer", "minimum": 1, "maximum": 86_400}}}
        if status == 429
        else {}
    )
    return {"description": texts, "headers": headers, "content": _json("Error")}


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _scheme(description: str) -> dict[str, Any]:
    return {"type": "http", "scheme": "bearer", "bearerFormat": "opaque", "description": description}
