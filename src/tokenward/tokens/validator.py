"""The strict JWT validator (RFC 8725): one order of checks, nothing optional, one exception."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.tokens import algorithms as table
from tokenward.tokens import claims as c
from tokenward.tokens import jws, strict_json
from tokenward.tokens.binding import Proof, check_binding
from tokenward.tokens.claims import Expected, VerifiedClaims
from tokenward.tokens.errors import InvalidToken
from tokenward.tokens.jws import Header, UnverifiedToken
from tokenward.tokens.key_source import FixedKeys, KeySource, KeysUnavailable
from tokenward.tokens.keys import VerificationKey
from tokenward.tokens.kinds import KINDS, Kind
from tokenward.tokens.profiles import PROFILES
from tokenward.tokens.workloads import PLATFORMS

_MAX_HEADERS = 64  # known headers; an issuer has one for each of its keys


class JwtValidator:
    """Validates signed JWTs of one issuer, for one audience, of one kind.

    The checks in order: size and form, header allow-list, `alg` on the list, `typ`, key by exact `kid`,
    signature, strict JSON, then every claim of the kind's table, then the binding to a key.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        keys: Mapping[str, Any] | KeySource,
        algorithms: Sequence[str],
        kind: str = "at+jwt",
        leeway: int = 30,
        max_lifetime: int | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Check the settings; nothing is fetched yet.

        Args:
            issuer: the exact `iss`.
            audience: the name that must be in `aud`.
            keys: a JWK Set, or where to get one. Validators of one list of algorithms may share a source.
            algorithms: the acceptable `alg` values. A key that names none is used with the only one of them
                that fits it; if several do, with none.
            kind: what the token must be: a key of `KINDS` such as "at+jwt", an access token (RFC 9068), or of
                `PROFILES` such as "entra", for the access tokens of issuers that have their own ways, or
                of `PLATFORMS` such as "github", for what vouches for a workload.
            leeway: seconds by which clocks may differ.
            max_lifetime: the most seconds from `iat` to `exp`; that of the kind by default.
            clock: what time it is.

        Raises:
            ValueError: a setting or a key is bad.
        """
        if kind == "id_token":
            raise ValueError("ID tokens are validated by IdTokenValidator, which asks for the nonce of each")
        self._engine = Engine(
            find_kind(kind),
            issuer=issuer,
            audience=audience,
            keys=keys,
            algorithms=algorithms,
            leeway=leeway,
            max_lifetime=max_lifetime,
            clock=clock,
        )

    @property
    def issuer(self) -> str:
        """The only acceptable `iss`."""
        return self._engine.expected.issuer

    @property
    def once(self) -> bool:
        """Whether a token of this kind answers one request only (`Kind.once`)."""
        return self._engine.kind.once

    @property
    def keys(self) -> KeySource:
        """Where the keys come from."""
        return self._engine.keys

    def validate(self, token: object, *, proof: Proof | None = None) -> VerifiedClaims:
        """The claims of a good token.

        Args:
            token: the compact JWT; whatever else it is, is refused.
            proof: what the sender proved about the key to which the token is bound. A bound token (`cnf`)
                without one is refused, and so is a proof with a token that is not bound.

        Raises:
            InvalidToken: `code` says which check failed; nothing else is ever raised.
        """
        return self._engine.validate(token, proof)

    async def validate_async(self, token: object, *, proof: Proof | None = None) -> VerifiedClaims:
        """As `validate`, fetching keys without blocking.

        Raises:
            InvalidToken: as `validate`.
        """
        return await self._engine.validate_async(token, proof)


class Engine:
    """The order of the checks, for a kind whose settings are complete.

    Attributes:
        keys: where they come from.
        expected: what claims are held against.
        kind: whose rules they are.
    """

    __slots__ = ("_algorithms", "_clock", "_headers", "expected", "keys", "kind")

    def __init__(
        self,
        kind: Kind,
        *,
        issuer: str,
        audience: str,
        keys: Mapping[str, Any] | KeySource,
        algorithms: Sequence[str],
        leeway: int,
        max_lifetime: int | None,
        clock: Clock,
    ) -> None:
        """Check the settings.

        Raises:
            ValueError: one is bad.
        """
        settings: tuple[tuple[str, object], ...] = (("issuer", issuer), ("audience", audience))
        for name, text in settings:
            if not isinstance(text, str) or not text:
                raise ValueError(f"{name} must be a text")
        if not _is_seconds(leeway) or leeway > 300:
            raise ValueError("leeway must be 0 to 300 seconds")
        if max_lifetime is None:
            max_lifetime = kind.max_lifetime
        if not _is_seconds(max_lifetime) or max_lifetime == 0:
            raise ValueError("max_lifetime must be a positive number of seconds")
        self.kind = kind
        self._algorithms = table.known(algorithms)
        self.keys = _source(keys, self._algorithms)
        self.expected = Expected(issuer, audience, leeway, max_lifetime)
        self._clock = clock
        # The first parts of tokens whose signature was good, already read: they repeat, since a header only
        # names kind, algorithm and key. A stranger's header never gets in here.
        self._headers: dict[str, Header] = {}

    def validate(self, token: object, proof: Proof | None) -> VerifiedClaims:
        """All checks, blocking where a key must be fetched."""
        parts = jws.split(token)
        unverified = self._read(parts)
        try:
            keys = self.keys.find(unverified.header.kid)
        except KeysUnavailable:
            raise InvalidToken("keys_unavailable") from None
        claims = self._verify(parts[0], unverified, keys)
        check_binding(claims, proof, str(token))
        return claims

    async def validate_async(self, token: object, proof: Proof | None) -> VerifiedClaims:
        """All checks."""
        claims = await self.claims_async(token)
        check_binding(claims, proof, str(token))
        return claims

    async def claims_async(self, token: object) -> VerifiedClaims:
        """All checks but that of the binding, for who makes that one once the token is known to live."""
        parts = jws.split(token)
        unverified = self._read(parts)
        try:
            keys = await self.keys.find_async(unverified.header.kid)
        except KeysUnavailable:
            raise InvalidToken("keys_unavailable") from None
        return self._verify(parts[0], unverified, keys)

    def algorithm_of(self, token: str) -> str:
        """The `alg` of a token that was validated."""
        return jws.read_header(token.partition(".")[0], self._algorithms).alg

    def _read(self, parts: tuple[str, str, str]) -> UnverifiedToken:
        header = self._headers.get(parts[0])
        if header is None:
            header = jws.read_header(parts[0], self._algorithms)
            if (header.typ if header.typ is None else jws.media_type(header.typ)) not in self.kind.typ:
                raise InvalidToken("typ_mismatch")
            if header.cty is not None:  # RFC 7519 §5.2: only a nested JWT has one
                raise InvalidToken("header_refused")
        return jws.read_body(header, parts)

    def _verify(
        self,
        header_part: str,
        unverified: UnverifiedToken,
        keys: Sequence[VerificationKey],
    ) -> VerifiedClaims:
        payload = jws.verify(unverified, keys)
        if header_part not in self._headers:
            if len(self._headers) >= _MAX_HEADERS:
                self._headers = {}
            self._headers[header_part] = unverified.header
        try:
            claims = strict_json.read_object(payload)
        except ValueError:
            raise InvalidToken("bad_json") from None
        kind = self.kind
        c.check(claims, kind.claims, kind.together, self.expected, self._clock.time())
        return VerifiedClaims(c.frozen(claims), kind.client, kind.scope)


def find_kind(name: object) -> Kind:
    """The kind, profile or platform of that name.

    Raises:
        ValueError: there is none.
    """
    known = {**KINDS, **PROFILES, **{name: platform.kind for name, platform in PLATFORMS.items()}}
    if not isinstance(name, str) or name not in known:
        raise ValueError(f"kind must be one of {', '.join(known)}")
    return known[name]


def _source(keys: Mapping[str, Any] | KeySource, allowed: tuple[str, ...]) -> KeySource:
    if isinstance(keys, Mapping):
        return FixedKeys(jws.configured_keys(keys, allowed))
    if not all(hasattr(keys, name) for name in ("settle", "find", "find_async")):
        raise ValueError("keys must be a JWK Set or a key source")
    if table.ALGORITHMS[allowed[0]].symmetric and not isinstance(keys, FixedKeys):
        raise ValueError("the secrets of symmetric algorithms are configured, never fetched")
    keys.settle(allowed)
    return keys


def _is_seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
