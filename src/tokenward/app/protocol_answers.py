"""What the OAuth endpoints answer where they do what they were asked, as JSON Schemas."""

from typing import Any

from tokenward.app.protocol_parameters import Schema

_LONG = 16_384


def _text(longest: int = _LONG, pattern: str = r"^[^\x00-\x1f\x7f]*$", **more: object) -> Schema:
    return {"type": "string", "maxLength": longest, "pattern": pattern, **more}


def _seconds(most: int) -> Schema:
    return {"type": "integer", "minimum": 0, "maximum": most}


def _object(required: str, *, closed: bool = True, **members: Schema) -> Schema:
    made: Schema = {"type": "object", "properties": members, "required": required.split()}
    return {**made, "additionalProperties": False} if closed else made


_URL = _text(2_000, r"^https?://[!-~]+$", format="uri")
_TOKEN = _text(_LONG, r"^[A-Za-z0-9._~+/=-]+$")
_SCOPE = _text(4_000, r"^[\x20\x21\x23-\x5b\x5d-\x7e]+$")
_MOMENT = _seconds(253_402_300_799)
_DETAILS: Schema = {"type": "array", "maxItems": 100, "items": {"type": "object", "required": ["type"]}}
_KINDS: Schema = {"type": "string", "enum": ["Bearer", "DPoP"]}

SCHEMAS: dict[str, Any] = {
    # RFC 6749 §5.1, RFC 8693 §2.2.1, RFC 9396 §7, OpenID Connect Core §3.1.3.3
    "Tokens": _object(
        "access_token token_type expires_in",
        access_token=_TOKEN, token_type=_KINDS, expires_in=_seconds(100 * 86_400), scope=_SCOPE,
        refresh_token=_TOKEN, id_token=_TOKEN, issued_token_type=_text(200), authorization_details=_DETAILS,
    ),
    # RFC 9126 §2.2
    "Pushed": _object(
        "request_uri expires_in",
        request_uri=_text(200, "^urn:ietf:params:oauth:request_uri:[!-~]+$"), expires_in=_seconds(600),
    ),
    # RFC 8628 §3.2
    "DeviceCodes": _object(
        "device_code user_code verification_uri verification_uri_complete expires_in interval",
        device_code=_TOKEN, user_code=_text(9, "^[A-Z]{4}-[A-Z]{4}$"), verification_uri=_URL,
        verification_uri_complete=_URL, expires_in=_seconds(86_400), interval=_seconds(60),
    ),
    # RFC 7662 §2.2; beside these the claims that are released to the API
    "Introspection": {
        "oneOf": [
            _object("active", active={"const": False}),
            _object(
                "active iss sub aud client_id iat exp token_type jti", closed=False,
                active={"const": True}, iss=_URL, sub=_text(255), aud=_URL, client_id=_text(2_000),
                scope=_text(4_000), iat=_MOMENT, exp=_MOMENT, token_type=_KINDS,
                jti=_text(11, "^[0-9A-Za-z]{11}$"), cnf={"type": "object", "maxProperties": 1},
                act={"type": "object", "required": ["sub"]}, authorization_details=_DETAILS,
            ),
        ]
    },
    # RFC 7009 §2.2
    "Ended": _object(""),
    # OpenID Connect Core §5.3.2; beside it the claims that are released to the client
    "Person": _object("sub", closed=False, sub=_text(255)),
    # RFC 8414 §2, OpenID Connect Discovery §3
    "Metadata": {
        "type": "object",
        "properties": {"issuer": _URL},
        "patternProperties": {
            "^[a-z_]{1,60}(_endpoint|_uri)$": _URL,
            "_supported$": {
                "anyOf": [{"type": "boolean"}, {"type": "array", "maxItems": 10_000, "items": _text(500)}]
            },
            "^(require|tls)_[a-z_]{1,60}$": {"type": "boolean"},
        },
        "required": ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"],
        "additionalProperties": False,
    },
}  # fmt: skip
