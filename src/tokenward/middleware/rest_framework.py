"""Django REST framework's authentication by what the middleware decided.

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["tokenward.middleware.rest_framework.TokenwardAuthentication"],
}

Nothing is judged here: a request that is refused has not come this far.
"""

from dataclasses import dataclass
from typing import Any

from tokenward.gateway.doors.in_process import Caller


@dataclass(frozen=True, slots=True)
class TokenwardUser:
    """Whose call it is, as far as Django asks: no row of a table, and in no group.

    Attributes:
        caller: what is known.
    """

    caller: Caller

    is_authenticated = True
    is_anonymous = False
    is_active = True
    is_staff = False
    is_superuser = False

    @property
    def pk(self) -> str | None:
        """The subject; throttles count by it."""
        return self.caller.subject

    def __str__(self) -> str:
        return str(self.caller.subject)


class TokenwardAuthentication:
    """`request.user` is a `TokenwardUser`, `request.auth` the `Caller`; neither for an anonymous call.

    Shaped like `rest_framework.authentication.BaseAuthentication`, which has nothing that is needed here.
    """

    def authenticate(self, request: Any) -> tuple[TokenwardUser, Caller] | None:  # noqa: ANN401 - not ours
        """Who calls, or None where nobody knows.

        Raises:
            Undecided: the middleware is not in front of this application; the answer is a 500.
        """
        scope = getattr(request._request, "scope", None)  # noqa: SLF001 - what the request wraps, documented
        caller = Caller.of_environ(request.META) if scope is None else Caller.of_scope(scope)
        return None if caller.anonymous else (TokenwardUser(caller), caller)

    def authenticate_header(self, _request: object) -> None:
        """No challenge: who lacks a credential was told so by the middleware."""
