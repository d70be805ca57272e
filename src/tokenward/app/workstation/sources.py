"""From a profile to what gives its tokens."""

# ruff: noqa: PLC0415 - each way is imported by who goes it: somebody waits for it

import logging
from typing import Any

from tokenward.app.workstation.profiles import Profile
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.client.authentication import ClientSecret, PrivateKeyJwt
from tokenward.client.errors import ServerUnavailable
from tokenward.client.server import Server
from tokenward.client.source import ServerSource
from tokenward.client.token import Token
from tokenward.client.vault import Vault

_log = logging.getLogger("tokenward.client.source")

SPENT = 0.7
"""The part of its life after which a kept token is replaced before it is handed out: who gets it goes on with
it for a while, and cannot ask for the next."""


def source_of(profile: Profile, *, shared: bool = True) -> ServerSource:
    """What gives tokens for a profile, and keeps them in this user's vault.

    Args:
        profile: whose.
        shared: whether a program's tokens are kept there, too, and not in this process alone. A person's
            always are: they come of one refresh token.

    Raises:
        ValueError: the issuer or a network is none.
    """
    settings: dict[str, Any] = {
        "client_id": profile.client_id,
        "scope": profile.scope,
        "resource": profile.audience,
        "dpop": profile.dpop,
        "vault": Vault() if shared or profile.is_personal else None,
    }
    _log.addFilter(_said_by_the_command)
    server = Server(profile.issuer, inside_networks=profile.inside_networks)
    if profile.is_personal:
        if profile.device:
            from tokenward.client.device_sign_in import DeviceSignIn

            return DeviceSignIn(server, **settings)
        from tokenward.client.sign_in import SignIn

        return SignIn(server, **settings)
    if profile.workload:
        from tokenward.client.workload import GitHubActions, GitLabCI, Kubernetes, WorkloadIdentity

        platforms = {"github": GitHubActions, "gitlab": GitLabCI, "kubernetes": Kubernetes}
        return WorkloadIdentity(server, platform=platforms[profile.workload](), **settings)
    from tokenward.client.client_credentials import ClientCredentials

    proof = (
        ClientSecret(profile.client_secret) if profile.client_secret else PrivateKeyJwt(profile.private_key)
    )
    return ClientCredentials(server, authentication=proof, **settings)


def _said_by_the_command(record: logging.LogRecord) -> bool:
    """Whether a line of the log is to be shown: why there is no token is told with what to do."""
    return not record.msg.startswith("no token of")


def lasting_token(source: ServerSource, clock: Clock = SYSTEM_CLOCK) -> Token:
    """A token with some of its life before it; less, where the server cannot be reached for a new one.

    Raises:
        TokenError: there is none.
    """
    token = source.token()
    lifetime = token.expires_at - token.obtained_at
    if clock.time() < token.obtained_at + SPENT * lifetime:
        return token
    source.reject(token)
    try:
        return source.token()
    except ServerUnavailable:
        return token
