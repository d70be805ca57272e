"""What the traffic is made of: each kind of errand, how often it is run, and what must come of it."""

import itertools
import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from browser import Browser, Unexpected, at_address, leads_to
from http_exchange import Answer
from material import CALLBACK, CLIENT, SCOPE, VERIFIER
from servers import CHALLENGE
from soak.town import DEVICE, LIFETIME, PERSONS, Town

from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.entropy import identifier

_FRESH = LIFETIME - 10  # seconds during which a token is surely good
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ACCESS = "urn:ietf:params:oauth:token-type:access_token"


@dataclass(slots=True)
class World:
    """What errands leave for each other.

    Attributes:
        town: where they go.
        http: of the applications, with kept connections.
        tokens: access tokens for the API, with the moment until which they are surely good.
        personal: tokens for userinfo, likewise.
        refreshes: refresh tokens that nobody uses at the moment.
        numbers: of addresses and people, in turn.
    """

    town: Town
    http: httpx.AsyncClient
    tokens: deque[tuple[str, float]] = field(default_factory=lambda: deque(maxlen=200))
    personal: deque[tuple[str, float]] = field(default_factory=lambda: deque(maxlen=50))
    # One a second is used: each within the five minutes for which one may lie idle.
    refreshes: deque[str] = field(default_factory=lambda: deque(maxlen=200))
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    async def post(self, path: str, status: int, basic: str | None = None, **form: str) -> Any:
        """The JSON that the issuer answers to the client that has a secret; None for no content.

        Raises:
            Unexpected: another status.
        """
        headers = {"authorization": self.town.basic if basic is None else basic}
        sent = {name: value for name, value in headers.items() if value}
        answer = await self.http.post(f"{self.town.issuer}{path}", data=form, headers=sent)
        expect(answer, status)
        return answer.json() if answer.content else None

    async def token(self) -> str:
        """A token for the API, new or one that is good for a while."""
        now = SYSTEM_CLOCK.monotonic()
        if self.tokens and self.tokens[-1][1] > now:
            return self.tokens[-1][0]
        return await _client_token(self)

    def browser(self, number: int) -> Browser:
        """At an address of its own."""
        return Browser(self.town.ports["issuer"], at_address(number))

    def gateway(self, path: str) -> str:
        return f"http://127.0.0.1:{self.town.ports['gateway']}{path}"


@dataclass(frozen=True, slots=True)
class Errand:
    """One kind.

    Attributes:
        name: for people.
        rate: times a second.
        run: does it, and raises `Unexpected`.
    """

    name: str
    rate: float
    run: Callable[[World], Awaitable[object]]


def expect(answer: httpx.Response | Answer, status: int) -> None:
    """Raises `Unexpected` for another status; told is no more than the error code of the answer."""
    given = answer.status_code if isinstance(answer, httpx.Response) else answer.status
    if given != status:
        body = answer.content if isinstance(answer, httpx.Response) else answer.body
        try:
            code = json.loads(body)["error"]
        except (ValueError, KeyError, TypeError):
            code = "no error code"
        raise Unexpected(f"{given} ({code}) instead of {status}")


async def _client_token(world: World) -> str:
    told = await world.post("/token", 200, grant_type="client_credentials", scope=SCOPE)
    world.tokens.append((told["access_token"], SYSTEM_CLOCK.monotonic() + _FRESH))
    return str(told["access_token"])


async def _call(world: World) -> None:
    headers = {"authorization": f"Bearer {await world.token()}"}
    expect(await world.http.get(world.gateway("/weather/forecast/lisbon"), headers=headers), 200)


async def _unknown_call(world: World) -> None:
    headers = {"authorization": f"Bearer {identifier()}"}
    expect(await world.http.get(world.gateway("/weather/forecast/lisbon"), headers=headers), 401)


async def _introspection(world: World) -> None:
    if not (await world.post("/introspect", 200, token=await world.token()))["active"]:
        raise Unexpected("a live token is said not to be active")


async def _revocation(world: World) -> None:
    told = await world.post("/token", 200, grant_type="client_credentials", scope=SCOPE)
    await world.post("/revoke", 200, token=told["access_token"])
    if (await world.post("/introspect", 200, token=told["access_token"]))["active"]:
        raise Unexpected("a revoked token is said to be active")


async def _exchange(world: World) -> None:
    subject = {"subject_token": await world.token(), "subject_token_type": _ACCESS}
    await world.post("/token", 200, grant_type=_EXCHANGE, **subject)


async def _rotation(world: World) -> None:
    if not world.refreshes:
        return
    told = await world.post(
        "/token", 200, grant_type="refresh_token", refresh_token=world.refreshes.popleft()
    )
    world.refreshes.append(told["refresh_token"])


async def _userinfo(world: World) -> None:
    while world.personal:
        token, until = world.personal[0]
        if until > SYSTEM_CLOCK.monotonic():
            headers = {"authorization": f"Bearer {token}"}
            expect(await world.http.get(f"{world.town.issuer}/userinfo", headers=headers), 200)
            return
        world.personal.popleft()


async def _metadata(world: World) -> None:
    expect(await world.http.get(f"{world.town.issuer}/.well-known/openid-configuration"), 200)
    expect(await world.http.get(f"{world.town.issuer}/jwks.json"), 200)


