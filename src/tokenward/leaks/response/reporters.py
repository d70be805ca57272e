"""Who may report by fingerprint: a client of ours with a token for it, bound to a key or not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

from tokenward.base.asgi import Scope, client_certificate, header_values, only_header
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import (
    DPOP_NONCE_NEEDED,
    DPOP_PROOF_REFUSED,
    INSUFFICIENT_SCOPE,
    INVALID_TOKEN,
    TOO_MANY_REQUESTS,
    UNAVAILABLE,
    WRONG_SCHEME,
    Refusal,
)
from tokenward.base.throttle import TokenBuckets
from tokenward.store.live import live_access_token
from tokenward.store.port import Tokens
from tokenward.store.records import AccessToken
from tokenward.tokens.binding import ClientCertificate, Proof, check_binding
from tokenward.tokens.dpop import DpopVerifier
from tokenward.tokens.errors import InvalidToken
from tokenward.tokens.presented import claimed_token_id, is_jwt, signing_kid

LEAKS_PATH = "/leaks"
"""Below the issuer's URL: where reports go, and with that URL before it the audience of reporters' tokens."""

REPORT = "leaks:report"
READ = "leaks:read"
LEAK_SCOPES = {
    REPORT: "Report credentials that leaked",
    READ: "Learn what became of credentials of other clients",
}
"""Scope → what it allows."""

_PROBLEMS = {"nonce_required": DPOP_NONCE_NEEDED, "replays_unavailable": UNAVAILABLE}


@dataclass(frozen=True, slots=True)
class Reporter:
    """A client that may report."""

    client_id: str
    reads: bool

    def learns(self, client_id: str | None) -> bool:
        """Whether it is told what became of a credential of that client."""
        return self.reads or client_id == self.client_id


class Reporters:
    """Recognises reporters by their access tokens.

    Args:
        store: where tokens are.
        peppers: under any of which a keyed hash may be.
        issuer_url: the issuer's.
        dpop: verifies proofs, with the nonces of the issuer: clients keep them by origin.
        publishes: whether a signing key is one that the issuer still publishes, by its kid.
        prefix: how our opaque tokens begin.
        clock: time.
    """

    def __init__(
        self,
        store: Tokens,
        peppers: Sequence[bytes],
        issuer_url: str,
        dpop: DpopVerifier,
        *,
        publishes: Callable[[str | None], bool] = lambda _kid: False,
        prefix: str = "tkw",
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._store = store
        self._peppers = peppers
        self._audience = issuer_url + LEAKS_PATH
        self._dpop = dpop
        self._publishes = publishes
        self._prefix = prefix
        self._clock = clock
        self._guesses = TokenBuckets(burst=20, every=2, clock=clock)

    def nonce(self) -> str:
        """What the next proof must have in it (RFC 9449 §8)."""
        return self._dpop.nonce()

    async def reporter(self, scope: Scope, peer: str) -> Reporter | None:
        """Who sends this request; None for a stranger, who sends no `Authorization`.

        Raises:
            Refusal: WRONG_SCHEME, INVALID_TOKEN, DPOP_PROOF_REFUSED, DPOP_NONCE_NEEDED, INSUFFICIENT_SCOPE;
                TOO_MANY_REQUESTS, this peer has shown too many tokens that are not good; UNAVAILABLE.
            StoreUnavailable: nobody can know.
        """
        header = only_header(scope, b"authorization")
        if header is None:
            return None
        scheme, _, presented = header.partition(b" ")
        if scheme.lower() not in (b"bearer", b"dpop"):
            raise Refusal(WRONG_SCHEME, "the scheme is neither Bearer nor DPoP")
        text = presented.decode("latin-1")
        token = await self._live(text)
        if token is None or token.audience != self._audience or token.user_id is not None:
            if wait := self._guesses.take(peer):
                raise Refusal(TOO_MANY_REQUESTS, "too many wrong tokens", retry_after=ceil(wait))
            raise Refusal(INVALID_TOKEN, "no live token of a client for this endpoint")
        await self._check_binding(scope, token, text, by_proof=scheme.lower() == b"dpop")
        if REPORT not in token.scope:
            raise Refusal(INSUFFICIENT_SCOPE, f"client {token.client_id} lacks {REPORT}")
        return Reporter(token.client_id, READ in token.scope)

    async def _live(self, text: str) -> AccessToken | None:
        token_id = claimed_token_id(text, prefix=self._prefix)
        if token_id is None or (is_jwt(text) and not self._publishes(signing_kid(text))):
            return None
        return await live_access_token(self._store, self._peppers, text, token_id, at=self._clock.time())

    async def _check_binding(self, scope: Scope, token: AccessToken, text: str, *, by_proof: bool) -> None:
        claims = {} if token.cnf is None else {"cnf": token.cnf.claim()}
        try:
            proof = await self._proved(scope, text) if by_proof else _shown(scope, token)
            check_binding(claims, proof, text)
        except InvalidToken as error:
            problem = _PROBLEMS.get(error.code, DPOP_PROOF_REFUSED if by_proof else INVALID_TOKEN)
            raise Refusal(problem, error.code, retry_after=1 if problem is UNAVAILABLE else None) from None

    async def _proved(self, scope: Scope, text: str) -> Proof:
        return await self._dpop.verify_async(
            [value.decode("latin-1") for value in header_values(scope, b"dpop")],
            method=scope["method"],
            url=self._audience,
            access_token=text,
        )


def _shown(scope: Scope, token: AccessToken) -> Proof | None:
    """The certificate of the connection, for a token that is bound to one; others may come over any line."""
    certificate = client_certificate(scope) if token.cnf is not None else None
    return None if certificate is None else ClientCertificate.from_der(certificate)
