"""An application that signs people in by our library, for visits: at one provider, as one client or two.

The environment has ISSUER, URL, CLIENT_ID and SHOP_SECRET; for the second KEY_CLIENT_ID and SHOP_KEY, a file.
"""

import os
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse

from tokenward.client import ClientSecret, PrivateKeyJwt, Server
from tokenward.client.authentication import Authentication
from tokenward.client.web import Person, WebSignIn
from tokenward.client.web.asgi import SignInMiddleware
from tokenward.client.web.fastapi import CurrentPerson

PAGE = """<!doctype html><html lang="en"><title>Shop</title><h1>Orders of {subject}</h1>
<form method="post" action="/auth/sign-out"><button>Sign out</button></form>"""


def made(path: str, client_id: str, authentication: Authentication, prompt: str = "") -> WebSignIn:
    return WebSignIn(
        Server(os.environ["ISSUER"]),
        client_id=client_id,
        authentication=authentication,
        url=os.environ["URL"],
        path=path,
        scope=["openid", "offline_access", "email"],
        prompt=prompt,
        userinfo=True,
    )


app = FastAPI()
sign_in = made(
    "/auth", os.environ["CLIENT_ID"], ClientSecret("env:SHOP_SECRET"), os.environ.get("PROMPT", "")
)
app.add_middleware(SignInMiddleware, sign_in=sign_in)
SignedIn = Annotated[Person, Depends(CurrentPerson(sign_in))]
JustNow = Annotated[Person, Depends(CurrentPerson(sign_in, max_age=300))]


@app.get("/")
async def home(request: Request) -> dict[str, str]:
    person = await sign_in.person_async(request.scope)
    return {"hello": person.subject if person is not None else ""}


@app.get("/orders")
async def orders(person: SignedIn) -> HTMLResponse:
    return HTMLResponse(PAGE.format(subject=person.claims.get("email", person.subject)))


@app.get("/pay")
async def pay(person: JustNow) -> dict[str, str]:
    return {"paid_by": person.subject}


@app.get("/tokens")
async def tokens(person: SignedIn) -> dict[str, bool]:
    """Whether a token that an API refuses is renewed."""
    first = await person.tokens.token_async()
    person.tokens.reject(first)
    second = await person.tokens.token_async()
    return {"renewed": first.value.reveal() != second.value.reveal()}


if "KEY_CLIENT_ID" in os.environ:
    staff = made("/staff", os.environ["KEY_CLIENT_ID"], PrivateKeyJwt(f"file:{os.environ['SHOP_KEY']}"))
    app.add_middleware(SignInMiddleware, sign_in=staff)
    Staff = Annotated[Person, Depends(CurrentPerson(staff))]

    @app.get("/stock")
    async def stock(person: Staff) -> dict[str, str]:
        return {"stock_for": person.subject}
