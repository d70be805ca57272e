"""What a TLS listener asks of its clients, over real sockets."""

import asyncio
import contextlib
import json
import socket
import ssl
import threading

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from certificates import LOOPBACK, certificate, certificate_authority
from tokenward.app import listener
from tokenward.app.listener import Listener, bind
from tokenward.app.tls import ServerTls
from tokenward.base.asgi import client_certificate, respond


async def _who(scope, _receive, send):
    """Says in hexadecimal which certificate it was shown."""
    shown = client_certificate(scope)
    await respond(send, 200, json.dumps([scope["scheme"], shown.hex() if shown else None]).encode())


@contextlib.contextmanager
def listening(tls, **options):
    sock = bind("127.0.0.1", 0)
    address = sock.getsockname()
    ready = threading.Event()
    handles = {}

    async def serve():
        handles["loop"], handles["stop"] = asyncio.get_running_loop(), asyncio.Event()
        ready.set()
        await Listener(_who, sock, tls=tls, **options).run_until(handles["stop"])

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield address
    finally:
        handles["loop"].call_soon_threadsafe(handles["stop"].set)
        thread.join(20)
        sock.close()


AUTHORITY = certificate_authority()
SERVER = certificate("CN=server", extensions=(LOOPBACK,))


@pytest.fixture
def tls(tmp_path):
    chain, key = SERVER.write(tmp_path, "server")
    return ServerTls(tmp_path / chain, tmp_path / key, [AUTHORITY.der])


def client_context(directory, held=None, server=SERVER):
    context = ssl.create_default_context(cadata=server.pem.decode())
    if held is not None:
        context.load_cert_chain(*held.write(directory, "client"))
    return context


_sessions = {}


