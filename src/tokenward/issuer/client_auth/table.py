"""Every method of client authentication that the issuer knows."""

from tokenward.issuer.client_auth import client_secret, none
from tokenward.issuer.client_auth.method import Silent, Stated
from tokenward.store.records import AuthMethod

STATED: tuple[Stated, ...] = (client_secret.BASIC, client_secret.POST)
SILENT: dict[AuthMethod, Silent] = {method.name: method for method in (none.NONE,)}

METHODS: tuple[str, ...] = (*(method.name for method in STATED), *SILENT)
"""Their names, as metadata tells them."""
