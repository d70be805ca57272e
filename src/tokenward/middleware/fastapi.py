"""The caller as a FastAPI dependency, which stands in the application's OpenAPI document as well.

current_caller = CurrentCaller(issuer="https://login.example.com")

@app.get("/accounts/{number}")
async def account(
    number: str, caller: Annotated[Caller, Security(current_caller, scopes=["accounts:read"])]
): ...
"""

from fastapi import HTTPException
from fastapi.openapi.models import OpenIdConnect
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from tokenward.base.problems import INSUFFICIENT_SCOPE, NO_CREDENTIAL, challenge
from tokenward.gateway.doors.in_process import Caller
from tokenward.gateway.policy import shape


class CurrentCaller(SecurityBase):
    """Gives the `Caller` that the middleware decided on, and decides nothing by itself.

    What is noted at the route is held against the decision: the scopes, since a policy may ask for fewer than
    the code means, and the route itself, since a router may choose another one than the policy meant.

    Args:
        issuer: the issuer's URL, for readers of the document.
    """

    def __init__(self, *, issuer: str) -> None:
        self.model = OpenIdConnect(openIdConnectUrl=f"{issuer}/.well-known/openid-configuration")
        self.scheme_name = "tokenward"

    async def __call__(self, connection: HTTPConnection, wanted: SecurityScopes) -> Caller:
        """The caller.

        Raises:
            HTTPException: 403, the token lacks a scope that the route names; 401, it names one and the
                operation is public.
            Undecided: the middleware is not in front of this application; the answer is a 500.
            RuntimeError: the route is not that of the operation that was decided on.
        """
        caller = Caller.of_scope(connection.scope)
        _check_route(connection, caller)
        if not caller.scope.issuperset(wanted.scopes):
            problem = NO_CREDENTIAL if caller.anonymous else INSUFFICIENT_SCOPE
            told = challenge(problem, realm=caller.api, scope=" ".join(wanted.scopes))
            headers = {"WWW-Authenticate": told, "Cache-Control": "no-store"}
            raise HTTPException(problem.status, problem.text, headers)
        return caller


def _check_route(connection: HTTPConnection, caller: Caller) -> None:
    """Where `/accounts/{id}` stands before `/accounts/me`, the router never comes to the second."""
    template = shape(caller.operation.partition(" ")[2])
    routed = shape(connection.scope["route"].path_format)
    whole = f"{connection.scope.get('root_path', '').rstrip('/')}{routed}"
    # `{rest:path}` stands for several segments, and no parameter of a policy does.
    is_as_deep = whole.count("/") == connection.scope["path"].count("/")
    if not is_as_deep or not (whole.endswith(template) or template.endswith(routed)):
        raise RuntimeError(
            f"the policy decided on {caller.operation}, and the application routes to {routed}: "
            "declare literal paths before those with parameters, and document each"
        )