def ask(address, context, *, resume=False):
    """The answer to a request, or the error."""
    session = _sessions[context] if resume else None
    with (
        socket.create_connection(address, timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost", session=session) as sock,
    ):
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        received = b""
        while part := sock.recv(65_536):
            received += part
        assert sock.session_reused is resume
        _sessions[context] = sock.session
    if not received:
        raise ConnectionResetError("closed without an answer")
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    return json.loads(body)


def test_a_client_needs_no_certificate(tls, tmp_path):
    with listening(tls) as address:
        assert ask(address, client_context(tmp_path)) == ["https", None]


def test_the_application_is_shown_the_certificate_of_the_connection(tls, tmp_path):
    held = certificate(issuer=AUTHORITY)
    with listening(tls) as address:
        assert ask(address, client_context(tmp_path, held)) == ["https", held.der.hex()]


def refused(address, context):
    """Whether the listener ends the connection instead of answering."""
    with pytest.raises(OSError, match=r"alert|EOF|reset|closed|protocol|handshake"):
        ask(address, context)
    return True


def test_a_certificate_of_another_ca_ends_the_handshake(tls, tmp_path):
    stranger = certificate(issuer=certificate_authority())
    with listening(tls) as address:
        assert refused(address, client_context(tmp_path, stranger))


@pytest.mark.parametrize("days", [(-3, -1), (1, 3)], ids=["expired", "not yet valid"])
def test_a_certificate_out_of_its_time_ends_the_handshake(tls, tmp_path, days):
    with listening(tls) as address:
        assert refused(address, client_context(tmp_path, certificate(issuer=AUTHORITY, days=days)))


def test_a_self_signed_certificate_gets_through_while_it_is_trusted(tls, tmp_path):
    own = certificate()
    context = client_context(tmp_path, own)
    with listening(tls) as address:
        assert refused(address, context)
        tls.trust([own.der])
        assert ask(address, context) == ["https", own.der.hex()]
        tls.trust([])
        assert refused(address, context)


def test_a_certificate_that_openssl_cannot_read_keeps_nobody_else_out(tls, tmp_path, caplog):
    own, other = certificate(), certificate()
    with listening(tls) as address:
        tls.trust([own.der, b"\x30\x00", other.der])
        for held in (own, other):
            assert ask(address, client_context(tmp_path, held)) == ["https", held.der.hex()]
        assert ask(address, client_context(tmp_path)) == ["https", None]
    assert "is not let through" in caplog.text


def test_who_is_trusted_may_change_while_certificate_and_key_do_not_fit_together(tls, tmp_path):
    own = certificate()
    with listening(tls) as address:
        (tmp_path / "server.pem").write_bytes(certificate("CN=renewed").pem)
        tls.trust([own.der])
        assert ask(address, client_context(tmp_path)) == ["https", None]
        SERVER.write(tmp_path, "server")
        assert ask(address, client_context(tmp_path, own)) == ["https", own.der.hex()]


def test_an_intermediate_ca_is_trusted_without_its_root(tmp_path):
    intermediate = certificate_authority("CN=Intermediate", issuer=AUTHORITY)
    chain, key = SERVER.write(tmp_path, "server")
    held = certificate(issuer=intermediate)
    with listening(ServerTls(tmp_path / chain, tmp_path / key, [intermediate.der])) as address:
        assert ask(address, client_context(tmp_path, held)) == ["https", held.der.hex()]


def test_without_a_reason_nobody_is_asked_for_a_certificate(tmp_path):
    chain, key = SERVER.write(tmp_path, "server")
    with listening(ServerTls(tmp_path / chain, tmp_path / key)) as address:
        context = client_context(tmp_path, certificate(issuer=AUTHORITY))
        assert ask(address, context) == ["https", None]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_resumed_session_is_still_that_of_the_certificate(tls, tmp_path, version):
    held = certificate(issuer=AUTHORITY)
    context = client_context(tmp_path, held)
    context.minimum_version = context.maximum_version = version
    with listening(tls) as address:
        first = ask(address, context)
        assert first == ["https", held.der.hex()]
        assert ask(address, context, resume=True) == first


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")
def test_old_versions_are_not_spoken(tls, tmp_path, version):
    context = client_context(tmp_path)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with listening(tls) as address:
        assert refused(address, context)


@pytest.mark.parametrize("cipher", ["AES128-SHA256", "ECDHE-ECDSA-AES128-SHA256", "NULL"])
def test_nothing_without_forward_secrecy_and_authenticated_encryption_is_spoken(tls, tmp_path, cipher):
    context = client_context(tmp_path)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{cipher}:@SECLEVEL=0")
    with listening(tls) as address:
        assert refused(address, context)


def test_plain_http_gets_no_answer(tls):
    with listening(tls) as address, socket.create_connection(address, timeout=10) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while part := sock.recv(65_536):
                received += part
        assert b"HTTP" not in received


@pytest.mark.parametrize("beginning", [b"", b"\x16\x03\x01\x02\x00\x01"], ids=["silent", "trickling"])
def test_a_handshake_that_does_not_come_to_an_end_is_cut_off(tls, monkeypatch, beginning):
    monkeypatch.setattr(listener, "REQUEST_SECONDS", 0.3)
    with listening(tls) as address, socket.create_connection(address, timeout=10) as sock:
        sock.sendall(beginning)
        with contextlib.suppress(ConnectionResetError):
            assert sock.recv(1) == b""


def test_a_renewed_certificate_is_shown_to_the_next_connection(tls, tmp_path):
    renewed = certificate("CN=renewed", extensions=(LOOPBACK,))
    with listening(tls) as address:
        ask(address, client_context(tmp_path))
        renewed.write(tmp_path, "server")
        assert ask(address, client_context(tmp_path, server=renewed)) == ["https", None]
        with pytest.raises(ssl.SSLCertVerificationError):
            ask(address, client_context(tmp_path))


def test_while_certificate_and_key_do_not_fit_together_the_old_ones_serve(tls, tmp_path):
    renewed = certificate("CN=renewed", extensions=(LOOPBACK,))
    with listening(tls) as address:
        (tmp_path / "server.pem").write_bytes(renewed.pem)
        assert ask(address, client_context(tmp_path)) == ["https", None]
        (tmp_path / "server.pem").unlink()
        assert ask(address, client_context(tmp_path)) == ["https", None]
        renewed.write(tmp_path, "server")
        assert ask(address, client_context(tmp_path, server=renewed)) == ["https", None]


def test_what_tls_cannot_work_with_is_told_at_the_start(tmp_path):
    chain, key = SERVER.write(tmp_path, "server")
    other, other_key = certificate("CN=other").write(tmp_path, "other")
    encrypted = tmp_path / "encrypted.key"
    encrypted.write_bytes(
        SERVER.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    )
    for one, two in (
        (chain, other_key),
        (other, key),
        (chain, tmp_path / "none"),
        (chain, encrypted),
        (key, key),
    ):
        with pytest.raises(ValueError, match="is not possible"):
            ServerTls(tmp_path / one, tmp_path / two)
