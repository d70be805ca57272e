"""The client that sent a request, by exactly the method that it is registered for.

What is unknown, wrong, expired or of another method than the registered one is the same `invalid_client` for
everybody outside; the log says which.
"""

from math import ceil

from tokenward.base.asgi import Scope, peer
from tokenward.base.problems import INVALID_CLIENT, MALFORMED, TOO_MANY_REQUESTS, Refusal
from tokenward.base.throttle import peer_of
from tokenward.issuer.client_auth.method import AuthenticatedClient, Evidence, Form, may_prove_itself
from tokenward.issuer.client_auth.table import SILENT, STATED
from tokenward.issuer.context import Issuer
from tokenward.store.records import AuthMethod, Client


async def authenticate(issuer: Issuer, scope: Scope, form: Form) -> AuthenticatedClient:
    """The client that sent this request.

    Raises:
        Refusal: INVALID_CLIENT; MALFORMED, more than one method was used (RFC 6749 §2.3);
            TOO_MANY_REQUESTS, the evidence is wrong and so was too much before it from this peer.
    """
    found = [(each, evidence) for each in STATED if (evidence := each.read(scope, form)) is not None]
    if not found:
        return await _silent(issuer, scope, form)
    if len(found) > 1:
        raise Refusal(MALFORMED, "more than one method of client authentication")
    method, evidence = found[0]
    client = await _proved(issuer, scope, method.registered, evidence)
    return AuthenticatedClient(client, method.credential, peer=peer(scope))


async def authenticate_confidential(issuer: Issuer, scope: Scope, form: Form) -> Client:
    """The same, for endpoints that serve only clients that prove who they are.

    Raises:
        Refusal: as `authenticate`.
    """
    caller = await authenticate(issuer, scope, form)
    if caller.credential == "none":
        raise Refusal(INVALID_CLIENT, "a public client at an endpoint for confidential ones")
    return caller.client


async def _proved(issuer: Issuer, scope: Scope, registered: AuthMethod, evidence: Evidence) -> Client:
    try:
        client = await evidence.client(issuer)
        _check_registered(client, registered)
    except Refusal as refusal:
        if refusal.problem is INVALID_CLIENT:
            slow_guessing(issuer, scope)
        raise
    return client


def slow_guessing(issuer: Issuer, scope: Scope) -> None:
    """Count wrong evidence of this peer.

    Only wrong evidence is told to wait; right evidence never is, whoever else has been guessing. So nobody
    can lock anybody out, and 256 bits need no other protection from guessing than their number.

    Raises:
        Refusal: TOO_MANY_REQUESTS, there was too much before it.
    """
    if wait := issuer.wrong_evidence.take(peer_of(scope)):
        raise Refusal(TOO_MANY_REQUESTS, "too much wrong evidence", retry_after=ceil(wait)) from None


def forgive(issuer: Issuer, scope: Scope) -> None:
    """Take back what `slow_guessing` counted before anybody could know: it was right."""
    issuer.wrong_evidence.give_back(peer_of(scope))


async def _silent(issuer: Issuer, scope: Scope, form: Form) -> AuthenticatedClient:
    if "client_id" not in form:
        raise Refusal(INVALID_CLIENT, "no client authentication")
    client = await issuer.client(form["client_id"])
    if client is None:
        raise Refusal(INVALID_CLIENT, "unknown client_id")
    method = SILENT.get(client.auth_method)
    if method is None:
        raise Refusal(INVALID_CLIENT, f"client {client.client_id} must prove itself by {client.auth_method}")
    _check_registered(client, method.name)
    method.check(issuer, scope, client)
    return AuthenticatedClient(client, method.credential, peer=peer(scope))


def _check_registered(client: Client, method: AuthMethod) -> None:
    """A client has one method (RFC 7591 §2): a weaker one, or another's, is a downgrade."""
    if client.auth_method != method:
        raise Refusal(INVALID_CLIENT, f"client {client.client_id} must prove itself by {client.auth_method}")
    # Registration makes no other; never trust that alone.
    if not may_prove_itself(client.type, method):
        raise Refusal(INVALID_CLIENT, f"a {client.type} client cannot prove itself by {method}")
