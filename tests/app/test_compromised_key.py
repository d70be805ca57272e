"""What a removed outside key signed ends at the gateway, remembered or not, as soon as the feed tells it."""

import asyncio

from tokenward.app.config import load
from tokenward.app.foundation import foundation
from tokenward.app.initialise import initialise
from tokenward.app.servers import gateway_engine
from tokenward.base.problems import INVALID_TOKEN
from tokenward.gateway.access import AccessRequest, Allow, Deny, HeldBody
from tokenward.store.records import AccessToken
from tokenward.tokens import opaque
from tokenward.tokens.jws import sign_jwt

DOCUMENT = """\
openapi: 3.1.0
info: {title: Notes, version: "1"}
paths:
  /notes: {get: {operationId: listNotes, responses: {200: {description: ok}}}}
"""
API = """
apis:
  notes:
    openapi: notes.yaml
    upstream: http://127.0.0.1:9003
    risk: moderate
    operations: {listNotes: {scopes: [notes:read]}}
"""
AUDIENCE = "http://127.0.0.1:8000/notes"


def configured(directory):
    initialise(directory)
    path = directory / "tokenward.yaml"
    path.write_text(path.read_text().replace("\napis: {}\n", API))
    (directory / "notes.yaml").write_text(DOCUMENT)
    return load(path).configuration


async def issued(ground, key):
    """A JWT of the issuer's for a client of its own, with its row."""
    token_id, now = opaque.new("at").token_id, int(ground.clock.time())
    claims = {
        "iss": ground.configuration.settings.issuer.url, "aud": AUDIENCE, "sub": "app", "client_id": "app",
        "scope": "notes:read", "iat": now, "exp": now + 600, "jti": token_id,
    }  # fmt: skip
    text = sign_jwt(key, claims, typ="at+jwt")
    await ground.store.add_access_token(
        AccessToken(
            token_id,
            opaque.keyed_hash(ground.peppers[0], text),
            None,
            "app",
            None,
            ("notes:read",),
            AUDIENCE,
            "client_secret",
            now,
            now + 600,
        )
    )
    return text


def test_a_jwt_ends_with_the_key_that_signed_it(tmp_path):
    async def run():
        async with foundation(configured(tmp_path)) as ground:
            ring = await ground.key_ring("outside", fresh=lambda: True)
            key = ring.signer("ES256")
            token = await issued(ground, key)
            engine, follower = await gateway_engine(ground)
            following = asyncio.create_task(follower.run())
            bearer = ((b"host", b"127.0.0.1:8000"), (b"authorization", f"Bearer {token}".encode()))
            request = AccessRequest(
                "GET", b"/notes/notes", b"", bearer, "192.0.2.1", "127.0.0.1:8000", body=HeldBody()
            )

            async def allowed():
                return isinstance(await engine.decide(request), Allow)

            async with asyncio.timeout(20):
                while not follower.confirmed:  # noqa: ASYNC110 - the follower tells nobody when
                    await asyncio.sleep(0.01)
                assert await allowed()
                assert len(engine.verified) == 1
                await ground.key_desk.remove(key.kid, compromised=True)
                while await allowed():  # noqa: ASYNC110 - the same
                    await asyncio.sleep(0.01)
                await ring.load()
                bearer = (
                    bearer[0],
                    (b"authorization", f"Bearer {await issued(ground, ring.signer('ES256'))}".encode()),
                )
                request = AccessRequest(
                    "GET", b"/notes/notes", b"", bearer, "192.0.2.1", "127.0.0.1:8000", body=HeldBody()
                )
                assert await allowed()  # the fresh key's are good at once
            following.cancel()

    asyncio.run(run())


def test_a_key_removed_before_the_feed_was_followed_is_not_trusted(tmp_path):
    """The engine loads the keys when it is made; what happened until the follower runs is in no event."""

    async def run():
        async with foundation(configured(tmp_path)) as ground:
            ring = await ground.key_ring("outside", fresh=lambda: True)
            key = ring.signer("ES256")
            token = await issued(ground, key)
            engine, follower = await gateway_engine(ground)
            await ground.key_desk.remove(key.kid, compromised=True)
            following = asyncio.create_task(follower.run())
            bearer = ((b"host", b"127.0.0.1:8000"), (b"authorization", f"Bearer {token}".encode()))
            request = AccessRequest(
                "GET", b"/notes/notes", b"", bearer, "192.0.2.1", "127.0.0.1:8000", body=HeldBody()
            )
            async with asyncio.timeout(20):
                while not follower.confirmed:  # noqa: ASYNC110 - the follower tells nobody when
                    await asyncio.sleep(0.01)
                decision = await engine.decide(request)
            following.cancel()
            assert isinstance(decision, Deny)
            assert decision.problem is INVALID_TOKEN

    asyncio.run(run())
