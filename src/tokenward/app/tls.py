"""TLS at a listener: its own certificate, and whose certificates get through the handshake (RFC 8446).

The handshake proves that the client holds the key of its certificate. Whose certificate it is, whether its
chain is good and whether it is in time is judged anew where it counts (`tokens.certificates`), because a
certificate may also come from a proxy, and because Python's `ssl` mixes everything that it trusts.
"""

import logging
import ssl
from collections.abc import Collection
from pathlib import Path

_log = logging.getLogger("tokenward.app.tls")

# Forward secrecy and authenticated encryption only (RFC 9325 §4.2); TLS 1.3 knows nothing else.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


class ServerTls:
    """What a listener needs to speak TLS. A renewed certificate is taken up by the next handshake.

    Args:
        certificate: a PEM file: the server's certificate first, then its chain.
        key: a PEM file with its unencrypted private key.
        client_authorities: DER certificates of CAs whose clients may show a certificate; None asks for none.
        http2: whether clients that can are spoken to in HTTP/2 (RFC 9113 §3.2), others in HTTP/1.1.

    Raises:
        ValueError: a file cannot be used; the message names it and never its content.
    """

    def __init__(
        self,
        certificate: Path,
        key: Path,
        client_authorities: Collection[bytes] | None = None,
        *,
        http2: bool = False,
    ) -> None:
        self._files = (certificate, key)
        self._authorities = client_authorities
        self._protocols = ["h2", "http/1.1"] if http2 else ["http/1.1"]
        self._trusted: frozenset[bytes] = frozenset()
        self._stamp = self._stat()
        self._current = self._load()
        # Connections begin in this one, whose only task is to give each the current one.
        self.context = self._load()
        self.context.sni_callback = self._hand_over

    def trust(self, certificates: Collection[bytes]) -> None:
        """Let these self-signed certificates (DER) through the handshake, and no others beside the CAs'."""
        wanted = frozenset(certificates)
        if wanted != self._trusted:
            self._trusted = wanted
            self._stamp = ()  # at the next handshake, and again until the files let it be done

    def _hand_over(
        self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _context: ssl.SSLContext
    ) -> None:
        """Called at every ClientHello, with or without SNI."""
        stamp = self._stat()
        if stamp != self._stamp:
            try:
                self._current = self._load()
            except ValueError as error:  # half written: the old one serves until the files fit together
                _log.warning("the new TLS certificate is not used: %s", error)
            else:
                self._stamp = stamp
        connection.context = self._current

    def _stat(self) -> tuple[tuple[int, int, int], ...]:
        try:
            stats = [path.stat() for path in self._files]
        except OSError:
            return ()
        return tuple((each.st_ino, each.st_mtime_ns, each.st_size) for each in stats)

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 9325 §3.1.1
        context.set_ciphers(_CIPHERS)
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION  # RFC 9113 §9.2.1, too
        context.set_alpn_protocols(self._protocols)
        certificate, key = self._files
        try:
            # An encrypted key must not make OpenSSL ask the terminal for a password.
            context.load_cert_chain(certificate, key, password=lambda: "")
        except (OSError, ValueError) as error:
            why = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
            raise ValueError(f"TLS with {certificate.name} and {key.name} is not possible: {why}") from None
        if self._authorities is not None:
            self._ask_clients(context, self._authorities)
        return context

    def _ask_clients(self, context: ssl.SSLContext, authorities: Collection[bytes]) -> None:
        context.verify_mode = ssl.CERT_OPTIONAL
        # A CA that is named is trusted even where its own issuer is not, and a self-signed one by itself.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        # One by one: what OpenSSL cannot read, although whoever registered it could, harms nobody else.
        for certificate in (*authorities, *self._trusted):
            try:
                context.load_verify_locations(cadata=certificate)
            except ssl.SSLError as error:
                _log.warning("a certificate of a client or its CA is not let through: %s", error.reason)
