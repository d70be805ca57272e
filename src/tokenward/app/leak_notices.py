"""The ways to tell of incidents, as the configuration has them."""

from tokenward.app.config import Configuration
from tokenward.app.post import mail_server
from tokenward.base.outbound import OutboundClient
from tokenward.base.references import resolve
from tokenward.leaks.response.tellers import Mail, Teller, Webhook
from tokenward.leaks.response.webhooks import MIN_SECRET


def leak_tellers(configuration: Configuration) -> list[Teller]:
    """Every way that is configured; none by default.

    Raises:
        ValueError: a reference cannot be resolved, or the webhook's secret is too short.
    """
    notices = configuration.settings.leaks.notices
    base_dir = configuration.base_dir
    ways: list[Teller] = []
    if notices.webhook is not None:
        secret = notices.webhook_secret and resolve(notices.webhook_secret, base_dir=base_dir)
        if secret and len(secret.reveal()) < MIN_SECRET:
            raise ValueError(f"leaks.notices.webhook_secret needs {MIN_SECRET} characters at least")
        client = OutboundClient(allow=notices.webhook_networks, https_only=not notices.webhook_networks)
        ways.append(Webhook(resolve(notices.webhook, base_dir=base_dir), client, secret or None))
    if (server := mail_server(configuration)) is not None:
        ways.append(Mail(server, notices.mail_to))
    return ways
