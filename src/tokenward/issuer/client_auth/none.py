"""No authentication: a public client only says who it is (RFC 6749 §3.2.1)."""

from tokenward.base.asgi import Scope
from tokenward.issuer.client_auth.method import Silent
from tokenward.issuer.context import Issuer
from tokenward.store.records import Client


def _nothing(_issuer: Issuer, _scope: Scope, _client: Client) -> None:
    """There is nothing to look at."""


NONE = Silent("none", credential="none", check=_nothing)
