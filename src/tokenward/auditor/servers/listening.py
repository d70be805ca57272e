"""A listener on loopback that tells whether it was asked, and answers nothing of use."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tokenward.base.entropy import identifier

PATIENCE = 1.0
"""Seconds for which a request is waited for after the answer: it may be fetched afterwards."""


class Listener:
    """What it is asked.

    Attributes:
        url: an address that nobody else knows.
    """

    def __init__(self, port: int) -> None:
        self.path = f"/{identifier()}"
        self.url = f"http://127.0.0.1:{port}{self.path}"
        self.asked = threading.Event()

    def was_asked(self) -> bool:
        """Whether somebody came for the address."""
        return self.asked.wait(PATIENCE)


@contextmanager
def listening() -> Iterator[Listener]:
    """A listener on a free port of this machine; it ends on leaving."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == listener.path:
                listener.asked.set()
            self.send_error(404)

        do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        listener = Listener(server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield listener
        finally:
            server.shutdown()
            thread.join()
