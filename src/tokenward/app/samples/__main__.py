"""`python -m tokenward.app.samples weather --port 9001 …`: serve one sample API on 127.0.0.1.

A supervisor hands over a bound socket as `listen=FD` instead of naming a port. Then standard input is a pipe
from it, and when that closes the process ends, so that none is left behind.
"""

import argparse
import socket
from importlib import import_module

import uvicorn

from tokenward.app.lifeline import end_with_supervisor
from tokenward.app.listener import bind
from tokenward.app.samples import SAMPLES
from tokenward.base.redaction import configure_logging


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(
        prog="python -m tokenward.app.samples", description="Serve one sample API on 127.0.0.1."
    )
    parser.add_argument("name", choices=sorted(SAMPLES))
    parser.add_argument("listen", nargs="?", type=_handed, help="listen=FD: a socket that is bound already")
    parser.add_argument("--port", type=int, help="otherwise, where to listen")
    parser.add_argument("--issuer", required=True, help="issuer of the gateway's inside JWTs")
    parser.add_argument("--audience", required=True, help="this API's name in the gateway's policy")
    parser.add_argument("--jwks-url", required=True, help="where the gateway publishes its inside keys")
    given = parser.parse_intermixed_args()  # the handed socket comes last
    if (given.listen is None) == (given.port is None):
        parser.error("give either --port or listen=FD")

    configure_logging("WARNING")
    if given.listen is not None:
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
    server.run([given.listen or bind("127.0.0.1", given.port)])


def _handed(argument: str) -> socket.socket:
    name, _, number = argument.partition("=")
    if name != "listen":
        raise ValueError("expected listen=FD")
    return socket.socket(fileno=int(number))


if __name__ == "__main__":
    main()
