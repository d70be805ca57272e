"""A browser that was sent to a provider: what its answer is held against, sealed in a cookie."""

import json
from dataclasses import dataclass

from tokenward.base.asgi import Scope
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.cookies import Cookie
from tokenward.base.problems import PROVIDER_REFUSED, TOO_LARGE, Refusal
from tokenward.base.secret import Secret
from tokenward.flows.authorization import AuthorizationRequest
from tokenward.identity.steps import Aim
from tokenward.tokens import base64url
from tokenward.tokens.sealing import SealBroken, Sealer

LIFETIME = 15 * 60
"""Seconds that somebody may take there."""

MAX_VALUE = 3_900
"""Characters of the cookie: browsers keep 4096 bytes, the name included (RFC 6265bis §6.1)."""

_CONTEXT = b"identity/upstream"


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What was asked, and where it leads.

    Attributes:
        provider: of whom, by name.
        state: ties the answer to this browser; good once.
        nonce: ties the ID token to this request.
        verifier: of PKCE.
        aim: where the sign-in leads.
        links_to: the session whose person wants to link the account there; "" where somebody signs in.
        end: until when the answer is waited for, seconds since the epoch.
    """

    provider: str
    state: str
    nonce: str
    verifier: Secret
    aim: Aim
    links_to: str
    end: float


class UnderWayCookie:
    """Keeps it in the browser: who has not been sent there has nothing to come back with."""

    def __init__(self, cookie: Cookie, sealer: Sealer, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._cookie = cookie
        self._sealer = sealer
        self._clock = clock

    def keep(
        self, provider: str, request: AuthorizationRequest, aim: Aim, *, links_to: str = ""
    ) -> tuple[bytes, bytes]:
        """The response header that keeps it; it takes the place of one that is under way.

        Raises:
            Refusal: TOO_LARGE, where it leads is a longer address than a cookie holds.
        """
        content = {
            "provider": provider,
            "state": request.state,
            "nonce": request.nonce,
            "verifier": request.verifier.reveal(),
            "aim": aim.fields,
            "links_to": links_to,
            "end": self._clock.time() + LIFETIME,
        }
        value = base64url.encode(self._sealer.seal(json.dumps(content).encode(), context=_CONTEXT))
        if len(value) > MAX_VALUE:
            raise Refusal(TOO_LARGE, f"{len(value)} characters for a cookie")
        return self._cookie.set(value)

    def read(self, scope: Scope, provider: str) -> UnderWay:
        """What this browser was sent to that provider with.

        Raises:
            Refusal: PROVIDER_REFUSED, it was not, or too long ago.
        """
        try:
            sealed = base64url.decode(self._cookie.read(scope) or "")
            content = json.loads(self._sealer.open(sealed, context=_CONTEXT))
        except (SealBroken, ValueError):
            raise Refusal(PROVIDER_REFUSED, f"{provider}: this browser was not sent there") from None
        if content["provider"] != provider:
            raise Refusal(PROVIDER_REFUSED, f"{provider}: this browser was sent elsewhere")
        if content["end"] <= self._clock.time():
            raise Refusal(PROVIDER_REFUSED, f"{provider}: this browser was sent there too long ago")
        return UnderWay(
            provider=provider,
            state=content["state"],
            nonce=content["nonce"],
            verifier=Secret(content["verifier"]),
            aim=Aim.read(content["aim"]),
            links_to=content["links_to"],
            end=content["end"],
        )

    def drop(self) -> tuple[bytes, bytes]:
        """The response header that forgets it."""
        return self._cookie.clear()
