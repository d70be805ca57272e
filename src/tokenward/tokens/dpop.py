"""DPoP proofs (RFC 9449): the twelve checks of §4.3, and the one of §11.1 that a proof is used once.

A proof brings its own key, so its signature alone says nothing: it is worth as much as the binding of the
token, the method and address of the request, and the freshness that are checked here.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.tokens import claims as c
from tokenward.tokens import jws, strict_json
from tokenward.tokens.algorithms import ALGORITHMS, known
from tokenward.tokens.binding import VerifiedProof, token_hash
from tokenward.tokens.claims import Expected, Rule
from tokenward.tokens.dpop_nonces import DpopNonces
from tokenward.tokens.errors import InvalidToken
from tokenward.tokens.jwk_set import public_key
from tokenward.tokens.keys import VerificationKey, members, thumbprint
from tokenward.tokens.target_uri import normal_form

ALGORITHMS_OF_PROOFS: tuple[str, ...] = (
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
    "PS256",
    "PS384",
    "PS512",
)
"""What clients may sign proofs with, unless told otherwise. RS256 is for who needs it (RFC 8725 §3.2)."""

# RFC 9449 §4.2. The key stands in the header, and no name of a key beside it.
HEADER: dict[str, bool] = {"typ": True, "alg": True, "jwk": True}

_CLAIMS: tuple[Rule, ...] = (
    Rule("jti", True, c.text),
    Rule("htm", True, c.text),
    Rule("htu", True, c.text),
    Rule("iat", True, c.iat),
    Rule("ath", False, c.text),
    Rule("nonce", False, c.text),
    Rule("exp", False, c.exp),
    Rule("nbf", False, c.nbf),
)
_MAX_JTI = 256


class ReplaysUnavailable(Exception):  # noqa: N818 - a state of the world that the caller handles
    """Whether something was used before cannot be known right now."""


class Replays(Protocol):
    """Remembers what may be used once. Processes that share an address share one (RFC 9449 §11.1)."""

    def first_use(self, key: bytes, until: float) -> bool:
        """Whether `key` is new; it is remembered until that moment, in seconds since 1970.

        Of concurrent calls with one key exactly one returns True.

        Raises:
            ReplaysUnavailable: it cannot be known.
        """
        ...

    async def first_use_async(self, key: bytes, until: float) -> bool:
        """The same without blocking."""
        ...


@dataclass(frozen=True, slots=True)
class _Checked:
    """A proof that passed all checks but the last."""

    proof: VerifiedProof
    replay_key: bytes
    until: float


class DpopVerifier:
    """Verifies DPoP proofs, for the server side of any API."""

    def __init__(
        self,
        *,
        replays: Replays,
        nonces: DpopNonces | None,
        algorithms: Sequence[str] = ALGORITHMS_OF_PROOFS,
        max_age: int = 60,
        leeway: int = 10,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Check the settings.

        Args:
            replays: remembers used proofs.
            nonces: makes and recognises the server's nonces; None asks for none, and then whoever sees a
                client's machine for a moment can prepare proofs for `max_age` + `leeway` seconds ahead.
            algorithms: the acceptable `alg` values, none of them symmetric.
            max_age: seconds since `iat` within which a proof is fresh.
            leeway: seconds by which clocks may differ (FAPI 2.0 Security Profile §5.3.2.1 no. 13: 10 to 60).
            clock: what time it is.

        Raises:
            ValueError: a setting is bad.
        """
        self.algorithms = known(algorithms)
        """The acceptable `alg` values."""
        if any(ALGORITHMS[name].symmetric for name in self.algorithms):
            raise ValueError("a DPoP proof cannot be signed with a symmetric algorithm")
        if not (0 < max_age <= 600 and 0 <= leeway <= 300):
            raise ValueError("max_age must be 1 to 600 seconds, leeway 0 to 300")
        self._replays = replays
        self._nonces = nonces
        self._max_age = max_age
        self._expected = Expected("", "", leeway, max_age)
        self._clock = clock

    def nonce(self) -> str:
        """The nonce to tell clients now; "" where none is asked for."""
        return "" if self._nonces is None else self._nonces.current()

    def verify(
        self,
        proofs: Sequence[object],
        *,
        method: str,
        url: str,
        access_token: str | None,
        thumbprint: str | None = None,
        algorithms: Sequence[str] | None = None,
    ) -> VerifiedProof:
        """The proof, if it is good for this request and was not used before.

        Args:
            proofs: the values of every `DPoP` header of the request.
            method: the request's method.
            url: the request's target as clients see it, built from a configured origin.
            access_token: the token that came with it; None at the token endpoint.
            thumbprint: of the key that the token is bound to, where that is known already; else it is for
                `check_binding`.
            algorithms: which of the acceptable `alg` values this proof may have; all by default.

        Raises:
            InvalidToken: `code` says which check failed; nothing else is ever raised.
        """
        checked = self._check(proofs, method, url, access_token, thumbprint, algorithms=algorithms)
        try:
            first = self._replays.first_use(checked.replay_key, checked.until)
        except ReplaysUnavailable:
            raise InvalidToken("replays_unavailable") from None
        return _once(checked, first=first)

    async def verify_async(
        self,
        proofs: Sequence[object],
        *,
        method: str,
        url: str,
        access_token: str | None,
        thumbprint: str | None = None,
        algorithms: Sequence[str] | None = None,
    ) -> VerifiedProof:
        """As `verify`, without blocking.

        Raises:
            InvalidToken: as `verify`.
        """
        checked = self._check(proofs, method, url, access_token, thumbprint, algorithms=algorithms)
        try:
            first = await self._replays.first_use_async(checked.replay_key, checked.until)
        except ReplaysUnavailable:
            raise InvalidToken("replays_unavailable") from None
        return _once(checked, first=first)

    def _check(
        self,
        proofs: Sequence[object],
        method: str,
        url: str,
        access_token: str | None,
        bound_to: str | None,
        *,
        algorithms: Sequence[str] | None,
    ) -> _Checked:
        # The numbers are those of RFC 9449 §4.3.
        if not isinstance(proofs, list | tuple) or len(proofs) != 1:  # 1
            raise InvalidToken("proof_count")
        allowed = [each for each in self.algorithms if algorithms is None or each in algorithms]
        unverified = jws.parse(proofs[0], allowed, HEADER)  # 2, 5
        if (
            unverified.header.typ is None or jws.media_type(unverified.header.typ) != "application/dpop+jwt"
        ):  # 4
            raise InvalidToken("typ_mismatch")
        key = _own_key(unverified.header.jwk, unverified.header.alg)  # 7
        payload = jws.verify(unverified, (key,))  # 6
        try:
            claims = strict_json.read_object(payload)
        except ValueError:
            raise InvalidToken("bad_json") from None
        now = self._clock.time()
        c.check(claims, _CLAIMS, (self._fresh,), self._expected, now)  # 3, 11
        if len(claims["jti"]) > _MAX_JTI:
            raise InvalidToken("claim_type")
        if claims["htm"] != method:  # 8; methods are case-sensitive (RFC 9110 §9.1)
            raise InvalidToken("wrong_method")
        target = normal_form(url)
        if target is None or normal_form(claims["htu"]) != target:  # 9, ignoring query and fragment
            raise InvalidToken("wrong_target")
        if self._nonces is not None and not self._nonces.accepts(claims.get("nonce")):  # 10
            raise InvalidToken("nonce_required")
        expected_hash = None if access_token is None else token_hash(access_token)
        if claims.get("ath") != expected_hash:  # 12
            raise InvalidToken("wrong_token_hash")
        jkt = thumbprint(members(key.material))  # type: ignore[arg-type]  # no proof has a symmetric key
        if bound_to is not None and bound_to != jkt:  # 12, before anything is remembered for a stranger
            raise InvalidToken("wrong_binding")
        proof = VerifiedProof(jkt, expected_hash, claims["jti"], claims["iat"])
        replay_key = hashlib.sha256(f"{jkt} {target} {claims['jti']}".encode()).digest()
        return _Checked(proof, replay_key, claims["iat"] + self._max_age + self._expected.leeway)

    def _fresh(self, claims: c.Claims, expected: Expected, now: float) -> str | None:
        return None if now < claims["iat"] + self._max_age + expected.leeway else "expired"


def _once(checked: _Checked, *, first: bool) -> VerifiedProof:
    if not first:
        raise InvalidToken("replayed")
    return checked.proof


def _own_key(jwk: Any, algorithm: str) -> VerificationKey:  # noqa: ANN401 - JSON
    if not {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}.isdisjoint(jwk):
        raise InvalidToken("header_refused")
    if jwk.get("alg", algorithm) != algorithm or jwk.get("use", "sig") != "sig":
        raise InvalidToken("wrong_algorithm_for_key")
    try:
        return VerificationKey(None, algorithm, public_key(jwk, algorithm))
    except ValueError:
        raise InvalidToken("header_type") from None
