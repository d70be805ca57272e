"""Exactly one credential per request, in the one place where credentials belong.

Two credentials are two answers to "who calls?", and the backend might pick the other one. A credential in
the URL is in every log on the way. Bodies are not read: RFC 6750 §2.2 form fields are never looked at.
"""

import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from tokenward.base.problems import (
    CREDENTIAL_IN_URL,
    INVALID_TOKEN,
    SEVERAL_CREDENTIALS,
    WRONG_SCHEME,
    Refusal,
)
from tokenward.gateway.headers import Screened

# Parameter names that carry credentials, reduced to letters and digits: access_token, Access-Token, …
CREDENTIAL_PARAMETERS = frozenset(
    {
        "accesstoken", "apikey", "authorization", "authtoken", "bearer", "bearertoken", "clientsecret",
        "idtoken", "jwt", "refreshtoken", "token", "xapikey",
    }
)  # fmt: skip

_METHOD_PARAMETERS = frozenset({"httpmethod", "methodoverride", "xhttpmethod", "xhttpmethodoverride"})

_TOKEN68 = re.compile(rb"[A-Za-z0-9._~+/-]+=*")  # RFC 9110 §11.2
_JWE_DOTS = 4  # RFC 7516 §7.1; nothing that we issue is encrypted


def extract(screened: Screened, query: bytes) -> str | None:
    """The bearer token, or None where the request carries no credential at all.

    Raises:
        Refusal: SEVERAL_CREDENTIALS, CREDENTIAL_IN_URL, WRONG_SCHEME, INVALID_TOKEN.
    """
    in_url = names_a_credential(query) if query else False
    count = len(screened.authorization) + screened.api_keys + in_url
    if count > 1:
        raise Refusal(SEVERAL_CREDENTIALS, f"{screened!r}, {'one' if in_url else 'none'} in the URL")
    if in_url:
        raise Refusal(CREDENTIAL_IN_URL, "a query parameter is named like a credential")
    if screened.api_keys:
        raise Refusal(WRONG_SCHEME, "X-API-Key: API keys are not issued")
    if not screened.authorization:
        return None
    return _bearer(screened.authorization[0])


def _bearer(value: bytes) -> str:
    scheme, _, token = value.partition(b" ")
    if scheme.lower() != b"bearer":  # RFC 9110 §11.1: schemes are case-insensitive
        raise Refusal(WRONG_SCHEME, "the scheme is not Bearer")
    if not _TOKEN68.fullmatch(token):
        raise Refusal(INVALID_TOKEN, "not one space and one token68 after Bearer")
    if token.count(b".") == _JWE_DOTS:
        raise Refusal(INVALID_TOKEN, "an encrypted JWT is not accepted at this door")
    return token.decode("ascii")


def names_a_credential(query: bytes) -> bool:
    """Whether any parameter of the query string is named like a credential.

    Percent-encoding, case, separators and PHP's array brackets make no difference; `;` separates too.
    """
    return any(_folded(name) in CREDENTIAL_PARAMETERS for name in _names(query))


def names_another_method(query: bytes) -> bool:
    """Whether any parameter of the query string is one by which frameworks let a caller change the method.

    `_method` is that in Rails, Laravel, Symfony and Spring; `method` is an ordinary name. The rest is as for
    credentials.
    """
    return any(
        _folded(name) in _METHOD_PARAMETERS or (_folded(name) == "method" and not name[0].isalnum())
        for name in _names(query)
    )


def _names(query: bytes) -> Iterator[str]:
    for parameter in query.replace(b";", b"&").split(b"&"):
        yield unquote_to_bytes(parameter.partition(b"=")[0]).decode("utf-8", "replace").partition("[")[0]


def _folded(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()
