"""Who sent this form? Our own page, in this very browser, not long ago; or it is refused.

Two independent answers: what the browser itself says of the request's origin, and a sealed field that only a
page of ours can hold, bound to a cookie. Sign-in needs this as much as anything behind it: a forged sign-in
puts the person into the attacker's account, where they leave what they think is theirs (login CSRF).
"""

from tokenward.base.asgi import Scope
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.origins import origin_of, refuse_other_sites
from tokenward.base.problems import EXPIRED_FORM, Refusal
from tokenward.tokens import base64url
from tokenward.tokens.sealing import SealBroken, Sealer

FORM_LIFETIME = 60 * 60
"""Seconds that a page may stay open before its form is refused."""


class FormGuard:
    """Issues and checks the hidden field of our forms."""

    def __init__(self, sealer: Sealer, issuer_url: str, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._sealer = sealer
        self._origin = origin_of(issuer_url)
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
        refuse_other_sites(scope, self._origin)


def _context(form: str, binding: str) -> bytes:
    return f"identity/form/{form}/{binding}".encode()
