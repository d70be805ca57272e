import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI

from tokens.attacks import ATTACKS, AUDIENCE, ISSUER, NOW, Kit
from tokenward import VerifiedClaims
from tokenward.auditor.attacks import Attack
from tokenward.backend import InsideTokenMiddleware, InsideVerifier
from tokenward.backend.fastapi import InsideClaims
from tokenward.base.asgi import App, Receive, Scope, Send, respond
from tokenward.base.clock import ManualClock
from tokenward.base.problems import Refusal
from tokenward.tokens.encryption_keys import DecryptionKey
from tokenward.tokens.jwe import encrypt, encrypt_nested
from tokenward.tokens.jws import sign_jwt
from tokenward.tokens.keys import SigningKey

KIT = Kit()
JWKS = json.dumps(KIT.jwks).encode()
JWKS_URL = "https://gateway.example/jwks"


def verifier(fetch: Any = lambda _url: JWKS) -> InsideVerifier:
    return InsideVerifier(
        issuer=ISSUER, audience=AUDIENCE, jwks_url=JWKS_URL, fetch=fetch, clock=ManualClock(NOW)
    )


def unreachable(_url: str) -> bytes:
    raise OSError("no route")


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    await respond(send, 200, scope["tokenward"].subject.encode())


def fastapi_app(checks: InsideVerifier) -> FastAPI:
    app = FastAPI()

    @app.get("/")
    async def read(
        claims: Annotated[VerifiedClaims, Depends(InsideClaims(checks, scopes=["accounts:read"]))],
    ) -> str:
        return claims.subject

    @app.get("/write")
    async def write(
        claims: Annotated[VerifiedClaims, Depends(InsideClaims(checks, scopes=["accounts:write"]))],
    ) -> str:
        return claims.subject

    return app


def doors(checks: InsideVerifier) -> dict[str, App]:
    return {"asgi": InsideTokenMiddleware(echo, checks), "fastapi": fastapi_app(checks)}  # type: ignore[dict-item]


each_door = pytest.mark.parametrize("door", ["asgi", "fastapi"])


def get(app: App, path: str = "/", *authorization: str | bytes) -> httpx.Response:
    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://backend") as client:
            return await client.get(path, headers=[("Authorization", value) for value in authorization])

    return asyncio.run(run())


@each_door
def test_a_good_token_passes_with_its_claims(door: str):
    response = get(doors(verifier())[door], "/", f"Bearer {KIT.token()}")
    assert response.status_code == 200
    assert "user-1" in response.text


@each_door
def test_the_scheme_is_read_in_any_case(door: str):
    assert get(doors(verifier())[door], "/", f"bEARER {KIT.token()}").status_code == 200


@each_door
def test_without_a_token_only_the_scheme_is_told(door: str):
    response = get(doors(verifier())[door])
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith(f'Bearer realm="{AUDIENCE}"')
    assert "error" not in response.headers["www-authenticate"]
    assert response.headers["cache-control"] == "no-store"


@each_door
@pytest.mark.parametrize(
    ("values", "status"),
    [
        (["Basic dTpw"], 401),
        (["Bearer"], 401),
        (["Bearer "], 401),
        (["Bearer a b"], 401),
        (["Bearer x"], 401),
        ([b"Bearer \xff"], 401),
        ([""], 401),
        (["Bearer {token}", "Bearer {token}"], 400),
        (["Bearer {token}", "Basic dTpw"], 400),
        (["Bearer {token}, Bearer {token}"], 401),
        (["DPoP {token}"], 401),
        (["Token {token}"], 401),
    ],
)
def test_what_is_not_exactly_one_bearer_token_is_refused(door: str, values: list[str | bytes], status: int):
    sent = [value.replace("{token}", KIT.token()) if isinstance(value, str) else value for value in values]
    response = get(doors(verifier())[door], "/", *sent)
    assert response.status_code == status
    assert "www-authenticate" in response.headers


# One row of each entry of the table: that each row is refused is tested where the validator is.
SENDABLE = {row.entry: row for row in ATTACKS if row.verdict == "reject" and row.entry[0] in "SCTX"}


@each_door
@pytest.mark.parametrize("attack", SENDABLE.values(), ids=SENDABLE)
def test_a_hostile_token_is_a_401(door: str, attack: Attack):
    response = get(doors(verifier())[door], "/", f"Bearer {attack.forge(KIT)}")
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["www-authenticate"]


@pytest.mark.parametrize("claims", [{"iat": NOW - 60, "nbf": NOW - 60, "exp": NOW - 5}, {"exp": NOW + 61}])
def test_an_inside_token_has_a_minute_and_five_seconds_of_leeway(claims: dict[str, Any]):
    app = doors(verifier())["asgi"]
    assert get(app, "/", f"Bearer {KIT.token(claims=KIT.claims(**claims))}").status_code == 401
    spared = claims | {
        "exp": claims["exp"] + (1 if claims["exp"] < NOW else -1),
        "iat": claims.get("iat", NOW) + 1,
    }
    assert get(app, "/", f"Bearer {KIT.token(claims=KIT.claims(**spared))}").status_code == 200


@each_door
def test_without_keys_nothing_passes(door: str):
    response = get(doors(verifier(unreachable))[door], "/", f"Bearer {KIT.token()}")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert "www-authenticate" not in response.headers


