"""Lets the self-signed certificates of registered clients through the TLS handshake (RFC 8705 §2.2).

Python's `ssl` refuses every certificate that it does not trust, so a listener that asks for certificates has
to know those of the clients. They are looked up anew once a second: a client that was just registered, in
whichever process, is let through a moment later. In the handshake only: `client_auth` judges again.
"""

import asyncio
import logging

from tokenward.app.tls import ServerTls
from tokenward.store.port import Clients, StoreUnavailable
from tokenward.tokens.certificates import registered_certificates

SECONDS = 1.0

_log = logging.getLogger("tokenward.app.tls")


async def trust_registered(store: Clients, tls: ServerTls) -> None:
    """Keep the listener informed until cancelled. Without an answer of the store, it keeps what it knows."""
    available = True
    while True:
        try:
            known = await store.registered_jwks("self_signed_tls_client_auth")
        except StoreUnavailable as error:
            if available:
                _log.warning("the certificates of clients cannot be read: %s", error)
            available = False
        else:
            available = True
            tls.trust([der for jwks in known for der in registered_certificates(jwks)])
        await asyncio.sleep(SECONDS)
