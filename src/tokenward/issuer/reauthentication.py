"""`prompt=login` and `max_age` (OpenID Connect Core §3.1.2.1): a person signs in anew, once.

The way to the sign-in page takes along when it began, sealed and bound to this very request. Back here, a
sign-in after that moment is what was asked for; anything else is `login_required`, never another round.
"""

from tokenward.base.problems import LOGIN_REQUIRED, Refusal
from tokenward.issuer.authorization_request import STARTED, AuthorizationRequest, ReturnedRefusal
from tokenward.issuer.context import Issuer
from tokenward.issuer.ports import SignedIn
from tokenward.tokens import base64url
from tokenward.tokens.sealing import SealBroken

_LIFETIME = 600.0


def signed_in_or_url(
    issuer: Issuer, request: AuthorizationRequest, person: SignedIn | None
) -> SignedIn | str:
    """The person, if signed in recently enough; else the address that the browser must go to for it.

    Raises:
        ReturnedRefusal: LOGIN_REQUIRED, signing in is needed but not allowed (`prompt=none`), or was tried
            and did not happen.
    """
    started = _started(issuer, request)
    if person is not None:
        now = issuer.clock.time()
        too_old = request.max_age is not None and now - person.auth_time > request.max_age
        if "login" not in request.prompt and not too_old:
            return person
        if started is not None and person.auth_time >= started:
            return person
        if started is not None:
            raise ReturnedRefusal(
                request.address, Refusal(LOGIN_REQUIRED, "came back without signing in anew")
            )
    if "none" in request.prompt:
        raise ReturnedRefusal(request.address, Refusal(LOGIN_REQUIRED, "prompt=none without a fresh session"))
    return issuer.sign_in.sign_in_url(f"/authorize?{request.query}&{STARTED}={_sealed_now(issuer, request)}")


def _sealed_now(issuer: Issuer, request: AuthorizationRequest) -> str:
    return base64url.encode(issuer.sealer.seal(repr(issuer.clock.time()).encode(), context=_context(request)))


def _started(issuer: Issuer, request: AuthorizationRequest) -> float | None:
    """When the way to the sign-in page began; None if it did not, or too long ago."""
    if request.started is None:
        return None
    try:
        sealed = base64url.decode(request.started)
        started = float(issuer.sealer.open(sealed, context=_context(request)))
    except (SealBroken, ValueError):
        return None
    return started if issuer.clock.time() - started <= _LIFETIME else None


def _context(request: AuthorizationRequest) -> bytes:
    return b"tokenward/sign-in-started " + request.query.encode()
