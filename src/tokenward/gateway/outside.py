"""Access tokens that are JWTs, for clients that are configured for them (RFC 9068).

A JWT at the door is verified before anything is looked up, as the checksum of an opaque token is: signature,
issuer, this API's audience, times, `typ`. That it is good so far says nothing about revocation. Its `jti` is
the `token_id` of a row, which is looked up like any other; the row's keyed hash covers the whole text.

An inside JWT has another issuer and other keys, an ID token another `typ` and audience: both end here.
"""

from collections.abc import Collection

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import INVALID_TOKEN, UNAVAILABLE, Refusal
from tokenward.tokens.errors import InvalidToken
from tokenward.tokens.key_source import KeySource
from tokenward.tokens.presented import token_id_of
from tokenward.tokens.validator import Engine, find_kind

MAX_LIFETIME = 15 * 60  # seconds; the issuer gives access tokens no longer life


class OutsideJwts:
    """Verifies JWTs of the issuer for the audiences of this gateway."""

    __slots__ = ("_validators",)

    def __init__(
        self,
        *,
        issuer: str,
        audiences: Collection[str],
        keys: KeySource,
        algorithm: str,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Nothing is fetched yet.

        Args:
            issuer: the issuer's identifier, exactly.
            audiences: those of the policy's APIs.
            keys: the issuer's public keys.
            algorithm: the one with which it signs access tokens.
            clock: what time it is.
        """
        self._validators = {
            audience: Engine(
                find_kind("at+jwt"),
                issuer=issuer,
                audience=audience,
                keys=keys,
                algorithms=(algorithm,),
                leeway=30,
                max_lifetime=MAX_LIFETIME,
                clock=clock,
            )
            for audience in audiences
        }

    async def token_id(self, token: str, audience: str) -> str:
        """The `token_id` of a JWT that is good at this audience, as far as a JWT can say.

        Raises:
            Refusal: INVALID_TOKEN, with the check that failed as detail; UNAVAILABLE, the keys cannot be had.
        """
        validator = self._validators.get(audience)
        if validator is None:
            raise Refusal(INVALID_TOKEN, "a JWT is not accepted at this door")
        try:
            claims = await validator.claims_async(token)  # the binding is checked by the step of that name
        except InvalidToken as error:
            if error.code == "keys_unavailable":
                raise Refusal(UNAVAILABLE, error.code, retry_after=1) from None
            raise Refusal(INVALID_TOKEN, f"a JWT that is not accepted: {error.code}") from None
        token_id = token_id_of(claims.get("jti"))
        if token_id is None:
            raise Refusal(INVALID_TOKEN, "a JWT without the name of a token")
        return token_id
