"""The identity room, put together."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.identity.cookies import cookie, wants_secure
from tokenward.identity.csrf import FormGuard
from tokenward.identity.pages import STYLE, STYLE_PATH, Pages
from tokenward.identity.passwords import Passwords
from tokenward.identity.sessions import Sessions
from tokenward.identity.signin import SignIn
from tokenward.identity.throttle import SignInThrottle
from tokenward.store.people_port import People
from tokenward.tokens.sealing import Sealer


class Identity:
    """People, their sessions and their pages, for one issuer.

    Args:
        store: where persons and sessions are kept.
        peppers: for the keyed hashes of session tokens; the first writes, all read.
        sealer: for the hidden fields of forms.
        issuer_url: https, or http on a loopback host.
        name: what the issuer is called on its pages.
        clock: for lifetimes.
        prefix: of session tokens.
        passwords: how passwords are hashed.

    Attributes:
        sign_in: the issuer's port `SignIn`.
        pages: the issuer's port `Pages`.
        routes: what to mount at the root of the issuer's origin.

    Raises:
        ValueError: the issuer's URL is plain HTTP on a host that others can reach.
    """

    def __init__(
        self,
        store: People,
        *,
        peppers: Sequence[bytes],
        sealer: Sealer,
        issuer_url: str,
        name: str,
        clock: Clock = SYSTEM_CLOCK,
        prefix: str = "tkw",
        passwords: Passwords | None = None,
    ) -> None:
        secure = wants_secure(issuer_url)
        self._passwords = passwords or Passwords()
        self.pages = Pages(name)
        self.sign_in = SignIn(
            store,
            sessions=Sessions(
                store, peppers, cookie("tokenward_session", secure=secure), clock=clock, prefix=prefix
            ),
            passwords=self._passwords,
            throttle=SignInThrottle(clock=clock),
            guard=FormGuard(sealer, issuer_url, clock=clock),
            before=cookie("tokenward_before", secure=secure),
            pages=self.pages,
        )
        self.routes: list[Route] = [
            *self.sign_in.routes,
            Route(STYLE_PATH, _style, methods=["GET"]),
        ]

    def close(self) -> None:
        """Release the threads that hash passwords."""
        self._passwords.close()


async def _style(_request: Request) -> Response:
    return Response(
        STYLE,
        media_type="text/css",
        headers={"cache-control": "public, max-age=31536000, immutable", "x-content-type-options": "nosniff"},
    )
