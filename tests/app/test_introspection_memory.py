"""What introspection remembers ends when another process says so."""

import asyncio

import httpx

from app.test_compromised_key import AUDIENCE, configured
from tokenward.app.foundation import foundation
from tokenward.app.servers import issuer_app
from tokenward.issuer.clients import register
from tokenward.store.usage import UsageLog


def test_a_remembered_answer_ends_by_what_another_process_revokes(tmp_path):
    configuration = configured(tmp_path)

    async def introspection(http, auth, token):
        return (await http.post("/introspect", data={"token": token}, auth=auth)).json()

    async def inactive(http, auth, token):
        async with asyncio.timeout(20):
            while (await introspection(http, auth, token))["active"]:  # noqa: ASYNC110 - only asking tells
                await asyncio.sleep(0.05)

    async def story():
        async with foundation(configuration) as ground, foundation(configuration) as elsewhere:
            client, secret = await register(
                ground.client_desk, name="App", client_type="service", scopes=["notes:read"]
            )
            auth = (client.client_id, secret.reveal())
            app, follower, *_ = await issuer_app(ground, UsageLog(ground.store))
            following = asyncio.create_task(follower.run())
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:

                async def issued():
                    answer = await http.post("/token", data={"grant_type": "client_credentials"}, auth=auth)
                    return answer.json()["access_token"]

                while not follower.confirmed:  # noqa: ASYNC110 - until then nothing is answered from memory
                    await asyncio.sleep(0.01)
                first, second = await issued(), await issued()
                known = await introspection(http, auth, first)
                assert known["aud"] == AUDIENCE
                assert await introspection(http, auth, first) == known
                assert (await introspection(http, auth, second))["active"]
                now = ground.clock.time()
                await elsewhere.store.revoke_token(known["jti"], now)
                await inactive(http, auth, first)
                assert (await introspection(http, auth, second))["active"]
                await elsewhere.store.revoke_issued_to_client(client.client_id, before=now, at=now)
                await inactive(http, auth, second)
            following.cancel()

    asyncio.run(story())
