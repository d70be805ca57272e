"""What `tokenward.yaml` may say: the shape of the file as models, each field described.

Values are checked one by one by their types; what they mean together is the business of `consistency`.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tokenward.app.claim_rules import WorkloadClaims
from tokenward.app.values import (
    A_LIST,
    ApiName,
    Audience,
    ClaimNames,
    Duration,
    HeaderName,
    KeyFile,
    Listen,
    MailAddress,
    MailHost,
    Mount,
    Name,
    Networks,
    NoticeDays,
    Origin,
    PlatformUrl,
    Reference,
    Risk,
    Scopes,
    SigningAlg,
    Store,
    Upstream,
)
from tokenward.gateway.inside import Protection
from tokenward.issuer.settings import Actor
from tokenward.tokens.workloads import PLATFORMS


class Model(BaseModel):
    """A part of a file: nothing that it does not know, and no text for a number."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


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


class IssuerServer(Model):
    """The authorization server: where tokens are issued and people sign in."""

    url: Origin = Field(description="Its public origin; also the issuer identifier (RFC 8414 §2).")
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


class GatewayServer(Model):
    """The gateway: where API calls arrive."""

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


class AdminServer(Model):
    """Health, metrics and management; for this machine only."""

    listen: Listen = Field(description="host:port on loopback to listen on.")
    token: Reference = Field(description="Where the admin token is kept: env:, file:, cmd: or keyring:.")


class TokenLifetimes(Model):
    """How long tokens live."""

    # Tier `moderate` accepts no access token that was given more than 15 minutes.
    access_token: Annotated[int, Duration(30, 15 * 60)] = Field(
        default=600, json_schema_extra={"default": "10m"}, description="Access tokens: 30s to 15m."
    )
    refresh_idle: Annotated[int, Duration(300, 90 * 86_400)] = Field(
        default=14 * 86_400,
        json_schema_extra={"default": "14d"},
        description="Refresh tokens that nobody uses: 5m to 90d.",
    )
    refresh_absolute: Annotated[int, Duration(3600, 365 * 86_400)] = Field(
        default=90 * 86_400,
        json_schema_extra={"default": "90d"},
        description="Refresh tokens, however often they are used: 1h to 365d.",
    )


class SigningKeySettings(Model):
    """How long signing keys sign."""

    rotate_after: Annotated[int, Duration(2 * 86_400, 365 * 86_400)] = Field(
        default=90 * 86_400,
        json_schema_extra={"default": "90d"},
        description="Signing keys are replaced at this age: 2d to 365d.",
    )


class MailSettings(Model):
    """A server that takes mail."""

    host: MailHost = Field(
        description="Its name. Mail to another machine than this one is sent by STARTTLS only."
    )
    port: int = Field(default=587, ge=1, le=65_535, description="Its port.")
    sender: MailAddress = Field(description="The address that notices are from.")
    username: str = Field(default="", max_length=200, description="As whom to sign in, if it asks for that.")
    password: Reference | None = Field(
        default=None, description="Where that user's password is kept: env:, file:, cmd: or keyring:."
    )


class NoticeSettings(Model):
    """How owners of API keys are told that these end."""

    days: NoticeDays = Field(default=(14, 3, 1), description="How many days before a key's end.")
    webhook: Reference | None = Field(
        default=None,
        description="Where the URL is kept to which notices go as JSON: env:, file:, cmd: or keyring:.",
    )
    webhook_networks: Networks = Field(
        default=(),
        description="Networks that are not public in which that URL may be; it may then be plain http.",
    )
    mail: MailSettings | None = Field(
        default=None, description="The server that takes mail to owners who are e-mail addresses."
    )


class ApiKeySettings(Model):
    """How long API keys live; none lives for ever."""

    lifetime: Annotated[int, Duration(3600, 3650 * 86_400)] = Field(
        default=90 * 86_400,
        json_schema_extra={"default": "90d"},
        description="API keys for which nobody says otherwise: 1h and more, at most `longest`.",
    )
    longest: Annotated[int, Duration(3600, 3650 * 86_400)] = Field(
        default=365 * 86_400,
        json_schema_extra={"default": "365d"},
        description="Any API key, rotated and imported ones included: 1h to 3650d.",
    )
    notices: NoticeSettings = Field(
        default_factory=NoticeSettings, description="How owners are told before the end."
    )


class ExchangeSettings(Model):
    """That one client may exchange tokens (RFC 8693)."""

    client: str = Field(min_length=1, description="The client_id of who may.")
    subject_api: ApiName = Field(description="The API that the subject tokens are for.")
    target_api: ApiName = Field(
        description="The API that the new tokens are for; the same one to narrow the scope."
    )
    scopes: Scopes = Field(
        description="All that the new tokens may allow; at the same API, never more than before.",
    )
    actor: Actor = Field(
        default="client",
        description="Who acts by the new tokens: the `client` itself, whom an actor `token` stands for, or "
        "`none`, so that nobody sees that it is not the subject itself.",
    )
    bound_subjects: bool = Field(
        default=False,
        description="Take subject tokens that are bound to their caller's key, which this client cannot "
        "prove, since it is the subject API itself: it needs the scope introspect:AUDIENCE of that API.",
    )


class ClientSettings(Model):
    """What holds for every client."""

    secret_longest: Annotated[int, Duration(86_400, 730 * 86_400)] = Field(
        default=180 * 86_400,
        json_schema_extra={"default": "180d"},
        description="Client secrets end at this age, rotated or not: 1d to 730d. Those that are there keep "
        "their end.",
    )
    inside_networks: Networks = Field(
        default=(),
        description="Addresses or networks that are not public and that a client's jwks_uri may point to all "
        "the same. Any other inside address is never fetched from.",
    )


