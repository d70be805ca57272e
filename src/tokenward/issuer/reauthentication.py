"""How long ago a person may have signed in, and how well they must have.

A client says so by `prompt`, `max_age` (OpenID Connect Core §3.1.2.1) and `acr_values` (RFC 9470 §5), and
whom it means by `id_token_hint` or a value of the claim `sub` (§5.5.1): nobody else may answer then.
What is missing is asked for once. The way to the sign-in page takes along when it began, sealed and bound to
this very request. Back here, what was done since is what was asked for; if it is not enough, the client is
told, and the browser never sent for another round.

A device says the same by `max_age` and `acr_values`. It hears of nothing but a yes or a no: a person whose
sign-in was not enough is told so, and may try again.
"""

from tokenward.base.problems import LOGIN_REQUIRED, UNMET_AUTHENTICATION, Refusal
from tokenward.issuer.authorization_request import AuthorizationRequest, ReturnedRefusal
from tokenward.issuer.context import Issuer
from tokenward.issuer.ports import SignedIn
from tokenward.issuer.request_sources import STARTED
from tokenward.store.device_records import DeviceCode
from tokenward.tokens import base64url
from tokenward.tokens.acr import Authentication
from tokenward.tokens.sealing import SealBroken
from tokenward.tokens.subjects import subject

_LIFETIME = 600.0


def authentication_or_url(
    issuer: Issuer, request: AuthorizationRequest, person: SignedIn | None
) -> tuple[SignedIn, Authentication] | str:
    """The person and what they did to sign in, if it is enough; else the address where more can be done.

    Raises:
        ReturnedRefusal: LOGIN_REQUIRED or UNMET_AUTHENTICATION, more is needed but not allowed
            (`prompt=none`), or was tried and did not happen.
    """
    started = _started(issuer, request.started, _context(request))
    began = issuer.clock.time() if started is None else started
    since = _since(request, began)
    asks_anew = started is None and not request.prompt.isdisjoint({"login", "select_account"})
    meant = person is not None and is_meant(issuer, request, person)
    done = person.authentication(level=request.level, since=since) if person and meant else None
    if person is not None and done is not None and not asks_anew:
        return person, done
    if person is not None and started is not None:
        raise ReturnedRefusal(request.address, _not_done(request, person, since, meant=meant))
    if "none" in request.prompt:
        raise ReturnedRefusal(
            request.address, Refusal(LOGIN_REQUIRED, "prompt=none, and the session does not suffice")
        )
    # What is about to be too old is asked for as well: it must still be young enough where the token goes.
    since = _since(request, began, request.max_age // 2 if request.max_age is not None else None)
    another = person is not None and not meant
    continue_to = f"/authorize?{request.query}&{STARTED}={_sealed_now(issuer, _context(request))}"
    return issuer.sign_in.sign_in_url(
        continue_to,
        level=request.level,
        since=began if another else since,
        hint=request.login_hint,
        choose=another or "select_account" in request.prompt,
    )


def is_meant(issuer: Issuer, request: AuthorizationRequest, person: SignedIn) -> bool:
    """Whether the client means this person, or anybody."""
    own = subject(issuer.pairwise_key, person.user_id, request.client.sector)
    return request.subjects is None or own in request.subjects


def device_authentication_or_url(
    issuer: Issuer, device: DeviceCode, person: SignedIn, back: str, mark: str | None
) -> Authentication | str:
    """What the person did to sign in, if it is enough to let that device in; else where more can be done.

    Args:
        issuer: ours.
        device: what asks.
        person: who is about to let it in.
        back: path and query to which the way leads back.
        mark: what the way back brought along, unopened, or None.

    Raises:
        Refusal: LOGIN_REQUIRED or UNMET_AUTHENTICATION, more was tried and did not happen.
    """
    context = b"tokenward/device-sign-in-started " + device.token_id.encode()
    started = _started(issuer, mark, context)
    began = issuer.clock.time() if started is None else started
    since = _before(began, device.max_age)
    if done := person.authentication(level=device.level, since=since):
        return done
    if started is not None:
        raise _not_done(device, person, since)
    since = _before(began, device.max_age // 2 if device.max_age is not None else None)
    continue_to = f"{back}&{STARTED}={_sealed_now(issuer, context)}"
    return issuer.sign_in.sign_in_url(continue_to, level=device.level, since=since)


def _since(request: AuthorizationRequest, began: float, max_age: int | None = None) -> float:
    """The moment before which nothing counts that was done to sign in."""
    if "login" in request.prompt:
        return began
    return _before(began, request.max_age if max_age is None else max_age)


def _before(began: float, age: int | None) -> float:
    return 0.0 if age is None else began - age


def _not_done(
    request: AuthorizationRequest | DeviceCode, person: SignedIn, since: float, *, meant: bool = True
) -> Refusal:
    if not meant:
        return Refusal(LOGIN_REQUIRED, "came back as somebody else than the client means")
    if request.level is not None and person.authentication(since=since):
        return Refusal(UNMET_AUTHENTICATION, f"came back without reaching {request.level}")
    return Refusal(LOGIN_REQUIRED, "came back without signing in anew")


def _sealed_now(issuer: Issuer, context: bytes) -> str:
    return base64url.encode(issuer.sealer.seal(repr(issuer.clock.time()).encode(), context=context))


def _started(issuer: Issuer, mark: str | None, context: bytes) -> float | None:
    """When the way to the sign-in page began; None if it did not, or too long ago."""
    if mark is None:
        return None
    try:
        started = float(issuer.sealer.open(base64url.decode(mark), context=context))
    except (SealBroken, ValueError):
        return None
    return started if issuer.clock.time() - started <= _LIFETIME else None


def _context(request: AuthorizationRequest) -> bytes:
    return b"tokenward/sign-in-started " + request.query.encode()