def test_a_missing_scope_is_a_403_that_names_it():
    response = get(fastapi_app(verifier()), "/write", f"Bearer {KIT.token()}")  # type: ignore[arg-type]
    assert response.status_code == 403
    challenge = response.headers["www-authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="accounts:write"' in challenge


def test_the_refusal_is_a_problem_document():
    response = get(doors(verifier())["asgi"], "/", "Bearer x")
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == 401


def test_a_socket_is_closed_before_it_is_accepted_and_lifespan_passes():
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def run() -> list[Any]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {"type": "websocket.connect"}

        door = InsideTokenMiddleware(app, verifier())
        await door({"type": "lifespan"}, receive, send)
        await door({"type": "websocket", "headers": []}, receive, send)
        token = f"Bearer {KIT.token()}".encode()
        await door({"type": "websocket", "headers": [(b"authorization", token)]}, receive, send)
        return sent

    assert asyncio.run(run()) == [{"type": "websocket.close", "code": 1008}]
    assert seen == ["lifespan", "websocket"]


def test_a_forged_entry_in_the_scope_is_overwritten():
    async def run() -> VerifiedClaims:
        found: list[VerifiedClaims] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            found.append(scope["tokenward"])

        headers = [(b"authorization", f"Bearer {KIT.token()}".encode())]
        scope = {"type": "http", "headers": headers, "tokenward": "forged"}
        await InsideTokenMiddleware(app, verifier())(scope, None, None)  # type: ignore[arg-type]
        assert scope["tokenward"] == "forged", "the caller's scope is not ours to change"
        return found[0]

    assert asyncio.run(run()).subject == "user-1"


@pytest.mark.parametrize(
    "url",
    [
        "http://gateway.example/jwks",
        "http://10.0.0.1/jwks",
        "ftp://127.0.0.2",
        "gateway",
        "",
        "http://localhost.evil/",
    ],
)
def test_keys_over_an_open_line_are_refused_at_construction(url: str):
    with pytest.raises(ValueError, match="https"):
        InsideVerifier(issuer=ISSUER, audience=AUDIENCE, jwks_url=url)


@pytest.mark.parametrize("audience", ["", 'a "bank"', "a\\b", "bank\r\nX-User: root", "Bänk", "€"])
def test_an_audience_that_does_not_fit_into_a_challenge_is_refused_at_construction(audience: str):
    with pytest.raises(ValueError, match="audience"):
        InsideVerifier(issuer=ISSUER, audience=audience, jwks_url="https://gateway.example/jwks")


@pytest.mark.parametrize("scopes", ["accounts:read", [""], ["a b"], ['a"'], ["é"]])
def test_what_is_no_list_of_scopes_is_refused_at_construction(scopes: Any):
    with pytest.raises(ValueError, match="scopes"):
        InsideClaims(verifier(), scopes=scopes)


class _Jwks(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(JWKS)))
        self.end_headers()
        self.wfile.write(JWKS)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        pass


@pytest.fixture
def gateway() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Jwks) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/jwks"
        server.shutdown()
        thread.join()


def test_keys_are_fetched_from_a_loopback_gateway(gateway: str):
    checks = InsideVerifier(issuer=ISSUER, audience=AUDIENCE, jwks_url=gateway, clock=ManualClock(NOW))
    assert get(InsideTokenMiddleware(echo, checks), "/", f"Bearer {KIT.token()}").text == "user-1"


def test_the_first_call_under_a_fresh_key_ends_the_one_before():
    """As after `signing-keys remove --compromised`: at once where calls come, in ten seconds elsewhere."""
    thief, fresh = SigningKey.generate(), SigningKey.generate()
    published, clock = [thief], ManualClock(NOW)

    def fetch(_url: str) -> bytes:
        return json.dumps({"keys": [key.public_jwk() for key in published]}).encode()

    def verdict(checks: InsideVerifier, key: SigningKey) -> str:
        now = int(clock.time())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "u1", "client_id": "c1", "scope": "", "jti": "j1"}
        token = sign_jwt(key, {**claims, "iat": now, "exp": now + 60}, typ="at+jwt")
        scope = {"type": "http", "headers": [(b"authorization", f"Bearer {token}".encode())]}
        try:
            asyncio.run(checks.authenticate(scope))
        except Refusal as refusal:
            return refusal.problem.code
        return "good"

    called, idle = (
        InsideVerifier(issuer=ISSUER, audience=AUDIENCE, jwks_url=JWKS_URL, fetch=fetch, clock=clock)
        for _ in range(2)
    )
    assert verdict(called, thief) == verdict(idle, thief) == "good"
    published[:] = [fresh]
    clock.advance(1)
    assert verdict(called, fresh) == "good"
    assert verdict(called, thief) == "invalid_token"
    clock.advance(9.5)
    assert verdict(idle, thief) == "invalid_token"


def test_where_the_gateway_encrypts_nothing_else_is_taken_for_its_word():
    key = DecryptionKey.generate(kid="ours")
    checks = InsideVerifier(
        issuer=ISSUER,
        audience=AUDIENCE,
        jwks_url=JWKS_URL,
        decryption_keys=[key],
        fetch=lambda _url: JWKS,
        clock=ManualClock(NOW),
    )
    app, public = InsideTokenMiddleware(echo, checks), key.encryption_key()
    assert get(app, "/", f"Bearer {encrypt_nested(KIT.token(), public)}").status_code == 200
    # Anybody can encrypt for us: what counts is the signature inside.
    foreign = sign_jwt(SigningKey.generate(), KIT.claims(), typ="at+jwt")
    for bad in (
        KIT.token(),  # somebody opened it on the way
        encrypt_nested(foreign, public),
        encrypt_nested(KIT.token(claims=KIT.claims(aud="https://other.example")), public),
        encrypt_nested(KIT.token(), public, enc="A128GCM"),  # the gateway does not use it
        encrypt(json.dumps(KIT.claims()).encode(), public),
    ):
        assert get(app, "/", f"Bearer {bad}").status_code == 401
