"""The pages that people see: HTML without a line of script, escaped by the template engine."""

import hashlib
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Protocol

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tokenward.base.problems import Problem
from tokenward.identity.texts import Texts, english

STYLE_PATH = "/static/tokenward.css"
STYLE = files("tokenward.identity").joinpath("static", "style.css").read_bytes()

HEADERS: list[tuple[bytes, bytes]] = [
    (b"content-type", b"text/html; charset=utf-8"),
    # No `form-action`: Chromium applies it to every redirect after a form is sent, and both of our forms end
    # at an application's redirect address, which may be a private-use scheme that no source list can name.
    # What it would stop is an injected form; escaping and `default-src 'none'` leave none to inject.
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    # Not `no-referrer`: with it, browsers send `Origin: null` from our own forms (Fetch §3.2), as they do
    # from an attacker's sandboxed frame. To others, `same-origin` sends exactly as little: nothing.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]


class ConsentFacts(Protocol):
    """What the consent page needs to know; the issuer's view has these attributes."""

    @property
    def client_name(self) -> str:
        """The application's registered name."""

    @property
    def redirect_host(self) -> str:
        """The host that the answer goes to, so that a person can see an impostor."""

    @property
    def username(self) -> str:
        """Who is about to consent."""

    @property
    def resource(self) -> str:
        """The audience, as the person should read it."""

    @property
    def scopes(self) -> Mapping[str, str]:
        """Scope → what it allows, in plain words."""

    @property
    def action(self) -> str:
        """Where the form posts to."""

    @property
    def sealed_request(self) -> str:
        """The value of the form's hidden field `request`."""


class Pages:
    """Renders every page of one issuer.

    Args:
        name: what the issuer is called on its pages.
    """

    def __init__(self, name: str) -> None:
        # Every template is HTML, whatever its name; an undefined variable is a fault and no empty text.
        environment = Environment(
            loader=PackageLoader("tokenward.identity"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        # The address changes with the content, so the browser may keep the file for good.
        style = f"{STYLE_PATH}?v={hashlib.sha256(STYLE).hexdigest()[:12]}"
        environment.globals |= {"name": name, "style": style}
        speak(environment, english())
        self._environment = environment

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Response headers of every page: type, CSP, framing, referrer and cache rules."""
        return list(HEADERS)

    def sign_in(self, *, continue_to: str, field: str, username: str = "", error: str = "") -> bytes:
        """The sign-in form: `username`, `password` and the hidden fields `continue` and `form`."""
        return self._render(
            "sign_in.html", continue_to=continue_to, field=field, username=username, error=error
        )

    def landing(self, *, username: str | None, field: str = "") -> bytes:
        """The page at `/`: who is signed in, with a form to sign out (hidden field `form`); or the way in."""
        return self._render("landing.html", username=username, field=field)

    def consent(self, view: ConsentFacts) -> bytes:
        """The page with the form: field `request` (hidden), field `decision` (`allow` or `deny`)."""
        return self._render("consent.html", view=view)

    def error(self, problem: Problem) -> bytes:
        """A page for an error that must not be sent to a redirect address (RFC 6749 §4.1.2.1)."""
        return self._render("error.html", problem=problem)

    def _render(self, template: str, **facts: object) -> bytes:
        return self._environment.get_template(template).render(facts).encode()


def speak(environment: Environment, texts: Texts) -> None:
    """Give templates `t(key, **values)`, `language`, and filters that mark up one value of a sentence.

    `bdi` keeps a name of another writing direction from turning the sentence around it (HTML §4.5.24).
    """
    environment.globals |= {"t": texts.html, "language": texts.language}
    environment.filters |= {tag: _element(tag) for tag in ("bdi", "strong", "code")}


def _element(tag: str) -> Callable[[object], Markup]:
    return lambda value: Markup(f"<{tag}>{{}}</{tag}>").format(value)  # noqa: S704 - the tag is ours
