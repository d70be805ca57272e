"""What takes letters: the mail server of the configuration; in development, the terminal."""

import sys
from dataclasses import dataclass
from typing import TextIO
from urllib.parse import urlsplit

from tokenward.app.config import Configuration
from tokenward.base.addresses import is_loopback
from tokenward.base.mail import MailServer
from tokenward.base.references import resolve
from tokenward.identity.outbox import Post


def mail_server(configuration: Configuration) -> MailServer | None:
    """The server that takes mail, or None.

    Raises:
        ValueError: its password cannot be resolved.
    """
    mail = configuration.settings.mail
    if mail is None:
        return None
    password = mail.password and resolve(mail.password, base_dir=configuration.base_dir)
    plain = {"tls": None} if is_loopback(mail.host) else {}
    return MailServer(mail.host, mail.port, mail.sender, mail.username, password or None, **plain)


def post(configuration: Configuration) -> Post | None:
    """What takes letters to people: the mail server, or the terminal where nobody else can reach the issuer.

    Raises:
        ValueError: as `mail_server`.
    """
    server = mail_server(configuration)
    if server is None and is_loopback(urlsplit(configuration.settings.issuer.url).hostname or ""):
        return Printed()
    return server


@dataclass(frozen=True, slots=True)
class Printed:
    """Shows letters instead of sending them.

    Past the log on purpose, which would mask the link that the developer waits for.

    Attributes:
        where: standard error of the process by default.
    """

    where: TextIO | None = None

    async def send(self, *, to: str, subject: str, text: str) -> None:
        """See `Post`."""
        head = f"No server takes mail, so this is shown here.\nTo: {to}\nSubject: {subject}\n"
        where = self.where or sys.stderr
        where.write(_indented(f"{head}\n{text}") + "\n")
        where.flush()


def _indented(text: str) -> str:
    """As a block that no log line looks like, without what could steer a terminal."""
    return "\n".join(
        "    "
        + "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in line)
        for line in text.split("\n")
    )
