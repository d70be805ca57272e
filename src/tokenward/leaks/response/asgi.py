"""The endpoints for reports as an ASGI application, mounted beside the issuer's own."""

import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping

from tokenward.base.asgi import Receive, Scope, Send, respond
from tokenward.base.problems import INTERNAL_ERROR, METHOD_NOT_ALLOWED, NOT_FOUND, UNAVAILABLE, Refusal
from tokenward.leaks.response.endpoint import Desk
from tokenward.leaks.response.reporters import LEAKS_PATH
from tokenward.store.port import StoreUnavailable

_log = logging.getLogger("tokenward.leaks")

Post = Callable[[Scope, Receive, Send], Awaitable[None]]


class LeaksApp:
    """Serves `paths`. Whoever mounts it sends it what lies there.

    Args:
        desk: where everybody reports.
        partners: path → where one reports who signs.
    """

    def __init__(self, desk: Desk, partners: Mapping[str, Post] | None = None) -> None:
        self._desk = desk
        self.paths: Mapping[str, Post] = {LEAKS_PATH: desk.post, **(partners or {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        post = self.paths.get(scope["path"])
        try:
            if post is None:
                raise Refusal(NOT_FOUND)  # noqa: TRY301 - every refusal is told in one place
            if scope["method"] != "POST":
                raise Refusal(METHOD_NOT_ALLOWED)  # noqa: TRY301 - as above
            await post(scope, receive, send)
        except Refusal as refusal:
            _log.info("%s refused: %s", scope["path"], refusal)
            await self._refuse(send, refusal)
        except StoreUnavailable as unavailable:
            _log.warning("%s: the store cannot answer: %s", scope["path"], unavailable)
            await self._refuse(send, Refusal(UNAVAILABLE, retry_after=1))
        except Exception as error:  # noqa: BLE001 - the last line: a fault here must not say what it handled
            # Neither the exception's text nor its locals: they may hold what the request held.
            places = " < ".join(
                f"{each.name}:{each.lineno}" for each in reversed(traceback.extract_tb(error.__traceback__))
            )
            _log.error("%s failed with %s at %s", scope["path"], type(error).__name__, places)
            await self._refuse(send, Refusal(INTERNAL_ERROR))

    async def _refuse(self, send: Send, refusal: Refusal) -> None:
        status, body, headers = self._desk.refused(refusal)
        if refusal.problem is METHOD_NOT_ALLOWED:
            headers = (*headers, (b"allow", b"POST"))
        await respond(send, status, body, headers)
