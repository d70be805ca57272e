"""The entry point of a server process: `python -m tokenward.app.processes ROLE CONFIGURATION NAME=FD …`.

The supervisor starts it, with listening sockets already bound, and hands it what it read of the
configuration. Its standard input is a pipe from the
supervisor: when that closes, for whatever reason, the process ends, so that none is ever left behind.
"""

import logging
import resource
import socket
import sys
from functools import partial
from pathlib import Path

import uvloop

from tokenward.app.config import load
from tokenward.app.lifeline import end_with_supervisor, read_handed, tell_ready
from tokenward.app.servers import serve_gateway, serve_issuer
from tokenward.app.snapshot import Snapshot
from tokenward.base.redaction import configure_logging
from tokenward.store.keeping import WrongMasterKey
from tokenward.store.port import StoreUnavailable

ROLES = {"issuer": serve_issuer, "gateway": serve_gateway}

log = logging.getLogger("tokenward.server")


def main(arguments: list[str]) -> int:
    """Run one role until told to stop; the exit code."""
    role, configuration_path, *handed = arguments
    configure_logging("INFO")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # each connection is an open file
    end_with_supervisor()
    descriptors = {name: int(number) for name, number in (pair.split("=", 1) for pair in handed)}
    ready, files = descriptors.pop("ready"), Snapshot.unpacked(read_handed(descriptors.pop("handed")))
    sockets = {name: socket.socket(fileno=number) for name, number in descriptors.items()}
    loaded = load(Path(configuration_path), files)
    if loaded.configuration is None:
        log.error("the configuration has problems: run `tokenward check`")
        return 2
    try:
        uvloop.run(ROLES[role](loaded.configuration, sockets, partial(tell_ready, ready)))
    except (ValueError, WrongMasterKey, StoreUnavailable) as error:
        log.error("cannot start the %s: %s", role, error)  # noqa: TRY400 - the message says it all
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
