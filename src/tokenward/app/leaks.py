"""The response to leaks, put together over this configuration's store and policy."""

from collections.abc import Callable

from tokenward.app.foundation import Foundation
from tokenward.app.leak_metrics import observe
from tokenward.app.leak_policy import response_policy
from tokenward.base.addresses import LOOPBACK
from tokenward.base.outbound import OutboundClient
from tokenward.base.references import resolve
from tokenward.leaks.response.asgi import LeaksApp, Post
from tokenward.leaks.response.endpoint import Desk
from tokenward.leaks.response.github import GITHUB_PATH, GithubDesk
from tokenward.leaks.response.github_keys import GithubKeys
from tokenward.leaks.response.recognising import Recogniser
from tokenward.leaks.response.reporters import Reporters
from tokenward.leaks.response.responder import Responder
from tokenward.leaks.response.webhooks import WEBHOOK_PATH, WebhookDesk
from tokenward.tokens.opaque import fingerprint

_KEY_LIST = 65_536  # bytes


def leaks_app(ground: Foundation, *, publishes: Callable[[str | None], bool]) -> LeaksApp:
    """What the issuer serves beside its own endpoints.

    Args:
        ground: the store, and what it keeps sealed.
        publishes: whether a signing key is one that the issuer still publishes, by its kid.

    Raises:
        ValueError: a reference cannot be resolved, or a webhook's secret is too short.
    """
    settings = ground.issuer_settings
    reporters = Reporters(
        ground.store,
        ground.peppers,
        settings.url,
        ground.dpop("issuer"),  # clients know nonces by origin, and this is one
        publishes=publishes,
        prefix=settings.token_prefix,
        clock=ground.clock,
    )
    responds = responder(ground)
    desk = Desk(responds, reporters, prefix=settings.token_prefix, clock=ground.clock)
    return LeaksApp(desk, _partners(ground, responds))


def _partners(ground: Foundation, responds: Responder) -> dict[str, Post]:
    """Where those report who sign what they send."""
    configuration = ground.configuration
    said, prefix = configuration.settings.leaks, ground.issuer_settings.token_prefix
    found: dict[str, Post] = {}
    if (github := said.github) is not None:
        client = OutboundClient(
            allow=(*github.networks, *(LOOPBACK if github.keys.startswith("http:") else ())),
            https_only=not github.keys.startswith("http:"),
            max_bytes=_KEY_LIST,
        )
        keys = GithubKeys(github.keys, client.get_async, clock=ground.clock)
        found[GITHUB_PATH] = GithubDesk(responds, keys, prefix=prefix, clock=ground.clock).post
    for name, webhook in said.webhooks.items():
        secret = resolve(webhook.secret, base_dir=configuration.base_dir)
        found[WEBHOOK_PATH + name] = WebhookDesk(
            responds, name, secret, prefix=prefix, clock=ground.clock
        ).post
    return found


def responder(ground: Foundation) -> Responder:
    """Responds to reports as this configuration wants it.

    Raises:
        ValueError: the admin token cannot be resolved.
    """
    configuration = ground.configuration
    admin = resolve(configuration.settings.admin.token, base_dir=configuration.base_dir)
    recogniser = Recogniser(ground.store, ground.peppers, admin_token=fingerprint(admin.reveal()))
    return Responder(
        ground.store, recogniser, response_policy(configuration.settings), observe=observe, clock=ground.clock
    )
