"""The same check as a FastAPI dependency, route by route.

reader = InsideClaims(verifier, scopes=["accounts:read"])

@app.get("/accounts/{number}")
async def account(number: str, claims: Annotated[VerifiedClaims, Depends(reader)]): ...
"""

from collections.abc import Sequence

from fastapi import HTTPException, Request

from tokenward.backend.verifier import InsideVerifier, scope_tokens
from tokenward.base.problems import Refusal
from tokenward.tokens.claims import VerifiedClaims


class InsideClaims:
    """A dependency that gives the caller's `VerifiedClaims` and demands scopes.

    Raises:
        ValueError: `scopes` is not a list of scope names.
    """

    def __init__(self, verifier: InsideVerifier, *, scopes: Sequence[str] = ()) -> None:
        self._verifier = verifier
        self._scopes = scope_tokens(scopes)

    async def __call__(self, request: Request) -> VerifiedClaims:
        """The claims.

        Raises:
            HTTPException: 401 with a challenge, 403 where a scope is missing, 503 where it cannot be known.
        """
        try:
            return await self._verifier.authenticate(request.scope, scopes=self._scopes)
        except Refusal as refusal:
            problem, headers = refusal.problem, {"Cache-Control": "no-store"}
            if problem.status in (400, 401, 403):
                headers["WWW-Authenticate"] = self._verifier.challenge(problem, scopes=self._scopes)
            if refusal.retry_after is not None:
                headers["Retry-After"] = str(refusal.retry_after)
            raise HTTPException(problem.status, problem.text, headers) from None
