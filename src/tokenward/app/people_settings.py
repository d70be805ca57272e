"""What `tokenward.yaml` may say of how people sign in."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from tokenward.app.branding_settings import BrandingSettings
from tokenward.app.locations import Networks, PlatformUrl
from tokenward.app.model import Model
from tokenward.app.quantities import Duration
from tokenward.app.trust_settings import IssuerKeys
from tokenward.app.value_rules import A_LIST, bad_value
from tokenward.app.values import AskedScopes, KeyFile, Name, Reference, Scopes
from tokenward.tokens.release import MAY_ACT, why_no_attribute

_PROVIDER_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_DOMAIN = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")


def _provider_name(text: str) -> str:
    if not _PROVIDER_NAME.fullmatch(text):
        raise bad_value(
            "provider-name",
            "this cannot name a provider",
            "use up to 40 lower-case letters, digits and dashes: it is part of the redirect URI",
        )
    return text


def _domain(text: str) -> str:
    if not _DOMAIN.fullmatch(text):
        raise bad_value(
            "domain", "this is no domain of mail addresses", "write it in lower case, such as example.com"
        )
    return text


def _copied_claim(text: str) -> str:
    why = why_no_attribute(text)
    if text == MAY_ACT:
        why = f"{MAY_ACT} is for the issuer alone"
    if text == "email_verified":
        why = "it comes with `email`, for addresses in `email_domains`"
    if why:
        raise bad_value("claim", f"this claim cannot be copied: {why}", "name others, such as email or name")
    return text


_Claim = Annotated[str, AfterValidator(_copied_claim)]
_ClaimText = Annotated[str, StringConstraints(min_length=1, max_length=100)]
_Group = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class GroupSettings(Model):
    """What its groups give."""

    claim: _Claim = Field(
        default="groups", description="The claim in which it names them; they are kept under the same name."
    )
    scopes: dict[_Group, Scopes] = Field(
        description="A group of its, and the scopes that its people can allow applications. Other groups "
        "give nothing."
    )


class UpstreamSettings(IssuerKeys):
    """An OpenID provider through which people sign in."""

    name: Annotated[str, AfterValidator(_provider_name)] = Field(
        description="In addresses: our redirect URI is ISSUER/sign-in/from/NAME. Accounts are linked to "
        "it: it stays."
    )
    label: Name = Field(description="What people call it: on the button.")
    issuer: PlatformUrl = Field(description="Its identifier, exactly; its metadata is found by it.")
    client_id: str = Field(min_length=1, max_length=200, description="Who we are there.")
    client_secret: Reference | None = Field(
        default=None, description="Where our secret is kept: env:, file:, cmd: or keyring:."
    )
    private_key: KeyFile | None = Field(
        default=None,
        description="file:PATH of a private key, PEM, unencrypted, with which we authenticate instead "
        "(private_key_jwt). Its `kid` is its thumbprint (RFC 7638).",
    )
    networks: Networks = Field(
        default=(), description="Private addresses or networks in which it, or its keys, may be."
    )
    scopes: AskedScopes = Field(
        default=("openid", "profile", "email"), description="What is asked of it; openid must be among it."
    )
    link: Literal["none", "email"] = Field(
        default="none",
        description="`email`: who has an account here is recognised, the first time, by a verified address "
        "in `email_domains`; not who has a second factor here.",
    )
    email_domains: Annotated[tuple[Annotated[str, AfterValidator(_domain)], ...], A_LIST] = Field(
        default=(), description="Domains of whose addresses it may say that they are verified."
    )
    create: bool = Field(default=False, description="Who has no account here gets one.")
    username_claim: _ClaimText = Field(
        default="preferred_username", description="The claim with the user name of who gets one."
    )
    claims: Annotated[tuple[_Claim, ...], A_LIST] = Field(
        default=(), description="Claims that are copied at each sign-in, such as email and name."
    )
    believed: bool = Field(
        default=False, description="Believe it what the person did to sign in (`amr`): two factors are two."
    )
    two_factors_acr: Annotated[tuple[_ClaimText, ...], A_LIST] = Field(
        default=(), description="The values of its `acr` that stand for two factors."
    )
    groups: GroupSettings | None = Field(
        default=None, description="Let its groups say what people can allow applications to do."
    )
    sign_out: bool = Field(default=False, description="Who signs out here is led on to sign out there.")


class SessionSettings(Model):
    """How long who signed in stays signed in."""

    # Use is written down once a minute only, so a limit of about that would end what is in use.
    idle: Annotated[int, Duration(300, 86_400)] = Field(
        default=30 * 60,
        json_schema_extra={"default": "30m"},
        description="Without a request of that browser: 5m to 1d.",
    )
    absolute: Annotated[int, Duration(300, 30 * 86_400)] = Field(
        default=12 * 3600,
        json_schema_extra={"default": "12h"},
        description="In all, from signing in on: 5m to 30d. Sessions that there are keep their end.",
    )


class PeopleSettings(Model):
    """How people sign in."""

    passwords: bool = Field(
        default=True,
        description="Whether by passwords of ours; without them there is no page that takes one.",
    )
    upstream: Annotated[tuple[UpstreamSettings, ...], A_LIST] = Field(
        default=(), description="OpenID providers through which they can, in the order of their buttons."
    )
    breached_passwords: str | None = Field(
        default=None,
        min_length=1,
        description="A file of leaked passwords that nobody may choose: lines of their SHA-1 in hexadecimal, "
        "with :COUNT or without, sorted, as the downloader of Have I Been Pwned writes it.",
    )
    sessions: SessionSettings = Field(
        default_factory=SessionSettings, description="How long people stay signed in, where not as usual."
    )
    branding: BrandingSettings = Field(
        default_factory=BrandingSettings, description="How the pages look that they see, where not as usual."
    )
