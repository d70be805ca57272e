"""The relying party's side of the authorization code flow with one provider (OpenID Connect Core §3.1)."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.forms import parse_form
from tokenward.base.outbound import OutboundError
from tokenward.base.problems import PROVIDER_REFUSED, PROVIDER_UNAVAILABLE, Refusal
from tokenward.base.secret import Secret
from tokenward.flows.authorization import AuthorizationRequest, read_callback
from tokenward.flows.errors import FlowError
from tokenward.flows.login import read_userinfo
from tokenward.flows.logout import sign_out_url
from tokenward.flows.metadata import ServerMetadata
from tokenward.flows.token import TokenResponse, authorization_code
from tokenward.identity.upstream.metadata import Discovery
from tokenward.identity.upstream.provider import Connection
from tokenward.tokens.acr import FEDERATED, LEVELS, Level, two_factors
from tokenward.tokens.claims import VerifiedClaims, plain
from tokenward.tokens.errors import InvalidToken
from tokenward.tokens.id_token import IdTokenValidator, SignIn
from tokenward.tokens.logout_token import LogoutNotice, LogoutTokenValidator

LONG_AGO = 0.0
"""When somebody signed in at a provider that does not say when: what nobody dated may not pass for fresh."""

# RFC 8176 §2. Any other word of a provider's means what only it knows.
# fmt: off
_METHODS = frozenset(
    ("face", "fpt", "geo", "hwk", "iris", "kba", "mca", "mfa", "otp", "pin", "pwd", "rba", "retina", "sc",
     "sms", "swk", "tel", "user", "vbm", "wia")
)
# fmt: on

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class VouchedFor:
    """What a provider says of somebody who signed in there; all of it verified to be the provider's.

    Attributes:
        subject: whom it calls so.
        sid: its name for the session, or "".
        amr: what that proves here.
        at: when it was done, seconds since the epoch; `LONG_AGO` where it does not say.
        said_at: when it vouched for that, by its own clock.
        claims: what else it says, by its names; JSON values.
    """

    subject: str
    sid: str
    amr: tuple[str, ...]
    at: float
    said_at: float
    claims: Mapping[str, object] = field(repr=False)


class UpstreamClient:
    """What we do as a client of one provider.

    Args:
        connection: the provider, and how it is reached.
        redirect_uri: where it sends people back to.
        clock: what time it is.

    Raises:
        ValueError: a setting or a key is bad.
    """

    def __init__(self, connection: Connection, *, redirect_uri: str, clock: Clock = SYSTEM_CLOCK) -> None:
        provider = connection.provider
        self.provider = provider
        self._web = connection.web
        self._authenticate = connection.authenticate
        self._redirect_uri = redirect_uri
        self._clock = clock
        self._discovery = Discovery(provider.issuer, connection.web, clock=clock)
        self._id_tokens = IdTokenValidator(
            issuer=provider.issuer,
            client_id=provider.client_id,
            keys=connection.keys,
            algorithms=provider.algorithms,
            clock=clock,
        )
        self._logout_tokens = LogoutTokenValidator(
            issuer=provider.issuer,
            client_id=provider.client_id,
            keys=connection.keys,
            algorithms=provider.algorithms,
            clock=clock,
        )

    async def begin(self, *, since: float, level: Level | None) -> AuthorizationRequest:
        """The request that asks for a sign-in: anew if it has to be after `since`, and as good as `level`.

        Raises:
            Refusal: PROVIDER_UNAVAILABLE.
        """
        metadata = await self._discovery.metadata()
        strong = level is not None and level != LEVELS[0]
        # Some providers heed the one, some the other; what came of it is checked by `auth_time` in any case.
        anew: dict[str, Any] = {"max_age": self._age(since), "prompt": "login"} if since else {}
        return AuthorizationRequest.begin(
            metadata.authorization_endpoint,
            client_id=self.provider.client_id,
            redirect_uri=self._redirect_uri,
            scope=self.provider.scopes,
            acr_values=self.provider.two_factors_acr if strong else (),
            **anew,
        )

    def resumed(self, *, state: str, nonce: str, verifier: Secret) -> AuthorizationRequest:
        """A request that was begun, as far as its answer is held against it."""
        return AuthorizationRequest(
            endpoint="",
            client_id=self.provider.client_id,
            redirect_uri=self._redirect_uri,
            scope=self.provider.scopes,
            resource="",
            state=state,
            nonce=nonce,
            verifier=verifier,
        )

    async def code(self, query: str, request: AuthorizationRequest) -> Secret:
        """The code in the answer to `request`.

        Raises:
            Refusal: PROVIDER_REFUSED, there is none, or it is the answer to something else;
                PROVIDER_UNAVAILABLE.
        """
        names_issuer = (await self._discovery.metadata()).names_issuer
        try:
            return read_callback(query, request, self.provider.issuer, names_issuer=names_issuer)
        except FlowError as error:
            raise self._refused(str(error)) from None

    async def redeem(self, code: Secret, request: AuthorizationRequest, *, since: float) -> VouchedFor:
        """Who signed in, at or after `since`, by the code that answered `request`.

        Raises:
            Refusal: PROVIDER_REFUSED, it proves no such thing; PROVIDER_UNAVAILABLE.
        """
        metadata = await self._discovery.metadata()
        try:
            tokens = await self._redeemed(metadata, code, request)
            claims = await self._verified(tokens, request, since)
            more = await self._more(metadata, tokens, claims)
        except FlowError as error:
            raise self._refused(str(error)) from None
        except InvalidToken as error:
            if error.code == "keys_unavailable":
                raise self._unavailable("no keys") from None
            raise self._refused(f"ID token: {error.code}") from None
        except OutboundError as error:
            if error.status is not None and 400 <= error.status < 500:
                raise self._refused(error.detail) from None
            raise self._unavailable(str(error)) from None
        return VouchedFor(
            subject=claims.subject,
            sid=_text(claims.get("sid")),
            amr=self._amr(claims),
            at=self._moment(claims, since),
            said_at=float(claims.issued_at),
            claims={**more, **{name: plain(value) for name, value in claims.items()}},
        )

    async def sign_out_url(self, back: str) -> str | None:
        """Where browsers are sent to sign out there as well, and then to `back` (RP-Initiated Logout §2).

        None where that is not wanted, or the provider has nothing of the kind, or does not answer: a
        sign-out never fails.
        """
        if not self.provider.sign_out:
            return None
        try:
            metadata = await self._discovery.metadata()
        except Refusal as refusal:
            _log.warning("signed out here and not at %s: %s", self.provider.name, refusal)
            return None
        return sign_out_url(metadata, client_id=self.provider.client_id, back=back) or None

    async def logged_out(self, token: str) -> LogoutNotice:
        """Whom a logout token is about (Back-Channel Logout §2.6).

        Raises:
            InvalidToken: it is none of this provider's, for us, or the keys cannot be had.
        """
        return await self._logout_tokens.validate_async(token)

    async def _redeemed(
        self, metadata: ServerMetadata, code: Secret, request: AuthorizationRequest
    ) -> TokenResponse:
        authorization, parameters = self._authenticate()
        form = {**parse_form(authorization_code(code, request)), **parameters}
        body = await self._web.post_form_async(
            metadata.token_endpoint, form, accept="application/json", authorization=authorization
        )
        return TokenResponse.parse(200, body)

    async def _verified(
        self, tokens: TokenResponse, request: AuthorizationRequest, since: float
    ) -> VerifiedClaims:
        if tokens.id_token is None:
            raise FlowError("malformed_response", "no ID token")
        sign_in = SignIn(
            nonce=request.nonce,
            access_token=tokens.access_token.reveal(),
            code=None,
            # From now, and not from when it was asked for: what counts is that it was after `since`.
            max_age=self._age(since) if since else None,
            acr_values=(),
        )
        return await self._id_tokens.validate_async(tokens.id_token.reveal(), sign_in)

    async def _more(
        self, metadata: ServerMetadata, tokens: TokenResponse, claims: VerifiedClaims
    ) -> dict[str, Any]:
        """What the ID token leaves to the userinfo endpoint (Core §5.3), if anything is missing."""
        if not metadata.userinfo_endpoint or self.provider.wanted_claims <= claims.keys():
            return {}
        body = await self._web.post_form_async(
            metadata.userinfo_endpoint,
            {},
            accept="application/json",
            authorization=f"Bearer {tokens.access_token.reveal()}",
        )
        return read_userinfo(body, claims.subject)

    def _amr(self, claims: VerifiedClaims) -> tuple[str, ...]:
        """What that proves here.

        One factor, whichever it was, unless the operator believes the provider that there were two: its `acr`
        by the values that stand for it, its `amr` if all of that is believed.
        """
        said = claims.get("amr", ()) if self.provider.believed else ()
        known = tuple(dict.fromkeys(word for word in said if word in _METHODS))
        words = known if two_factors(known) else ()
        mapped = claims.get("acr") in self.provider.two_factors_acr
        more = ("mfa",) if words or mapped else ()
        return tuple(dict.fromkeys((FEDERATED, *words, *more)))

    def _moment(self, claims: VerifiedClaims, since: float) -> float:
        auth_time = claims.get("auth_time")
        if auth_time is None:
            return LONG_AGO
        # What passed as being after `since` is: the provider's clock goes by whole seconds, and by its own.
        return max(min(float(auth_time), self._clock.time()), since)

    def _age(self, since: float) -> int:
        return max(0, ceil(self._clock.time() - since))

    def _refused(self, detail: str) -> Refusal:
        return Refusal(PROVIDER_REFUSED, f"{self.provider.name}: {detail}")

    def _unavailable(self, detail: str) -> Refusal:
        return Refusal(PROVIDER_UNAVAILABLE, f"{self.provider.name}: {detail}")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
