"""Mail, handed in to a real server."""

import asyncio
import socket
import ssl
from email import message_from_bytes

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from certificates import LOOPBACK, certificate, certificate_authority, san
from tokenward.base.mail import MailError, MailServer
from tokenward.base.secret import Secret

PASSWORD = "correct horse battery"


class Box:
    """What the server took."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - the library's name
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, message_from_bytes(envelope.content)))
        return "250 OK"


@pytest.fixture
def box():
    return Box()


@pytest.fixture
def post_office(box):
    """Starts a server; its port."""
    started = []

    def start(**settings):
        controller = Controller(box, hostname="127.0.0.1", port=_free_port(), **settings)
        controller.start()
        started.append(controller)
        return controller.port

    yield start
    for controller in started:
        controller.stop()


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def encryption(directory, names=LOOPBACK):
    """The server's side, and that of a client that trusts whoever signed its certificate."""
    authority = certificate_authority()
    paths = certificate(issuer=authority, extensions=(names,)).write(directory, "server")
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(*paths)
    return own, ssl.create_default_context(cadata=authority.pem.decode())


def send(server, **changes):
    mail = {"to": "ann@example.com", "subject": "A key ends", "text": "Tomorrow.\n", **changes}
    asyncio.run(server.send(**mail))


def accept(_server, _session, _envelope, _mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"tokenward", PASSWORD.encode()))


def test_a_mail_goes_out_encrypted_and_authenticated(post_office, box, tmp_path):
    own, trusting = encryption(tmp_path)
    port = post_office(tls_context=own, require_starttls=True, authenticator=accept, auth_required=True)
    send(MailServer("127.0.0.1", port, "t@example.com", "tokenward", Secret(PASSWORD), trusting))
    ((sender, recipients, mail),) = box.mails
    assert (sender, recipients) == ("t@example.com", ["ann@example.com"])
    assert (mail["Subject"], mail["Auto-Submitted"]) == ("A key ends", "auto-generated")
    assert mail.get_payload().strip() == "Tomorrow."
    wrong = MailServer("127.0.0.1", port, "t@example.com", "tokenward", Secret("another one"), trusting)
    with pytest.raises(MailError, match="SMTP") as caught:
        send(wrong)
    assert "another" not in str(caught.value)


def test_a_server_that_offers_no_encryption_gets_nothing(post_office, box):
    server = MailServer("127.0.0.1", post_office(), "t@example.com", "tokenward", Secret(PASSWORD))
    with pytest.raises(MailError, match="SMTPNotSupportedError"):
        send(server)
    assert box.mails == []


def test_a_server_that_nobody_vouches_for_gets_nothing(post_office, box, tmp_path):
    own, trusting = encryption(tmp_path, san("dns:mail.example", "ip:127.0.0.9"))
    port = post_office(tls_context=own, require_starttls=True)
    for trust in (ssl.create_default_context(), trusting):  # the second: another host's certificate
        with pytest.raises(MailError, match="SSLCertVerificationError"):
            send(MailServer("127.0.0.1", port, "t@example.com", tls=trust))
    assert box.mails == []


def test_on_this_machine_plain_text_will_do(post_office, box):
    send(MailServer("127.0.0.1", post_office(), "t@example.com", tls=None))
    assert len(box.mails) == 1


def test_a_server_that_is_not_there_is_an_error(post_office):
    with pytest.raises(MailError, match="ConnectionRefusedError"):
        send(MailServer("127.0.0.1", _free_port(), "t@example.com"))


@pytest.mark.parametrize("field", ["to", "subject"])
def test_nobody_adds_a_header(post_office, box, field):
    server = MailServer("127.0.0.1", post_office(), "t@example.com", tls=None)
    with pytest.raises(ValueError, match="linefeed"):
        send(server, **{field: "ann@example.com\r\nBcc: eve@example.com"})
    assert box.mails == []
