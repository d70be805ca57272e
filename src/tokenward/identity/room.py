"""The identity room, put together."""

from collections.abc import Sequence
from typing import Protocol

from starlette.routing import Route

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.cookies import cookie, wants_secure
from tokenward.identity.account.authenticator import AuthenticatorPage
from tokenward.identity.account.door import AccountDoor
from tokenward.identity.account.overview import Overview
from tokenward.identity.account.passkeys import PasskeysPage
from tokenward.identity.account.password import PasswordPage
from tokenward.identity.account.providers import ProvidersPage
from tokenward.identity.account.recovery import RecoveryPage
from tokenward.identity.account.second_factor import SecondFactorPage
from tokenward.identity.account_view import Words
from tokenward.identity.answers import Answers
from tokenward.identity.code_step import CodeStep
from tokenward.identity.csrf import FormGuard
from tokenward.identity.devices import LIFETIME, Devices
from tokenward.identity.factors.passkeys import relying_party
from tokenward.identity.forgotten_page import ForgottenPage
from tokenward.identity.forms import BoundForms
from tokenward.identity.letters import Letters
from tokenward.identity.link_page import LinkPage
from tokenward.identity.links import Links
from tokenward.identity.outbox import Outbox, Post
from tokenward.identity.pages import Pages
from tokenward.identity.parts import IdentityStore, Parts
from tokenward.identity.passkey_step import PasskeyStep
from tokenward.identity.passwords import Passwords
from tokenward.identity.pending import PendingSignIns
from tokenward.identity.progress import Progress
from tokenward.identity.second_factors import SecondFactors
from tokenward.identity.sessions import SessionLimits, Sessions
from tokenward.identity.signin import SignIn
from tokenward.identity.static_files import SCRIPT, Branding
from tokenward.identity.texts import english
from tokenward.identity.throttle import SecondFactorThrottle
from tokenward.identity.told import Told
from tokenward.identity.upstream.provider import Connection
from tokenward.identity.upstream.under_way import UnderWayCookie
from tokenward.identity.upstream.upstreams import Upstreams
from tokenward.identity.upstream_step import UpstreamStep
from tokenward.tokens.sealing import Sealer


class _Page(Protocol):
    @property
    def routes(self) -> list[Route]: ...


class Identity:
    """People, their sessions and their pages, for one issuer.

    Args:
        store: where persons and sessions are kept.
        peppers: for the keyed hashes of session tokens; the first writes, all read.
        sealer: for the hidden fields of forms, and for the secrets of authenticator apps.
        issuer_url: https, or http on a loopback host.
        name: what the issuer is called on its pages.
        words: what people are told of an API.
        clock: for lifetimes.
        prefix: of session tokens.
        passwords: how passwords are hashed.
        limits: when sessions end.
        branding: how pages look.
        post: takes letters to people; None where nothing does.
        password_sign_in: whether people sign in by passwords.
        upstream: identity providers through which they can sign in.

    Attributes:
        sign_in: the issuer's port `SignIn`.
        pages: the issuer's port `Pages`.
        routes: what to mount at the root of the issuer's origin.
        outbox: sends letters, while it runs.

    Raises:
        ValueError: the issuer's URL is plain HTTP on a host that others can reach, or a setting or key of a
            provider is bad.
    """

    def __init__(
        self,
        store: IdentityStore,
        *,
        peppers: Sequence[bytes],
        sealer: Sealer,
        issuer_url: str,
        name: str,
        words: Words,
        clock: Clock = SYSTEM_CLOCK,
        prefix: str = "tkw",
        passwords: Passwords | None = None,
        limits: SessionLimits | None = None,
        branding: Branding | None = None,
        post: Post | None = None,
        password_sign_in: bool = True,
        upstream: Sequence[Connection] = (),
    ) -> None:
        self._passwords = passwords or Passwords()
        self._limits = limits or SessionLimits()
        self._branding = branding or Branding()
        self.outbox = Outbox(post)
        upstreams = Upstreams(upstream, store, issuer_url=issuer_url, clock=clock)
        parts = self._put_together(
            store, peppers, sealer, issuer_url, name, words, clock, prefix, password_sign_in, upstreams
        )
        self.pages = parts.pages
        passkeys = PasskeyStep(parts)
        self.sign_in = SignIn(parts, passkeys)
        door = AccountDoor(parts)
        pages: list[_Page] = [
            self.sign_in,
            CodeStep(parts, passkeys, self.sign_in.again),
            passkeys,
            Overview(parts, door),
            AuthenticatorPage(parts, door),
            RecoveryPage(parts, door),
            SecondFactorPage(parts, door),
        ]
        if password_sign_in:
            pages += [LinkPage(parts), ForgottenPage(parts), PasswordPage(parts, door)]
        under_way = UnderWayCookie(
            cookie("tokenward_upstream", secure=wants_secure(issuer_url)), sealer, clock=clock
        )
        steps = {
            client.provider.name: UpstreamStep(parts, client, under_way, self.sign_in.again)
            for client in upstreams.clients
        }
        pages += [*steps.values(), ProvidersPage(parts, door, steps)]
        if parts.party is not None:
            pages.append(PasskeysPage(parts, door, parts.party))
        self.routes: list[Route] = [
            *(route for page in pages for route in page.routes),
            *(each.route for each in (self._branding.style, SCRIPT, self._branding.logo) if each is not None),
        ]

    def _put_together(  # noqa: PLR0917 - the room's own arguments, once more
        self,
        store: IdentityStore,
        peppers: Sequence[bytes],
        sealer: Sealer,
        issuer_url: str,
        name: str,
        words: Words,
        clock: Clock,
        prefix: str,
        password_sign_in: bool,
        upstreams: Upstreams,
    ) -> Parts:
        secure = wants_secure(issuer_url)
        before = cookie("tokenward_before", secure=secure)
        sessions = Sessions(
            store,
            peppers,
            cookie("tokenward_session", secure=secure),
            limits=self._limits,
            clock=clock,
            prefix=prefix,
        )
        pending = PendingSignIns(cookie("tokenward_pending", secure=secure), sealer, clock=clock)
        devices = Devices(sealer, cookie("tokenward_device", secure=secure, max_age=LIFETIME), clock=clock)
        letters = Letters(
            store, self.outbox, english(), name=name, issuer_url=issuer_url, passwords=password_sign_in
        )
        told = Told(letters)
        forms = BoundForms(FormGuard(sealer, issuer_url, clock=clock), before)
        return Parts(
            store=store,
            name=name,
            passwords=self._passwords,
            password_sign_in=password_sign_in,
            factors=SecondFactors(
                store, sealer=sealer, peppers=peppers, throttle=SecondFactorThrottle(clock=clock), clock=clock
            ),
            party=relying_party(issuer_url, name),
            sessions=sessions,
            progress=Progress(
                store,
                sessions=sessions,
                pending=pending,
                before=before,
                devices=devices,
                told=told,
                clock=clock,
            ),
            links=Links(store, peppers, issuer_url, clock=clock, prefix=prefix),
            letters=letters,
            told=told,
            upstreams=upstreams,
            devices=devices,
            forms=forms,
            answers=Answers(Pages(name, self._branding), forms),
            sealer=sealer,
            words=words,
            clock=clock,
        )

    def close(self) -> None:
        """Release the threads that hash passwords."""
        self._passwords.close()
