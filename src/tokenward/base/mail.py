"""Sending a mail through the operator's server."""

import asyncio
import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage

from tokenward.base.secret import Secret

_SECONDS = 10.0  # for each exchange with the server


class MailError(Exception):
    """A mail that was not taken. Its text holds no credential and nothing of the mail."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in (RFC 6409).

    Attributes:
        host: its name, which its certificate must have.
        port: usually 587.
        sender: the address that the mail is from.
        username: "" where it asks for none.
        password: of that user.
        tls: trust settings of STARTTLS (RFC 3207); None sends in plain text, which is for this machine only.
    """

    host: str
    port: int
    sender: str
    username: str = ""
    password: Secret | None = None
    tls: ssl.SSLContext | None = field(default_factory=ssl.create_default_context)

    async def send(self, *, to: str, subject: str, text: str) -> None:
        """Hand in a mail of plain text.

        Raises:
            MailError: the server cannot be reached, is not who it should be, or does not take it.
            ValueError: an address or the subject cannot stand in a header.
        """
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, to, subject
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: nobody should answer it automatically
        message.set_content(text)
        await asyncio.to_thread(self._hand_in, message)

    def _hand_in(self, message: EmailMessage) -> None:
        try:
            with smtplib.SMTP(self.host, self.port, timeout=_SECONDS) as server:
                if self.tls is not None:
                    server.starttls(context=self.tls)  # raises where the server does not offer it
                if self.password is not None:
                    server.login(self.username, self.password.reveal())
                server.send_message(message)
        except (smtplib.SMTPException, OSError) as error:
            code = getattr(error, "smtp_code", "")
            raise MailError(f"{type(error).__name__} {code}".strip()) from None
