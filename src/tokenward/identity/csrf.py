"""Who sent this form? Our own page, in this very browser, not long ago; or it is refused.

Two independent answers: what the browser itself says of the request's origin, and a sealed field that only a
page of ours can hold, bound to a cookie. Sign-in needs this as much as anything behind it: a forged sign-in
puts the person into the attacker's account, where they leave what they think is theirs (login CSRF).
"""

from urllib.parse import urlsplit

from tokenward.base.asgi import Scope, header_values
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import EXPIRED_FORM, Refusal
from tokenward.tokens import base64url
from tokenward.tokens.sealing import SealBroken, Sealer

FORM_LIFETIME = 60 * 60
"""Seconds that a page may stay open before its form is refused."""

_DEFAULT_PORTS = {"https": 443, "http": 80}


class FormGuard:
    """Issues and checks the hidden field of our forms."""

    def __init__(self, sealer: Sealer, issuer_url: str, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._sealer = sealer
        self._origin = origin_of(issuer_url).encode()
        self._clock = clock

    def field(self, form: str, binding: str) -> str:
        """The hidden field's value for the form of that name, good only together with `binding`."""
        moment = str(int(self._clock.time())).encode()
        return base64url.encode(self._sealer.seal(moment, context=_context(form, binding)))

    def check(self, scope: Scope, form: str, binding: str | None, field: str) -> None:
        """Let the request pass only if its form is ours.

        Args:
            scope: the request.
            form: the name under which the field was made.
            binding: what the browser's cookie says now; None where it has none.
            field: what the form brought along.

        Raises:
            Refusal: EXPIRED_FORM.
        """
        self.check_origin(scope)
        if binding is None:
            raise Refusal(EXPIRED_FORM, "the cookie that belongs to the form is missing or ambiguous")
        try:
            sealed = base64url.decode(field)
            made_at = int(self._sealer.open(sealed, context=_context(form, binding)))
        except SealBroken:
            raise Refusal(EXPIRED_FORM, "the sealed field belongs to another form or browser") from None
        except ValueError:
            raise Refusal(EXPIRED_FORM, "the sealed field is malformed") from None
        if self._clock.time() - made_at > FORM_LIFETIME:
            raise Refusal(EXPIRED_FORM, "the form is too old")

    def check_origin(self, scope: Scope) -> None:
        """Refuse what the browser says came from elsewhere; if it says nothing, the field decides alone.

        Raises:
            Refusal: EXPIRED_FORM.
        """
        origins = header_values(scope, b"origin")
        if any(origin != self._origin for origin in origins):
            raise Refusal(EXPIRED_FORM, "Origin is not this issuer's")
        # Fetch Metadata §2.3; "none" is the person's own doing, such as sending the form once more.
        sites = header_values(scope, b"sec-fetch-site")
        if any(site not in {b"same-origin", b"none"} for site in sites):
            raise Refusal(EXPIRED_FORM, "Sec-Fetch-Site is not this origin")


def origin_of(url: str) -> str:
    """The origin of an http(s) URL as browsers write it in `Origin` (RFC 6454 §6.1).

    Raises:
        ValueError: it has no host, or its port is malformed.
    """
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in _DEFAULT_PORTS:
        raise ValueError("not an http or https URL with a host")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _context(form: str, binding: str) -> bytes:
    return f"identity/form/{form}/{binding}".encode()
