"""What an application imports to get tokens and to show them; it works with any standard server.

Names are imported when they are asked for, and what does the work (HTTP, cryptography) when the first token
is.
"""

from typing import TYPE_CHECKING

from tokenward.base.deferred import deferred

if TYPE_CHECKING:
    from tokenward.client.authentication import ClientCertificate, ClientSecret, PrivateKeyJwt
    from tokenward.client.client_credentials import ClientCredentials
    from tokenward.client.errors import ServerUnavailable, SignInRequired, TokenError
    from tokenward.client.httpx_auth import HttpxAuth
    from tokenward.client.server import Server
    from tokenward.client.source import TokenSource
    from tokenward.client.token import Token
    from tokenward.client.workload import GitHubActions, GitLabCI, Kubernetes, WorkloadIdentity

__all__ = [
    "ClientCertificate",
    "ClientCredentials",
    "ClientSecret",
    "GitHubActions",
    "GitLabCI",
    "HttpxAuth",
    "Kubernetes",
    "PrivateKeyJwt",
    "Server",
    "ServerUnavailable",
    "SignInRequired",
    "Token",
    "TokenError",
    "TokenSource",
    "WorkloadIdentity",
]

__getattr__ = deferred(
    __name__,
    {
        "ClientCertificate": "tokenward.client.authentication",
        "ClientCredentials": "tokenward.client.client_credentials",
        "ClientSecret": "tokenward.client.authentication",
        "GitHubActions": "tokenward.client.workload",
        "GitLabCI": "tokenward.client.workload",
        "HttpxAuth": "tokenward.client.httpx_auth",
        "Kubernetes": "tokenward.client.workload",
        "PrivateKeyJwt": "tokenward.client.authentication",
        "Server": "tokenward.client.server",
        "ServerUnavailable": "tokenward.client.errors",
        "SignInRequired": "tokenward.client.errors",
        "Token": "tokenward.client.token",
        "TokenError": "tokenward.client.errors",
        "TokenSource": "tokenward.client.source",
        "WorkloadIdentity": "tokenward.client.workload",
    },
)
