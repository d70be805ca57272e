"""What checking the caller adds to a FastAPI request, in the process of the application.

Ours decides on an opaque token that it knows. Authlib's resource protector and a dependency that somebody
wrote by hand with PyJWT verify a JWT, and that is all that they do. The application is called as a server
calls it, without one. All take turns in one process, a slice of about 2 ms of processor time each, in an
order that moves on; of each the best slice counts. Run by `run.py`; prints the measurements as JSON.
"""

import argparse
import asyncio
import itertools
import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

# The libraries of `make libraries`, after our own: what both have is ours.
SITE = Path("lib") / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
sys.path.append(str(Path(__file__).parent / ".cache" / "libraries" / SITE))

import decision  # noqa: E402
import jwt as pyjwt  # noqa: E402
from authlib.jose import JsonWebKey, JsonWebToken  # noqa: E402
from authlib.oauth2 import OAuth2Error  # noqa: E402
from authlib.oauth2.rfc6749 import ResourceProtector  # noqa: E402
from authlib.oauth2.rfc6750 import BearerTokenValidator  # noqa: E402
from authlib.oauth2.rfc6750.errors import InvalidTokenError  # noqa: E402
from fastapi import Depends, FastAPI, HTTPException, Request, Security  # noqa: E402

from tokenward.gateway.doors.asgi import AsgiDoor  # noqa: E402
from tokenward.gateway.engine import Engine  # noqa: E402
from tokenward.middleware import Caller  # noqa: E402
from tokenward.middleware.fastapi import CurrentCaller  # noqa: E402
from tokenward.tokens import opaque  # noqa: E402
from tokenward.tokens.keys import SigningKey  # noqa: E402

ISSUER = "https://login.example.com"
SCOPE = "things:read"
TOKENS = 64
SLICE = 0.002  # seconds
ALGORITHM = "ES256"


@dataclass(frozen=True, slots=True)
class Contestant:
    """An application, and the requests that it gets in turn."""

    name: str
    app: Any
    scopes: Sequence[dict[str, Any]]


class Ready:
    """An engine that has started."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def engine(self) -> Engine:
        return self._engine


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/middleware.py", description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    rounds = parser.parse_args().rounds
    with asyncio.Runner() as runner:
        contestants = runner.run(_contestants())
        loops = {each.name: _loops(runner, each) for each in contestants}
        best = {each.name: math.inf for each in contestants}
        for at in range(rounds):
            turn = at % len(contestants)
            for each in contestants[turn:] + contestants[:turn]:
                best[each.name] = min(best[each.name], runner.run(_slice(each, loops[each.name])))
    costs = {name: cost * 1e6 for name, cost in best.items()}
    versions = {name: version(name) for name in ("fastapi", "starlette", "authlib", "pyjwt", "cryptography")}
    json.dump({"costs": costs, "versions": versions, "rounds": rounds}, sys.stdout)
    return 0


async def _contestants() -> list[Contestant]:
    opaque_tokens = [opaque.new("at").secret.reveal() for _ in range(TOKENS)]
    requests = [decision.request(number, token) for number, token in enumerate(opaque_tokens)]
    engine = Ready(await decision.prepared(requests))
    key = SigningKey.generate(ALGORITHM)
    jwts = [_jwt(key, number) for number in range(TOKENS)]
    current = CurrentCaller(issuer=ISSUER)
    ours, theirs = _scopes(opaque_tokens), _scopes(jwts)
    return [
        Contestant("bare", _app(None), ours),
        Contestant("Tokenward", AsgiDoor(_app(None), engine), ours),
        Contestant(
            "Tokenward, and the caller",
            AsgiDoor(_app(Annotated[Caller, Security(current, scopes=[SCOPE])]), engine),
            ours,
        ),
        Contestant("Authlib", _app(Annotated[Any, Depends(_authlib(key))]), theirs),
        Contestant("PyJWT", _app(Annotated[Any, Depends(_pyjwt(key))]), theirs),
    ]


def _app(caller: Any) -> FastAPI:
    app = FastAPI()
    for number in range(decision.OPERATIONS):

        async def bare(number: str) -> dict[str, str]:
            return {"number": number}

        async def checked(number: str, who: caller) -> dict[str, str]:  # type: ignore[valid-type]  # noqa: ARG001
            return {"number": number}

        app.get(f"/things/things{number}/{{number}}")(bare if caller is None else checked)
    return app


def _pyjwt(key: SigningKey) -> Any:
    public = key.private.public_key()

    async def check(request: Request) -> dict[str, Any]:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise HTTPException(401)
        try:
            claims = pyjwt.decode(
                token,
                public,
                algorithms=[ALGORITHM],
                audience=decision.AUDIENCE,
                issuer=ISSUER,
                options={"require": ["exp", "iss", "aud"]},
            )
        except pyjwt.InvalidTokenError:
            raise HTTPException(401) from None
        if SCOPE not in claims["scope"].split():
            raise HTTPException(403)
        return claims

    return check


def _authlib(key: SigningKey) -> Any:
    jwk, jwt = JsonWebKey.import_key(key.public_jwk()), JsonWebToken([ALGORITHM])
    options = {
        "iss": {"essential": True, "value": ISSUER},
        "aud": {"essential": True, "value": decision.AUDIENCE},
        "exp": {"essential": True},
    }

    class Validator(BearerTokenValidator):
        def authenticate_token(self, token_string: str) -> Any:
            return jwt.decode(token_string, jwk, claims_options=options)

        def validate_token(self, token: Any, scopes: Any, request: Any) -> None:  # noqa: ARG002
            token.validate()
            if self.scope_insufficient(token["scope"], scopes):
                raise InvalidTokenError

    protector = ResourceProtector()
    protector.register_token_validator(Validator())

    async def check(request: Request) -> Any:
        try:
            return protector.validate_request([SCOPE], request)
        except OAuth2Error as error:
            raise HTTPException(error.status_code) from None

    return check


def _jwt(key: SigningKey, number: int) -> str:
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": decision.AUDIENCE, "sub": f"user-{number}", "client_id": "bench"}
    return pyjwt.encode(
        claims | {"iat": now, "exp": now + 3600, "scope": SCOPE}, key.private, algorithm=ALGORITHM
    )


def _scopes(tokens: Sequence[str]) -> list[dict[str, Any]]:
    """The requests as uvicorn would hand them over."""
    requests = (decision.request(number, token) for number, token in enumerate(tokens))
    return [
        {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "server": ("127.0.0.1", 8000),
            "client": (each.peer, 50_000),
            "scheme": "http",
            "method": each.method,
            "root_path": "",
            "path": each.raw_path.decode(),
            "raw_path": each.raw_path,
            "query_string": b"",
            "headers": list(each.headers),
            "state": {},
        }
        for each in requests
    ]


def _loops(runner: asyncio.Runner, contestant: Contestant) -> int:
    runner.run(_slice(contestant, TOKENS))
    return max(1, round(SLICE / min(runner.run(_slice(contestant, 10)) for _ in range(20))))


async def _slice(contestant: Contestant, loops: int) -> float:
    """Seconds of processor time that one request takes, over `loops` of them."""
    app, statuses = contestant.app, []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    inputs = [dict(each) for each in itertools.islice(itertools.cycle(contestant.scopes), loops)]
    started = time.thread_time()
    for scope in inputs:
        await app(scope, receive, send)
    took = (time.thread_time() - started) / loops
    if set(statuses) != {200}:
        raise ValueError(f"{contestant.name} answered {set(statuses)}")
    return took


if __name__ == "__main__":
    sys.exit(main())
