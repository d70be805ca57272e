"""Who is signed in, as a FastAPI dependency.

app.add_middleware(SignInMiddleware, sign_in=sign_in)
SignedIn = Annotated[Person, Depends(CurrentPerson(sign_in))]

@app.get("/orders")
async def orders(person: SignedIn): ...
"""

from collections.abc import Iterable

from fastapi import HTTPException
from starlette.requests import HTTPConnection

from tokenward.client.web.person import Person
from tokenward.client.web.web_sign_in import WebSignIn


class CurrentPerson:
    """Gives the `Person`, and lets nobody else in.

    Args:
        sign_in: the application's.
        max_age: how many seconds ago they may have signed in, for what matters more; or None.
        acr_values: how well they must have, the best first.
    """

    def __init__(
        self, sign_in: WebSignIn, *, max_age: int | None = None, acr_values: Iterable[str] = ()
    ) -> None:
        self._sign_in = sign_in
        self._max_age = max_age
        self._acr_values = tuple(acr_values)

    async def __call__(self, connection: HTTPConnection) -> Person:
        """Who is signed in.

        Raises:
            HTTPException: 303 to the sign-in for a browser that goes to a page, 401 for others; 400 for what
                changes something and comes from no page of the application's own.
        """
        found = await self._sign_in.admit_async(
            connection.scope, max_age=self._max_age, acr_values=self._acr_values
        )
        if isinstance(found, Person):
            return found
        raise HTTPException(found.status, found.said, dict(found.texts))
