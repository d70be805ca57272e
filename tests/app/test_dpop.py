"""Proofs over several processes on one database, before and after a restart: the house as it is wired."""

import asyncio
from contextlib import asynccontextmanager

import httpx
import pytest

from app.test_compromised_key import AUDIENCE, configured
from databases import postgres_database
from tokenward.app.config import load
from tokenward.app.foundation import foundation
from tokenward.app.servers import gateway_engine, issuer_app
from tokenward.base.secret import Secret
from tokenward.flows.dpop import DpopProver
from tokenward.flows.token import TokenResponse
from tokenward.gateway.access import AccessRequest, Allow, HeldBody
from tokenward.issuer.clients import register
from tokenward.store.usage import UsageLog

TOKEN = "http://127.0.0.1:8080/token"
ATTEMPTS = 20


class Process:
    """An issuer and a gateway, as a process each runs them."""

    def __init__(self, http, engine):
        self.http = http
        self.engine = engine

    async def ask(self, proof, auth):
        form = {"grant_type": "client_credentials", "scope": "notes:read"}
        return await self.http.post("/token", data=form, headers={"dpop": proof}, auth=auth)

    async def token(self, prover, auth):
        for _ in range(2):  # the second time with the nonce
            answer = await self.ask(prover.proof("POST", TOKEN), auth)
            if not prover.must_repeat(TOKEN, answer.status_code, answer.headers, answer.content):
                break
        return TokenResponse.parse(answer.status_code, answer.content, token_type="DPoP").access_token

    async def decide(self, headers):
        raw = tuple((name.encode(), value.encode()) for name, value in headers)
        return await self.engine.decide(
            AccessRequest("GET", b"/notes/notes", b"", raw, "127.0.0.1", body=HeldBody())
        )


@asynccontextmanager
async def process(configuration):
    async with foundation(configuration) as ground, foundation(configuration) as other:
        app, issuers, *_ = await issuer_app(ground, UsageLog(ground.store))
        engine, gateways = await gateway_engine(other)
        following = [asyncio.create_task(each.run()) for each in (issuers, gateways)]
        while not (issuers.confirmed and gateways.confirmed):  # noqa: ASYNC110 - they tell nobody when
            await asyncio.sleep(0.01)
        transport = httpx.ASGITransport(app)
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as http:
                yield Process(http, engine)
        finally:
            for each in following:
                each.cancel()
            await asyncio.gather(*following, return_exceptions=True)


async def registered(configuration):
    async with foundation(configuration) as ground:
        client, secret = await register(
            ground.client_desk,
            name="App",
            client_type="service",
            scopes=["notes:read"],
            bound_tokens="dpop",
        )
    return client.client_id, secret.reveal()


@pytest.fixture(params=["sqlite", "postgresql"])
def configuration(request, tmp_path):
    path = tmp_path / "tokenward.yaml"
    configured(tmp_path)
    path.write_text(path.read_text().replace("risk: moderate", "risk: high"))
    if request.param == "sqlite":
        yield load(path).configuration
        return
    with postgres_database() as url:
        path.write_text(path.read_text().replace("store: sqlite:data/tokenward.db", f"store: {url}"))
        yield load(path).configuration


def _passed(decisions):
    return sum(isinstance(each, Allow) for each in decisions)


def test_a_proof_passes_once_over_all_processes_and_restarts(configuration):
    async def story():
        auth, prover = await registered(configuration), DpopProver()
        async with process(configuration) as here, process(configuration) as there:
            token = await here.token(prover, auth)
            nonce = (await here.ask("no proof", auth)).headers["dpop-nonce"]
            prover.must_repeat(AUDIENCE, 200, {"dpop-nonce": nonce}, b"")
            asked = await here.decide(prover.headers("GET", f"{AUDIENCE}/notes", token))
            assert asked.problem.code == "dpop_nonce_needed"  # the issuer's nonce is none of the gateway's
            told = {"dpop-nonce": asked.headers["dpop-nonce"], "www-authenticate": asked.challenge}
            assert prover.must_repeat(AUDIENCE, 401, told, b"")
            good = prover.headers("GET", f"{AUDIENCE}/notes", token)
            both = (here, there)
            decisions = await asyncio.gather(*(both[each % 2].decide(good) for each in range(ATTEMPTS)))
            assert _passed(decisions) == 1
            assert (
                _passed(
                    [await each.decide(prover.headers("GET", f"{AUDIENCE}/notes", token)) for each in both]
                )
                == 2
            )
        async with process(configuration) as anew:
            assert (await anew.decide(good)).problem.code == "dpop_proof_refused"
            assert isinstance(await anew.decide(prover.headers("GET", f"{AUDIENCE}/notes", token)), Allow)

    asyncio.run(story())


def test_a_proof_gives_one_token_over_all_processes_and_restarts(configuration):
    async def story():
        auth, prover = await registered(configuration), DpopProver()
        async with process(configuration) as here, process(configuration) as there:
            await there.token(prover, auth)  # and the nonce, which is good at both
            proof, both = prover.proof("POST", TOKEN), (here, there)
            answers = await asyncio.gather(*(both[each % 2].ask(proof, auth) for each in range(ATTEMPTS)))
            assert sorted(each.status_code for each in answers) == [200] + [400] * (ATTEMPTS - 1)
        async with process(configuration) as anew:
            answer = await anew.ask(proof, auth)
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")

    asyncio.run(story())


def test_a_stolen_bound_token_is_worthless(configuration):
    async def story():
        auth, prover, thief = await registered(configuration), DpopProver(), DpopProver()
        async with process(configuration) as here:
            token = await here.token(prover, auth)
            nonce = (await here.decide([])).headers["dpop-nonce"]
            for each in (prover, thief):
                each.must_repeat(AUDIENCE, 200, {"dpop-nonce": nonce}, b"")
            url = f"{AUDIENCE}/notes"
            assert isinstance(await here.decide(prover.headers("GET", url, token)), Allow)
            stolen = {
                "its own key": thief.headers("GET", url, token),
                "no proof": [("authorization", f"DPoP {token.reveal()}")],
                "as a bearer token": [("authorization", f"Bearer {token.reveal()}")],
                "a proof for another token": prover.headers("GET", url, Secret("another")),
            }
            stolen["a proof for another token"][0] = ("authorization", f"DPoP {token.reveal()}")
            for headers in stolen.values():
                assert (await here.decide(headers)).problem.status == 401

    asyncio.run(story())
