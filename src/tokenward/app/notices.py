"""The ways to tell owners of API keys, as the configuration has them."""

from tokenward.app.config import Configuration
from tokenward.app.post import mail_server
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
    if (server := mail_server(configuration)) is not None:
        ways.append(Mail(server))
    return ways
