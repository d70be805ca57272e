"""The ways to tell owners of API keys, as the configuration has them."""

from tokenward.app.config import Configuration
from tokenward.app.locations import is_loopback
from tokenward.app.settings import MailSettings
from tokenward.base.mail import MailServer
from tokenward.base.outbound import OutboundClient
from tokenward.base.references import resolve
from tokenward.issuer.key_notices import Mail, Teller, Webhook


def tellers(configuration: Configuration) -> list[Teller]:
    """Every way that is configured; none by default.

    Raises:
        ValueError: a reference cannot be resolved.
    """
    notices = configuration.settings.api_keys.notices
    ways: list[Teller] = []
    if notices.webhook is not None:
        url = resolve(notices.webhook, base_dir=configuration.base_dir)
        client = OutboundClient(allow=notices.webhook_networks, https_only=not notices.webhook_networks)
        ways.append(Webhook(url, client))
    if notices.mail is not None:
        ways.append(Mail(mail_server(notices.mail, configuration)))
    return ways


def mail_server(mail: MailSettings, configuration: Configuration) -> MailServer:
    """The server that takes mail.

    Raises:
        ValueError: its password cannot be resolved.
    """
    password = mail.password and resolve(mail.password, base_dir=configuration.base_dir)
    plain = {"tls": None} if is_loopback(mail.host) else {}
    return MailServer(mail.host, mail.port, mail.sender, mail.username, password or None, **plain)
