"""What `tokenward.yaml` may say of applications that run in browsers and sign people in at the gateway."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from tokenward.app.locations import Mount, Networks, Origin, PlatformUrl
from tokenward.app.model import Model
from tokenward.app.quantities import Duration
from tokenward.app.value_rules import A_LIST, bad_value
from tokenward.app.values import ApiName, AskedScopes, KeyFile, Reference
from tokenward.flows.login import safe_next


def _own_path(text: str) -> str:
    if safe_next(text) != text:
        raise bad_value("path", "this is no path of the application's origin", "write it like /app/")
    return text


def _no_root(text: str) -> str:
    if text == "/":
        raise bad_value("path", "every path would be the sign-in's", "write one such as /bff")
    return text


class BrowserAppSettings(Model):
    """An application that runs in browsers. Its pages hold no token, only the name of a session."""

    url: Origin | None = Field(
        default=None,
        description="The origin of its pages, at which the gateway answers as well; the gateway's URL by "
        "default.",
    )
    path: Annotated[Mount, AfterValidator(_no_root)] = Field(
        default="/bff",
        description="Below it are login, callback, session, logout and backchannel-logout; of its own for "
        "each application of one origin.",
    )
    issuer: PlatformUrl | None = Field(
        default=None,
        description="The OpenID provider, as it names itself; our own issuer by default.",
    )
    networks: Networks = Field(
        default=(), description="Private addresses or networks in which the provider may be."
    )
    client_id: str = Field(min_length=1, max_length=200, description="Who it is there.")
    client_secret: Reference | None = Field(
        default=None, description="Where its secret is kept: env:, file:, cmd: or keyring:."
    )
    private_key: KeyFile | None = Field(
        default=None,
        description="file:PATH of a private key, PEM, unencrypted, with which it authenticates instead "
        "(private_key_jwt). Its `kid` is its thumbprint (RFC 7638).",
    )
    scopes: AskedScopes = Field(
        default=("openid", "offline_access"),
        description="What is asked of the provider: openid, what the APIs need, and offline_access, without "
        "which a session is over when its first token is.",
    )
    apis: Annotated[tuple[ApiName, ...], A_LIST] = Field(
        description="The APIs at which its sessions are good. Of our own issuer, the sign-in is for the "
        "first; for each other one, `exchange` lets the client exchange its tokens."
    )
    claims: Annotated[tuple[str, ...], A_LIST] = Field(
        default=(),
        description="What its pages are told of a person beside issuer and subject: claims of the ID token.",
    )
    prompt: Literal["login", "consent", "select_account"] | None = Field(
        default=None,
        description="What the provider should do each time; some give offline_access only with consent.",
    )
    idle: Annotated[int, Duration(60, 86_400)] = Field(
        default=1800,
        json_schema_extra={"default": "30m"},
        description="A session that nobody uses ends after that: 1m to 1d.",
    )
    absolute: Annotated[int, Duration(300, 30 * 86_400)] = Field(
        default=12 * 3600,
        json_schema_extra={"default": "12h"},
        description="Any session ends after that: 5m to 30d.",
    )
    after_logout: Annotated[str, AfterValidator(_own_path)] = Field(
        default="/", description="The path on which people are after they signed out."
    )
