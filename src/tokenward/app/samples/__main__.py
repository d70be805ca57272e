"""`python -m tokenward.app.samples weather --port 9001 …`: serve one sample API on 127.0.0.1.

A supervisor hands over a bound socket as `listen=FD` instead of naming a port, and as `ready=FD` where to
tell that it is there. Then standard input is a pipe
from it, and when that closes the process ends, so that none is left behind.
"""

import argparse
import socket
from importlib import import_module

import uvicorn

from tokenward.app.lifeline import end_with_supervisor, tell_ready
from tokenward.app.listener import bind
from tokenward.app.samples import SAMPLES
from tokenward.base.redaction import configure_logging


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(
        prog="python -m tokenward.app.samples", description="Serve one sample API on 127.0.0.1."
    )
    parser.add_argument("name", choices=sorted(SAMPLES))
    parser.add_argument("handed", nargs="*", type=_handed, help="listen=FD ready=FD, from a supervisor")
    parser.add_argument("--port", type=int, help="otherwise, where to listen")
    parser.add_argument("--issuer", required=True, help="issuer of the gateway's inside JWTs")
    parser.add_argument("--audience", required=True, help="this API's name in the gateway's policy")
    parser.add_argument("--jwks-url", required=True, help="where the gateway publishes its inside keys")
    given = parser.parse_intermixed_args()  # what is handed over comes last
    handed = dict(given.handed)
    if bool(handed) == (given.port is not None):
        parser.error("give either --port or listen=FD ready=FD")

    configure_logging("WARNING")
    if handed:
        end_with_supervisor()
    app = import_module(SAMPLES[given.name].module).create_app(
        issuer=given.issuer, audience=given.audience, jwks_url=given.jwks_url
    )
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            lifespan="off",
        )
    )
    if not handed:
        server.run([bind("127.0.0.1", given.port)])
    else:
        tell_ready(handed["ready"])  # what connects until it serves waits in the socket's queue
        server.run([socket.socket(fileno=handed["listen"])])


def _handed(argument: str) -> tuple[str, int]:
    name, _, number = argument.partition("=")
    if name not in {"listen", "ready"}:
        raise ValueError("expected listen=FD ready=FD")
    return name, int(number)


if __name__ == "__main__":
    main()
