"""What `tokenward.yaml` may say of the servers: where they listen, and whom they believe about the line."""

from typing import Annotated

from pydantic import Field

from tokenward.app.locations import HeaderName, Listen, Networks, Origin, Upstream
from tokenward.app.model import Model
from tokenward.app.quantities import Duration
from tokenward.app.values import KeyFile, Reference


class TlsSettings(Model):
    """A listener that speaks TLS itself. Renewed files are taken up without a restart."""

    certificate: str = Field(
        min_length=1, description="A PEM file: the server's certificate first, then its chain."
    )
    key: KeyFile = Field(description="file:PATH of its private key, PEM, unencrypted.")


class ClientCertificates(Model):
    """Clients may show certificates (RFC 8705), in the TLS handshake or to a proxy in front."""

    ca: str | None = Field(
        default=None,
        min_length=1,
        description="A PEM file with the CAs that issue certificates to clients, intermediate ones included. "
        "Without it, only self-signed certificates that a client registered are good.",
    )
    header: HeaderName | None = Field(
        default=None,
        description="The header in which `proxies`, and nobody else, tell the certificate: `Client-Cert` as "
        "in RFC 9440, any other as percent-encoded PEM (nginx: $ssl_client_escaped_cert). Without it, the "
        "TLS listener asks for certificates.",
    )


class TraceSettings(Model):
    """A collector of traces that speaks OTLP over HTTP."""

    endpoint: Upstream = Field(description="Its URL for traces, such as http://127.0.0.1:4318/v1/traces.")
    authorization: Reference | None = Field(
        default=None,
        description="Where the value of its Authorization header is kept: env:, file:, cmd: or keyring:.",
    )


class DecisionTls(TlsSettings):
    """TLS with engines in front, which prove who they are by certificates of their own."""

    clients: str = Field(
        min_length=1,
        description="A PEM file with the CAs that issue certificates to engines, and to nobody else.",
    )


class DecisionServer(Model):
    """Where engines in front (Envoy, nginx, Traefik, Caddy) ask about each request that they carry."""

    listen: Listen | None = Field(
        default=None,
        description="host:port to listen on; without it, only the engine of `tokenward up --engine` asks.",
    )
    peers: Networks = Field(
        default=(),
        description="Addresses or networks of the engines. They are believed what they say of their clients.",
    )
    tls: DecisionTls | None = Field(
        default=None, description="Speak TLS, with nobody but engines; beyond loopback there is no other way."
    )
    cache: Annotated[int, Duration(1, 2)] | None = Field(
        default=None,
        json_schema_extra={"default": None},
        description="For how long nginx may answer by a decision that it got before: 1s or 2s. A revocation "
        "is felt so much later. Never for what is bound, counted, of a session, or of tier `high` and above.",
    )


class OutwardServer(Model):
    """A server that the world outside talks to."""

    url: Origin = Field(description="Its public origin.")
    listen: Listen = Field(description="host:port to listen on.")
    proxies: Networks = Field(
        default=(),
        description="Addresses or networks of proxies in front of it, whose X-Forwarded-For and "
        "X-Forwarded-Proto are believed. Name them, or everybody behind them counts as one peer.",
    )
    tls: TlsSettings | None = Field(default=None, description="Speak TLS; without it, a proxy does.")
    client_certificates: ClientCertificates | None = Field(
        default=None, description="Let clients show certificates; without it, nobody is asked for one."
    )


class IssuerServer(OutwardServer):
    """The authorization server: where tokens are issued and people sign in."""

    url: Origin = Field(description="Its public origin; also the issuer identifier (RFC 8414 §2).")


class GatewayServer(OutwardServer):
    """The gateway: where API calls arrive."""

    drain: Annotated[int, Duration(1, 600)] = Field(
        default=20,
        json_schema_extra={"default": "20s"},
        description="How long running requests may take to finish when the gateway ends, or takes up a "
        "changed configuration: 1s to 10m.",
    )
    decisions: DecisionServer = Field(
        default_factory=DecisionServer, description="Engines in front that carry the traffic themselves."
    )
    traces: TraceSettings | None = Field(
        default=None, description="Where to send OpenTelemetry traces of calls; without it, nowhere."
    )


class AdminServer(Model):
    """Health, metrics and management; for this machine only."""

    listen: Listen = Field(description="host:port on loopback to listen on.")
    token: Reference = Field(description="Where the admin token is kept: env:, file:, cmd: or keyring:.")
