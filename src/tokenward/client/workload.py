"""Tokens for what runs on a platform that vouches for it: a CI job, a pod. No secret is stored anywhere."""

# ruff: noqa: PLC0415 - what does the work is imported when a token is asked for

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode

from tokenward.base.secret import Secret
from tokenward.client.authentication import Unproven
from tokenward.client.errors import ServerUnavailable, TokenError
from tokenward.client.server import Server
from tokenward.client.source import ServerSource

if TYPE_CHECKING:
    from tokenward.client.flow import Flow
    from tokenward.client.token_request import Requester
    from tokenward.client.vault import Vault
    from tokenward.flows.metadata import ServerMetadata
    from tokenward.flows.token import TokenResponse

_MAX_BYTES = 16_384


class Platform(Protocol):
    """Gives a signed statement of what runs here."""

    def assertion(self, audience: str) -> "Flow[Secret]":
        """The statement.

        Args:
            audience: the issuer to whom it is made.

        Raises:
            TokenError: this does not run there, or the platform refuses.
            ServerUnavailable: the platform does not answer.
        """


@dataclass(frozen=True, slots=True)
class GitHubActions:
    """A job with `permissions: id-token: write`. Each statement is fresh, made for this issuer."""

    def assertion(self, audience: str) -> "Flow[Secret]":
        """Ask the job's own service, which only this job can (GitHub Docs, "OpenID Connect")."""
        from tokenward.base.outbound import OutboundError
        from tokenward.client.flow import Send
        from tokenward.tokens import strict_json

        url = os.environ.get("ACTIONS_ID_TOKEN_REQUEST_URL")
        bearer = os.environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
        if not url or not bearer:
            raise TokenError("no_assertion", "not a GitHub job with `permissions: id-token: write`")
        separator = "&" if "?" in url else "?"
        url = f"{url}{separator}{urlencode({'audience': audience})}"
        try:
            answer = yield Send("GET", url, {"Authorization": f"Bearer {bearer}"})
        except OutboundError as error:
            raise ServerUnavailable("server_unavailable", str(error)) from None
        try:
            value = strict_json.read_object(answer.body).get("value") if answer.status == 200 else None
        except ValueError:
            value = None
        if not isinstance(value, str) or not value:
            raise TokenError("no_assertion", f"GitHub answered {answer.status} without a token")
        return Secret(value)


@dataclass(frozen=True, slots=True)
class GitLabCI:
    """A job with `id_tokens:`, whose `aud` is the issuer. GitLab gives one a job, and it counts once.

    Attributes:
        variable: under which name in `id_tokens:`.
    """

    variable: str = "ASSERTION"

    def assertion(self, audience: str) -> "Flow[Secret]":
        """What stands in the variable."""
        yield from ()
        value = os.environ.get(self.variable)
        if not value:
            raise TokenError(
                "no_assertion", f"{self.variable} is not set: name it in `id_tokens:` with `aud: {audience}`"
            )
        return Secret(value)


@dataclass(frozen=True, slots=True)
class Kubernetes:
    """A pod with a projected service account token whose audience is the issuer; the kubelet renews it.

    Attributes:
        path: where it is mounted. It is read anew each time.
    """

    path: Path = Path("/var/run/tokenward/token")

    def assertion(self, audience: str) -> "Flow[Secret]":
        """What is in the file."""
        yield from ()
        try:
            with Path(self.path).open("rb") as file:
                text = file.read(_MAX_BYTES).decode("ascii", "replace").strip()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise TokenError("no_assertion", f"{self.path}: {reason}; mount one for {audience}") from None
        if not text:
            raise TokenError("no_assertion", f"{self.path} is empty")
        return Secret(text)


class WorkloadIdentity(ServerSource):
    """The grant of RFC 7523 §2.1: a platform's statement for an access token.

    Args:
        server: the authorization server, which trusts the platform.
        client_id: the client that this workload is there.
        platform: `GitHubActions()`, `GitLabCI()`, `Kubernetes()`, or any other `Platform`.
        scope: what is asked for, a list or a text with spaces.
        resource: the API that the tokens are for (RFC 8707), an absolute URL.
        dpop: whether tokens are bound to a key (RFC 9449).
        vault: where processes share them; by default they are in memory only.
    """

    def __init__(
        self,
        server: Server,
        *,
        client_id: str,
        platform: Platform,
        scope: Iterable[str] = (),
        resource: str = "",
        dpop: bool = False,
        vault: "Vault | None" = None,
    ) -> None:
        super().__init__(
            server,
            client_id=client_id,
            authentication=Unproven(),
            scope=scope,
            resource=resource,
            dpop=dpop,
            vault=vault,
        )
        self._platform = platform

    def _grant(
        self, requester: "Requester", server: "ServerMetadata", _stored: object
    ) -> "Flow[TokenResponse]":
        from tokenward.flows.token import jwt_bearer

        assertion = yield from self._platform.assertion(self.server.issuer)
        form = jwt_bearer(assertion, scope=self.scope, resource=self.resource)
        # The statement may count once: a second try with the same one could only be refused.
        return (yield from requester.ask(server, lambda: form, tries=1))
