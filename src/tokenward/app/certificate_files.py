"""Certificates from files, as the configuration names them: the CAs of clients, and a listener's own."""

from pathlib import Path

from cryptography import x509

from tokenward.app.server_settings import DecisionServer, GatewayServer, OutwardServer, TlsSettings
from tokenward.app.snapshot import Snapshot
from tokenward.app.tls import ServerTls
from tokenward.base.references import parse, resolve
from tokenward.tokens.certificates import Authorities, BadCertificate, parse_pem

MAX_BYTES = 1024 * 1024


def read_certificates(path: Path, files: Snapshot) -> list[x509.Certificate]:
    """The certificates of a PEM file.

    Raises:
        ValueError: it cannot be read, or holds none.
    """
    try:
        raw = files.content(path, MAX_BYTES)
    except OSError as error:
        raise ValueError(f"{path.name} cannot be read: {error.strerror}") from None
    try:
        return parse_pem(raw[:MAX_BYTES])
    except BadCertificate as error:
        raise ValueError(f"{path.name} cannot be used: {error}") from None


def client_authorities(server: OutwardServer, base_dir: Path, files: Snapshot) -> Authorities | None:
    """The CAs whose certificates clients may show to this server; None where it names none.

    Their file is one of the configuration's: when it changes, all of it is taken up anew.

    Raises:
        ValueError: the file cannot be used; the text says why.
    """
    wanted = server.client_certificates
    if wanted is None or wanted.ca is None:
        return None
    return Authorities(read_certificates(base_dir / wanted.ca, files))


def server_tls(server: OutwardServer, base_dir: Path, files: Snapshot) -> ServerTls | None:
    """What the server needs to speak TLS; None where a proxy does.

    Raises:
        ValueError: a file cannot be used, or the key is open to other users.
    """
    if server.tls is None:
        return None
    authorities = client_authorities(server, base_dir, files)
    return ServerTls(
        *_certificate_and_key(server.tls, base_dir),
        client_authorities=(authorities.certificates if authorities is not None else ())
        if takes_certificates_itself(server)
        else None,
        # The issuer gives a request ten seconds to be whole, which only its HTTP/1.1 counts.
        http2=isinstance(server, GatewayServer),
    )


def decision_tls(server: DecisionServer, base_dir: Path, files: Snapshot) -> ServerTls | None:
    """What the listener for engines needs to speak TLS with them; None where it does not.

    Raises:
        ValueError: as for `server_tls`.
    """
    if server.tls is None:
        return None
    authorities = Authorities(read_certificates(base_dir / server.tls.clients, files))
    return ServerTls(*_certificate_and_key(server.tls, base_dir), client_authorities=authorities.certificates)


def _certificate_and_key(tls: TlsSettings, base_dir: Path) -> tuple[Path, Path]:
    resolve(tls.key, base_dir=base_dir)  # for what it refuses
    return base_dir / tls.certificate, base_dir / parse(tls.key).place


def takes_certificates_itself(server: OutwardServer) -> bool:
    """Whether the TLS listener asks clients for certificates; otherwise a proxy does, or nobody."""
    wanted = server.client_certificates
    return wanted is not None and wanted.header is None
