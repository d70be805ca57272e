"""From what a client asks for to what it may have: one audience, and scopes of that audience only.

A token is for exactly one resource (RFC 8707 §2), so that a resource server which turns hostile can use what
it is shown nowhere else (RFC 9700 §2.3).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tokenward.base.problems import INVALID_SCOPE, INVALID_TARGET, Refusal
from tokenward.issuer.settings import OPENID, PROTOCOL_SCOPES, SCOPE_TOKEN, IssuerSettings, Resource
from tokenward.store.records import Client, Grant


@dataclass(frozen=True, slots=True)
class Access:
    """What a token will allow: the scopes, in the order of the request, at one audience."""

    audience: str
    scope: tuple[str, ...]


def parse_scope(text: str) -> tuple[str, ...]:
    """The scopes of a `scope` parameter (RFC 6749 §3.3), in order, each once.

    Raises:
        Refusal: INVALID_SCOPE, the syntax is wrong.
    """
    scope = text.split(" ")
    if not all(map(SCOPE_TOKEN.fullmatch, scope)):
        raise Refusal(INVALID_SCOPE, "scope is not tokens separated by single spaces")
    return tuple(dict.fromkeys(scope))


def requested_access(settings: IssuerSettings, client: Client, parameters: Mapping[str, str]) -> Access:
    """The access that an authorization request asks for with `scope` and `resource`.

    Raises:
        Refusal: INVALID_SCOPE, a scope is missing, malformed, not this client's or of another resource;
            INVALID_TARGET, the resource is unknown, or the scopes need one to be named.
    """
    if "scope" not in parameters:
        raise Refusal(INVALID_SCOPE, "scope is missing")
    scope = parse_scope(parameters["scope"])
    if not set(scope) <= set(client.scopes):
        raise Refusal(INVALID_SCOPE, f"client {client.client_id} may not have one of these scopes")
    at_resource = tuple(each for each in scope if each not in PROTOCOL_SCOPES)
    if at_resource:
        return Access(_audience(settings, at_resource, parameters.get("resource")), scope)
    if OPENID in scope and parameters.get("resource", settings.url) == settings.url:
        return Access(settings.url, scope)  # a sign-in and nothing else
    raise Refusal(INVALID_SCOPE, "no scope of any resource")


def own_access(settings: IssuerSettings, client: Client, parameters: Mapping[str, str]) -> Access:
    """The access that a client asks for in its own name; without `scope`, all it has at the one resource.

    Raises:
        Refusal: as `requested_access`; scopes that need a person belong to no resource.
    """
    resource = parameters.get("resource")
    if "scope" in parameters:
        scope = parse_scope(parameters["scope"])
        if not set(scope) <= set(client.scopes):
            raise Refusal(INVALID_SCOPE, f"client {client.client_id} may not have one of these scopes")
    else:
        known = settings.resources.values() if resource is None else _named(settings, resource)
        scope = tuple(each for each in client.scopes if any(each in one.scopes for one in known))
        if not scope:
            raise Refusal(INVALID_SCOPE, f"client {client.client_id} has no scopes there")
    return Access(_audience(settings, scope, resource), scope)


def check_resource(grant: Grant, parameters: Mapping[str, str]) -> None:
    """Check that a `resource` in a token request, if there is one, is the one of the grant (RFC 8707 §2.2).

    Raises:
        Refusal: INVALID_TARGET.
    """
    if parameters.get("resource", grant.audience) != grant.audience:
        raise Refusal(INVALID_TARGET, f"grant {grant.grant_id} is for another resource")


def _audience(settings: IssuerSettings, scope: tuple[str, ...], resource: str | None) -> str:
    """The one audience that has all these scopes, which must be the one named, if one is named."""
    candidates = settings.resources.values() if resource is None else _named(settings, resource)
    owners = [each.audience for each in candidates if all(one in each.scopes for one in scope)]
    if len(owners) == 1:
        return owners[0]
    if owners:
        raise Refusal(INVALID_TARGET, "several resources have these scopes: name one with resource=")
    if all(any(one in each.scopes for each in candidates) for one in scope):
        raise Refusal(INVALID_TARGET, "the scopes belong to several resources: ask for one token each")
    raise Refusal(INVALID_SCOPE, "a scope that the resource does not have")


def _named(settings: IssuerSettings, resource: str) -> tuple[Resource, ...]:
    if resource not in settings.resources:
        raise Refusal(INVALID_TARGET, "unknown resource")
    return (settings.resources[resource],)
