"""Exactly one credential per request, in the one place where credentials belong.

Two credentials are two answers to "who calls?", and the backend might pick the other one. A credential in
the URL is in every log on the way. Bodies are not read: RFC 6750 §2.2 form fields are never looked at.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from tokenward.base.problems import (
    CREDENTIAL_IN_URL,
    DPOP_PROOF_REFUSED,
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

_SCHEMES = frozenset({b"bearer", b"dpop"})  # RFC 6750 §2.1, RFC 9449 §7.1

# `_method` is one in Rails, Laravel, Symfony and Spring; `method` is an ordinary name.
_METHOD = "_method"
_METHOD_PARAMETERS = frozenset(
    {_METHOD, "httpmethod", "methodoverride", "xhttpmethod", "xhttpmethodoverride"}
)

_TOKEN68 = re.compile(rb"[A-Za-z0-9._~+/-]+=*")  # RFC 9110 §11.2
_KEY = re.compile(rb"[\x21-\x7e]{1,512}")  # as any server writes keys; ours are shorter
_JWE_DOTS = 4  # RFC 7516 §7.1; nothing that we issue is encrypted


class Presented(NamedTuple):
    """The one credential of a request.

    Attributes:
        text: the whole of it.
        foreign: it is an API key in a form of somebody else's, and only X-API-Key may carry such a one.
        basic: it is a user name and a password, still encoded.
        proofs: the DPoP headers that came with it; None where the scheme is not DPoP, which has none.
    """

    text: str
    foreign: bool = False
    proofs: tuple[bytes, ...] | None = None
    basic: bool = False

    def __repr__(self) -> str:
        return (
            f"Presented(foreign={self.foreign}, {'no' if self.proofs is None else len(self.proofs)} proofs)"
        )

    @property
    def name(self) -> str:
        """Under which it is remembered. With a space in it, so that no other credential is taken for it."""
        return f"X-API-Key {self.text}" if self.foreign else self.text


def extract(
    screened: Screened, names: frozenset[str], *, prefix: str, basic: bool = False, sessions: int = 0
) -> Presented | None:
    """The credential, or None where the request carries none at all.

    Args:
        screened: the headers that can carry one.
        names: those of the query's parameters.
        prefix: how our opaque tokens begin.
        basic: whether a user name and a password are taken here.
        sessions: how many of a browser app there are; not extracted here, but a credential each.

    Raises:
        Refusal: SEVERAL_CREDENTIALS, CREDENTIAL_IN_URL, WRONG_SCHEME, INVALID_TOKEN; DPOP_PROOF_REFUSED, a
            proof without a token of its scheme.
    """
    authorization, api_keys, proofs, _ = screened
    in_url = not names.isdisjoint(CREDENTIAL_PARAMETERS)
    if len(authorization) + len(api_keys) + in_url + sessions > 1:
        told = f"{screened!r}, {sessions} sessions, {'one' if in_url else 'none'} in the URL"
        raise Refusal(SEVERAL_CREDENTIALS, told)
    if in_url:
        raise Refusal(CREDENTIAL_IN_URL, "a query parameter is named like a credential")
    presented = None
    if authorization:
        presented = _authorization(authorization[0], proofs, basic=basic)
    elif api_keys:
        presented = _api_key(api_keys[0], prefix)
    if proofs and (presented is None or presented.proofs is None):
        raise Refusal(DPOP_PROOF_REFUSED, "a DPoP header without the scheme DPoP")
    return presented


def _authorization(value: bytes, proofs: tuple[bytes, ...], *, basic: bool) -> Presented:
    scheme, _, text = value.partition(b" ")
    name = scheme.lower()  # RFC 9110 §11.1: schemes are case-insensitive
    if name not in _SCHEMES:
        if basic and name == b"basic":
            return Presented(_token68(text), basic=True)
        raise Refusal(WRONG_SCHEME, "the scheme is neither Bearer nor DPoP")
    token = _token68(text)
    if token.count(".") == _JWE_DOTS:
        raise Refusal(INVALID_TOKEN, "an encrypted JWT is not accepted at this door")
    return Presented(token, proofs=proofs if name == b"dpop" else None)


def _api_key(value: bytes, prefix: str) -> Presented:
    """Whatever begins as ours do must be an API key of ours; anything else may be one that was imported."""
    if not _KEY.fullmatch(value):
        raise Refusal(INVALID_TOKEN, "X-API-Key is empty, too long, or not visible ASCII")
    text = value.decode("ascii")
    if not text.startswith(f"{prefix}_"):
        return Presented(text, foreign=True)
    if not text.startswith(f"{prefix}_ak_"):
        raise Refusal(INVALID_TOKEN, "a token of another kind in X-API-Key")
    return Presented(text)


def _token68(text: bytes) -> str:
    if not _TOKEN68.fullmatch(text):
        raise Refusal(INVALID_TOKEN, "not one space and one token68 after the scheme")
    return text.decode("ascii")


def parameter_names(query: bytes) -> frozenset[str]:
    """The names of the query's parameters, in the form in which they are compared with what we know.

    Percent-encoding, case, separators and PHP's array brackets make no difference; `;` separates too.
    """
    parts = query.replace(b";", b"&").split(b"&")
    names = (
        unquote_to_bytes(part.partition(b"=")[0]).decode("utf-8", "replace").partition("[")[0]
        for part in parts
    )
    return frozenset(map(_folded, names))


def names_another_method(names: frozenset[str]) -> bool:
    """Whether a parameter of the query is one by which frameworks let a caller change the method."""
    return not names.isdisjoint(_METHOD_PARAMETERS)


def _folded(name: str) -> str:
    letters = "".join(filter(str.isalnum, name)).lower()
    return _METHOD if letters == "method" and not name[0].isalnum() else letters