def _asked() -> dict[str, str]:
    return {
        "client_id": CLIENT,
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": f"openid offline_access {SCOPE}",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "state": identifier(),
    }


async def _push(world: World) -> str:
    told = await world.post("/par", 201, **_asked())
    return urlencode({"client_id": CLIENT, "request_uri": told["request_uri"]})


async def _signed_in(world: World, browser: Browser, number: int, path: str) -> Answer:
    """The answer that follows a sign-in on the way to `path`."""
    page = await browser.follow(path)
    expect(page, 200)
    password = world.town.password.reveal()
    answer = await browser.submit(page, "/sign-in", username=f"person-{number % PERSONS}", password=password)
    expect(answer, 303)
    return await browser.follow(browser.location(answer))


async def _sign_in(world: World) -> None:
    """To a code: every second request is pushed, every fifth code abandoned, the rest become tokens."""
    number = next(world.numbers)
    query = await _push(world) if number % 2 else urlencode(_asked())
    async with world.browser(number) as browser:
        answer = await _signed_in(world, browser, number, f"/authorize?{query}")
        if answer.status == 200:
            answer = await browser.submit(answer, "/authorize/decision", decision="allow")
    code = parse_qs(urlsplit(leads_to(answer)).query).get("code")
    if code is None:
        raise Unexpected(f"{answer.status} without a code")
    if number % 5 == 0:
        return
    told = await world.post(
        "/token",
        200,
        grant_type="authorization_code",
        code=code[0],
        redirect_uri=CALLBACK,
        code_verifier=VERIFIER,
        resource=world.town.issuer,
    )
    world.personal.append((told["access_token"], SYSTEM_CLOCK.monotonic() + _FRESH))
    world.refreshes.append(told["refresh_token"])


async def _wrong_password(world: World) -> None:
    number = next(world.numbers)
    async with world.browser(number) as browser:
        page = await browser.follow("/sign-in")
        name = f"nobody-{number}" if number % 2 else f"person-{number % PERSONS}"
        expect(await browser.submit(page, "/sign-in", username=name, password=identifier()), 403)


async def _abandoned_push(world: World) -> None:
    await _push(world)


async def _device(world: World, number: int) -> dict[str, Any]:
    """A device asks, from an address of its own, since it proves nothing."""
    transport = httpx.AsyncHTTPTransport(local_address=at_address(number), verify=False)
    async with httpx.AsyncClient(transport=transport) as http:
        answer = await http.post(
            f"{world.town.issuer}/device_authorization", data={"client_id": DEVICE, "scope": SCOPE}
        )
    expect(answer, 200)
    return answer.json()


async def _abandoned_device(world: World) -> None:
    """It asks once whether anybody has answered, and is never seen again."""
    told = await _device(world, next(world.numbers))
    await world.post("/token", 400, "", **_poll(told))


async def _allowed_device(world: World) -> None:
    number = next(world.numbers)
    told = await _device(world, number)
    async with world.browser(number) as browser:
        page = await _signed_in(world, browser, number, f"/device?user_code={told['user_code']}")
        page = await browser.submit(page, "/device", user_code=told["user_code"])
        expect(page, 200)
        expect(await browser.submit(page, "/device/decision", decision="allow"), 200)
    await world.post("/token", 200, "", **_poll(told))


def _poll(told: dict[str, Any]) -> dict[str, str]:
    return {"grant_type": _DEVICE_GRANT, "device_code": told["device_code"], "client_id": DEVICE}


async def _key_rotation(world: World) -> None:
    """A successor, and the removal of the one that waited before it."""
    admin, headers = f"http://127.0.0.1:{world.town.ports['admin']}", {"authorization": world.town.admin}
    answer = await world.http.get(f"{admin}/signing-keys", headers=headers)
    expect(answer, 200)
    for key in answer.json()["signing_keys"]:
        if key["state"] == "pending" and key["purpose"] == "inside":
            removal = await world.http.post(
                f"{admin}/signing-keys/{key['kid']}/removal", headers=headers, json={}
            )
            expect(removal, 204)
    answer = await world.http.post(
        f"{admin}/signing-keys", headers=headers, json={"purpose": "inside", "algorithm": "ES256"}
    )
    expect(answer, 201)


# A third of what two cores bear, so that it is no test of how fast they are.
ERRANDS = (
    Errand("client credentials", 5, _client_token),
    Errand("gateway call", 10, _call),
    Errand("gateway call, unknown token", 0.5, _unknown_call),
    Errand("introspection", 3, _introspection),
    Errand("revocation", 1, _revocation),
    Errand("token exchange", 1, _exchange),
    Errand("refresh with rotation", 1, _rotation),
    Errand("userinfo", 1, _userinfo),
    Errand("metadata and keys", 1, _metadata),
    Errand("sign-in, consent, code, tokens", 0.2, _sign_in),
    Errand("wrong password", 0.1, _wrong_password),
    Errand("pushed request, abandoned", 0.5, _abandoned_push),
    Errand("device code, abandoned", 0.2, _abandoned_device),
    Errand("device code, allowed", 0.1, _allowed_device),
    Errand("key rotation", 1 / 30, _key_rotation),
)
