"""Keys change under running servers: nothing fails that is genuine, nothing works that should not."""

import asyncio
import contextlib
import re
import threading
import time

import httpx
import pytest
from typer.testing import CliRunner

from tokenward.app.cli import application
from tokenward.app.demo import SERVICE, running_demo
from tokenward.app.foundation import foundation
from tokenward.app.servers import INSIDE_PATH
from tokenward.store.key_states import KeyState, state


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with running_demo(tmp_path_factory.mktemp("keys"), free_ports=True) as running:
        yield running


@pytest.fixture
def http():
    with httpx.Client(trust_env=False, timeout=20) as client:
        yield client


def order(house, *arguments):
    """An order on the command line, while the servers run."""
    result = CliRunner().invoke(
        application, ["signing-keys", *arguments, "--config", str(house.configuration.path)]
    )
    assert result.exit_code == 0, result.output


def keys(house, purpose, algorithm):
    """state → kid, as the store has it."""

    async def read():
        async with foundation(house.configuration) as ground:
            now = ground.clock.time()
            return {
                state(key, now): key.kid
                for key in await ground.key_desk.all_keys()
                if (key.purpose, key.algorithm) == (purpose, algorithm)
            }

    return asyncio.run(read())


def published(http, url):
    return [key["kid"] for key in http.get(url).json()["keys"]]


def inside_set(house):
    return f"{house.urls['gateway']}{INSIDE_PATH}/jwks.json"


def outside_set(house):
    return f"{house.urls['issuer']}/jwks.json"


def obtain(house, http):
    form = {"grant_type": "client_credentials", "scope": "accounts:read"}
    basic = (SERVICE, house.cast.service_secret.reveal())
    return http.post(f"{house.urls['issuer']}/token", data=form, auth=basic).json()["access_token"]


def soon(condition):
    """Whether it comes true within the second that is promised."""
    end = time.monotonic() + 1
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


@contextlib.contextmanager
def traffic(house):
    """Calls through gateway and backend without pause, each with a new token; their statuses."""
    statuses, stop = [], threading.Event()

    def call():
        with httpx.Client(trust_env=False, timeout=20) as http:
            while not stop.is_set():
                bearer = {"authorization": f"Bearer {obtain(house, http)}"}
                statuses.append(
                    http.get(f"{house.urls['gateway']}/bank/accounts", headers=bearer).status_code
                )

    thread = threading.Thread(target=call)
    thread.start()
    try:
        yield statuses
    finally:
        stop.set()
        thread.join()


def test_no_call_fails_while_a_published_key_takes_over(house, http):
    with traffic(house) as statuses:
        order(house, "rotate", "--purpose", "inside")
        before = keys(house, "inside", "ES256")
        assert soon(lambda: before[KeyState.PENDING] in published(http, inside_set(house)))
        time.sleep(11)  # as long as backends keep a set; in earnest an hour passes
        order(house, "retire", before[KeyState.ACTIVE])
        time.sleep(2)
    assert set(statuses) == {200}
    assert len(statuses) > 50
    after = keys(house, "inside", "ES256")
    assert after[KeyState.ACTIVE] == before[KeyState.PENDING]
    assert after[KeyState.RETIRED] in published(http, inside_set(house))  # what it signed stays good


def test_a_compromised_inside_key_is_worth_nothing_within_a_second(house, http):
    forged = house.story(http).inside_jwt()  # signed with the key that was active when the demo started
    bearer = {"authorization": f"Bearer {forged.reveal()}"}
    bank = f"{house.urls['bank']}/accounts"
    token = {"authorization": f"Bearer {obtain(house, http)}"}
    call = f"{house.urls['gateway']}/bank/accounts"
    assert http.get(call, headers=token).status_code == 200
    assert http.get(bank, headers=bearer).status_code == 200
    for kid in keys(house, "inside", "ES256").values():  # the thief may have any
        order(house, "remove", "--compromised", kid)
    left = keys(house, "inside", "ES256")[KeyState.ACTIVE]
    assert soon(lambda: published(http, inside_set(house)) == [left])
    # The same token as before: the JWT that was kept for it is not served again.
    assert soon(lambda: http.get(call, headers=token).status_code == 200)
    # A genuine call made the backend fetch the set, as the new key was unknown to it.
    assert http.get(bank, headers=bearer).status_code == 401


def test_with_a_compromised_outside_key_go_the_access_tokens_that_it_signed(house, http):
    arguments = ["--type", "service", "--scope", "accounts:read", "--access-token-format", "jwt"]
    arguments += ["--reason", "its gateway reads them"]
    added = CliRunner().invoke(
        application, ["clients", "add", "Reader", *arguments, "--config", str(house.configuration.path)]
    )
    assert added.exit_code == 0, added.output
    basic = (re.search(r"client_id\W+([\w-]+)", added.output)[1], re.search(r"tkw_cs_\w+", added.output)[0])

    def ask(path, **form):
        return http.post(f"{house.urls['issuer']}/{path}", data=form, auth=basic).json()

    def call(token):
        bearer = {"authorization": f"Bearer {token}"}
        return http.get(f"{house.urls['gateway']}/bank/accounts", headers=bearer).status_code

    token = ask("token", grant_type="client_credentials")["access_token"]
    assert call(token) == 200
    order(house, "remove", "--compromised", keys(house, "outside", "ES256")[KeyState.ACTIVE])
    assert soon(lambda: call(token) == 401)
    assert soon(lambda: ask("introspect", token=token) == {"active": False})
    assert call(ask("token", grant_type="client_credentials")["access_token"]) == 200


def test_a_compromised_outside_key_is_out_of_the_set_within_a_second(house, http):
    first = keys(house, "outside", "RS256")[KeyState.ACTIVE]
    assert first in published(http, outside_set(house))
    order(house, "remove", "--compromised", first)
    fresh = keys(house, "outside", "RS256")[KeyState.ACTIVE]
    assert soon(lambda: first not in published(http, outside_set(house)))
    assert fresh in published(http, outside_set(house))
