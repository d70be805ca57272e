"""The backend's own check: an inside JWT by the gateway's key, for this audience, a minute old at most."""

import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from tokenward.base.addresses import LOOPBACK
from tokenward.base.asgi import Scope, header_values
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.outbound import OutboundClient
from tokenward.base.problems import (
    INSUFFICIENT_SCOPE,
    INVALID_TOKEN,
    NO_CREDENTIAL,
    SEVERAL_CREDENTIALS,
    UNAVAILABLE,
    WRONG_SCHEME,
    Problem,
    Refusal,
    challenge,
)
from tokenward.tokens.algorithms import ASYMMETRIC
from tokenward.tokens.claims import VerifiedClaims
from tokenward.tokens.encryption_keys import DecryptionKey
from tokenward.tokens.errors import InvalidToken
from tokenward.tokens.jwks import MAX_BYTES, JwksSource
from tokenward.tokens.validator import JwtValidator
from tokenward.tokens.verified_cache import CachedValidator, Validator

MAX_LIFETIME = 60  # seconds; the gateway mints none that lives longer
ENCRYPTION = "A256GCM"  # what the gateway encrypts with, where it does
LEEWAY = 5  # seconds; both machines are the operator's
# The gateway signs with a fresh key as soon as one is compromised: whoever sees that fetches the set at once,
# and the others soon, so that the compromised key is worth nothing. The gateway is ours and bears the asking.
KEYS_TTL = 10.0  # seconds
KEYS_RETRY_AFTER = 1.0  # seconds

_BEARER = re.compile(rb"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)  # RFC 6750 §2.1


# What may stand in a quoted parameter of a challenge as it is (RFC 6750 §3; a scope has no space).
_QUOTABLE = re.compile(r"[\x20-\x21\x23-\x5B\x5D-\x7E]+")
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")  # RFC 6749 §3.3


class InsideVerifier:
    """Verifies inside JWTs, with the gateway's keys fetched from its JWK Set and kept fresh."""

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        jwks_url: str,
        decryption_keys: Sequence[DecryptionKey] = (),
        allow: Sequence[str] = (),
        fetch: Callable[[str], bytes] | None = None,
        fetch_async: Callable[[str], Awaitable[bytes]] | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Nothing is fetched yet.

        Args:
            issuer: the gateway's inside issuer, exactly.
            audience: this API's name, as the gateway's policy has it; printable ASCII without quotes or
                backslashes, since it is the challenge's realm.
            jwks_url: the inside JWK Set. `https`, or a loopback address: keys that came over an open line
                would be anybody's.
            decryption_keys: this API's private keys, if the gateway encrypts for it (`encryption_key`); then
                a JWT that is only signed is refused. Several while one is being replaced.
            allow: private networks in which `jwks_url` may lie, such as "10.1.0.0/16".
            fetch: another way to get the bytes at a URL, blocking.
            fetch_async: the same without blocking.
            clock: what time it is.

        Raises:
            ValueError: a setting is bad.
        """
        if not _QUOTABLE.fullmatch(audience):
            raise ValueError("audience must be printable ASCII without quotes and backslashes")
        loopback = _is_loopback(jwks_url)
        if urlsplit(jwks_url).scheme not in (("http", "https") if loopback else ("https",)):
            raise ValueError("jwks_url must be https, or http at a loopback address such as 127.0.0.1")
        if fetch is None:
            # A loopback address in the configuration is named explicitly; it needs no second permission.
            networks = (*allow, *LOOPBACK) if loopback else allow
            client = OutboundClient(allow=networks, https_only=not loopback, max_bytes=MAX_BYTES)
            fetch, fetch_async = client.get, fetch_async or client.get_async
        self._audience = audience
        signed = JwtValidator(
            issuer=issuer,
            audience=audience,
            keys=JwksSource(
                jwks_url,
                fetch=fetch,
                fetch_async=fetch_async,
                ttl=KEYS_TTL,
                retry_after=KEYS_RETRY_AFTER,
                clock=clock,
            ),
            algorithms=ASYMMETRIC,
            kind="at+jwt",
            leeway=LEEWAY,
            max_lifetime=MAX_LIFETIME,
            clock=clock,
        )
        # The gateway sends the same inside JWT with every call of a token until it mints the next.
        self._validator = CachedValidator(_opening(signed, decryption_keys), clock=clock)

    async def authenticate(self, scope: Scope, *, scopes: Collection[str] = ()) -> VerifiedClaims:
        """Who calls, by the one bearer token in the request's headers.

        Args:
            scope: an ASGI connection scope of type `http` or `websocket`.
            scopes: what the token must allow, all of them.

        Raises:
            Refusal: NO_CREDENTIAL, WRONG_SCHEME, SEVERAL_CREDENTIALS, INVALID_TOKEN, INSUFFICIENT_SCOPE, or
                UNAVAILABLE where the keys cannot be had. `detail` names the check that failed.
        """
        token = read_bearer(scope)
        try:
            claims = await self._validator.validate_async(token)
        except InvalidToken as error:
            if error.code == "keys_unavailable":
                raise Refusal(UNAVAILABLE, error.code, retry_after=1) from None
            raise Refusal(INVALID_TOKEN, error.code) from None
        if not claims.scopes.issuperset(scopes):
            raise Refusal(INSUFFICIENT_SCOPE, "the token lacks a scope of the operation")
        return claims

    def challenge(self, problem: Problem, *, scopes: Collection[str] = ()) -> str:
        """The `WWW-Authenticate` value for a refusal (RFC 6750 §3)."""
        return challenge(problem, realm=self._audience, scope=" ".join(scopes))


def _opening(signed: JwtValidator, keys: Sequence[DecryptionKey]) -> Validator:
    if not keys:
        return signed
    # The library that decrypts is loaded by backends that registered a key, not by every one.
    from tokenward.tokens.jwe import EncryptedJwtValidator  # noqa: PLC0415

    algorithms = {key.algorithm for key in keys}
    return EncryptedJwtValidator(signed, keys, algorithms=algorithms, encryptions=[ENCRYPTION])


def scope_tokens(scopes: Collection[str]) -> tuple[str, ...]:
    """Configured scopes, checked.

    Raises:
        ValueError: one text instead of several, or not the syntax of a scope (RFC 6749 §3.3).
    """
    if isinstance(scopes, str) or not all(_SCOPE_TOKEN.fullmatch(scope) for scope in scopes):
        raise ValueError('scopes must be a list of scope names, such as ["accounts:read"]')
    return tuple(scopes)


def read_bearer(scope: Scope) -> str:
    """The one bearer token of a request.

    Raises:
        Refusal: NO_CREDENTIAL, WRONG_SCHEME, SEVERAL_CREDENTIALS or INVALID_TOKEN.
    """
    values = header_values(scope, b"authorization")
    if not values:
        raise Refusal(NO_CREDENTIAL)
    if len(values) > 1:
        raise Refusal(SEVERAL_CREDENTIALS, "several Authorization headers")
    if values[0].split(b" ", 1)[0].lower() != b"bearer":
        raise Refusal(WRONG_SCHEME)
    match = _BEARER.fullmatch(values[0])
    if match is None:
        raise Refusal(INVALID_TOKEN, "malformed")
    return match[1].decode("ascii")


def _is_loopback(url: str) -> bool:
    try:
        return ip_address(urlsplit(url).hostname or "").is_loopback
    except ValueError:
        return False
