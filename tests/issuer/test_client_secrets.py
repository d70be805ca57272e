"""The life of client secrets: an end for each, a last use, and a cut where one leaked."""

import asyncio
from dataclasses import replace

import pytest

from issuer.house import House, basic, error, house, lived
from tokenward.base.problems import INVALID_INPUT, Refusal
from tokenward.issuer.client_desk import SETTLED_SECONDS
from tokenward.issuer.client_secrets import MAX_OVERLAP, SOON, UNUSED, concerns, rotate_secret
from tokenward.store.records import ClientSecret
from tokenward.tokens import opaque

GRANT = {"grant_type": "client_credentials"}
DAY = 86_400.0
LONGEST = 100 * DAY


@lived
async def test_a_secret_ends_by_the_policy_and_so_does_its_successor(h: House):
    app = await h.client("service", "forecast:read")
    longest = h.issuer.settings.secret_longest
    h.clock.advance(longest - 10)
    assert (await app.token(**GRANT)).status_code == 200
    new = (await rotate_secret(h.desk, app.id, overlap=MAX_OVERLAP)).reveal()
    h.clock.advance(10)
    assert error(await app.token(**GRANT)) == (401, "invalid_client"), "an overlap never outlives the policy"
    assert (await app.token(headers=app.basic(new), **GRANT)).status_code == 200
    h.clock.advance(longest - 10)
    assert error(await app.token(headers=app.basic(new), **GRANT)) == (401, "invalid_client")


@pytest.mark.parametrize("overlap", [-1.0, MAX_OVERLAP + 1.0, float("nan")])
def test_an_overlap_is_bounded(tmp_path, overlap):
    @lived
    async def story(h: House):
        app = await h.client("service", "forecast:read")
        with pytest.raises(Refusal) as refused:
            await rotate_secret(h.desk, app.id, overlap=overlap)
        assert refused.value.problem is INVALID_INPUT
        assert (await app.token(**GRANT)).status_code == 200

    story(tmp_path)


@lived
async def test_a_compromised_secret_has_no_overlap(h: House):
    app = await h.client("service", "forecast:read")
    with pytest.raises(Refusal) as refused:
        await rotate_secret(h.desk, app.id, overlap=1, compromised=True)
    assert refused.value.problem is INVALID_INPUT
    assert (await app.token(**GRANT)).status_code == 200


@lived
async def test_the_last_use_of_a_secret_is_told_and_a_wrong_one_is_no_use(h: House):
    app = await h.client("service", "forecast:read")
    (secret,) = await h.issuer.store.client_secrets(app.id)
    made = opaque.new("cs")
    text = made.secret.reveal().replace(made.token_id, secret.secret_id)
    forged = text[:-6] + opaque._checksum(text[:-6])
    for headers in (basic("another", app.secret), basic(app.id, forged)):
        assert error(await h.http.post("/token", data=GRANT, headers=headers)) == (401, "invalid_client")
    await h.issuer.usage.flush()
    assert (await h.issuer.store.client_secrets(app.id))[0].last_used_at is None
    h.clock.advance(7)
    assert (await app.token(**GRANT)).status_code == 200
    await h.issuer.usage.flush()
    (used,) = await h.issuer.store.client_secrets(app.id)
    assert used == replace(secret, last_used_at=h.clock.time())


def test_what_a_compromised_secret_still_gets_at_another_process_is_void(tmp_path):
    async def story() -> None:
        async with house(tmp_path) as here, house(tmp_path) as there:
            object.__setattr__(there.issuer, "peppers", here.issuer.peppers)
            app = await here.client("service", "forecast:read")
            held = (await app.token(**GRANT)).json()["access_token"]
            assert (await there.http.post("/token", data=GRANT, headers=app.basic())).status_code == 200
            rotating = asyncio.create_task(rotate_secret(here.desk, app.id, compromised=True))
            while await app.live(held):  # noqa: ASYNC110 - the store tells nobody when it is done
                await asyncio.sleep(0)
            there.clock.advance(SETTLED_SECONDS / 2)
            late = await there.http.post("/token", data=GRANT, headers=app.basic())
            assert late.status_code == 200, "it has known the secret for half a second"
            assert not await app.live(late.json()["access_token"])
            new = (await rotating).reveal()
            for each in (here, there):
                each.clock.advance(2 * SETTLED_SECONDS)
                assert error(await each.http.post("/token", data=GRANT, headers=app.basic())) == (
                    401,
                    "invalid_client",
                )
            fresh = await here.http.post("/token", data=GRANT, headers=app.basic(new))
            assert await app.live(fresh.json()["access_token"])

    asyncio.run(story())


@pytest.mark.parametrize(
    ("age", "left", "idle", "expected"),
    [
        (1 * DAY, 99 * DAY, None, ()),
        (90 * DAY, None, 1 * DAY, ()),
        (LONGEST + 1, None, 1 * DAY, ("too old",)),
        (99 * DAY, SOON, 1 * DAY, ("ends soon",)),
        (99 * DAY, SOON + 1, 1 * DAY, ()),
        (UNUSED + 1, 50 * DAY, None, ("unused for long",)),
        (99 * DAY, 50 * DAY, UNUSED + 1, ("unused for long",)),
        (LONGEST + 1, None, None, ("too old", "unused for long")),
        (LONGEST + 1, 0.0, None, ()),
    ],
)
def test_what_is_to_be_looked_after_is_said(age, left, idle, expected):
    now = 1_800_000_000.0
    secret = ClientSecret(
        "id",
        "app",
        b"",
        created_at=now - age,
        expires_at=None if left is None else now + left,
        last_used_at=None if idle is None else now - idle,
    )
    assert concerns(secret, at=now, longest=LONGEST) == expected
