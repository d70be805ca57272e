"""A browser that a program drives, over plain HTTP: one connection, cookies, and the forms of pages."""

import asyncio
import re
from html import unescape
from types import TracebackType
from typing import Self
from urllib.parse import urlencode, urlsplit

from http_exchange import Answer, Connection, exchange, written

_FORM = re.compile(rb'<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>', re.DOTALL)
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
_REDIRECTS = 10


class Unexpected(Exception):  # noqa: N818 - reads as what an answer was
    """An answer that should have been another one."""


class Browser:
    """At one server of this machine. Use it as a context.

    Args:
        port: of the server.
        address: where it is, in 127/8: throttles by address see one person at each.
        cookies: those that it has, and gets; tabs of one browser share them.
    """

    def __init__(self, port: int, address: str, cookies: dict[str, str] | None = None) -> None:
        self._port = port
        self._address = address
        self._connection: Connection | None = None
        self._cookies = {} if cookies is None else cookies

    async def __aenter__(self) -> Self:
        self._connection = await asyncio.open_connection(
            "127.0.0.1", self._port, local_addr=(self._address, 0)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection[1].close()
            self._connection = None

    async def get(self, path: str) -> Answer:
        """The answer to a GET; redirects are not followed."""
        return await self._exchange("GET", path, {})

    async def follow(self, path: str) -> Answer:
        """The first answer that is no redirect to a path of this server.

        Raises:
            Unexpected: it redirects in a circle.
        """
        for _ in range(_REDIRECTS):
            answer = await self.get(path)
            if answer.status not in {302, 303} or not (path := self.location(answer)):
                return answer
        raise Unexpected(f"more than {_REDIRECTS} redirects")

    async def submit(self, page: Answer, action: str, **fields: str) -> Answer:
        """Send the first form of that page whose action begins so, with these fields.

        Raises:
            Unexpected: it has none.
        """
        for target, inside in _FORM.findall(page.body):
            path = unescape(target.decode())
            if path.startswith(action):
                hidden = {name: unescape(value) for name, value in _HIDDEN.findall(inside.decode())}
                origin = {"origin": f"http://127.0.0.1:{self._port}"}
                return await self._exchange("POST", path, origin, urlencode(hidden | fields))
        raise Unexpected(f"{page.status}: no form to {action}")

    def location(self, answer: Answer) -> str:
        """Where it redirects to here, as a path with query; "" if it leads elsewhere, or nowhere."""
        target = urlsplit(leads_to(answer))
        if not target.path or target.hostname not in {None, "127.0.0.1"}:  # `written` names no port
            return ""
        return f"{target.path}?{target.query}" if target.query else target.path

    async def _exchange(self, method: str, path: str, headers: dict[str, str], body: str = "") -> Answer:
        if self._connection is None:
            raise RuntimeError("the browser is closed")
        cookie = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        sent = headers | ({"cookie": cookie} if cookie else {})
        answer = await exchange(self._connection, written(method, path, sent, body))
        for name, value in answer.fields:
            if name == "set-cookie":
                kept, _, content = value.partition(";")[0].partition("=")
                if content:
                    self._cookies[kept] = content
                else:
                    self._cookies.pop(kept, None)
        return answer


def leads_to(answer: Answer) -> str:
    """The Location of an answer, or ""."""
    return dict(answer.fields).get("location", "")


def at_address(number: int) -> str:
    """One of 14 million addresses of this machine, all of which are in 127/8."""
    return f"127.{1 + number // 60_000 % 250}.{number // 250 % 240}.{1 + number % 250}"
