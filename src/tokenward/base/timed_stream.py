"""A connection whose every step ends in time: a slow drip of bytes does not start the clock anew."""

import ssl
from collections.abc import Callable
from typing import Any

import httpcore


class TimedStream(httpcore.NetworkStream):
    """Gives each read and write only what is left of the whole.

    Args:
        stream: the connection.
        left: seconds until the end; raises httpcore.ReadTimeout where it has passed.
    """

    def __init__(self, stream: httpcore.NetworkStream, left: Callable[[], float]) -> None:
        self._stream = stream
        self._left = left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - see the class
        """At most so many bytes."""
        return self._stream.read(max_bytes, self._left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - see the class
        """All of it."""
        self._stream.write(buffer, self._left())

    def close(self) -> None:
        """The connection ends."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - see the class
    ) -> httpcore.NetworkStream:
        """The same connection under TLS, in what is left."""
        stream = self._stream.start_tls(ssl_context, server_hostname, self._left())
        return TimedStream(stream, self._left)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - httpcore's interface
        """What the connection knows of itself."""
        return self._stream.get_extra_info(info)
