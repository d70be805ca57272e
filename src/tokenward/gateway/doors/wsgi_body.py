"""The body of a WSGI request (PEP 3333): read where the decision asks for it, whole for the application."""

import asyncio
import io
from typing import Any

from tokenward.base.problems import LENGTH_REQUIRED, MALFORMED, Refusal


class WsgiBody:
    """See `access.Body`. After the decision, `input` takes the place of the server's `wsgi.input`.

    Args:
        environ: of the request.
    """

    __slots__ = ("_ends", "_held", "_input", "_length")

    def __init__(self, environ: dict[str, Any]) -> None:
        length = environ.get("CONTENT_LENGTH") or "0"
        self._length = int(length) if length.isascii() and length.isdigit() and len(length) < 19 else None
        self._input = environ.get("wsgi.input")
        # Only such a server tells where a body ends whose length nobody announced.
        self._ends = bool(environ.get("wsgi.input_terminated"))
        self._held = b""
        if self._length == 0 and "HTTP_TRANSFER_ENCODING" in environ:
            self._length = None

    @property
    def expected(self) -> bool:
        """Whether the framing announces one."""
        return self._length != 0

    async def read(self, limit: int) -> bytes | None:
        """Read on until the end, or beyond the limit. The server's own limits of time apply."""
        if self._length is not None and self._length > limit:
            return None
        if self._length is None and not self._ends:
            raise Refusal(LENGTH_REQUIRED, "this server does not tell where a body without a length ends")
        most = limit + 1 if self._length is None else self._length
        if self._input is not None and len(self._held) < most:
            self._held += await asyncio.to_thread(self._read, most - len(self._held))
        if self._length is not None and len(self._held) < self._length:
            raise Refusal(MALFORMED, "the client went away before the end of its body")
        return self._held if len(self._held) <= limit else None

    @property
    def input(self) -> Any:  # noqa: ANN401 - whatever file the server brings along
        """The body from its beginning."""
        return io.BufferedReader(_Rest(self._held, self._input)) if self._held else self._input

    def _read(self, size: int) -> bytes:
        parts = []
        try:
            while size and (part := self._input.read(size)):  # type: ignore[union-attr]  # asked for by `read`
                parts.append(part)
                size -= len(part)
        except OSError:
            raise Refusal(MALFORMED, "the body could not be read") from None
        return b"".join(parts)


class _Rest(io.RawIOBase):
    """What was read already, then what follows."""

    def __init__(self, held: bytes, rest: Any) -> None:  # noqa: ANN401 - as above
        self._held = held
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - the interface of RawIOBase
        part = self._held[: len(buffer)]
        self._held = self._held[len(part) :]
        if not part:
            part = self._rest.read(len(buffer))
        buffer[: len(part)] = part
        return len(part)
