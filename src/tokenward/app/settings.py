"""What `tokenward.yaml` may say: the shape of the file as models, each field described.

Values are checked one by one by their types; what they mean together is the business of `consistency`.
"""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from tokenward.app.api_settings import ApiSettings
from tokenward.app.browser_settings import BrowserAppSettings
from tokenward.app.claim_rules import WorkloadClaims
from tokenward.app.leak_settings import LeakSettings
from tokenward.app.locations import MailAddress, MailHost, Networks, PlatformUrl
from tokenward.app.model import Model
from tokenward.app.people_settings import PeopleSettings
from tokenward.app.quantities import Duration, NoticeDays
from tokenward.app.server_settings import AdminServer, GatewayServer, IssuerServer
from tokenward.app.stranger_settings import DocumentSettings, RegistrationSettings
from tokenward.app.tier_settings import TierSettings
from tokenward.app.value_rules import A_LIST
from tokenward.app.values import (
    ApiName,
    Name,
    Reason,
    Redis,
    Reference,
    Scopes,
    Store,
    WhyWeaker,
)
from tokenward.issuer.settings import Actor
from tokenward.tokens.workloads import PLATFORMS


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
    reason: WhyWeaker = None


class SigningKeySettings(Model):
    """How long signing keys sign."""

    rotate_after: Annotated[int, Duration(2 * 86_400, 365 * 86_400)] = Field(
        default=90 * 86_400,
        json_schema_extra={"default": "90d"},
        description="Signing keys are replaced at this age: 2d to 365d.",
    )


class MailSettings(Model):
    """The server that takes mail: to people, to owners of API keys, and of leaks."""

    host: MailHost = Field(
        description="Its name. Mail to another machine than this one is sent by STARTTLS only."
    )
    port: int = Field(default=587, ge=1, le=65_535, description="Its port.")
    sender: MailAddress = Field(description="The address that mail is from.")
    username: str = Field(default="", max_length=200, description="As whom to sign in, if it asks for that.")
    password: Reference | None = Field(
        default=None, description="Where that user's password is kept: env:, file:, cmd: or keyring:."
    )


class NoticeSettings(Model):
    """How owners of API keys are told that these end; those that are e-mail addresses get mail, too."""

    days: NoticeDays = Field(default=(14, 3, 1), description="How many days before a key's end.")
    webhook: Reference | None = Field(
        default=None,
        description="Where the URL is kept to which notices go as JSON: env:, file:, cmd: or keyring:.",
    )
    webhook_networks: Networks = Field(
        default=(),
        description="Networks that are not public in which that URL may be; it may then be plain http.",
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
    reason: WhyWeaker = None
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
    reason: WhyWeaker = None


class UnpushedSettings(Model):
    """A client that need not push its authorization requests where all others have to."""

    client: str = Field(min_length=1, description="Its client_id.")
    reason: Reason = Field(description="Why; `tokenward check` repeats it.")


class PushedRequestSettings(Model):
    """Who has to push authorization requests (RFC 9126)."""

    required: bool = Field(
        default=False,
        description="Every client has to; otherwise those that are registered so, and those by FAPI 2.0.",
    )
    exceptions: Annotated[tuple[UnpushedSettings, ...], A_LIST] = Field(
        default=(), description="Clients that need not, where all others have to, each with its reason."
    )


class ClientSettings(Model):
    """What holds for every client."""

    pushed_requests: PushedRequestSettings = Field(
        default_factory=PushedRequestSettings, description="Who has to push authorization requests."
    )

    secret_longest: Annotated[int, Duration(86_400, 730 * 86_400)] = Field(
        default=180 * 86_400,
        json_schema_extra={"default": "180d"},
        description="Client secrets end at this age, rotated or not: 1d to 730d. Those that are there keep "
        "their end.",
    )
    reason: WhyWeaker = None
    registration: RegistrationSettings | None = Field(
        default=None, description="Clients that register themselves (RFC 7591); without it none can."
    )
    documents: DocumentSettings | None = Field(
        default=None,
        description="Clients whose client_id is the https URL of a document that describes them (client ID "
        "metadata documents); without it there are none.",
    )
    inside_networks: Networks = Field(
        default=(),
        description="Addresses or networks that are not public and that a client's jwks_uri or "
        "backchannel_logout_uri may point to all the same. Any other inside address is never called.",
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


class Settings(Model):
    """The configuration of Tokenward. Paths are relative to the file, secrets are references."""

    name: Name = Field(default="Tokenward", description="Shown to people on the sign-in page.")
    store: Store = Field(
        description="sqlite:PATH, postgresql:// without a password, or a reference to a URL."
    )
    master_key: Reference = Field(
        description="Where the key is kept that encrypts private keys at rest: env:, file:, cmd: or keyring:."
    )
    redis: Redis | None = Field(
        default=None,
        description="rediss://host:port/0 without a password, or a reference to a URL: where several "
        "processes count together: of the gateway calls, of the issuer what is asked for. Without it, each "
        "counts for itself.",
    )
    issuer: IssuerServer = Field(description="The authorization server.")
    gateway: GatewayServer = Field(description="The gateway.")
    admin: AdminServer = Field(description="Health, metrics and management.")
    mail: MailSettings | None = Field(
        default=None, description="The server that takes mail. Without it none is sent."
    )
    people: PeopleSettings = Field(
        default_factory=PeopleSettings, description="How people sign in, where not as usual."
    )
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
    leaks: LeakSettings = Field(
        default_factory=LeakSettings, description="What becomes of credentials that leaked."
    )
    tiers: TierSettings = Field(
        default_factory=TierSettings, description="Risk tiers that are not as usual, each with its reason."
    )
    apis: dict[ApiName, ApiSettings] = Field(default_factory=dict, description="The protected APIs, by name.")

    browser_apps: dict[ApiName, BrowserAppSettings] = Field(
        default_factory=dict,
        description="Applications in browsers, by name, that sign people in here and hold no token.",
    )

    def mount(self, api: str) -> str:
        """The path of an API at the gateway or at its own URL, without a trailing slash: "" is the root."""
        own = self.apis[api]
        return urlsplit(own.url).path if own.url else (own.mount or f"/{api}").rstrip("/")

    def origin(self, api: str) -> str:
        """Where the path of an API is: the gateway's origin, or its own."""
        url = self.apis[api].url
        return url.removesuffix(urlsplit(url).path) if url else self.gateway.url

    def audience(self, api: str) -> str:
        """What an API's tokens are issued for."""
        return self.apis[api].audience or self.origin(api) + self.mount(api)


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the file, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Settings.model_json_schema()}