class WorkloadRuleSettings(Model):
    """Which workloads of a platform are which client."""

    client: str = Field(min_length=1, description="The client_id; a client whose auth-method is workload.")
    claims: WorkloadClaims = Field(
        description="What the claims of its token must be: exact texts, in which `*` stands for any "
        "characters but / and :. At least one must say whose workload it is."
    )


class WorkloadIssuerSettings(Model):
    """A platform whose word about its workloads counts (RFC 7523 §2.1)."""

    platform: Literal["github", "gitlab", "kubernetes", "oidc"] = Field(
        description="Which claims there are and which of them identify; `oidc` is any other."
    )
    issuer: PlatformUrl | None = Field(
        default=None,
        description="Its `iss`, exactly; for github and gitlab, that of the public service by default.",
    )
    jwks: str | None = Field(
        default=None,
        min_length=1,
        description="A file with its JWK Set, for one that cannot be reached.",
    )
    jwks_uri: PlatformUrl | None = Field(
        default=None, description="Where its JWK Set is; without it and `jwks`, its metadata tells."
    )
    audience: str | None = Field(
        default=None, min_length=1, description="What its tokens must be for; the issuer's URL by default."
    )
    networks: Networks = Field(
        default=(), description="Private addresses or networks in which it, or its keys, may be."
    )
    rules: Annotated[tuple[WorkloadRuleSettings, ...], A_LIST] = Field(
        description="Which of its workloads are which client."
    )

    @property
    def trusted_issuer(self) -> str:
        """Its `iss`; "" where none was said and none goes without saying."""
        return self.issuer or PLATFORMS[self.platform].issuer


class OperationSettings(Model):
    """What one operation asks of its callers."""

    risk: Risk | None = Field(default=None, description="Risk tier; without it, the document's or the API's.")
    scopes: Scopes | None = Field(
        default=None, description="Scopes, all of which the token needs; without it, the document's."
    )


class ClaimRelease(Model):
    """What an API is told of a person beyond the minimum."""

    inside: ClaimNames = Field(
        default=(), description="Claims of the inside JWT beyond the minimum, each by its exact name."
    )
    introspection: ClaimNames = Field(
        default=(), description="The same, for introspection by a resource server of this audience."
    )
    subject: Literal["public", "pairwise"] = Field(
        default="public",
        description="`pairwise` gives people another `sub` here than elsewhere (OpenID Connect Core §8.1).",
    )


class ApiSettings(Model):
    """One protected API."""

    openapi: str = Field(
        min_length=1,
        description="Its OpenAPI 3.0 or 3.1 document, YAML or JSON: the list of what is allowed.",
    )
    mount: Mount | None = Field(
        default=None, description="Path at the gateway under which it is shown; /NAME by default."
    )
    upstream: Upstream = Field(description="Where it listens: http(s)://host[:port][/base].")
    audience: Audience | None = Field(
        default=None,
        description="What its tokens are issued for (RFC 8707); the gateway's URL and the mount by default.",
    )
    risk: Risk | None = Field(default=None, description="Risk tier of operations that name none themselves.")
    encryption_key: str | None = Field(
        default=None,
        min_length=1,
        description="A file with the API's public JWK, or a JWK Set with one key for encryption: the inside "
        "JWTs that it receives are encrypted for it, once they are signed (RFC 7519 §11.2).",
    )
    signing_alg: SigningAlg = Field(
        default=Protection().signing_alg,
        description="JWS algorithm (RFC 7518 §3.1) of the inside JWTs that it receives.",
    )
    claims: ClaimRelease = Field(
        default_factory=ClaimRelease, description="What it is told of a person beyond the minimum."
    )
    operations: dict[str, OperationSettings] = Field(
        default_factory=dict, description="By operationId, or by METHOD /path as the document writes it."
    )


class Settings(Model):
    """The configuration of Tokenward. Paths are relative to the file, secrets are references."""

    name: Name = Field(default="Tokenward", description="Shown to people on the sign-in page.")
    store: Store = Field(
        description="sqlite:PATH, postgresql:// without a password, or a reference to a URL."
    )
    master_key: Reference = Field(
        description="Where the key is kept that encrypts private keys at rest: env:, file:, cmd: or keyring:."
    )
    issuer: IssuerServer = Field(description="The authorization server.")
    gateway: GatewayServer = Field(description="The gateway.")
    admin: AdminServer = Field(description="Health, metrics and management.")
    tokens: TokenLifetimes = Field(
        default_factory=TokenLifetimes, description="How long tokens live, where not as usual."
    )
    signing_keys: SigningKeySettings = Field(
        default_factory=SigningKeySettings, description="How long signing keys sign, where not as usual."
    )
    api_keys: ApiKeySettings = Field(
        default_factory=ApiKeySettings, description="How long API keys live, where not as usual."
    )
    exchange: Annotated[tuple[ExchangeSettings, ...], A_LIST] = Field(
        default=(), description="Who may exchange which tokens for which; nobody may exchange others."
    )
    clients: ClientSettings = Field(
        default_factory=ClientSettings, description="What holds for every client, where not as usual."
    )
    workload_identity: Annotated[tuple[WorkloadIssuerSettings, ...], A_LIST] = Field(
        default=(), description="Platforms that vouch for CI jobs and pods, so that these need no secret."
    )
    apis: dict[ApiName, ApiSettings] = Field(default_factory=dict, description="The protected APIs, by name.")

    def mount(self, api: str) -> str:
        """The path of an API at the gateway, without a trailing slash: "" is the root."""
        return (self.apis[api].mount or f"/{api}").rstrip("/")

    def audience(self, api: str) -> str:
        """What an API's tokens are issued for."""
        return self.apis[api].audience or self.gateway.url + self.mount(api)


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the file, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Settings.model_json_schema()}
