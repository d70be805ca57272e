"""The sources of trust that the configuration names, put together: who judges what at which API."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tokenward.app.basic_users import hasher, read_users
from tokenward.app.config import Configuration
from tokenward.app.issuer_keys import KeysSaid, issuer_keys, outbound
from tokenward.app.trust_settings import BasicTrust, ForeignIssuer, IntrospectionTrust, JwtTrust
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.references import resolve
from tokenward.base.secret import Secret
from tokenward.flows.client_assertion import client_assertion
from tokenward.flows.token import basic_authorization
from tokenward.gateway.basic import BasicList
from tokenward.gateway.foreign import Terms
from tokenward.gateway.foreign_jwts import ForeignJwts
from tokenward.gateway.introspection import Introspected, Proof, Server
from tokenward.gateway.policy import Api, Policy
from tokenward.gateway.trust import Source, Trust
from tokenward.identity.passwords import Passwords
from tokenward.identity.throttle import SignInThrottle
from tokenward.tokens.algorithms import ALGORITHMS, ASYMMETRIC
from tokenward.tokens.jwks import JwksSource
from tokenward.tokens.keys import SigningKey, members, thumbprint
from tokenward.tokens.validator import Engine, find_kind

_MAX_ANSWER = 65_536  # bytes
_LEEWAY = 30  # seconds


def trusting(configuration: Configuration, clock: Clock = SYSTEM_CLOCK) -> Policy:
    """The policy, with who judges the credentials at each API. Nothing is fetched or asked yet.

    Raises:
        ValueError: a file or a secret that is named cannot be used.
    """
    builder = _Builder(configuration, clock)
    return Policy([replace(api, trust=builder.trust(api)) for api in configuration.policy.apis])


class _Builder:
    """Builds the sources of all APIs; APIs that trust the same issuer share its keys."""

    def __init__(self, configuration: Configuration, clock: Clock) -> None:
        self._apis = configuration.settings.apis
        self._base_dir = configuration.base_dir
        self._clock = clock
        self._keys: dict[tuple[object, ...], JwksSource | dict[str, Any]] = {}

    def trust(self, api: Api) -> Trust | None:
        """None where nobody is trusted but our own issuer."""
        own = self._apis[api.name]
        if own.own_issuer and not own.trust:
            return None
        issuers: dict[str, Source] = {}
        opaque: dict[str, Source] = {}
        for each in (it.introspection for it in own.trust if it.introspection is not None):
            opaque[each.prefix] = issuers[each.issuer] = self._introspected(each, api)
        for jwt in (it.jwt for it in own.trust if it.jwt is not None):
            issuers[jwt.issuer] = self._jwts(jwt, api)  # where an issuer does both, its JWTs need no asking
        basic = next((it.basic for it in own.trust if it.basic is not None), None)
        return Trust(own.own_issuer, issuers, opaque, None if basic is None else self._basic(basic, api))

    def _jwts(self, said: JwtTrust, api: Api) -> ForeignJwts:
        return ForeignJwts(
            find_kind(said.profile),
            _terms(said, api),
            audience=said.audience or api.audience,
            keys=self._issuer_keys(said, said, said.algorithms),
            algorithms=said.algorithms,
            scope_claim=said.scope_claim,
            max_lifetime=said.max_lifetime,
            clock=self._clock,
        )

    def _introspected(self, said: IntrospectionTrust, api: Api) -> Introspected:
        signed = said.signed
        server = Server(
            said.url,
            authenticating(said, self._base_dir, self._clock),
            outbound(said.url, said.networks, max_bytes=_MAX_ANSWER).post_form_async,
            frozenset(said.may_lack),
            None
            if signed is None
            else Engine(
                find_kind("token-introspection+jwt"),
                issuer=said.issuer,
                audience=said.client_id,
                keys=self._issuer_keys(signed, said, signed.algorithms),
                algorithms=signed.algorithms,
                leeway=_LEEWAY,
                max_lifetime=None,
                clock=self._clock,
            ),
        )
        return Introspected(
            server,
            _terms(said, api),
            audience=said.audience or api.audience,
            believed=said.cache,
            scope_claim=said.scope_claim or "scope",
            clock=self._clock,
        )

    def _basic(self, said: BasicTrust, api: Api) -> BasicList:
        users = read_users(self._secret(said.users))
        return BasicList(
            users,
            api.audience,
            frozenset(said.scopes),
            said.ends_at,
            Passwords(hasher(users)),
            SignInThrottle(clock=self._clock),
            self._clock,
        )

    def _issuer_keys(
        self, said: KeysSaid, issuer: ForeignIssuer, algorithms: tuple[str, ...]
    ) -> JwksSource | dict[str, Any]:
        place = (issuer.issuer, said.jwks, said.jwks_uri, issuer.networks, frozenset(algorithms))
        if place not in self._keys:
            self._keys[place] = issuer_keys(said, issuer.issuer, issuer.networks, self._base_dir, self._clock)
        return self._keys[place]

    def _secret(self, reference: str) -> Secret:
        return resolve(reference, base_dir=self._base_dir)


class ClientOfIssuer(Protocol):
    """Who we are at an issuer that is not ours, and how that is proved: by exactly one of the two."""

    @property
    def issuer(self) -> str:
        """Its identifier."""

    @property
    def client_id(self) -> str:
        """Who we are there."""

    @property
    def client_secret(self) -> str | None:
        """Where our secret is kept."""

    @property
    def private_key(self) -> str | None:
        """Where our private key is kept."""


def authenticating(said: ClientOfIssuer, base_dir: Path, clock: Clock = SYSTEM_CLOCK) -> Callable[[], Proof]:
    """What proves to the issuer, request by request, who we are.

    Raises:
        ValueError: the secret or the key cannot be used.
    """
    if said.private_key is None:
        secret = resolve(said.client_secret or "", base_dir=base_dir)
        return lambda: (basic_authorization(said.client_id, secret), {})
    key = read_private_key(resolve(said.private_key, base_dir=base_dir))
    return lambda: (
        None,
        client_assertion(key, client_id=said.client_id, audience=said.issuer, clock=clock),
    )


def _terms(said: ForeignIssuer, api: Api) -> Terms:
    return Terms(
        issuer=said.issuer,
        audience=api.audience,
        scopes=frozenset[str]().union(*(operation.scopes for operation in api.operations)),
        credential=said.credential,
        scope_prefix=said.scope_prefix,
        scope_map=said.scope_map,
        actor=said.actor,
        sign_in=said.sign_in,
        two_factors_acr=frozenset(said.two_factors_acr),
    )


def read_private_key(pem: Secret) -> SigningKey:
    """The key in a PEM text, for the first of our algorithms that it fits, named by its thumbprint.

    Raises:
        ValueError: it is none; nothing of the text is repeated.
    """
    try:
        private = load_pem_private_key(pem.reveal().encode(), password=None)
    except (ValueError, TypeError):
        raise ValueError("no unencrypted private key in PEM") from None
    for algorithm in ASYMMETRIC:
        if ALGORITHMS[algorithm].fits(private):
            return SigningKey(thumbprint(members(private.public_key())), algorithm, private)  # type: ignore[arg-type]
    raise ValueError("the private key fits no algorithm that we sign with")
