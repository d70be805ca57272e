"""A gateway of one's own: one API, the processes, and a backend that tells what it got."""

import contextlib
import http.server
import json
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from tokenward.app.config import load
from tokenward.app.initialise import make_secrets
from tokenward.app.supervisor import Supervisor, bind_all, server_plans

DOCUMENT = """\
openapi: 3.1.0
info: {title: Echo, version: "1"}
paths:
  /open:
    get: {operationId: open, x-tokenward-risk: public, responses: {200: {description: ok}}}
  /closed:
    get: {operationId: closed, responses: {200: {description: ok}}}
"""

CONFIGURATION = """\
store: sqlite:data/tokenward.db
master_key: file:data/master.key
issuer: {url: "http://127.0.0.1:%(issuer)d", listen: 127.0.0.1:%(issuer)d}
gateway: {url: "http://127.0.0.1:%(gateway)d", listen: 127.0.0.1:%(gateway)d%(asked)s}
admin: {listen: 127.0.0.1:%(admin)d, token: file:data/admin.token}
%(further)s
apis:
  echo:
    openapi: echo.yaml
    upstream: http://127.0.0.1:%(upstream)d
    risk: low
"""


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with the request line and the headers that it got, as JSON."""

    def do_GET(self):
        body = json.dumps({"line": self.requestline, "headers": self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("X-Powered-By", "Echo/1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_OPTIONS = do_DELETE = do_GET  # noqa: N815 - the names that the base class looks for

    def log_message(self, *_):
        pass


@dataclass
class Edge:
    """What runs."""

    urls: list[str]
    log: Path
    upstream: int = 0
    decisions: int = 0

    def logged(self):
        """The lines of the decision log, which is written a little later than the answer."""
        return [line for line in self.log.read_text().splitlines() if "tokenward.gateway.decision" in line]


@contextlib.contextmanager
def edge(directory, *, api="", further="", gateways=1, document=DOCUMENT, asked=False):
    """Start it all; `api` is more about the API in YAML, `further` about everything else.

    With `asked`, engines on this machine may ask for decisions, and pass on to the gateway.
    """
    upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    names = ("issuer", "gateway", "admin", *(["decisions"] if asked else []))
    sockets = bind_all(dict.fromkeys(names, ("127.0.0.1", 0)))
    more = [bind_all({"gateway": ("127.0.0.1", 0)}) for _ in range(gateways - 1)]
    ports = {name: sock.getsockname()[1] for name, sock in sockets.items()}
    make_secrets(directory)
    (directory / "echo.yaml").write_text(document)
    path = directory / "tokenward.yaml"
    values = {**ports, "upstream": upstream.server_port, "further": further, "asked": ""}
    if asked:
        listen = f"decisions: {{listen: '127.0.0.1:{ports['decisions']}', peers: [127.0.0.1]}}"
        values["asked"] = f", proxies: [127.0.0.1], {listen}"
    path.write_text(CONFIGURATION % values + "".join(f"    {line}\n" for line in api.splitlines()))
    loaded = load(path)
    assert loaded.configuration is not None, loaded.findings
    issuer, gateway = server_plans(loaded.configuration, sockets)
    others = [replace(gateway, name=f"gateway {number}", sockets=own) for number, own in enumerate(more)]
    try:
        with (directory / "log").open("ab") as log:
            plans = [issuer, gateway, *others]
            supervisor = Supervisor(plans, metrics=directory / "metrics", output=log.fileno())
            with supervisor.running():
                bound = [sockets["gateway"], *(own["gateway"] for own in more)]
                urls = [f"http://127.0.0.1:{sock.getsockname()[1]}" for sock in bound]
                yield Edge(urls, directory / "log", upstream.server_port, ports.get("decisions", 0))
    finally:
        upstream.shutdown()
        upstream.server_close()
