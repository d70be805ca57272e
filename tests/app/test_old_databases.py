"""Databases that earlier versions left behind, opened by this one.

Each was filled by the program of its day (`old_databases/make.py`): two clients, a person, signing keys, a
redeemed code with its tokens, a token of a client's own, a revoked one.
"""

import asyncio
import json
import sqlite3
from pathlib import Path

import httpx
import pytest

from app.old_databases.make import API, DOCUMENT, PASSWORD
from issuer.house import basic
from tokenward.app.config import load
from tokenward.app.foundation import foundation
from tokenward.app.initialise import initialise
from tokenward.app.servers import gateway_engine, issuer_app
from tokenward.base.secret import Secret
from tokenward.gateway.access import AccessRequest, Allow, Deny, HeldBody
from tokenward.identity.passwords import Passwords
from tokenward.store.usage import UsageLog

OLD = Path(__file__).parent / "old_databases"


def house_of(revision, directory):
    """A configuration over a database as that revision left it, and what its owners know."""
    initialise(directory)
    path = directory / "tokenward.yaml"
    path.write_text(path.read_text().replace("\napis: {}\n", API))
    (directory / "notes.yaml").write_text(DOCUMENT)
    known = json.loads((OLD / f"{revision}.json").read_text())
    (directory / "data" / "master.key").write_text(known["master_key"] + "\n")
    database = sqlite3.connect(directory / "data" / "tokenward.db")
    database.executescript((OLD / f"{revision}.sql").read_text())
    database.close()
    return load(path).configuration, {name: Secret(text).reveal() for name, text in known.items()}


REVISIONS = sorted(path.stem for path in OLD.glob("*.sql"))


@pytest.mark.parametrize("revision", REVISIONS)
def test_what_was_there_goes_on_and_what_was_revoked_stays_so(revision, tmp_path):
    configuration, known = house_of(revision, tmp_path)

    async def run():
        async with foundation(configuration) as ground:
            app, follower, *_ = await issuer_app(ground, UsageLog(ground.store))
            engine, gateway_follower = await gateway_engine(ground)
            tasks = [asyncio.create_task(each.run()) for each in (follower, gateway_follower)]
            async with asyncio.timeout(20):
                while not (follower.confirmed and gateway_follower.confirmed):  # noqa: ASYNC110 - they tell nobody
                    await asyncio.sleep(0.01)
            await clients_and_people_are_known(ground)
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as http:
                await tokens_are_worth_what_they_were(http, known, engine)
            for task in tasks:
                task.cancel()

    asyncio.run(run())


async def clients_and_people_are_known(ground):
    clients = {client.client_id: client for client in await ground.store.clients()}
    assert {name: client.auth_method for name, client in clients.items()} == {
        "nightly": "client_secret",
        "desk": "none",
    }
    (person,) = await ground.store.users()
    assert person.username == "alice"
    assert await Passwords().verify(person.password_hash, Secret(PASSWORD))


async def tokens_are_worth_what_they_were(http, known, engine):
    nightly = basic("nightly", known["client_secret"])

    async def active(name):
        form = {"token": known[name]}
        return (await http.post("/introspect", data=form, headers=nightly)).json()["active"]

    async def judged(name):
        bearer = ((b"host", b"127.0.0.1:8000"), (b"authorization", f"Bearer {known[name]}".encode()))
        return await engine.decide(
            AccessRequest("GET", b"/notes/notes", b"", bearer, "192.0.2.1", "127.0.0.1:8000", body=HeldBody())
        )

    assert await active("own_token")
    assert not await active("revoked_token")
    assert isinstance(await judged("access_token"), Allow)
    assert isinstance(await judged("own_token"), Allow)
    assert isinstance(await judged("revoked_token"), Deny)
    form = {"grant_type": "refresh_token", "refresh_token": known["refresh_token"], "client_id": "desk"}
    refreshed = await http.post("/token", data=form)
    assert refreshed.status_code == 200
    assert refreshed.json()["scope"] == "notes:read offline_access"
    fresh = await http.post("/token", data={"grant_type": "client_credentials"}, headers=nightly)
    assert fresh.status_code == 200
    assert (await http.get("/jwks.json")).json()["keys"]
