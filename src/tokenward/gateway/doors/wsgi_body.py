"""The body of a WSGI request (PEP 3333): read where the decision asks for it, whole for the application."""

import io
from collections.abc import Awaitable, Callable
from typing import Any

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import CLIENT_SILENT, LENGTH_REQUIRED, MALFORMED, Refusal

SECONDS = 60.0
"""For a whole body that is read for the decision. How long one read may take is the server's to bound."""

_PIECE = 65_536  # bytes of one read, where it gives what has come
_SMALL_PIECE = 1024  # the same where it waits until it has all, so that time is looked at now and then

Run = Callable[[Callable[[], bytes]], Awaitable[bytes]]


class WsgiBody:
    """See `access.Body`. After the decision, `input` takes the place of the server's `wsgi.input`.

    Args:
        environ: of the request.
        run: has the body read by the thread that the server gave the request (`Errands.run`).
        clock: time.
    """

    __slots__ = ("_clock", "_ends", "_held", "_input", "_length", "_run")

    def __init__(self, environ: dict[str, Any], run: Run, clock: Clock = SYSTEM_CLOCK) -> None:
        self._run = run
        self._clock = clock
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
        """Read on until the end, or beyond the limit."""
        if self._length is not None and self._length > limit:
            return None
        if self._length is None and not self._ends:
            raise Refusal(LENGTH_REQUIRED, "this server does not tell where a body without a length ends")
        most = limit + 1 if self._length is None else self._length
        if self._input is not None and len(self._held) < most:
            missing = most - len(self._held)
            self._held += await self._run(lambda: self._read(missing))
        if self._length is not None and len(self._held) < self._length:
            raise Refusal(MALFORMED, "the client went away before the end of its body")
        return self._held if len(self._held) <= limit else None

    @property
    def input(self) -> Any:  # noqa: ANN401 - whatever file the server brings along
        """The body from its beginning."""
        return io.BufferedReader(_Rest(self._held, self._input)) if self._held else self._input

    def _read(self, size: int) -> bytes:
        whole, until = io.BytesIO(), self._clock.monotonic() + SECONDS
        coming = getattr(self._input, "read1", None)  # gives what has come: nobody waits for the rest
        read, most = (coming, _PIECE) if coming is not None else (self._input.read, _SMALL_PIECE)  # type: ignore[union-attr]  # asked for by `read`
        try:
            while whole.tell() < size and (part := read(min(size - whole.tell(), most))):
                whole.write(part)
                if self._clock.monotonic() > until:
                    raise Refusal(CLIENT_SILENT, "the body took too long")
        except OSError:
            raise Refusal(MALFORMED, "the body could not be read") from None
        return whole.getvalue()


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
