"""What `tokenward.yaml` may say of clients that nobody registers here."""

import re
from functools import partial
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from tokenward.app.model import Model
from tokenward.app.quantities import Duration
from tokenward.app.value_rules import A_LIST, bad_value, each_once
from tokenward.app.values import WhyWeaker
from tokenward.issuer.settings import SCOPE_TOKEN
from tokenward.issuer.strangers import ANY_HOST, StrangerTerms

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")


def _host(text: str) -> str:
    if text != ANY_HOST and (len(text) > 253 or not _HOST.fullmatch(text)):
        raise bad_value(
            "host-pattern",
            "this names no host",
            "write app.example.com, *.example.com for all below it, or `*` for any; names in other "
            "scripts as they are looked up (xn--…)",
        )
    return text


def _scope(text: str) -> str:
    if not SCOPE_TOKEN.fullmatch(text) or len(text) > 100:
        raise bad_value("scope", "this is not one scope", "name one of an API, or openid and the like")
    return text


Hosts = Annotated[
    tuple[Annotated[str, AfterValidator(_host)], ...], A_LIST, AfterValidator(partial(each_once, code="host"))
]
_Scopes = Annotated[
    tuple[Annotated[str, AfterValidator(_scope)], ...],
    A_LIST,
    AfterValidator(partial(each_once, code="scope")),
]
_Types = Annotated[
    tuple[Literal["native", "spa", "web"], ...], A_LIST, AfterValidator(partial(each_once, code="type"))
]


class StrangerSettings(Model):
    """What clients may be, and ask for, that nobody registered here."""

    types: _Types = Field(
        default=("native", "spa"),
        description="Which they may be; `web` proves itself, native and spa cannot.",
    )
    scopes: _Scopes = Field(default=(), description="All that they may ask for. A person is asked each time.")
    redirect_hosts: Hosts = Field(
        default=(),
        description="Hosts to which answers may go by https, such as app.example.com or *.example.com; "
        "`*` is any. This machine (127.0.0.1, [::1], and for spa localhost) needs none.",
    )

    @property
    def terms(self) -> StrangerTerms:
        """For the issuer."""
        return StrangerTerms(frozenset(self.types), self.scopes, self.redirect_hosts)


class RegistrationSettings(StrangerSettings):
    """Clients that register themselves."""

    open: bool = Field(
        default=False,
        description="Anybody may; otherwise who has an initial access token (`tokenward clients invite`).",
    )
    most: int = Field(default=1_000, ge=1, le=100_000, description="How many such clients there may be.")
    unused: Annotated[int, Duration(3600, 365 * 86_400)] = Field(
        default=30 * 86_400,
        json_schema_extra={"default": "30d"},
        description="One that nobody allows anything goes at this age: 1h to 365d.",
    )
    reason: WhyWeaker = None


class DocumentSettings(StrangerSettings):
    """Clients whose client_id is the URL of a document that describes them."""

    hosts: Hosts = Field(
        min_length=1, description="Hosts whose documents count, in the same form; `*` is any public one."
    )
    redirect_hosts: Hosts = Field(
        default=(), description="Hosts to which answers may go besides the client's own and this machine."
    )
    reason: WhyWeaker = None
