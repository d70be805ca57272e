"""A device that asks, and a person in front of it."""

import re
from dataclasses import dataclass

import httpx

from issuer.house import Caller, House
from tokenward.tokens import opaque

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass
class Device:
    """What a device was told, and how it asks for its tokens."""

    caller: Caller
    told: dict[str, object]

    @property
    def code(self) -> str:
        return self.told["device_code"]

    @property
    def user_code(self) -> str:
        return self.told["user_code"]

    @property
    def token_id(self) -> str:
        return opaque.parse(self.code, kind="dc").token_id

    async def poll(self, **more: str) -> httpx.Response:
        return await self.caller.token(grant_type=DEVICE_GRANT, device_code=self.code, **more)


async def asking(caller: Caller, scope: str = "accounts:read", **more: str) -> Device:
    response = await caller.post("/device_authorization", scope=scope, **more)
    assert response.status_code == 200, response.text
    return Device(caller, response.json())


async def tv(h: House, *scopes: str, **policy) -> Caller:
    return await h.client("device", *(scopes or ("accounts:read", "openid", "offline_access")), **policy)


async def enter(h: House, user_code: str, *, at: str = "/device", **changes: str) -> httpx.Response:
    """Send the code, from the page that asks for it."""
    page = await h.http.get(at)
    assert page.text == "device "
    form = {"request": h.pages.view.sealed_request, "user_code": user_code, **changes}
    return await h.http.post(h.pages.view.action, data=form)


async def decide(h: House, decision: str, **changes: str) -> httpx.Response:
    form = {"request": h.pages.view.sealed_request, "decision": decision, **changes}
    return await h.http.post("/device/decision", data=form)


async def answered(h: House, device: Device, decision: str = "allow") -> httpx.Response:
    """By a person who enters the code and decides."""
    page = await enter(h, device.user_code)
    assert page.text == "device consent", page.text
    answer = await decide(h, decision)
    assert answer.text == {"allow": "allowed", "deny": "denied"}[decision]
    return answer


def letters(user_code: str) -> str:
    return re.sub("[^A-Z]", "", user_code)
