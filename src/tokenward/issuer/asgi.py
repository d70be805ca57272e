"""The issuer as an ASGI application: exact path → method → endpoint, and refusals in the place's shape."""

import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tokenward.base.asgi import NO_STORE, PROBLEM_JSON, Receive, Scope, Send, respond
from tokenward.base.problems import (
    INTERNAL_ERROR,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    UNAVAILABLE,
    Problem,
    Refusal,
    problem_json,
)
from tokenward.issuer.context import Issuer
from tokenward.issuer.endpoints import device, end_session, pushed_authorization, registration
from tokenward.issuer.endpoints.authorize import DECISION_PATH, authorize, authorize_by_post, decide
from tokenward.issuer.endpoints.device_authorization import device_authorization
from tokenward.issuer.endpoints.introspect import introspect
from tokenward.issuer.endpoints.jwks import jwks
from tokenward.issuer.endpoints.metadata import oauth_metadata, openid_metadata
from tokenward.issuer.endpoints.revoke import revoke
from tokenward.issuer.endpoints.token import token
from tokenward.issuer.endpoints.userinfo import PATH as USERINFO_PATH
from tokenward.issuer.endpoints.userinfo import userinfo, userinfo_error
from tokenward.issuer.registering import PATH as REGISTRATION_PATH
from tokenward.issuer.response import Endpoint, Response, error_page, oauth_error
from tokenward.store.port import StoreUnavailable

log = logging.getLogger("tokenward.issuer")

_ANY_ORIGIN = (b"access-control-allow-origin", b"*")
# What a browser app has to read of an answer besides the body (Fetch §3.2.5, RFC 9449 §8).
_READABLE = (b"access-control-expose-headers", b"dpop-nonce, retry-after, www-authenticate")
_PREFLIGHT = (
    (b"access-control-allow-headers", b"authorization, content-type, dpop"),
    (b"access-control-max-age", b"7200"),
)


@dataclass(frozen=True, slots=True)
class Route:
    """One path.

    Attributes:
        methods: method → endpoint; HEAD comes with GET.
        refused: the shape of a refusal.
        any_origin: scripts of any origin may read the answer. Safe where no cookie is ever read: the caller
            has to bring every credential along, and an origin proves nothing.
    """

    methods: Mapping[str, Endpoint]
    refused: Callable[[Issuer, Refusal], Response]
    any_origin: bool = False


ROUTES: dict[str, Route] = {
    "/token": Route({"POST": token}, oauth_error, any_origin=True),
    pushed_authorization.PATH: Route({"POST": pushed_authorization.push}, oauth_error, any_origin=True),
    "/device_authorization": Route({"POST": device_authorization}, oauth_error),
    "/introspect": Route({"POST": introspect}, oauth_error),
    "/revoke": Route({"POST": revoke}, oauth_error, any_origin=True),
    "/authorize": Route({"GET": authorize, "POST": authorize_by_post}, error_page),
    DECISION_PATH: Route({"POST": decide}, error_page),
    REGISTRATION_PATH: Route(
        {
            "POST": registration.register,
            "GET": registration.read,
            "PUT": registration.change,
            "DELETE": registration.remove,
        },
        registration.registration_error,
        any_origin=True,
    ),
    device.PATH: Route({"GET": device.ask_code, "POST": device.ask_consent}, error_page),
    device.DECISION_PATH: Route({"POST": device.decide}, error_page),
    USERINFO_PATH: Route({"GET": userinfo, "POST": userinfo}, userinfo_error, any_origin=True),
    end_session.PATH: Route({"GET": end_session.ask, "POST": end_session.ask_by_post}, error_page),
    end_session.DECISION_PATH: Route({"POST": end_session.decide}, error_page),
    "/jwks.json": Route({"GET": jwks}, oauth_error, any_origin=True),
    "/.well-known/oauth-authorization-server": Route({"GET": oauth_metadata}, oauth_error, any_origin=True),
    "/.well-known/openid-configuration": Route({"GET": openid_metadata}, oauth_error, any_origin=True),
}


class IssuerApp:
    """Serves `ROUTES`. Whoever mounts it sends it the paths that are in there."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        route = ROUTES.get(scope["path"])
        if route is None:
            await respond(send, *_problem(NOT_FOUND))
            return
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if method == "OPTIONS" and route.any_origin:
            allowed = (b"access-control-allow-methods", ", ".join(_allowed(route)).encode())
            await respond(send, 200, b"", (_ANY_ORIGIN, allowed, *_PREFLIGHT))
            return
        endpoint = route.methods.get(method)
        if endpoint is None:
            allow = (b"allow", ", ".join(_allowed(route)).encode())
            await respond(send, *_problem(METHOD_NOT_ALLOWED, allow))
            return
        status, body, headers = await self._answer(route, endpoint, scope, receive)
        if route.any_origin:
            headers = (*headers, _ANY_ORIGIN, _READABLE)
        if scope["method"] == "HEAD":
            length = (b"content-length", str(len(body)).encode())
            await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
            await send({"type": "http.response.body", "body": b""})
            return
        await respond(send, status, body, headers)

    async def _answer(self, route: Route, endpoint: Endpoint, scope: Scope, receive: Receive) -> Response:
        try:
            return await endpoint(self._issuer, scope, receive)
        except Refusal as refusal:
            log.info("%s refused: %s", scope["path"], refusal)
            return route.refused(self._issuer, refusal)
        except StoreUnavailable as unavailable:
            log.warning("%s: the store cannot answer: %s", scope["path"], unavailable)
            return route.refused(self._issuer, Refusal(UNAVAILABLE, retry_after=1))
        except Exception as error:  # noqa: BLE001 - the last line: a fault here must not say what it handled
            # Neither the exception's text nor its locals: they may hold what the request held.
            places = " < ".join(
                f"{each.name}:{each.lineno}" for each in reversed(traceback.extract_tb(error.__traceback__))
            )
            log.error("%s failed with %s at %s", scope["path"], type(error).__name__, places)  # noqa: TRY400 - see above
            return route.refused(self._issuer, Refusal(INTERNAL_ERROR))


def _allowed(route: Route) -> list[str]:
    return sorted([*route.methods, "HEAD"] if "GET" in route.methods else route.methods)


def _problem(problem: Problem, *extra: tuple[bytes, bytes]) -> Response:
    return Response(problem.status, problem_json(problem), (PROBLEM_JSON, NO_STORE, *extra))
