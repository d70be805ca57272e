"""An engine's side of TLS towards its clients, and a client that may hold a certificate."""

import ssl

from certificates import LOOPBACK, certificate
from tokenward.app.engines.plan import Tls

SERVER = certificate("CN=server", extensions=(LOOPBACK,))


def served(directory, **more):
    return Tls(*(directory / name for name in SERVER.write(directory, "server")), **more)


def client(directory, held=None, **limits):
    context = ssl.create_default_context(cadata=SERVER.pem.decode())
    for name, value in limits.items():
        setattr(context, name, value)
    if held is not None:
        context.load_cert_chain(*held.write(directory, "client"))
    return context
