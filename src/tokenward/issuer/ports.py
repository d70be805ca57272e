"""What the issuer asks of the identity room, which it never imports: `app` wires the two."""

from dataclasses import dataclass
from typing import Protocol

from tokenward.base.asgi import Scope
from tokenward.base.problems import Problem
from tokenward.issuer.client_names import OddLetters
from tokenward.store.records import Client
from tokenward.tokens.acr import Authentication, Level
from tokenward.tokens.authorization_details.wording import Told


class SignedIn(Protocol):
    """A person whose browser session is live."""

    @property
    def user_id(self) -> str:
        """The subject of what is issued."""

    @property
    def username(self) -> str:
        """What the consent page calls them."""

    @property
    def session_id(self) -> str:
        """Which session; consent is bound to it."""

    @property
    def scopes(self) -> frozenset[str] | None:
        """All scopes of APIs, and types of details, that they can allow; None where nothing bounds them."""

    def authentication(self, *, level: Level | None = None, since: float = 0.0) -> Authentication | None:
        """What they did to sign in that reaches `level`, none of it before `since`; None if they did not."""


@dataclass(frozen=True, slots=True)
class StrangerView:
    """What the page says of an application that nobody here registered.

    Attributes:
        host: where it describes itself, which is all that is known of it; "" for one that registered itself.
        odd: what stands out in the name that it gives itself.
    """

    host: str
    odd: OddLetters | None


@dataclass(frozen=True, slots=True)
class ConsentView:
    """What the consent page shows, and what its form sends back.

    Attributes:
        client_name: the application's registered name.
        redirect_host: the host that the answer goes to, so that a person can see an impostor.
        username: who is about to consent.
        resource: the audience, as the person should read it.
        scopes: scope → what it allows, in plain words.
        since: scope → when the person allowed it before; also scopes that are not asked for now.
        action: where the form posts to.
        sealed_request: the value of the form's hidden field `request`.
        details: what exactly is asked for, an element each (RFC 9396).
        problem: what was wrong with what was sent before, or None.
        claims: what else the application would be told, in plain words (OpenID Connect Core §5.5).
        stranger: None for an application that an operator registered.
        agent: whether it acts by itself, while the person is not there.
    """

    client_name: str
    redirect_host: str
    username: str
    resource: str
    scopes: dict[str, str]
    since: dict[str, float]
    action: str
    sealed_request: str
    details: tuple[Told, ...] = ()
    problem: Problem | None = None
    claims: tuple[str, ...] = ()
    stranger: StrangerView | None = None
    agent: bool = False


@dataclass(frozen=True, slots=True)
class DeviceView:
    """What the page shows that asks for a device's code, and what its form sends back.

    Attributes:
        username: who is signed in.
        user_code: what stands in the field, as people read it; "" for nothing.
        problem: what was wrong with what was sent before, or None.
        action: where the form posts to.
        sealed_request: the value of the form's hidden field `request`.
    """

    username: str
    user_code: str
    problem: Problem | None
    action: str
    sealed_request: str


@dataclass(frozen=True, slots=True)
class DeviceConsentView:
    """What a person sees before they let a device in, and what the form sends back (RFC 8628 §5.4).

    Attributes:
        client_name: the application's registered name.
        username: who is about to consent.
        resource: the audience, as the person should read it.
        scopes: scope → what it allows, in plain words.
        user_code: to be compared with what the device shows.
        asked_at: when the device asked, seconds since the epoch.
        minutes: the whole minutes since then.
        address: from where it asked; "" where nobody knows.
        browser_address: where this browser is; likewise.
        same_place: whether the two count as one.
        action: where the form posts to.
        sealed_request: the value of the form's hidden field `request`.
    """

    client_name: str
    username: str
    resource: str
    scopes: dict[str, str]
    user_code: str
    asked_at: float
    minutes: int
    address: str
    browser_address: str
    same_place: bool
    action: str
    sealed_request: str


class SignedOut(Protocol):
    """What a response to the browser needs after a session was ended."""

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """Those that make it forget its cookies."""

    @property
    def onwards(self) -> str | None:
        """Where to sign out, too: at the identity provider that vouched for the person; or None."""


@dataclass(frozen=True, slots=True)
class SignOutView:
    """What the page shows that asks whether to sign out, and what its form sends back.

    Attributes:
        username: who is signed in.
        client_name: the application that asks for it; "" where none does that is known.
        action: where the form posts to.
        sealed_request: the value of the form's hidden field `request`.
        problem: what was wrong with what was sent before, or None.
    """

    username: str
    client_name: str
    action: str
    sealed_request: str
    problem: Problem | None = None


class ClientDocuments(Protocol):
    """Clients that describe themselves in documents, at the URLs that are their names."""

    async def client(self, url: str) -> Client:
        """The client.

        Raises:
            Refusal: CLIENT_DOCUMENT_REFUSED; TOO_MANY_REQUESTS.
        """


class SignIn(Protocol):
    """The browser's session, and the way to one."""

    async def current(self, scope: Scope) -> SignedIn | None:
        """Whose session the request's cookie names; None if there is no live one."""

    def sign_in_url(
        self,
        continue_to: str,
        *,
        level: Level | None = None,
        since: float = 0.0,
        hint: str = "",
        choose: bool = False,
    ) -> str:
        """The page that asks for what is missing of `level`, or older than `since`.

        It returns to `continue_to`, a path with query of this issuer, when that is done or cannot be. `hint`
        is what the person may be called; with `choose`, whoever is signed in may go on as somebody else.
        """

    async def sign_out(self, scope: Scope) -> SignedOut:
        """End the session that the request's cookie names, if there is one."""


class Pages(Protocol):
    """HTML that the issuer's endpoints answer with."""

    def consent(self, view: ConsentView) -> bytes:
        """The page with the form: field `request` (hidden), field `decision` (`allow` or `deny`)."""

    def device(self, view: DeviceView) -> bytes:
        """The page with the form: field `request` (hidden), field `user_code`."""

    def device_consent(self, view: DeviceConsentView) -> bytes:
        """The page with the form: fields as `consent`."""

    def device_done(self, client_name: str, *, allowed: bool) -> bytes:
        """What became of it."""

    def sign_out(self, view: SignOutView) -> bytes:
        """The page with the form: field `request` (hidden), field `decision` (`allow` or `deny`)."""

    def signed_out(self, *, client_name: str, back: str) -> bytes:
        """That nobody is signed in, with a link `back` to the application; "" for none."""

    def error(self, problem: Problem) -> bytes:
        """A page for an error that must not be sent to a redirect address (RFC 6749 §4.1.2.1)."""

    def go_back(self, problem: Problem, *, host: str, back: str) -> bytes:
        """A page for an error: an application at `host` hears of it if the person follows the link `back`."""

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Response headers of every page: type, CSP, framing, referrer and cache rules."""
