"""A document over TLS in which a client describes itself, at a URL that is then its name."""

import contextlib
import json
import ssl
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@contextlib.contextmanager
def served_document(directory: Path, *, redirect: str) -> Generator[str]:
    """The URL of the document of a native client, at a free port of localhost.

    Args:
        directory: where `server.pem` and `server.key` are.
        redirect: where answers go.
    """
    said: dict[str, object] = {
        "client_name": "Agent",
        "redirect_uris": [redirect],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments):
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem", directory / "server.key")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        said["client_id"] = f"https://localhost:{server.server_port}/client.json"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield str(said["client_id"])
        finally:
            server.shutdown()
            thread.join()
