"""DPoP at the gateway (RFC 9449 §7): the proof that a token bound to a key is good with, at every request.

Nothing about a proof is ever remembered but that it was used.
"""

from tokenward.base.problems import DPOP_NONCE_NEEDED, DPOP_PROOF_REFUSED, UNAVAILABLE, Refusal
from tokenward.gateway.access import AccessRequest
from tokenward.tokens.dpop import DpopVerifier
from tokenward.tokens.errors import InvalidToken

# What must reach the caller under another name than a proof that is not good.
_PROBLEMS = {"nonce_required": DPOP_NONCE_NEEDED, "replays_unavailable": UNAVAILABLE}


class Proofs:
    """Checks proofs for one gateway.

    Args:
        verifier: with a memory of used proofs that all processes of this gateway share.
        origin: the gateway's public origin. What a request says about where it was sent proves nothing.
    """

    __slots__ = ("_origin", "_verifier")

    def __init__(self, verifier: DpopVerifier, origin: str) -> None:
        self._verifier = verifier
        self._origin = origin

    async def check(
        self, request: AccessRequest, path: str, values: tuple[bytes, ...], token: str, thumbprint: str
    ) -> None:
        """Let the request pass if it proves that the sender has the key of the token, here and now.

        Args:
            request: as it arrived.
            path: canonical.
            values: of every `DPoP` header.
            token: the access token.
            thumbprint: of the key that it is bound to.

        Raises:
            Refusal: DPOP_PROOF_REFUSED; DPOP_NONCE_NEEDED; UNAVAILABLE, whether it was used cannot be known.
        """
        try:
            await self._verifier.verify_async(
                [value.decode("latin-1") for value in values],
                method=request.method,
                url=self._origin + path,
                access_token=token,
                thumbprint=thumbprint,
            )
        except InvalidToken as error:
            problem = _PROBLEMS.get(error.code, DPOP_PROOF_REFUSED)
            raise Refusal(problem, error.code, retry_after=1 if problem is UNAVAILABLE else None) from None

    @property
    def algorithms(self) -> tuple[str, ...]:
        """What proofs may be signed with."""
        return self._verifier.algorithms

    def nonce(self) -> str:
        """What the next proof must have in it (§9)."""
        return self._verifier.nonce()
