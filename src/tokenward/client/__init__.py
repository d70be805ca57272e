"""What an application imports to get tokens and to show them; it works with any standard server.

Names are imported when they are asked for, and what does the work (HTTP, cryptography) when the first token
is.
"""

from typing import TYPE_CHECKING

from tokenward.base.deferred import deferred

if TYPE_CHECKING:
    from tokenward.client.aiohttp_auth import AiohttpAuth
    from tokenward.client.api_key import ApiKey
    from tokenward.client.authentication import ClientCertificate, ClientSecret, PrivateKeyJwt
    from tokenward.client.client_credentials import ClientCredentials
    from tokenward.client.device_sign_in import DeviceSignIn
    from tokenward.client.errors import ServerUnavailable, SignInRequired, TokenError
    from tokenward.client.header_provider import HeaderProvider
    from tokenward.client.httpx_auth import HttpxAuth
    from tokenward.client.requests_auth import RequestsAuth
    from tokenward.client.server import Server
    from tokenward.client.sign_in import SignIn
    from tokenward.client.token import Token
    from tokenward.client.token_exchange import TokenExchange
    from tokenward.client.token_source import TokenSource
    from tokenward.client.vault import Vault
    from tokenward.client.workload import GitHubActions, GitLabCI, Kubernetes, WorkloadIdentity

__all__ = [
    "AiohttpAuth",
    "ApiKey",
    "ClientCertificate",
    "ClientCredentials",
    "ClientSecret",
    "DeviceSignIn",
    "GitHubActions",
    "GitLabCI",
    "HeaderProvider",
    "HttpxAuth",
    "Kubernetes",
    "PrivateKeyJwt",
    "RequestsAuth",
    "Server",
    "ServerUnavailable",
    "SignIn",
    "SignInRequired",
    "Token",
    "TokenError",
    "TokenExchange",
    "TokenSource",
    "Vault",
    "WorkloadIdentity",
]

__getattr__ = deferred(
    __name__,
    {
        "AiohttpAuth": "tokenward.client.aiohttp_auth",
        "ApiKey": "tokenward.client.api_key",
        "ClientCertificate": "tokenward.client.authentication",
        "ClientCredentials": "tokenward.client.client_credentials",
        "ClientSecret": "tokenward.client.authentication",
        "DeviceSignIn": "tokenward.client.device_sign_in",
        "GitHubActions": "tokenward.client.workload",
        "GitLabCI": "tokenward.client.workload",
        "HeaderProvider": "tokenward.client.header_provider",
        "HttpxAuth": "tokenward.client.httpx_auth",
        "Kubernetes": "tokenward.client.workload",
        "PrivateKeyJwt": "tokenward.client.authentication",
        "RequestsAuth": "tokenward.client.requests_auth",
        "Server": "tokenward.client.server",
        "ServerUnavailable": "tokenward.client.errors",
        "SignIn": "tokenward.client.sign_in",
        "SignInRequired": "tokenward.client.errors",
        "Token": "tokenward.client.token",
        "TokenError": "tokenward.client.errors",
        "TokenExchange": "tokenward.client.token_exchange",
        "TokenSource": "tokenward.client.token_source",
        "Vault": "tokenward.client.vault",
        "WorkloadIdentity": "tokenward.client.workload",
    },
)
