"""What becomes of an API's answer behind Envoy is what the embedded proxy makes of it."""

import asyncio

from engines.behind_envoy import behind
from tokenward.gateway.access import Allow
from tokenward.gateway.doors import decisions
from tokenward.gateway.headers import incoming
from tokenward.gateway.told import with_told
from tokenward.gateway.trace import traced
from tokenward.gateway.upstreams import Pool

DEFAULTS = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)

# What the API says, and what the decision tells: (headers, fields of Allow).
TABLE = (
    ((), {}),
    ((), {"defaults": DEFAULTS}),
    ((b"Cache-Control: max-age=9", b"X-Content-Type-Options: other"), {"defaults": DEFAULTS}),
    ((b"Vary: Accept", b"Link: <a>", b"Sunset: x"), {"told": ((b"vary", b"Origin"), (b"sunset", b"ours"))}),
    ((b"RateLimit: a",), {"told": ((b"ratelimit", b"b"), (b"ratelimit-policy", b"c"), (b"link", b"<d>"))}),
    ((), {"told": ((b"link", b"<a>"), (b"link", b"<b>"), (b"dpop-nonce", b"fresh"))}),
    (
        (b"Access-Control-Allow-Origin: *", b"access-control-x: 1", b"X-Own: 1"),
        {"hides": (b"access-control-",), "told": ((b"access-control-allow-origin", b"https://a.example"),)},
    ),
    ((), {"unauthorized": True}),
    ((), {"unauthorized": True, "defaults": DEFAULTS}),
    ((b"Cache-Control: max-age=60",), {"unauthorized": True, "defaults": DEFAULTS}),
    ((b"Cache-Control: max-age=60", b"Cache-Control: must-revalidate"), {"unauthorized": True}),
    ((b"Cache-Control: PUBLIC, max-age=60",), {"unauthorized": True}),
    ((b"Cache-Control: s-maxage=60",), {"unauthorized": True}),
    ((b'Cache-Control: private="x-a"',), {"unauthorized": True}),
    ((b"Cache-Control: no-store",), {"unauthorized": True}),
    ((b"Set-Cookie: tokenward=1", b"Set-Cookie: a=b", b"set-cookie: __Host-Tokenward-x=2"), {}),
    ((b"Set-Cookie: =tokenward-session=1", b"Set-Cookie:  Tokenward_x=1"), {}),
    ((b"Set-Cookie: a=b; Path=/", b"Set-Cookie: c=d"), {}),
    ((b"Connection: x-hop, close", b"X-Hop: 1", b"X-Kept: 1"), {}),
    ((b"Connection: close, set-cookie, content-length", b"Set-Cookie: a=b"), {}),
    ((b"Connection: close, x-request-id", b"X-Request-Id: theirs"), {}),
    (
        (
            b"Server: apache",
            b"X-Powered-By: php",
            b"X-AspNet-Version: 1",
            b"X-AspNetMvc-Version: 1",
            b"X-Generator: g",
            b"X-Runtime: 1",
            b"DPoP-Nonce: theirs",
            b"X-Request-Id: theirs",
            b"Proxy-Authenticate: x",
            b"Keep-Alive: timeout=5",
            b"TE: x",
            b"Trailer: x",
        ),
        {"defaults": DEFAULTS},
    ),
)
OURS_ALONE = (
    b"tokenward-set-x: 1",
    b"tokenward-defaults: x-theirs: 1",
    b"tokenward-decision: deny",
    b"tokenward-hide: x",
    b"X-Envoy-Upstream-Service-Time: 1",
)


def _allow(fields):
    return Allow(
        "bank", "GET /x", Pool(("http://127.0.0.1:9",)), "/x", None, None, trace=traced(()), **fields
    )


def _by_name(headers):
    """Name → values; lists count as one value, however they came."""
    found = {}
    for name, value in headers:
        if name != b"date":
            found.setdefault(name, []).extend(each.strip() for each in value.split(b","))
    return {name: sorted(values) for name, values in found.items()}


def test_an_answer_is_that_of_the_embedded_proxy():
    current = {}

    async def answering(asked):
        shown = current["door"]._read(asked)
        return decisions._written(current["allow"], shown.request)

    async def respond(_reader, writer):
        lines = [b"HTTP/1.1 200 OK", b"content-length: 2", *current["said"], *OURS_ALONE]
        writer.write(b"\r\n".join([*lines, b"", b"ok"]))
        await writer.drain()

    async def run():
        async with behind(answering) as gateway:
            current["door"] = decisions.DecisionDoor(gateway.world.engine, None)
            gateway.backend.answer = respond
            for said, fields in TABLE:
                current["said"], current["allow"] = said, _allow(fields)
                status, headers, body = await gateway.ask()
                assert (status, body) == (200, b"ok")
                own = [
                    tuple(it.strip() for it in line.split(b":", 1)) for line in (b"content-length: 2", *said)
                ]
                expected = with_told(incoming(own, bodiless=False), current["allow"])
                got = [(name.encode(), value.encode()) for name, value in headers if name != "connection"]
                wanted = _by_name(expected)
                assert (said, _by_name(got)) == (said, wanted)

    asyncio.run(run())
