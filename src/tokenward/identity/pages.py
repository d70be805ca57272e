"""The pages that people see: HTML, escaped by the template engine. One script asks browsers for passkeys."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tokenward.base.problems import Problem
from tokenward.identity.account_view import AccountView, LinkedAccount
from tokenward.identity.offers import PasskeyOffer
from tokenward.identity.static_files import SCRIPT, Branding
from tokenward.identity.steps import Aim
from tokenward.identity.texts import Texts, english
from tokenward.store.people_records import Passkey
from tokenward.tokens.authorization_details.wording import Told

HEADERS: list[tuple[bytes, bytes]] = [
    (b"content-type", b"text/html; charset=utf-8"),
    # No `form-action`: Chromium applies it to every redirect after a form is sent, and both of our forms end
    # at an application's redirect address, which may be a private-use scheme that no source list can name.
    # What it would stop is an injected form; escaping and `default-src 'none'` leave none to inject.
    (
        b"content-security-policy",
        (
            b"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
            b"base-uri 'none'; frame-ancestors 'none'"
        ),
    ),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    # Not `no-referrer`: with it, browsers send `Origin: null` from our own forms (Fetch §3.2), as they do
    # from an attacker's sandboxed frame. To others, `same-origin` sends exactly as little: nothing.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]


class FormFacts(Protocol):
    """What every page with a form of the issuer needs to know; the issuer's views have these attributes."""

    @property
    def username(self) -> str:
        """Who is signed in."""

    @property
    def action(self) -> str:
        """Where the form posts to."""

    @property
    def sealed_request(self) -> str:
        """The value of the form's hidden field `request`."""


class AskedFacts(FormFacts, Protocol):
    """What is asked for."""

    @property
    def client_name(self) -> str:
        """The application's registered name."""

    @property
    def resource(self) -> str:
        """The audience, as the person should read it."""

    @property
    def scopes(self) -> Mapping[str, str]:
        """Scope → what it allows, in plain words."""


class OddFacts(Protocol):
    """What stands out in a name."""

    @property
    def mixed(self) -> Sequence[str]:
        """The scripts that it mixes; none where it mixes none."""

    @property
    def letters(self) -> Sequence[tuple[str, str]]:
        """Letters, each with its name."""


class StrangerFacts(Protocol):
    """What is known of an application that nobody here registered."""

    @property
    def host(self) -> str:
        """Where it describes itself; "" for nowhere."""

    @property
    def odd(self) -> OddFacts | None:
        """What stands out in its name."""


class ConsentFacts(AskedFacts, Protocol):
    """What the consent page needs to know."""

    @property
    def redirect_host(self) -> str:
        """The host that the answer goes to, so that a person can see an impostor."""

    @property
    def since(self) -> Mapping[str, float]:
        """Scope → when it was allowed before."""

    @property
    def details(self) -> Sequence[Told]:
        """What exactly is asked for, an element each (RFC 9396)."""

    @property
    def claims(self) -> Sequence[str]:
        """What else the application would be told, in plain words."""

    @property
    def problem(self) -> Problem | None:
        """What was wrong with what was sent before."""

    @property
    def stranger(self) -> StrangerFacts | None:
        """What is told of an application that nobody here registered."""

    @property
    def agent(self) -> bool:
        """Whether it acts by itself, while the person is not there."""


class SignOutFacts(FormFacts, Protocol):
    """What the page needs to know that asks whether to sign out."""

    @property
    def client_name(self) -> str:
        """The application that asks for it; "" where none does that is known."""

    @property
    def problem(self) -> Problem | None:
        """What was wrong with what was sent before."""


class DeviceFacts(FormFacts, Protocol):
    """What the page needs to know that asks for a device's code."""

    @property
    def user_code(self) -> str:
        """What stands in the field; "" for nothing."""

    @property
    def problem(self) -> Problem | None:
        """What was wrong with what was sent before."""


class DeviceConsentFacts(AskedFacts, Protocol):
    """What the page needs to know that asks whether a device may in."""

    @property
    def user_code(self) -> str:
        """To be compared with what the device shows."""

    @property
    def asked_at(self) -> float:
        """When the device asked, seconds since the epoch."""

    @property
    def minutes(self) -> int:
        """Since then."""

    @property
    def address(self) -> str:
        """From where it asked; "" where nobody knows."""

    @property
    def browser_address(self) -> str:
        """Where this browser is; likewise."""

    @property
    def same_place(self) -> bool:
        """Whether the two count as one."""


