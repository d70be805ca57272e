"""What `tokenward.yaml` may say of the sources of trust of an API, beside our own issuer."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tokenward.app.locations import Networks, PlatformUrl
from tokenward.app.model import Model
from tokenward.app.quantities import Day, Duration, end_of
from tokenward.app.value_rules import A_LIST, bad_value
from tokenward.app.values import KeyFile, Reason, Reference, Scope, Scopes, SigningAlg, WhyWeaker

ALGORITHMS = ("RS256", "ES256")
"""What most issuers sign with. A key that does not name its algorithm fits exactly one of them."""


Algorithms = Annotated[tuple[SigningAlg, ...], A_LIST]


class IssuerKeys(Model):
    """Where the keys of another issuer are."""

    jwks: str | None = Field(
        default=None, min_length=1, description="A file with its JWK Set, for one that cannot be reached."
    )
    jwks_uri: PlatformUrl | None = Field(
        default=None, description="Where its JWK Set is; without it and `jwks`, its metadata tells."
    )
    algorithms: Algorithms = Field(default=ALGORITHMS, description="What it signs with.")


class ForeignIssuer(Model):
    """What holds for the tokens of any other issuer."""

    issuer: PlatformUrl = Field(description="Its identifier, exactly as its tokens have it in `iss`.")
    audience: str | None = Field(
        default=None, min_length=1, description="What its tokens must be for; the API's audience by default."
    )
    networks: Networks = Field(
        default=(), description="Private addresses or networks in which it, or its keys, may be."
    )
    scope_claim: Literal["scope", "scp", "roles", "permissions"] | None = Field(
        default=None, description="The claim with the scopes, where it is not the usual one."
    )
    scope_prefix: str = Field(
        default="", max_length=200, description="What stands before each of the API's scopes in its tokens."
    )
    scope_map: dict[str, Annotated[tuple[Scope, ...], A_LIST]] = Field(
        default_factory=dict, description="Its scope, and the scopes of ours that it stands for."
    )
    credential: Literal["none", "client_secret", "workload", "private_key_jwt", "mtls"] = Field(
        default="none",
        description="How its clients prove themselves, the weakest that it admits: tier `critical` asks for "
        "private_key_jwt or mtls. Tokens do not say it.",
    )
    actor: bool = Field(
        default=False,
        description="Believe it who acts for whom (`act`). Otherwise a token that says so is refused.",
    )
    sign_in: bool = Field(
        default=False,
        description="Believe how and when a person signed in (`amr`, `auth_time`): `critical` asks for it.",
    )
    two_factors_acr: Annotated[tuple[str, ...], A_LIST] = Field(
        default=(), description="The values of `acr` that stand for two factors, if it is believed."
    )


class JwtTrust(ForeignIssuer, IssuerKeys):
    """JWTs of another issuer, verified with its keys."""

    profile: Literal["at+jwt", "jwt", "entra", "auth0", "okta", "keycloak", "cognito"] = Field(
        default="at+jwt",
        description="What its access tokens look like: as RFC 9068 says, or as a product has them; `jwt` for "
        "an issuer that does not tell them from other JWTs by `typ`.",
    )
    reason: WhyWeaker = None
    max_lifetime: Annotated[int, Duration(30, 30 * 86_400)] | None = Field(
        default=None,
        description="How long its tokens may live: 30s to 30d; as the profile has it by default.",
    )


class IntrospectionTrust(ForeignIssuer):
    """Opaque tokens of another issuer, which it is asked about (RFC 7662)."""

    url: PlatformUrl = Field(description="Its introspection endpoint.")
    client_id: str = Field(min_length=1, max_length=200, description="As whom we ask.")
    client_secret: Reference | None = Field(
        default=None, description="Where our secret is kept: env:, file:, cmd: or keyring:."
    )
    private_key: KeyFile | None = Field(
        default=None,
        description="file:PATH of a private key, PEM, unencrypted, with which we authenticate instead "
        "(private_key_jwt). Its `kid` is its thumbprint (RFC 7638).",
    )
    prefix: str = Field(
        default="",
        max_length=60,
        description="How its tokens begin. Needed where an API trusts two such issuers: no token is ever "
        "shown to the wrong one.",
    )
    cache: Annotated[int, Duration(1, 30)] = Field(
        default=15,
        json_schema_extra={"default": "15s"},
        description="How long an answer is believed, and a revoked token therefore good: 1s to 30s.",
    )
    may_lack: dict[Literal["aud", "token_type"], Reason] = Field(
        default_factory=dict,
        description="What its answers leave out, each with the reason why a token is taken all the same.",
    )
    signed: IssuerKeys | None = Field(
        default=None, description="Take signed answers and no others (RFC 9701), verified with these keys."
    )


class BasicTrust(Model):
    """Users who may still show a name and a password, until some day."""

    users: KeyFile = Field(
        description="file:PATH of lines NAME:HASH, each hash an argon2id PHC string, all of one cost."
    )
    until: Day = Field(description="The last day, in UTC, on which they get in.")
    reason: Reason = Field(description="Why they cannot use anything better yet.")
    scopes: Scopes = Field(default=(), description="What all of them may do.")

    @property
    def ends_at(self) -> float:
        """Seconds since 1970 at which the last day is over."""
        return end_of(self.until)


class TrustSource(Model):
    """One source of trust: exactly one of these."""

    jwt: JwtTrust | None = Field(default=None, description="JWTs of another issuer.")
    introspection: IntrospectionTrust | None = Field(
        default=None, description="Opaque tokens of another issuer, which it is asked about."
    )
    basic: BasicTrust | None = Field(
        default=None, description="Basic authentication, for operations of tier `low` and `public`."
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise bad_value(
                "trust", "a source of trust is of one kind", "write one of jwt, introspection and basic"
            )
        return self
