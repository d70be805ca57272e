"""The OpenAPI document of the issuer's OAuth and OpenID Connect endpoints, made of what is served.

Paths and methods are those of `issuer.asgi.ROUTES`, forms of the token endpoint those of
`grants.table.GRANTS`: one that nothing is said of here is an error. What is only for people's browsers,
beyond the two pages that applications send them to, is left out. The tests of the issuer hold every answer,
and every form that was taken, against it.
"""

import importlib.metadata
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from tokenward.app.protocol_answers import SCHEMAS
from tokenward.app.protocol_parameters import AUTHORIZATION, CLIENT, DEVICE, LOGOUT, Schema, form, query
from tokenward.app.registration_document import SERVER, KeySet
from tokenward.base import problems as told
from tokenward.base.problems import TOLD, Problem
from tokenward.issuer.asgi import ROUTES, Route
from tokenward.issuer.authorization_request import QUERY_LIMIT
from tokenward.issuer.endpoints import device, end_session, userinfo
from tokenward.issuer.endpoints.authorize import DECISION_PATH
from tokenward.issuer.endpoints.pushed_authorization import PATH as PUSH_PATH
from tokenward.issuer.grants.table import GRANTS
from tokenward.issuer.introspection_jwt import MEDIA_TYPE as INTROSPECTION_JWT
from tokenward.issuer.registering import PATH as REGISTRATION_PATH
from tokenward.issuer.response import error_page

LEFT_OUT = frozenset({
    DECISION_PATH, device.PATH, device.DECISION_PATH, end_session.DECISION_PATH, REGISTRATION_PATH,
})  # fmt: skip
"""Where forms of our own pages go, what a person opens by hand, and what has a document of its own."""

_FORM = "application/x-www-form-urlencoded"
_PAGE = "text/html"

_ALWAYS = (told.UNAVAILABLE, told.INTERNAL_ERROR)
_READING = (
    told.MALFORMED, told.DUPLICATE_PARAMETER, told.MISSING_PARAMETER, told.CREDENTIAL_IN_URL,
    told.TOO_LARGE, told.WRONG_MEDIA_TYPE,
)  # fmt: skip
_CLIENT = (
    told.INVALID_CLIENT, told.CERTIFICATE_REQUIRED, told.CLIENT_DOCUMENT_REFUSED, told.TOO_MANY_REQUESTS,
)  # fmt: skip
_PROOF = (told.INVALID_DPOP_PROOF, told.USE_DPOP_NONCE)
_ACCESS = (told.INVALID_SCOPE, told.INVALID_TARGET, told.INVALID_AUTHORIZATION_DETAILS)
_POSTED = (*_READING, *_CLIENT, *_ALWAYS)
_TOKEN = (
    *_POSTED, *_PROOF, *_ACCESS, told.UNAUTHORIZED_CLIENT, told.UNSUPPORTED_GRANT_TYPE, told.INVALID_GRANT,
    told.UNACCEPTABLE_TOKEN, told.AUTHORIZATION_PENDING, told.SLOW_DOWN, told.DEVICE_DENIED,
    told.UNANSWERED_DEVICE, told.CREDENTIAL_IN_CLAIM,
)  # fmt: skip
_PUSH = (
    *_POSTED, *_PROOF, *_ACCESS, told.UNAUTHORIZED_CLIENT, told.UNREGISTERED_REDIRECT, told.PKCE_REQUIRED,
    told.UNSUPPORTED_RESPONSE_TYPE, told.REQUEST_NOT_SUPPORTED, told.INVALID_REQUEST_OBJECT,
    told.SIGNED_REQUEST_REQUIRED, told.UNMET_AUTHENTICATION,
)  # fmt: skip
_SHOWN = (
    *_READING, *_ALWAYS, told.NO_CREDENTIAL, told.SEVERAL_CREDENTIALS, told.WRONG_SCHEME, told.INVALID_TOKEN,
    told.DPOP_PROOF_REFUSED, told.DPOP_NONCE_NEEDED, told.INSUFFICIENT_SCOPE, told.CREDENTIAL_IN_CLAIM,
)  # fmt: skip
# What goes back to the application is no status: RFC 6749 §4.1.2.1.
_TO_A_PERSON = (
    *_READING, *_ALWAYS, told.UNKNOWN_CLIENT, told.CLIENT_DOCUMENT_REFUSED, told.UNREGISTERED_REDIRECT,
    told.INVALID_REQUEST_URI, told.REQUEST_ANSWERED, told.TOO_MANY_REQUESTS,
)  # fmt: skip
# A page all the same, where the application is one that nobody here registered (RFC 9700 §4.11.2).
_ABOUT_A_STRANGER = (
    *_ACCESS, told.PKCE_REQUIRED, told.UNSUPPORTED_RESPONSE_TYPE, told.REQUEST_NOT_SUPPORTED,
    told.REQUEST_URI_NOT_SUPPORTED, told.INVALID_REQUEST_OBJECT, told.PUSH_REQUIRED, told.ACCESS_DENIED,
    told.LOGIN_REQUIRED, told.UNMET_AUTHENTICATION, told.CONSENT_REQUIRED,
)  # fmt: skip