class ProviderFacts(Protocol):
    """What the sign-in page needs to know of an identity provider."""

    @property
    def name(self) -> str:
        """In the address of its form."""

    @property
    def label(self) -> str:
        """What people call it."""


class Pages:
    """Renders every page of one issuer.

    Args:
        name: what the issuer is called on its pages.
        branding: how they look.
    """

    def __init__(self, name: str, branding: Branding | None = None) -> None:
        branding = branding or Branding()
        # Every template is HTML, whatever its name; an undefined variable is a fault and no empty text.
        environment = Environment(
            loader=PackageLoader("tokenward.identity"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.globals |= {
            "name": name,
            "style": branding.style.address,
            "script": SCRIPT.address,
            "logo": branding.logo.address if branding.logo is not None else "",
        }
        speak(environment, english())
        self._environment = environment

    def read_all(self) -> None:
        """Read every page now: an upgrade beneath a process that serves must change none of them."""
        for template in self._environment.list_templates():
            self._environment.get_template(template)

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Response headers of every page: type, CSP, framing, referrer and cache rules."""
        return list(HEADERS)

    @property
    def unsent(self) -> str:
        """What the sign-in page says to who sent a form and has to sign in first."""
        return english().t("sign_in.unsent")

    def sign_in(
        self,
        *,
        aim: Aim,
        field: str,
        passkey: PasskeyOffer | None,
        username: str = "",
        confirming: bool = False,
        signed_in_as: str = "",
        passwords: bool = True,
        forgotten: bool = False,
        providers: Sequence[ProviderFacts] = (),
        provider_field: str = "",
        error: str = "",
    ) -> bytes:
        """The first step: `username`, `password`; or a passkey; or an identity provider.

        `confirming` is for whoever is signed in, `signed_in_as` for who may go on as they are, `forgotten`
        where a link can be had by mail.
        """
        return self._render(
            "sign_in.html",
            aim=aim,
            field=field,
            passkey=passkey,
            username=username,
            confirming=confirming,
            signed_in_as=signed_in_as,
            passwords=passwords,
            forgotten=forgotten,
            providers=providers,
            provider_field=provider_field,
            error=error,
        )

    def code(self, *, aim: Aim, field: str, passkey: PasskeyOffer | None, error: str = "") -> bytes:
        """The second step: `code`; or a passkey of those that the person has."""
        return self._render("code.html", aim=aim, field=field, passkey=passkey, error=error)

    def passkey(
        self, *, aim: Aim, passkey: PasskeyOffer | None, needed: bool = True, error: str = ""
    ) -> bytes:
        """A passkey, and nothing else; `needed` where only that leads on."""
        return self._render("passkey.html", aim=aim, passkey=passkey, needed=needed, error=error)

    def link(self, *, username: str, token: str, field: str, error: str = "") -> bytes:
        """Where a link leads: `password` and `again`; `token` is hidden."""
        return self._render("link.html", username=username, token=token, field=field, error=error)

    def forgotten(self, *, field: str, sent: bool = False, error: str = "") -> bytes:
        """Asks for `username`; or says that the mail is on its way, whether it is or not."""
        return self._render("forgotten.html", field=field, sent=sent, error=error)

    def account(
        self, view: AccountView, *, sign_out: str, passkeys: bool, passwords: bool = True, error: str = ""
    ) -> bytes:
        """`/account`: what the person has, and forms that end it; `sign_out` is that form's hidden field."""
        return self._render(
            "account.html",
            view=view,
            sign_out=sign_out,
            passkeys_work=passkeys,
            passwords_work=passwords,
            error=error,
        )

    def password(self, *, username: str, field: str, error: str = "") -> bytes:
        """`/account/password`: `password` and `again`."""
        return self._render("password.html", username=username, field=field, error=error)

    def passkeys(
        self, *, aim: Aim, field: str, passkey: PasskeyOffer, passkeys: Sequence[Passkey], error: str = ""
    ) -> bytes:
        """`/account/passkeys`: one more, by `name` and `credential`; those that there are, by `passkey`."""
        return self._render(
            "passkeys.html", aim=aim, field=field, passkey=passkey, passkeys=passkeys, error=error
        )

    def authenticator(
        self, *, aim: Aim, field: str, offer: str, secret: str, qr: Markup, replaces: bool, error: str = ""
    ) -> bytes:
        """`/account/authenticator`: a secret as picture and text, sealed in `offer`; asks for `code`."""
        return self._render(
            "authenticator.html",
            aim=aim,
            field=field,
            offer=offer,
            secret=secret,
            qr=qr,
            replaces=replaces,
            error=error,
        )

    def recovery(self, *, aim: Aim, field: str, left: int, codes: Sequence[str], error: str = "") -> bytes:
        """`/account/recovery-codes`: how many are left; or new ones, once."""
        return self._render("recovery.html", aim=aim, field=field, left=left, codes=codes, error=error)

    def second_factor(self, *, aim: Aim, passkeys: bool, app: bool, passwords: bool = True) -> bytes:
        """`/account/second-factor`: which of the ways to one more factor there are."""
        return self._render("second_factor.html", aim=aim, passkeys=passkeys, app=app, passwords=passwords)

    def providers(
        self,
        *,
        field: str,
        linked: Sequence[LinkedAccount],
        others: Sequence[ProviderFacts],
        error: str = "",
    ) -> bytes:
        """`/account/providers`: accounts to unlink, by `provider` and `subject`; providers to link one at."""
        return self._render("providers.html", field=field, linked=linked, others=others, error=error)

    def landing(self) -> bytes:
        """The page at `/` for who is not signed in: what this is, and the way in."""
        return self._render("landing.html")

    def consent(self, view: ConsentFacts) -> bytes:
        """The page with the form: field `request` (hidden), field `decision` (`allow` or `deny`)."""
        return self._render("consent.html", view=view)

    def device(self, view: DeviceFacts) -> bytes:
        """The page with the form: field `request` (hidden), field `user_code`."""
        return self._render("device.html", view=view)

    def device_consent(self, view: DeviceConsentFacts) -> bytes:
        """The page with the form: fields as `consent`."""
        return self._render("device_consent.html", view=view)

    def device_done(self, client_name: str, *, allowed: bool) -> bytes:
        """What became of it: the person can go back to the device."""
        return self._render("device_done.html", client_name=client_name, allowed=allowed)

    def sign_out(self, view: SignOutFacts) -> bytes:
        """The page with the form: field `request` (hidden), field `decision` (`allow` or `deny`)."""
        return self._render("sign_out.html", view=view)

    def signed_out(self, *, client_name: str, back: str) -> bytes:
        """That nobody is signed in, with a link `back` to the application; "" for none."""
        return self._render("signed_out.html", client_name=client_name, back=back)

    def error(self, problem: Problem) -> bytes:
        """A page for an error that must not be sent to a redirect address (RFC 6749 §4.1.2.1)."""
        return self._render("error.html", problem=problem)

    def go_back(self, problem: Problem, *, host: str, back: str) -> bytes:
        """A page for an error: an application at `host` hears of it if the person follows the link `back`.

        What the application calls itself is not on it: whoever made up the request made up that name.
        """
        return self._render("go_back.html", problem=problem, host=host, back=back)

    def _render(self, template: str, **facts: object) -> bytes:
        return self._environment.get_template(template).render(facts).encode()


def speak(environment: Environment, texts: Texts) -> None:
    """Give templates `t(key, **values)`, `language`, and filters that mark up one value of a sentence.

    `bdi` keeps a name of another writing direction from turning the sentence around it (HTML §4.5.24).
    """
    environment.globals |= {"t": texts.html, "language": texts.language}
    environment.filters |= {tag: _element(tag) for tag in ("bdi", "strong", "code")}
    environment.filters["moment"] = _moment


def _element(tag: str) -> Callable[[object], Markup]:
    return lambda value: Markup(f"<{tag}>{{}}</{tag}>").format(value)  # noqa: S704 - the tag is ours


def _moment(at: float) -> Markup:
    when = datetime.fromtimestamp(at, UTC)
    return Markup('<time datetime="{}">{:%Y-%m-%d %H:%M} UTC</time>').format(
        when.isoformat("T", "seconds"), when
    )
