"""How an application proves to the token endpoint which client it is (RFC 6749 §2.3).

Nothing here takes a secret itself, only a reference to where it is kept: `env:NAME`, `file:PATH`,
`keyring:SERVICE/NAME`, `cmd:COMMAND`. It is looked up each time a token is obtained, so that a secret that
was rotated is picked up without a restart, and nothing keeps it.
"""

# ruff: noqa: PLC0415 - what does the work is imported when a token is asked for

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tokenward.base.clock import Clock
from tokenward.base.references import parse, resolve
from tokenward.base.secret import Secret
from tokenward.client.errors import TokenError
from tokenward.flows.metadata import ServerMetadata


@dataclass(frozen=True, slots=True)
class Proof:
    """What goes with one request.

    Attributes:
        headers: further headers.
        parameters: further parameters of the form.
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)


class Authentication(Protocol):
    """One way of proving it."""

    @property
    def method(self) -> str:
        """Its name, as in `token_endpoint_auth_methods_supported`."""

    @property
    def dated(self) -> bool:
        """Whether the proof carries a time, so that a refusal may be about clocks."""

    @property
    def tls(self) -> ssl.SSLContext | None:
        """Connections with the client's certificate, where that is the proof."""

    def prove(self, client_id: str, server: ServerMetadata, clock: Clock) -> Proof:
        """The proof for one request.

        Raises:
            TokenError: the secret or key cannot be had, or the server does not take this proof.
        """


@dataclass(frozen=True)
class ClientSecret:
    """A secret that both know. A key (`PrivateKeyJwt`) is better: nothing that travels can be used again.

    Attributes:
        reference: where it is kept, such as `env:CLIENT_SECRET` or `keyring:payer/client_secret`.

    Raises:
        ValueError: it is no reference. A secret written into code ends up in a repository.
    """

    reference: str
    method = "client_secret_basic"
    dated = False
    tls = None

    def __post_init__(self) -> None:
        parse(self.reference)

    def prove(self, client_id: str, server: ServerMetadata, _clock: Clock) -> Proof:
        """The secret, in the `Authorization` header if the server takes it there (RFC 6749 §2.3.1)."""
        from tokenward.flows.token import basic_authorization

        secret = looked_up(self.reference)
        if "client_secret_basic" in server.auth_methods:
            return Proof({"Authorization": basic_authorization(client_id, secret)})
        if "client_secret_post" in server.auth_methods:
            return Proof(parameters={"client_id": client_id, "client_secret": secret.reveal()})
        raise TokenError("unsupported_authentication", f"{server.issuer} takes no client secret")


@dataclass(frozen=True)
class PrivateKeyJwt:
    """A key of the client's own signs a statement for each request (RFC 7523 §2.2).

    Attributes:
        reference: where the private key is kept, in PEM (PKCS #8) or as a JWK: `file:client-key.pem`.
        kid: its name in the registered JWK Set; by default the JWK's own, or its thumbprint (RFC 7638).
        algorithm: what it signs with; by default what the JWK says, or ES256.

    Raises:
        ValueError: it is no reference.
    """

    reference: str
    kid: str = ""
    algorithm: str = ""
    method = "private_key_jwt"
    dated = True
    tls = None

    def __post_init__(self) -> None:
        parse(self.reference)

    def prove(self, client_id: str, server: ServerMetadata, clock: Clock) -> Proof:
        """A statement that is good once, for a minute, at this server."""
        from tokenward.flows.client_assertion import client_assertion
        from tokenward.tokens.keys import signing_key_from_pem
        from tokenward.tokens.private_jwks import signing_key_from_jwk

        kept = looked_up(self.reference)
        try:
            if kept.reveal().lstrip().startswith("{"):
                key = signing_key_from_jwk(kept, self.algorithm, kid=self.kid)
            else:
                key = signing_key_from_pem(kept, self.algorithm or "ES256", kid=self.kid)
        except ValueError as error:
            raise TokenError("secret_unavailable", str(error)) from None
        said = client_assertion(key, client_id=client_id, audience=server.issuer, clock=clock)
        # RFC 7521 §4.2: client_id is optional, and some servers want it.
        return Proof(parameters={"client_id": client_id, **said})


@dataclass(frozen=True)
class ClientCertificate:
    """The client's certificate proves it, and tokens are bound to it (RFC 8705).

    The API sees the same certificate: give `tls` to the HTTP client as well, as in
    `httpx.Client(verify=certificate.tls)`.

    Attributes:
        certificate: a file, PEM, with the chain.
        key: a file, PEM, that only its owner can read.
        authorities: a file with the authorities that the server is trusted by; the system's by default.
        self_signed: whether the certificate itself is registered, and not its name (RFC 8705 §2.2).

    Raises:
        ValueError: a file cannot be used, or others can read the key.
    """

    certificate: Path
    key: Path
    authorities: Path | None = None
    self_signed: bool = False
    dated = False
    tls: ssl.SSLContext = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if "-----BEGIN" in f"{self.certificate}{self.key}":
            raise ValueError("name the files of certificate and key: a key written into code is refused")
        resolve(f"file:{self.key}", base_dir=Path.cwd())  # says so, where others can read it
        try:
            context = ssl.create_default_context(cafile=self.authorities)
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            reason = error.strerror or type(error).__name__
            raise ValueError(f"{self.certificate} and its key cannot be used: {reason}") from None
        object.__setattr__(self, "tls", context)

    @property
    def method(self) -> str:
        """By whom the certificate is known."""
        return "self_signed_tls_client_auth" if self.self_signed else "tls_client_auth"

    def prove(self, client_id: str, _server: ServerMetadata, _clock: Clock) -> Proof:
        """Who it says it is (RFC 8705 §2); the connection proves it."""
        return Proof(parameters={"client_id": client_id})


@dataclass(frozen=True)
class Unproven:
    """A client that cannot keep a secret, such as a native app: it says who it is, and no more (§2.1)."""

    method = "none"
    dated = False
    tls = None

    def prove(self, client_id: str, _server: ServerMetadata, _clock: Clock) -> Proof:
        """Its name, if it has one."""
        return Proof(parameters={"client_id": client_id} if client_id else {})


def looked_up(reference: str) -> Secret:
    """What a reference names.

    Raises:
        TokenError: it cannot be had.
    """
    try:
        return resolve(reference, base_dir=Path.cwd())
    except ValueError as error:
        raise TokenError("secret_unavailable", str(error)) from None
