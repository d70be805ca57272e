"""The public keys of clients that prove themselves by what they sign (RFC 7591 §2: `jwks`, `jwks_uri`)."""

import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from ipaddress import ip_address
from urllib.parse import urlsplit

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.issuer.strangers import is_stranger
from tokenward.store.records import Client, ClientProfile
from tokenward.tokens import strict_json
from tokenward.tokens.algorithms import ASYMMETRIC
from tokenward.tokens.claims import Rule, nbf
from tokenward.tokens.jwk_set import public_keys
from tokenward.tokens.jwks import JwksSource
from tokenward.tokens.kinds import KINDS, typed
from tokenward.tokens.validator import Engine, JwtValidator

Fetch = Callable[[str], Awaitable[bytes]]

ASSERTION_ALGORITHMS = ASYMMETRIC
"""A symmetric one would make both sides hold the secret that this method does without."""

FAPI_ALGORITHMS = ("PS256", "ES256", "EdDSA", "Ed25519")
"""FAPI 2.0 Security Profile §5.4.1; the last two are names of one algorithm (RFC 9864 §2.2)."""

LEEWAY = 30  # seconds by which a client's clock may differ
_MAX_JWKS = 65_536
_MAX_URI = 2048
_KEPT = 1000  # clients that call all the time


REQUEST_SECONDS = 600
"""How long a request object may live: it is used at once (FAPI 2.0 Message Signing §5.3.1 allows 3600)."""

# More than RFC 9101 asks: a type that nothing else has (§10.8), and a beginning, so that an object cannot be
# made long before (FAPI 2.0 Message Signing §5.3.1).
_REQUEST = replace(
    KINDS["oauth-authz-req+jwt"],
    typ=typed("oauth-authz-req+jwt"),
    claims=(*KINDS["oauth-authz-req+jwt"].claims, Rule("nbf", True, nbf)),
)


async def no_keys(_url: str) -> bytes:
    """For an issuer to which nobody comes that is not registered."""
    raise OSError("no keys of strangers are fetched")


@dataclass(frozen=True, slots=True)
class _Known:
    """A client's keys as they were registered, and what judges by them."""

    keys: tuple[str, str, ClientProfile]
    source: JwksSource | None
    validator: JwtValidator
    requests: Engine


class ClientKeys:
    """Judges client assertions (RFC 7523 §3): one validator a client, kept while its keys are the same.

    So a set that is behind a URL is fetched when it is old, and not with every request.
    """

    def __init__(
        self, issuer_url: str, fetch: Fetch, of_strangers: Fetch = no_keys, *, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._issuer_url = issuer_url
        self._fetch = fetch
        self._of_strangers = of_strangers
        self._clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def validator(self, client: Client) -> JwtValidator:
        """What judges this client's assertions.

        Raises:
            ValueError: it has no usable keys, or they are where none are fetched from.
        """
        return self._of(client).validator

    def requests(self, client: Client) -> Engine:
        """What judges this client's request objects (RFC 9101), by the same keys.

        Raises:
            ValueError: as `validator`.
        """
        return self._of(client).requests

    def why_unusable(self, client: Client) -> str:
        """What is wrong with the set that the client's URL answered with last; "" if it did not answer.

        Raises:
            ValueError: as `validator`.
        """
        source = self._of(client).source
        return source.unusable if source is not None else ""

    def _of(self, client: Client) -> _Known:
        keys = (client.jwks, client.jwks_uri, client.profile)
        known = self._known.get(client.client_id)
        if known is not None and known.keys == keys:
            self._known.move_to_end(client.client_id)
            return known
        known = self._known[client.client_id] = self._new(client)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return known

    def _new(self, client: Client) -> _Known:
        source = None
        if client.jwks_uri:
            check_jwks_uri(client.jwks_uri, issuer_url=self._issuer_url)
            fetch = self._of_strangers if is_stranger(client) else self._fetch
            source = JwksSource(client.jwks_uri, fetch_async=fetch, clock=self._clock)
        elif not client.jwks:
            raise ValueError("the client has no keys")
        algorithms = signed_with(client.profile)
        validator = JwtValidator(
            issuer=client.client_id,
            audience=self._issuer_url,
            keys=source or json.loads(client.jwks),
            algorithms=algorithms,
            kind="client-authentication+jwt",
            leeway=LEEWAY,
            clock=self._clock,
        )
        requests = Engine(
            _REQUEST,
            issuer=client.client_id,
            audience=self._issuer_url,
            keys=validator.keys,
            algorithms=algorithms,
            leeway=LEEWAY,
            max_lifetime=REQUEST_SECONDS,
            clock=self._clock,
        )
        return _Known((client.jwks, client.jwks_uri, client.profile), source, validator, requests)


def signed_with(profile: ClientProfile) -> tuple[str, ...]:
    """The algorithms that a client of this profile may sign with."""
    return FAPI_ALGORITHMS if profile == "fapi2" else ASSERTION_ALGORITHMS


def checked_jwks(text: str, profile: ClientProfile = "") -> str:
    """A client's JWK Set, as it is kept: every key in it is public, strong and says its algorithm.

    A set that other programs share may hold keys for other purposes. This one is for us, so a key that we
    would pass over is a mistake of whoever made it.

    Raises:
        ValueError: what is wrong with it.
    """
    if len(text) > _MAX_JWKS:
        raise ValueError("the JWK Set is too large")
    try:
        jwks = strict_json.read_object(text.encode())
    except ValueError:
        raise ValueError("this is not a JWK Set: no JSON object") from None
    usable = public_keys(jwks, algorithms=ASSERTION_ALGORITHMS)
    if any(key.algorithm not in signed_with(profile) for key in usable):
        raise ValueError(f"every key of a client by FAPI 2.0 is for one of {', '.join(FAPI_ALGORITHMS)}")
    if len(usable) != len(jwks["keys"]):
        raise ValueError("a key in the set cannot verify: it is for encryption, or an RSA key without `alg`")
    return json.dumps(jwks, separators=(",", ":"))


def check_jwks_uri(uri: str, *, issuer_url: str) -> None:
    """Whether keys may be fetched from there: those that came over an open line would be anybody's.

    Raises:
        ValueError: they may not.
    """
    check_client_url(uri, issuer_url=issuer_url, name="jwks_uri")


def check_client_url(uri: str, *, issuer_url: str, name: str) -> None:
    """Whether we may call a client there: by https, or for an issuer on loopback on loopback.

    Raises:
        ValueError: we may not; its text calls the address `name`.
    """
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        raise ValueError(f"the {name} is malformed") from None
    if len(uri) > _MAX_URI or not host or "@" in parts.netloc or parts.fragment:
        raise ValueError(f"the {name} is too long, or has no host, a password or a fragment")
    if parts.scheme == "https":
        return
    if parts.scheme != "http" or not (
        _is_loopback(host) and _is_loopback(urlsplit(issuer_url).hostname or "")
    ):
        raise ValueError(f"the {name} must be https: what goes over an open line is anybody's")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
