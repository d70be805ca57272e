"""The library at the gateway's tier `critical`: two factors are asked for when the API wants them.

Such a client proves itself, and has no browser: whoever lets it in is elsewhere.
"""

import json
import re
import subprocess
import sys

import httpx
import pytest

from client.test_presenting import pem_of
from tokenward.app.demo import CONFIGURATION, running_demo
from tokenward.app.story import follow, submit
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.secret import Secret
from tokenward.client import DeviceSignIn, HttpxAuth, PrivateKeyJwt, Server
from tokenward.identity.factors import totp
from tokenward.tokens.acr import ACR
from tokenward.tokens.keys import SigningKey

LARGE = {"from": "savings", "to": "current", "amount": "2500.00", "currency": "EUR"}


@pytest.fixture
def house(tmp_path):
    with running_demo(tmp_path / "demo", free_ports=True) as running:
        yield running


class Person:
    """Signs in with a password, and sets an app up where one factor is not enough."""

    def __init__(self, story):
        self.story = story
        self.set_up = 0

    def __call__(self, device):
        story, (username, password) = self.story, self.story.person
        page = follow(story, story.call("GET", device.verification_uri_complete))
        if 'name="username"' in page.text:
            page = follow(story, submit(story, page, username=username, password=password.reveal()))
        page = follow(story, submit(story, page, user_code=device.user_code))
        if "/account/second-factor" in str(page.url):
            self.set_up += 1
            aim = str(page.url).partition("?")[2]
            page = story.call("GET", f"{story.issuer}/account/authenticator?{aim}")
            secret = Secret(re.search(r"<code>([A-Z2-7]{32})</code>", page.text)[1])
            code = totp.code(secret, SYSTEM_CLOCK.time())
            page = follow(story, submit(story, page, code=code))
            back = re.search(r'name="continue" value="([^"]+)"', page.text)[1].replace("&amp;", "&")
            page = follow(story, story.call("GET", story.issuer + back))
            page = follow(story, submit(story, page, user_code=device.user_code))
        assert submit(story, page, decision="allow").status_code == 200


def test_a_call_that_wants_two_factors_gets_them_and_goes_through(house, http, tmp_path):
    key = SigningKey.generate()
    (tmp_path / "key.pem").touch(mode=0o600)
    (tmp_path / "key.pem").write_text(pem_of(key))
    (tmp_path / "public.json").write_text(json.dumps({"keys": [key.public_jwk()]}))
    scopes = ["openid", "accounts:read", "transfers:write"]
    command = [sys.executable, "-m", "tokenward.app.cli", "clients", "add", "Desk", "--id", "desk"]
    command += [
        "--type",
        "device",
        "--auth-method",
        "private_key_jwt",
        "--jwks",
        str(tmp_path / "public.json"),
    ]
    command += [word for scope in scopes for word in ("--scope", scope)]
    subprocess.run([*command, "--config", str(house.directory / CONFIGURATION)], check=True)

    gateway, person = house.urls["gateway"], Person(house.story(http))
    desk = DeviceSignIn(
        Server(house.urls["issuer"]),
        client_id="desk",
        authentication=PrivateKeyJwt(f"file:{tmp_path / 'key.pem'}"),
        scope=scopes,
        resource=f"{gateway}/bank",
        dpop=True,
    )
    first = desk.sign_in(show=person)
    assert first.get("acr") == ACR["single-factor"]
    again = []

    def step_up(**wanted):
        again.append(desk.sign_in(show=person, **wanted))

    with httpx.Client(auth=HttpxAuth(desk, step_up=step_up), trust_env=False) as web:
        assert web.get(f"{gateway}/bank/accounts").status_code == 200
        assert again == []
        answer = web.post(f"{gateway}/bank/large-transfers", json=LARGE)
        assert answer.status_code == 201, answer.text
        assert web.post(f"{gateway}/bank/large-transfers", json=LARGE).status_code == 201
    assert person.set_up == 1
    assert [(each.subject, each.get("acr")) for each in again] == [(first.subject, ACR["two-factor"])]