_ANY_CLIENT: list[Schema] = [{"clientSecret": []}, {"clientCertificate": []}, {}]
_PROVEN: list[Schema] = [{"clientSecret": []}, {"clientCertificate": []}]
_ACCESS_TOKEN: list[Schema] = [{"accessToken": []}, {"boundAccessToken": []}]


@dataclass(frozen=True, slots=True)
class _Said:
    """What is said of one method of one path.

    Attributes:
        name: the operationId.
        summary: what it is.
        answer: media type → schema of its answer with `status`.
        refuses: what it may be refused for.
        security: who may.
        form: what it takes.
        query: parameters of it.
        status: of its success.
        sends_on: it may answer 303.
        form_required: it takes nothing without a form.
    """

    name: str
    summary: str
    answer: dict[str, str]
    refuses: tuple[Problem, ...] = _ALWAYS
    security: tuple[Schema, ...] = ()
    form: Schema | None = None
    query: tuple[Schema, ...] = ()
    status: int = 200
    sends_on: bool = False
    form_required: bool = True


def _json(schema: str) -> dict[str, str]:
    return {"application/json": schema}


def _grants() -> Schema:
    """The form of each grant, told apart by `grant_type`."""
    return {
        "oneOf": [
            form(each.required, (*CLIENT, *each.optional), grant_type=each.name) for each in GRANTS.values()
        ]
    }


def _authorization(*beside: str) -> Schema:
    return form((), (*CLIENT, *AUTHORIZATION, *beside))


_SAID: dict[str, dict[str, _Said]] = {
    "/token": {
        "POST": _Said(
            "getTokens", "A grant becomes tokens (RFC 6749 §3.2)", _json("Tokens"), _TOKEN,
            tuple(_ANY_CLIENT), _grants(),
        ),
    },
    PUSH_PATH: {
        "POST": _Said(
            "pushRequest", "A client sends its authorization request itself (RFC 9126 §2)", _json("Pushed"),
            _PUSH, tuple(_ANY_CLIENT), _authorization(), status=201,
        ),
    },
    "/device_authorization": {
        "POST": _Said(
            "startDevice", "A device gets a code to show (RFC 8628 §3.1)", _json("DeviceCodes"),
            (*_POSTED, *_ACCESS, told.UNAUTHORIZED_CLIENT), tuple(_ANY_CLIENT), form((), (*CLIENT, *DEVICE)),
        ),
    },
    "/introspect": {
        "POST": _Said(
            "introspectToken", "The state of an access token (RFC 7662 §2)",
            {**_json("Introspection"), INTROSPECTION_JWT: ""}, (*_POSTED, told.CREDENTIAL_IN_CLAIM),
            tuple(_PROVEN), form(("token",), (*CLIENT, "token_type_hint")),
        ),
    },
    "/revoke": {
        "POST": _Said(
            "revokeToken", "Ends a token or an API key (RFC 7009 §2)", _json("Ended"),
            (*_POSTED, told.NOT_YOUR_TOKEN), tuple(_ANY_CLIENT),
            form(("token",), (*CLIENT, "token_type_hint")),
        ),
    },
    "/authorize": {
        "GET": _Said(
            "authorize", "A person's browser asks for a code (RFC 6749 §3.1)", {_PAGE: ""},
            (*_TO_A_PERSON, *_ABOUT_A_STRANGER),
            query=tuple(query(("client_id",), (*AUTHORIZATION, "request_uri"), longest=QUERY_LIMIT)),
            sends_on=True,
        ),
        "POST": _Said(
            "authorizeByForm", "The same (OpenID Connect Core §3.1.2.1), sent on to GET", {}, _TO_A_PERSON,
            form=form((), ("client_id", *AUTHORIZATION, "request_uri"), longest=QUERY_LIMIT), sends_on=True,
        ),
    },
    userinfo.PATH: {
        "GET": _Said(
            "readPerson", "What is told of the person (OpenID Connect Core §5.3)",
            {**_json("Person"), userinfo.MEDIA_TYPE: ""}, _SHOWN, tuple(_ACCESS_TOKEN),
        ),
        "POST": _Said(
            "readPersonByPost", "The same, by POST", {**_json("Person"), userinfo.MEDIA_TYPE: ""}, _SHOWN,
            tuple(_ACCESS_TOKEN), form((), ("access_token",)), form_required=False,
        ),
    },
    end_session.PATH: {
        "GET": _Said(
            "endSession", "Signs a person out (OpenID Connect RP-Initiated Logout §2)", {_PAGE: ""},
            _TO_A_PERSON, query=tuple(query((), LOGOUT, longest=end_session.LIMIT)), sends_on=True,
        ),
        "POST": _Said(
            "endSessionByForm", "The same, sent on to GET", {}, _TO_A_PERSON,
            form=form((), LOGOUT, longest=end_session.LIMIT), sends_on=True,
        ),
    },
    "/jwks.json": {"GET": _Said("listKeys", "Public keys (RFC 7517 §5)", _json("KeySet"))},
    "/.well-known/oauth-authorization-server": {
        "GET": _Said("readMetadata", "What this issuer can do (RFC 8414 §3)", _json("Metadata")),
    },
    "/.well-known/openid-configuration": {
        "GET": _Said("readOpenIdMetadata", "The same, for OpenID Connect (Discovery §4)", _json("Metadata")),
    },
}  # fmt: skip


