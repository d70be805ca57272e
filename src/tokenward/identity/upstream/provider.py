"""An identity provider, as configured: what is asked of it, and how far it is believed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from tokenward.tokens.key_source import KeySource


class Web(Protocol):
    """Fetches within limits, and where the operator lets it; `OutboundClient` does."""

    async def get_async(self, url: str) -> bytes:
        """The body of a 200 answer.

        Raises:
            OutboundError: it was refused or failed.
        """

    async def post_form_async(
        self, url: str, form: Mapping[str, str], *, accept: str = "*/*", authorization: str | None = None
    ) -> bytes:
        """The body of a 200 answer to a form.

        Raises:
            OutboundError: it was refused or failed.
        """


Authenticate = Callable[[], tuple[str | None, Mapping[str, str]]]
"""How we prove to its token endpoint who we are: the `Authorization` header, if any, and more parameters."""


@dataclass(frozen=True, slots=True)
class Groups:
    """What a person can allow applications to do, by the groups that the provider says they are in.

    Attributes:
        claim: in which it names them, as a list of texts.
        scopes: group → the scopes that it gives. Any other group gives nothing, and is not kept.
    """

    claim: str
    scopes: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider: what it says counts for as much as is written here, and no more.

    By default that is nothing but that this is the person whom it calls `sub`.

    Attributes:
        name: in addresses of ours, and where links and sessions are kept.
        label: on the button.
        issuer: its identifier, exactly.
        client_id: who we are there.
        scopes: what is asked for; `openid` among it.
        algorithms: what it signs with.
        link: `email`: somebody who has an account here is recognised by their address at the first sign-in.
        email_domains: whose addresses it vouches for, in lower case. Of others it may tell, and nobody
            believes that they are verified.
        create: whether somebody who has no account here gets one.
        username_claim: what such a person is called.
        claims: what is copied at each sign-in, by the names of its claims, which are ours.
        believed: whether its `amr` counts.
        two_factors_acr: the values of its `acr` that stand for two factors.
        groups: what its groups give, or None.
        sign_out: whether signing out here leads on to signing out there.
    """

    name: str
    label: str
    issuer: str
    client_id: str
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    link: Literal["none", "email"] = "none"
    email_domains: frozenset[str] = frozenset()
    create: bool = False
    username_claim: str = "preferred_username"
    claims: tuple[str, ...] = ()
    believed: bool = False
    two_factors_acr: tuple[str, ...] = ()
    groups: Groups | None = None
    sign_out: bool = False

    @property
    def callback(self) -> str:
        """The path to which it sends people back: its own, so that no answer passes for another's."""
        return f"/sign-in/from/{self.name}"

    @property
    def wanted_claims(self) -> frozenset[str]:
        """What we need to know of a person, beside who they are."""
        return frozenset(
            (
                *self.claims,
                *(("email", "email_verified") if self.link == "email" or "email" in self.claims else ()),
                *((self.username_claim,) if self.create else ()),
                *((self.groups.claim,) if self.groups is not None else ()),
            )
        )


@dataclass(frozen=True, slots=True)
class Connection:
    """A provider, and how it is reached.

    Attributes:
        provider: which.
        web: fetches from it.
        keys: what it signs with.
        authenticate: how we prove who we are.
    """

    provider: Provider
    web: Web
    keys: KeySource | dict[str, Any] = field(repr=False)
    authenticate: Authenticate = field(repr=False)
