"""From what a client asks for to what it may have: one audience, and scopes of that audience only.

A token is for exactly one resource (RFC 8707 §2), so that a resource server which turns hostile can use what
it is shown nowhere else (RFC 9700 §2.3).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tokenward.base.problems import (
    ACCESS_DENIED,
    INVALID_AUTHORIZATION_DETAILS,
    INVALID_SCOPE,
    INVALID_TARGET,
    Refusal,
)
from tokenward.issuer.agents import check_names_its_wish
from tokenward.issuer.authorization_details import Details, audience_of, requested_details
from tokenward.issuer.authorization_details import narrowed as details_within
from tokenward.issuer.settings import OPENID, PROTOCOL_SCOPES, SCOPE_TOKEN, IssuerSettings, Resource
from tokenward.store.records import Client, Grant


@dataclass(frozen=True, slots=True)
class Access:
    """What a token will allow at one audience: scopes and details, in the order of the request."""

    audience: str
    scope: tuple[str, ...]
    details: Details = ()


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
    """The access that an authorization request asks for: `scope`, `authorization_details` and `resource`.

    Raises:
        Refusal: INVALID_SCOPE, a scope is malformed, not this client's or of another resource, or there is
            neither scope nor details; INVALID_TARGET, the resource is unknown, or the scopes need one to be
            named; INVALID_AUTHORIZATION_DETAILS; as `check_names_its_wish`.
    """
    check_names_its_wish(client, parameters)
    details = requested_details(settings, client, parameters)
    if "scope" not in parameters and not details:
        raise Refusal(INVALID_SCOPE, "scope is missing")
    scope = _allowed_scope(client, parameters["scope"]) if "scope" in parameters else ()
    at_resource = tuple(each for each in scope if each not in PROTOCOL_SCOPES)
    if details:
        return Access(_audience_with_details(settings, details, at_resource, parameters), scope, details)
    if at_resource:
        return Access(_audience(settings, at_resource, parameters.get("resource")), scope)
    if OPENID in scope and parameters.get("resource", settings.url) == settings.url:
        return Access(settings.url, scope)  # a sign-in and nothing else
    raise Refusal(INVALID_SCOPE, "no scope of any resource")


def narrowed(access: Access, allowed: frozenset[str] | None) -> Access:
    """The access, with no more scopes of APIs than a person can allow; None: any (RFC 6749 §3.3).

    Raises:
        Refusal: ACCESS_DENIED, nothing is left of what it asks for at the API, or details that they cannot
            allow are among it: of these none is left out silently.
    """
    if allowed is None:
        return access
    if not allowed.issuperset(detail["type"] for detail in access.details):
        raise Refusal(ACCESS_DENIED, "the person cannot allow such details")
    asked = [each for each in access.scope if each not in PROTOCOL_SCOPES]
    if asked and allowed.isdisjoint(asked):
        raise Refusal(ACCESS_DENIED, "the person can allow none of that")
    return replace(access, scope=tuple(it for it in access.scope if it in PROTOCOL_SCOPES or it in allowed))


def own_access(settings: IssuerSettings, client: Client, parameters: Mapping[str, str]) -> Access:
    """The access that a client asks for in its own name.

    Without `scope` and details that is all it has at the one resource; with details alone, nothing but these.

    Raises:
        Refusal: as `requested_access`; scopes that need a person belong to no resource.
    """
    check_names_its_wish(client, parameters)
    resource = parameters.get("resource")
    if details := requested_details(settings, client, parameters):
        scope = _allowed_scope(client, parameters["scope"]) if "scope" in parameters else ()
        return Access(_audience_with_details(settings, details, scope, parameters), scope, details)
    if "scope" in parameters:
        scope = _allowed_scope(client, parameters["scope"])
    else:
        known = settings.resources.values() if resource is None else _named(settings, resource)
        scope = tuple(each for each in client.scopes if any(each in one.scopes for one in known))
        if not scope:
            raise Refusal(INVALID_SCOPE, f"client {client.client_id} has no scopes there")
    return Access(_audience(settings, scope, resource), scope)


@dataclass(frozen=True, slots=True)
class Share:
    """What a token gets of a grant; details as the grant keeps them."""

    audience: str
    scope: tuple[str, ...]
    details: str | None


def share(settings: IssuerSettings, grant: Grant, parameters: Mapping[str, str]) -> Share:
    """All of the grant, or what a token request asks for of it by `scope`, details and `resource`.

    The resource is that of the grant (RFC 8707 §2.2); or we ourselves, for userinfo, where the person signed
    in to the client by it: such a token allows nothing at the API, and the grant stays as it is.

    Raises:
        Refusal: INVALID_SCOPE, INVALID_TARGET or INVALID_AUTHORIZATION_DETAILS.
    """
    scope = parse_scope(parameters["scope"]) if "scope" in parameters else grant.scope
    if not set(scope) <= set(grant.scope):
        raise Refusal(INVALID_SCOPE, f"more than grant {grant.grant_id} allows")
    resource = parameters.get("resource", grant.audience)
    if resource == grant.audience:
        return Share(resource, scope, details_within(grant.authorization_details, parameters))
    if resource != settings.url or OPENID not in scope or "authorization_details" in parameters:
        raise Refusal(INVALID_TARGET, f"grant {grant.grant_id} is for another resource")
    return Share(resource, tuple(each for each in scope if each in PROTOCOL_SCOPES), None)


def _allowed_scope(client: Client, text: str) -> tuple[str, ...]:
    scope = parse_scope(text)
    if not set(scope) <= set(client.scopes):
        raise Refusal(INVALID_SCOPE, f"client {client.client_id} may not have one of these scopes")
    return scope


def _audience_with_details(
    settings: IssuerSettings, details: Details, scope: tuple[str, ...], parameters: Mapping[str, str]
) -> str:
    """The audience of the details, which must be the one named, and that of the scopes (RFC 9396 §3.2)."""
    audience = audience_of(settings, details)
    named = parameters.get("resource", audience)
    if _named(settings, named)[0].audience != audience:
        raise Refusal(INVALID_AUTHORIZATION_DETAILS, "details of another resource than the one that is named")
    return _audience(settings, scope, named) if scope else named


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