def document(server: str = SERVER) -> dict[str, Any]:
    """The document, of all that the issuer serves but `LEFT_OUT`.

    Raises:
        KeyError: something is served that nothing is said of.
    """
    paths = {
        path: {method.lower(): _operation(route, _SAID[path][method]) for method in route.methods}
        for path, route in ROUTES.items()
        if path not in LEFT_OUT
    }
    keys = TypeAdapter(KeySet).json_schema(ref_template="#/components/schemas/{model}")
    shared = keys.pop("$defs", {})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tokenward OAuth 2.1 and OpenID Connect",
            "version": importlib.metadata.version("tokenward"),
            "description": "The authorization server. Parameters that it does not know are ignored.",
        },
        "servers": [{"url": server}],
        "paths": paths,
        "components": {
            "schemas": {**SCHEMAS, "KeySet": keys, **shared},
            "securitySchemes": {
                "clientSecret": _scheme("basic", "The client_id and its secret (RFC 6749 §2.3.1)."),
                "clientCertificate": {"type": "mutualTLS", "description": "A certificate (RFC 8705 §2)."},
                "accessToken": _scheme("bearer", "An access token for the issuer (RFC 6750 §2.1)."),
                "boundAccessToken": _scheme("DPoP", "One that is bound to a key, with a proof (RFC 9449)."),
            },
        },
    }


def _scheme(scheme: str, description: str) -> Schema:
    return {"type": "http", "scheme": scheme, "description": description}


def _operation(route: Route, said: _Said) -> Schema:
    made: Schema = {"operationId": said.name, "summary": said.summary, "security": list(said.security)}
    if not said.security:
        made["x-tokenward-risk"] = "public"
    if said.query:
        made["parameters"] = list(said.query)
    if said.form is not None:
        made["requestBody"] = {"required": said.form_required, "content": {_FORM: {"schema": said.form}}}
    return {**made, "responses": {**_done(said), **_refused(route, said)}}


def _done(said: _Said) -> Schema:
    responses: Schema = {}
    if said.answer:
        responses[str(said.status)] = {"description": "Done.", "content": _content(said.answer)}
    if said.sends_on:
        location = {"required": True, "schema": {"type": "string", "maxLength": 20_000}}
        responses["303"] = {"description": "The browser goes there.", "headers": {"Location": location}}
    return responses


def _content(answer: dict[str, str]) -> Schema:
    text = {"type": "string", "maxLength": 1_000_000}
    return {
        kind: {"schema": {"$ref": f"#/components/schemas/{name}"} if name else text}
        for kind, name in answer.items()
    }


def _refused(route: Route, said: _Said) -> Schema:
    by_status: dict[int, list[Problem]] = {}
    for problem in said.refuses:
        by_status.setdefault(problem.status, []).append(problem)
    page = route.refused is error_page
    return {
        str(status): {
            "description": " ".join(dict.fromkeys(each.text for each in problems)),
            "headers": _headers(status),
            "content": _content({_PAGE: ""}) if page else {"application/json": {"schema": _error(problems)}},
        }
        for status, problems in sorted(by_status.items())
    }


def _headers(status: int) -> Schema:
    if status == 401:
        return {"WWW-Authenticate": {"schema": {"type": "string", "maxLength": 2_000}}}
    if status in (429, 503):
        return {"Retry-After": {"schema": {"type": "integer", "minimum": 1, "maximum": 86_400}}}
    return {}


def _error(problems: list[Problem]) -> Schema:
    """RFC 6749 §5.2, with what may stand there."""
    codes = sorted({each.oauth or each.code for each in problems})
    return {
        "type": "object",
        "properties": {
            "error": {"type": "string", "enum": codes},
            "error_description": {"type": "string", "maxLength": 1_000, "pattern": f"^{TOLD}+$"},
        },
        "required": ["error", "error_description"],
        "additionalProperties": False,
    }
