"""nginx as a peer of the gateway: as a plain proxy, and asking about each request (`auth_request`).

Who is asked is a bare socket, as the backend is: it says yes to everything, without a body.
"""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from servers import running

from tokenward.app.engines.nginx import found
from tokenward.app.engines.program import EngineMissing
from tokenward.app.listener import bind


def program() -> str | None:
    """Where it is, if it has its Lua module; None otherwise."""
    try:
        return found().program
    except EngineMissing:
        return None


@contextlib.contextmanager
def nginx(path: str, backend: str, authorizer: str = "") -> Iterator[str]:
    """nginx with as many workers as there are processors to run on; its URL."""
    with bind("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
    with tempfile.TemporaryDirectory() as name:
        configured = Path(name) / "nginx.conf"
        configured.write_text(_configuration(Path(name), port, backend, authorizer))
        command = [path, "-e", "stderr", "-p", name, "-c", str(configured)]
        with running(command, port, stderr=subprocess.DEVNULL):
            yield f"http://127.0.0.1:{port}"


def _configuration(directory: Path, port: int, backend: str, authorizer: str) -> str:
    asks = "auth_request /asked;" if authorizer else ""
    temporary = " ".join(
        f"{each}_temp_path {directory}/{each};"
        for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root root;" if os.geteuid() == 0 else ""
    return f"""\
daemon off; worker_processes auto; pid {directory}/pid; error_log stderr emerg; {user}
events {{ worker_connections 4096; }}
http {{
    access_log {directory}/access.log combined buffer=64k flush=1s; server_tokens off; {temporary}
    keepalive_requests 10000;
    upstream backend {{ server {_place(backend)}; keepalive 128; keepalive_requests 100000; }}
    upstream authorizer {{ server {_place(authorizer or backend)}; keepalive 128; }}
    server {{
        listen 127.0.0.1:{port};
        proxy_http_version 1.1; proxy_set_header Connection "";
        location / {{ {asks} proxy_pass http://backend; }}
        location = /asked {{
            internal; proxy_pass http://authorizer; proxy_pass_request_body off;
            proxy_set_header Content-Length ""; proxy_set_header Connection "";
        }}
    }}
}}
"""


def _place(url: str) -> str:
    return url.removeprefix("http://")
