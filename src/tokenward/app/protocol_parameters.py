"""What parameters of OAuth requests look like, as JSON Schemas.

Of each only what every request has to keep to: what more is asked of it is a matter of the client. One that
is empty counts as absent (RFC 6749 §3.2), so what may be left out may be empty.
"""

from collections.abc import Iterable
from typing import Any

from tokenward.base.forms import FORM_LIMIT
from tokenward.issuer.grants.token_exchange import ACCESS_TOKEN_TYPE

Schema = dict[str, Any]


def _text(description: str, pattern: str = r"^[^\x00-\x1f\x7f]*$") -> Schema:
    return {"type": "string", "description": description, "maxLength": FORM_LIMIT, "pattern": pattern}


def _only(description: str, *values: str) -> Schema:
    return {"type": "string", "description": description, "enum": list(values)}


_TABLE: dict[str, Schema] = {
    "access_token": _text("The access token, where it is not in the header (RFC 6750 §2.2)."),
    "acr_values": _text("How well the person has to be signed in; the first that is known counts."),
    "actor_token": _text("The access token of who acts (RFC 8693 §2.1)."),
    "actor_token_type": _text("What kind of token that is."),
    "assertion": _text("A JWT of a platform, which says which workload this is (RFC 7523 §2.1)."),
    "audience": _text("The audience of the API that the new token is for."),
    "authorization_details": _text("A JSON array: what exactly is asked for (RFC 9396)."),
    "claims": _text("A JSON object: claims one by one (OpenID Connect Core §5.5)."),
    "client_assertion": _text("A JWT by which the client proves itself (RFC 7523 §2.2)."),
    "client_assertion_type": _text("What kind of assertion that is."),
    "client_id": _text("Who asks."),
    "client_secret": _text("The client's secret, where it is not in the header."),
    "code": _text("The code of the authorization response."),
    "code_challenge": _text("The SHA-256 of a verifier (RFC 7636).", "^[A-Za-z0-9_-]{43}$"),
    "code_challenge_method": _only("How it was made.", "S256"),
    "code_verifier": _text("The verifier (RFC 7636).", "^[A-Za-z0-9._~-]{43,128}$"),
    "device_code": _text("The code that the device got (RFC 8628)."),
    "dpop_jkt": _text("Thumbprint of the key that has to redeem the code (RFC 9449 §10).",
                      "^([A-Za-z0-9_-]{43})?$"),
    "id_token_hint": _text("An ID token of this client."),
    "login_hint": _text("The user name to begin with."),
    "max_age": _text("Seconds since the person signed in, at most.", "^[0-9]{0,9}$"),
    "nonce": _text("Comes back in the ID token."),
    "post_logout_redirect_uri": _text("Where to go afterwards; registered."),
    "prompt": _text("How the person is to be asked."),
    "redirect_uri": _text("Where the answer goes; registered."),
    "refresh_token": _text("The refresh token."),
    "request": _text("A JWT that the client signed, with all the others in it (RFC 9101)."),
    "request_uri": _text("The handle of a request that was pushed (RFC 9126)."),
    "requested_token_type": _only("What kind of token it is to be.", ACCESS_TOKEN_TYPE, ""),
    "resource": _text("The audience of one API (RFC 8707)."),
    "response_mode": _only("How the answer comes.", "query", ""),
    "response_type": _only("What is asked for.", "code"),
    "scope": _text("Scopes, with a space between them."),
    "state": _text("Comes back with the answer."),
    "subject_token": _text("The token that is exchanged: an access token or an API key (RFC 8693 §2.1)."),
    "subject_token_type": _text("What kind of token that is."),
    "token": _text("The token that this is about."),
    "token_type_hint": _text("Not needed, and not looked at."),
}  # fmt: skip

CLIENT = ("client_id", "client_secret", "client_assertion", "client_assertion_type")
"""How a client says who it is, where neither a header nor a certificate does."""
AUTHORIZATION = (
    "response_type", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method",
    "response_mode", "resource", "authorization_details", "prompt", "max_age", "acr_values", "claims",
    "id_token_hint", "login_hint", "dpop_jkt", "request",
)  # fmt: skip
DEVICE = ("scope", "resource", "acr_values", "max_age")
LOGOUT = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")


def form(
    required: Iterable[str], optional: Iterable[str], *, longest: int = FORM_LIMIT, **fixed: str
) -> Schema:
    """A form of these parameters; what nobody knows is ignored (RFC 6749 §3.2).

    Args:
        required: have to be there.
        optional: may be.
        longest: bytes of a form.
        fixed: have to be there with this value.

    Raises:
        KeyError: one is in no row of the table.
    """
    constants = {name: {"type": "string", "const": value} for name, value in fixed.items()}
    must = {name: _least(_bounded(name, longest)) for name in required}
    known = {name: _bounded(name, longest) for name in optional if name not in must}
    return {"type": "object", "properties": {**constants, **must, **known}, "required": [*fixed, *must]}


def query(required: Iterable[str], optional: Iterable[str], *, longest: int) -> list[Schema]:
    """The parameters of a query."""
    rows = [(name, True, _least(_bounded(name, longest))) for name in required]
    rows += [(name, False, _bounded(name, longest)) for name in optional]
    return [
        {"name": name, "in": "query", "required": must, "description": schema.pop("description"),
         "schema": schema}
        for name, must, schema in rows
    ]  # fmt: skip


def _bounded(name: str, longest: int) -> Schema:
    schema = dict(_TABLE[name])
    return {**schema, "maxLength": longest} if "maxLength" in schema else schema


def _least(schema: Schema) -> Schema:
    return {**schema, "minLength": 1} if "maxLength" in schema else schema
