"""What is behind the gateway: the pages, which are files, and the API, which believes nobody but the gateway.

GATEWAY=https://api.example.com uvicorn server:app --port 9000
"""

import os
from collections import defaultdict
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from tokenward.backend import InsideTokenMiddleware, InsideVerifier

GATEWAY = os.environ["GATEWAY"]
# No inline script, nothing of another origin, and no frame around it: what an attacker writes does not run.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)

verifier = InsideVerifier(
    issuer=f"{GATEWAY}/.well-known/tokenward",
    audience=f"{GATEWAY}/api",
    jwks_url=os.environ.get("INSIDE_KEYS", f"{GATEWAY}/.well-known/tokenward/jwks.json"),
)
kept: defaultdict[str, list[str]] = defaultdict(list)


async def listed(request: Request) -> JSONResponse:
    return JSONResponse({"notes": kept[request.scope["tokenward"].subject]})


async def added(request: Request) -> JSONResponse:
    kept[request.scope["tokenward"].subject].append((await request.json())["text"])
    return JSONResponse({}, 201)


async def published(request: Request) -> JSONResponse:
    return JSONResponse({"published": len(kept[request.scope["tokenward"].subject])})


class Pages(StaticFiles):
    def file_response(self, *arguments: object, **more: object) -> Response:
        answer = super().file_response(*arguments, **more)  # type: ignore[arg-type]
        answer.headers["content-security-policy"] = POLICY
        return answer


app = Starlette(
    routes=[
        Mount("/pages", Pages(directory=Path(__file__).with_name("pages"), html=True)),
        Mount(
            "/api",
            routes=[
                Route("/notes", listed, methods=["GET"]),
                Route("/notes", added, methods=["POST"]),
                Route("/notes/publish", published, methods=["POST"]),
            ],
            middleware=[Middleware(InsideTokenMiddleware, verifier=verifier)],
        ),
    ]
)
