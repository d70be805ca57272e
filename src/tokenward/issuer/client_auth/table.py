"""Every method of client authentication that the issuer knows."""

from tokenward.issuer.client_auth import certificate, client_secret, none, private_key_jwt
from tokenward.issuer.client_auth.method import Silent, Stated
from tokenward.store.records import AuthMethod

STATED: tuple[Stated, ...] = (client_secret.BASIC, client_secret.POST, private_key_jwt.PRIVATE_KEY_JWT)
SILENT: dict[AuthMethod, Silent] = {
    method.name: method for method in (none.NONE, certificate.TLS_CLIENT_AUTH, certificate.SELF_SIGNED)
}

METHODS: dict[str, AuthMethod] = {
    **{method.name: method.registered for method in STATED},
    **{name: name for name in SILENT},
}
"""Their names, as metadata tells them, and what a client must be registered for to use each."""
