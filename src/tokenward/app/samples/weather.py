"""A weather API on Starlette. One middleware guards all of it but the health check."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from urllib.parse import unquote_to_bytes
from zlib import crc32

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from tokenward.app.samples.problems import as_problem
from tokenward.backend import InsideTokenMiddleware, InsideVerifier
from tokenward.backend.verifier import read_bearer
from tokenward.base.asgi import App
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.problems import INSUFFICIENT_SCOPE, challenge
from tokenward.tokens import base64url, strict_json
from tokenward.tokens.claims import VerifiedClaims

SCOPE = "forecast:read"
OPAQUE_TOKEN = b"tkw_"  # how every opaque token of the issuer begins
STATIONS = {
    "berlin": (52.52, 13.41),
    "lisbon": (38.72, -9.14),
    "nairobi": (-1.29, 36.82),
    "oslo": (59.91, 10.75),
    "wellington": (-41.29, 174.78),
}
SKIES = ("sunny", "cloudy", "rainy", "windy")


def create_app(*, issuer: str, audience: str, jwks_url: str) -> App:
    """The API, which believes inside JWTs of `issuer` for `audience`, signed by the keys at `jwks_url`."""
    guarded = Starlette(
        routes=[
            Route("/forecast/{city}", _forecast),
            Route("/stations", _stations),
            Route("/internal/debug", _debug),
        ],
        exception_handlers={HTTPException: as_problem},
    )
    verifier = InsideVerifier(issuer=issuer, audience=audience, jwks_url=jwks_url)
    return Starlette(
        routes=[Route("/health", _health), Mount("/", InsideTokenMiddleware(guarded, verifier))],
        exception_handlers={HTTPException: as_problem},
    )


async def _health(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _stations(_request: Request) -> Response:
    return JSONResponse(
        {
            "stations": [
                {"city": city, "latitude": latitude, "longitude": longitude}
                for city, (latitude, longitude) in STATIONS.items()
            ]
        }
    )


async def _forecast(request: Request) -> Response:
    claims: VerifiedClaims = request.scope["tokenward"]
    if SCOPE not in claims.scopes:
        header = challenge(INSUFFICIENT_SCOPE, realm=claims.audience[0], scope=SCOPE)
        raise HTTPException(403, INSUFFICIENT_SCOPE.text, {"WWW-Authenticate": header})
    city = request.path_params["city"]
    if city not in STATIONS:
        raise HTTPException(404, "There is no such station.")
    days = request.query_params.get("days", "3")
    if days not in {"1", "2", "3", "4", "5", "6", "7"}:
        raise HTTPException(400, "days is a number from 1 to 7.")
    today = datetime.fromtimestamp(SYSTEM_CLOCK.time(), UTC).date()
    return JSONResponse(
        {
            "city": city,
            "days": [_day(city, today + timedelta(days=ahead)) for ahead in range(int(days))],
            "received": await _received(request, claims),
        },
        headers={"Cache-Control": "no-store"},
    )


async def _debug(_request: Request) -> Response:
    return JSONResponse({"note": "If you came here through the gateway, the gateway is broken."})


def _day(city: str, day: date) -> dict[str, str | int]:
    """Weather that is made up, and the same for everybody who asks about that day."""
    dice = crc32(f"{city} {day}".encode())
    high = round(30 - abs(STATIONS[city][0]) / 3) + dice % 7 - 3
    return {
        "date": day.isoformat(),
        "sky": SKIES[dice % len(SKIES)],
        "high": high,
        "low": high - 4 - dice % 5,
    }


async def _received(request: Request, claims: VerifiedClaims) -> dict[str, object]:
    """What this request carried as its credential, for people to see that it is not what was sent outside."""
    encoded_header = read_bearer(request.scope).partition(".")[0]
    header = strict_json.read_object(base64url.decode(encoded_header))
    return {
        "issuer": claims.issuer,
        "audience": list(claims.audience),
        "subject": claims.subject,
        "scope": claims.scope,
        "seconds_left": round(claims.expires_at - SYSTEM_CLOCK.time(), 1),
        "typ": header["typ"],
        "alg": header["alg"],
        "kid": header.get("kid", ""),
        "opaque_token_seen": any(OPAQUE_TOKEN in part for part in _every_part(request, await request.body())),
    }


def _every_part(request: Request, body: bytes) -> Iterator[bytes]:
    """All that arrived, as it arrived and percent-decoded."""
    target: bytes = request.scope["raw_path"] + b"?" + request.scope["query_string"]
    for part in (target, body, *(piece for header in request.headers.raw for piece in header)):
        yield part
        yield unquote_to_bytes(part)
