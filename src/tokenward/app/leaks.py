"""The response to leaks, put together over this configuration's store and policy."""

from tokenward.app.foundation import Foundation
from tokenward.app.leak_metrics import observe
from tokenward.app.leak_policy import response_policy
from tokenward.base.references import resolve
from tokenward.leaks.response.asgi import LeaksApp
from tokenward.leaks.response.endpoint import Desk
from tokenward.leaks.response.recognising import Recogniser
from tokenward.leaks.response.reporters import Reporters
from tokenward.leaks.response.responder import Responder
from tokenward.store.key_ring import KeyRing
from tokenward.tokens.opaque import fingerprint


def leaks_app(ground: Foundation, ring: KeyRing) -> LeaksApp:
    """What the issuer serves beside its own endpoints.

    Args:
        ground: the store, and what it keeps sealed.
        ring: the issuer's signing keys.

    Raises:
        ValueError: the admin token cannot be resolved.
    """
    settings = ground.issuer_settings
    reporters = Reporters(
        ground.store,
        ground.peppers,
        settings.url,
        ground.dpop("issuer"),  # clients know nonces by origin, and this is one
        publishes=ring.publishes,
        prefix=settings.token_prefix,
        clock=ground.clock,
    )
    return LeaksApp(Desk(responder(ground), reporters, prefix=settings.token_prefix, clock=ground.clock))


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
