"""The token endpoint (RFC 6749 §3.2)."""

from dataclasses import replace

from tokenward.base.asgi import Receive, Scope
from tokenward.base.forms import read_form
from tokenward.base.problems import (
    CREDENTIAL_IN_URL,
    MISSING_PARAMETER,
    UNAUTHORIZED_CLIENT,
    UNKNOWN_GRANT,
    UNSUPPORTED_GRANT_TYPE,
    Refusal,
)
from tokenward.issuer.bindings import token_binding
from tokenward.issuer.client_auth.authenticate import authenticate, slow_guessing
from tokenward.issuer.context import Issuer
from tokenward.issuer.grants.table import GRANTS
from tokenward.issuer.response import Response, private_json, with_dpop_nonce


async def token(issuer: Issuer, scope: Scope, receive: Receive) -> Response:
    """POST: a grant for tokens.

    Raises:
        Refusal: by the catalogue; nothing was issued or consumed.
    """
    form = await endpoint_form(scope, receive)
    grant = GRANTS.get(form.get("grant_type", ""))
    caller = await (grant.authenticate if grant else authenticate)(issuer, scope, form)
    if "grant_type" not in form:
        raise Refusal(MISSING_PARAMETER, "grant_type")
    if grant is None:
        raise Refusal(UNSUPPORTED_GRANT_TYPE)
    if caller.client.type not in grant.client_types:
        raise Refusal(UNAUTHORIZED_CLIENT, f"a {caller.client.type} client asks for {grant.name}")
    if grant.proven and caller.credential == "none":
        raise Refusal(UNAUTHORIZED_CLIENT, f"client {caller.client.client_id} proved nothing")
    for name in grant.required:
        if name not in form:
            raise Refusal(MISSING_PARAMETER, name)
    parameters = {name: form[name] for name in (*grant.required, *grant.optional) if name in form}
    caller = replace(caller, binding=await token_binding(issuer, scope, caller.client))
    try:
        response = await grant.redeem(issuer, caller, parameters)
    except Refusal as refusal:
        if refusal.problem is UNKNOWN_GRANT:  # what was issued is known, used and revoked codes too
            slow_guessing(issuer, scope)
        raise
    answer = private_json(response.body(issuer.clock.time()))
    by_proof = caller.binding is not None and caller.binding.member == "jkt"
    return with_dpop_nonce(issuer, answer) if by_proof else answer


async def endpoint_form(scope: Scope, receive: Receive) -> dict[str, str]:
    """The form that a client sends to an endpoint of ours.

    Raises:
        Refusal: as `read_form`; CREDENTIAL_IN_URL, there is a query (RFC 6749 §2.3.1: never in the URI).
    """
    if scope["query_string"]:
        raise Refusal(CREDENTIAL_IN_URL, "the endpoint takes no query")
    return await read_form(scope, receive)
