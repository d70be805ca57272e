"""What `tokenward.yaml` may say of a protected API and its operations."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from tokenward.app.detail_settings import DetailTypeSettings
from tokenward.app.locations import (
    AnswerHeaderValues,
    CorsHeaders,
    CorsMethods,
    CorsOrigins,
    HealthPath,
    Mount,
    PublicUrl,
    Upstreams,
)
from tokenward.app.model import Model
from tokenward.app.quantities import Amount, Day, Duration, Size, end_of
from tokenward.app.trust_settings import TrustSource
from tokenward.app.value_rules import A_LIST, bad_value
from tokenward.app.values import Audience, ClaimNames, Risk, Scopes, SigningAlg
from tokenward.base.rates import Rate
from tokenward.gateway.answer_headers import DEFAULTS as ANSWER_HEADERS
from tokenward.gateway.cors import HEADERS as CORS_HEADERS
from tokenward.gateway.inside import Protection
from tokenward.gateway.limits import Dimension


class CorsSettings(Model):
    """Which pages of other origins may call an API, and read its answers."""

    origins: CorsOrigins = Field(
        description="Their origins, exactly: https://app.example.com. `*` alone means any."
    )
    methods: CorsMethods | None = Field(
        default=None, description="Methods that pages may use, of those that are documented; all by default."
    )
    headers: CorsHeaders = Field(
        default=(),
        description="Request headers that pages may send beside the usual ones of an API: "
        f"{', '.join(sorted(CORS_HEADERS))}.",
    )
    credentials: bool = Field(
        default=False, description="Browsers may add cookies and certificates of their own; never with `*`."
    )
    max_age: Annotated[int, Duration(1, 86_400)] = Field(
        default=600,
        json_schema_extra={"default": "10m"},
        description="For how long a browser need not ask again: 1s to 1d.",
    )

    @model_validator(mode="after")
    def _nobody_and_everybody(self) -> Self:
        if self.credentials and "*" in self.origins:
            raise bad_value(
                "cors",
                "any page could act with the cookies and certificates of whoever looks at it",
                "name the origins, or leave credentials out",
            )
        return self


class BoundSettings(Model):
    """How large a request may be, and how long each side may take. At the embedded proxy."""

    body: Annotated[int, Size()] | None = Field(
        default=None, description="A request's body, such as 512KiB; 10MiB by default."
    )
    connect: Annotated[int, Duration(1, 60)] | None = Field(
        default=None, description="Until a new connection to the API is there: 1s to 1m, 3s by default."
    )
    read: Annotated[int, Duration(1, 3600)] | None = Field(
        default=None, description="For so long the API may be silent: 1s to 1h, 30s by default."
    )
    client: Annotated[int, Duration(1, 3600)] | None = Field(
        default=None,
        description="For so long the client may neither send the rest nor take the answer: 1s to 1h, 30s by "
        "default.",
    )


class ReportOnlySettings(Model):
    """That nothing is enforced at an API yet."""

    until: Day = Field(
        description="The last day, in UTC, on which everything passes; from the next one on it is enforced."
    )

    @property
    def ends_at(self) -> float:
        """Seconds since 1970 at which the last day is over."""
        return end_of(self.until)


class LimitSettings(Model):
    """How often calls may come, counted by whom."""

    by: Dimension = Field(
        description="Of whom calls are counted together: an API `key`, a `client`, a `person`, or an "
        "`address` (an IPv6 one with its /64)."
    )
    amount: Annotated[Rate, Amount()] = Field(
        description="How many in a second, a minute, an hour or a day; as many may come at once."
    )


def _each_by_itself(limits: tuple[LimitSettings, ...]) -> tuple[LimitSettings, ...]:
    if len({(limit.by, limit.amount.window) for limit in limits}) < len(limits):
        raise bad_value("limit", "two limits are by the same, for the same time", "keep the smaller one")
    return limits


LimitList = Annotated[tuple[LimitSettings, ...], A_LIST, AfterValidator(_each_by_itself)]


class OperationSettings(Model):
    """What one operation asks of its callers."""

    risk: Risk | None = Field(default=None, description="Risk tier; without it, the document's or the API's.")
    scopes: Scopes | None = Field(
        default=None, description="Scopes, all of which the token needs; without it, the document's."
    )
    authorization_details: str | None = Field(
        default=None,
        description="A type of the API's `authorization_details_types`: the token needs details of it. "
        "Whether that fits what the call is about is for the API to compare: the inside JWT tells it.",
    )
    limits: LimitList = Field(
        default=(), description="How often this operation may be called, beside what holds for the API."
    )
    bounds: BoundSettings | None = Field(
        default=None, description="How large and slow its calls may be, where not as those of its API."
    )
    websocket: bool = Field(
        default=False,
        strict=True,
        description="It is a WebSocket and nothing else. The document may say so: x-tokenward-websocket.",
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


class HealthSettings(Model):
    """How each upstream is asked whether it works."""

    path: HealthPath = Field(
        description="Below the upstream's address; any 2xx status says that it works. A first answer counts "
        "at once, after that two in a row."
    )
    interval: Annotated[int, Duration(1, 3600)] = Field(
        default=5, json_schema_extra={"default": "5s"}, description="Between two checks: 1s to 1h."
    )
    timeout: Annotated[int, Duration(1, 60)] = Field(
        default=2, json_schema_extra={"default": "2s"}, description="What an answer may take: 1s to 1m."
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
    upstream: Upstreams = Field(
        default=(),
        description="Where it listens, for the gateway: http(s)://host[:port][/base], or a list of such "
        "addresses, any of which may get any request.",
    )
    url: PublicUrl | None = Field(
        default=None,
        description="Its public URL, instead of `upstream` and `mount`, if it protects itself with the "
        "middleware: the gateway does not show it then.",
    )
    health: HealthSettings | None = Field(
        default=None,
        description="Ask the upstreams whether they work; without it, only connections that fail tell.",
    )
    audience: Audience | None = Field(
        default=None,
        description="What its tokens are issued for (RFC 8707); its `url`, or the gateway's and the mount, "
        "by default.",
    )
    risk: Risk | None = Field(default=None, description="Risk tier of operations that name none themselves.")
    contract: Literal["enforce", "report", "off"] = Field(
        default="enforce",
        description="What becomes of requests that differ from what the document says of parameters and "
        "bodies: they are refused, reported, or not looked at. Operations that it does not list are refused.",
    )
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
    authorization_details_types: dict[str, DetailTypeSettings] = Field(
        default_factory=dict,
        description="What clients may ask for more exactly than by scopes: name of a type → type (RFC 9396).",
    )
    cors: CorsSettings | None = Field(
        default=None,
        description="Pages of other origins that may call it; without it, the API answers browsers itself.",
    )
    report_only: ReportOnlySettings | None = Field(
        default=None,
        description="For a first rollout: decisions are logged and counted, and what passed before the "
        "gateway came still passes, as it came.",
    )
    answer_headers: AnswerHeaderValues = Field(
        default_factory=dict,
        description="Other values, or null for none, of the headers that the gateway adds to answers where "
        f"the API does not say them itself: {', '.join(ANSWER_HEADERS)}.",
    )
    bounds: BoundSettings | None = Field(
        default=None, description="How large and slow calls may be, where not as usual."
    )
    limits: LimitList = Field(
        default=(), description="How often it may be called, all its operations counted together."
    )
    own_issuer: bool = Field(
        default=True,
        description="Take what our own issuer gives out, tokens and API keys. `false` where all callers come "
        "from elsewhere.",
    )
    trust: Annotated[tuple[TrustSource, ...], A_LIST] = Field(
        default=(), description="Whose credentials count beside those of our own issuer."
    )
    operations: dict[str, OperationSettings] = Field(
        default_factory=dict, description="By operationId, or by METHOD /path as the document writes it."
    )
