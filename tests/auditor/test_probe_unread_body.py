"""A target that leaves the body of a GET on the line is not blamed for what it makes of it."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from targets.probed import found
from tokenward.auditor.attacks.kit import Kit
from tokenward.auditor.probing.asked import Asked
from tokenward.auditor.probing.probe import probe
from tokenward.base.secret import Secret

GOOD = Kit.issue(issuer="https://issuer.example", audience="api", now=1_700_000_000).good


class Unread(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # the connection stays, and what was not read stays on it

    def do_GET(self):
        good = self.headers.get_all("Authorization") == [f"Bearer {GOOD}"]
        body = b'{"accounts": []}' if good else b'{"error": "invalid_token"}'
        self.send_response(200 if good else 401)
        if not good:
            self.send_header("WWW-Authenticate", 'Bearer error="invalid_token"')
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


def test_a_body_that_stays_on_the_line_is_no_finding():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Unread)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/accounts"
        result = probe(Asked(url, token=Secret(GOOD), rate=1e6), sleep=lambda _: None)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert found(result) == {"scheme-case"}
