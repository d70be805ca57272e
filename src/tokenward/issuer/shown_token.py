"""An access token that is shown to an endpoint of the issuer itself (RFC 6750, RFC 9449 §7, RFC 8705 §3)."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from tokenward.base.asgi import Scope, client_certificate, header_values, only_header
from tokenward.base.problems import (
    DPOP_NONCE_NEEDED,
    DPOP_PROOF_REFUSED,
    INVALID_TOKEN,
    NO_CREDENTIAL,
    SEVERAL_CREDENTIALS,
    UNAVAILABLE,
    WRONG_SCHEME,
    Refusal,
    challenge,
)
from tokenward.issuer.context import Issuer
from tokenward.issuer.presented import presented_access_token
from tokenward.issuer.response import Response, oauth_error, with_dpop_nonce
from tokenward.store.records import AccessToken
from tokenward.tokens.binding import ClientCertificate, Proof, check_binding
from tokenward.tokens.errors import InvalidToken

FORM_FIELD = "access_token"
_TOKEN68 = re.compile(rb"[A-Za-z0-9._~+/-]{1,16384}=*")
_PROBLEMS = {"nonce_required": DPOP_NONCE_NEEDED, "replays_unavailable": UNAVAILABLE}
_CHALLENGED = 401, 403


class _Shown(NamedTuple):
    text: str
    by_proof: bool

    def __repr__(self) -> str:
        return f"_Shown(by_proof={self.by_proof})"


async def shown_token(issuer: Issuer, scope: Scope, form: Mapping[str, str], *, path: str) -> AccessToken:
    """The live token of a request, whose key its sender proved if it is bound to one.

    Args:
        issuer: the parts.
        scope: the request; its `Authorization` holds the token.
        form: the request's body, which may hold it instead (RFC 6750 §2.2).
        path: of this endpoint: what a proof has to be for.

    Raises:
        Refusal: NO_CREDENTIAL, SEVERAL_CREDENTIALS, WRONG_SCHEME, INVALID_TOKEN, DPOP_PROOF_REFUSED,
            DPOP_NONCE_NEEDED or UNAVAILABLE.
        StoreUnavailable: nobody can know.
    """
    shown = _only(scope, form)
    token = await presented_access_token(issuer, shown.text)
    if token is None:
        raise Refusal(INVALID_TOKEN, "no live access token")
    claims = {} if token.cnf is None else {"cnf": token.cnf.claim()}
    try:
        proof = await _proved(issuer, scope, shown, path) if shown.by_proof else _certificate(scope, token)
        check_binding(claims, proof, shown.text)
    except InvalidToken as error:
        problem = _PROBLEMS.get(error.code, DPOP_PROOF_REFUSED if shown.by_proof else INVALID_TOKEN)
        raise Refusal(problem, error.code, retry_after=1 if problem is UNAVAILABLE else None) from None
    return token


def _only(scope: Scope, form: Mapping[str, str]) -> _Shown:
    header, in_form = only_header(scope, b"authorization"), form.get(FORM_FIELD)
    proofs = header_values(scope, b"dpop")
    if header is not None and in_form is not None:
        raise Refusal(SEVERAL_CREDENTIALS, "a token in the header and one in the form")
    if in_form is not None:
        scheme, text = b"bearer", in_form.encode()
    elif header is not None:
        scheme, _, text = header.partition(b" ")
        scheme = scheme.lower()
    else:
        raise Refusal(NO_CREDENTIAL)
    if scheme not in (b"bearer", b"dpop"):
        raise Refusal(WRONG_SCHEME, "the scheme is neither Bearer nor DPoP")
    if not _TOKEN68.fullmatch(text):
        raise Refusal(INVALID_TOKEN, "not one space and one token68 after the scheme")
    if proofs and scheme == b"bearer":
        raise Refusal(DPOP_PROOF_REFUSED, "a DPoP header without the scheme DPoP")
    return _Shown(text.decode("ascii"), scheme == b"dpop")


async def _proved(issuer: Issuer, scope: Scope, shown: _Shown, path: str) -> Proof:
    return await issuer.dpop.verify_async(
        [value.decode("latin-1") for value in header_values(scope, b"dpop")],
        method=scope["method"],
        url=issuer.settings.url + path,
        access_token=shown.text,
    )


def _certificate(scope: Scope, token: AccessToken) -> Proof | None:
    """The connection's certificate for a token that is bound to one; others may be shown over any."""
    if token.cnf is None or token.cnf.member != "x5t#S256":
        return None
    certificate = client_certificate(scope)
    return None if certificate is None else ClientCertificate.from_der(certificate)


def token_error(issuer: Issuer, refusal: Refusal, *, scope: str) -> Response:
    """RFC 6750 §3: the refusal, and by which scheme and with which scope it would be none.

    Both schemes are named: which one fits is a matter of the token (RFC 9449 §7.1).
    """
    answer, problem = oauth_error(issuer, refusal), refusal.problem
    if problem.status not in _CHALLENGED:
        return answer
    needed = scope if problem.status == 403 else ""
    algorithms = " ".join(issuer.dpop.algorithms)
    of_dpop = problem in (DPOP_PROOF_REFUSED, DPOP_NONCE_NEEDED)
    bearer = "" if of_dpop else challenge(problem, realm="tokenward", scope=needed)
    dpop = challenge(problem if of_dpop else NO_CREDENTIAL, realm="tokenward", scheme="DPoP", algs=algorithms)
    headers = [(b"www-authenticate", each.encode()) for each in (bearer, dpop) if each]
    answer = answer._replace(headers=(*answer.headers, *headers))
    return with_dpop_nonce(issuer, answer) if of_dpop else answer
