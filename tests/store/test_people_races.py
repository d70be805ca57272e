"""Sign-ins begin or go on in one process while another one ends them: who is second sees the first."""

import asyncio

import psycopg
import pytest

from store.people_contract import logged_out
from store.values import NOW, client, code_of, grant, opened, session, signed_in, user
from tokenward.store.records import RelyingParty

UPSTREAM = {"upstream": "corp", "upstream_subject": "s1", "upstream_sid": "a"}
HOLD = "SELECT 1 FROM users WHERE user_id = 'ann' FOR UPDATE"
END_ALL = "DELETE FROM sessions WHERE user_id = 'ann'"
CHANGED = "UPDATE users SET version = version + 1 WHERE user_id = 'ann'"
COLUMNS = (
    "keyed_hash, user_id, proofs, created_at, last_seen_at, expires_at, device, address, upstream,"
    " upstream_sid, upstream_subject"
)
BEGIN_ANOTHER = (
    f"INSERT INTO sessions (session_id, {COLUMNS})"
    f" SELECT 'another', {COLUMNS} FROM sessions WHERE session_id = 'first'"
)
HOLD_FIRST = "SELECT 1 FROM sessions WHERE session_id = 'first' FOR UPDATE"
END_FIRST = "DELETE FROM sessions WHERE session_id = 'first'"


async def meanwhile(url, statements, call):
    """What `call` comes to, where another process had done that and commits only after it was asked."""
    other = await psycopg.AsyncConnection.connect(url)
    async with other:
        for statement in statements:
            await other.execute(statement)
        task = asyncio.create_task(call)
        done, _ = await asyncio.wait({task}, timeout=0.3)
        assert not done, "it waits for the other"
        await other.commit()
        return await task


def with_ann(postgres_url, work):
    async def run():
        async with opened(postgres_url) as store:
            await store.add_user(user(user_id="ann"))
            await signed_in(store, session(session_id="first", **UPSTREAM))
            await work(store)

    asyncio.run(run())


def test_no_session_begins_beside_a_change_that_ends_all(postgres_url):
    async def work(store):
        begun = store.add_session(session(), version=0)
        assert await meanwhile(postgres_url, [CHANGED, END_ALL], begun) is False
        assert await store.sessions_of("ann") == []

    with_ann(postgres_url, work)


@pytest.mark.parametrize(
    "end",
    [
        lambda store: store.end_sessions("ann"),
        lambda store: store.end_other_sessions("ann", "kept"),
        lambda store: store.change_password("ann", "$new", at=NOW),
        lambda store: store.disable_user("ann", NOW),
        lambda store: store.reset_factors("ann"),
        lambda store: logged_out(store, "corp", "s1", None),
        lambda store: logged_out(store, "corp", None, "a"),
    ],
    ids=["all", "others", "password", "disabled", "factors", "subject", "sid"],
)
def test_the_end_of_all_sessions_sees_one_that_takes_anothers_place(postgres_url, end):
    async def work(store):
        assert await meanwhile(postgres_url, [HOLD, BEGIN_ANOTHER, END_FIRST], end(store))
        assert await store.sessions_of("ann") == []

    with_ann(postgres_url, work)


@pytest.mark.parametrize("ended", [[HOLD, END_ALL], [END_FIRST]], ids=["all", "it alone"])
def test_a_session_is_not_replaced_beside_its_end(postgres_url, ended):
    async def work(store):
        assert (
            await meanwhile(postgres_url, ended, store.replace_session("first", session(), version=0))
            is False
        )
        assert await store.sessions_of("ann") == []

    with_ann(postgres_url, work)


def test_a_session_is_not_replaced_beside_a_change_of_how_its_person_signs_in(postgres_url):
    async def work(store):
        replaced = store.replace_session("first", session(), version=0)
        assert await meanwhile(postgres_url, [CHANGED], replaced) is False
        assert [each.session_id for each in await store.sessions_of("ann")] == ["first"]

    with_ann(postgres_url, work)


def test_a_session_is_replaced_when_nobody_else_is_at_work_on_the_person(postgres_url):
    async def work(store):
        new = session()
        assert await meanwhile(postgres_url, [HOLD], store.replace_session("first", new, version=0))
        assert await store.sessions_of("ann") == [new]

    with_ann(postgres_url, work)


def test_a_client_is_told_of_no_session_that_ends_at_that_moment(postgres_url):
    async def work(store):
        its = grant(user_id="ann", sid="late")
        added = store.add_grant(its, code_of(its), session_id="first")
        assert await meanwhile(postgres_url, [END_FIRST], added) is False
        assert await store.grant(its.grant_id) is None

    with_ann(postgres_url, work)


def test_an_end_finds_the_client_that_is_told_at_that_moment(postgres_url):
    async def work(store):
        app = client(openid=RelyingParty(backchannel_logout_uri="https://app.example/logout"))
        await store.add_client(app, None)
        tell = (
            "INSERT INTO session_clients (session_id, client_id, user_id, sid, expires_at)"
            f" VALUES ('first', '{app.client_id}', 'ann', 'told', 1)"
        )
        assert await meanwhile(postgres_url, [HOLD_FIRST, tell], store.end_session("first"))
        assert [it.sid for it in await store.take_logouts(at=NOW, until=NOW + 1, limit=9)] == ["told"]

    with_ann(postgres_url, work)


def test_a_notice_that_another_process_is_telling_is_passed_over(postgres_url):
    async def work(store):
        app = client(openid=RelyingParty(backchannel_logout_uri="https://app.example/logout"))
        await store.add_client(app, None)
        its = grant(user_id="ann", client_id=app.client_id, sid="told")
        assert await store.add_grant(its, code_of(its), session_id="first")
        await store.end_session("first")
        async with await psycopg.AsyncConnection.connect(postgres_url) as other:
            await other.execute("SELECT 1 FROM logout_notices FOR UPDATE")
            taken = store.take_logouts(at=NOW, until=NOW + 1, limit=9)
            assert await asyncio.wait_for(taken, timeout=5) == []
        assert len(await store.take_logouts(at=NOW, until=NOW + 1, limit=9)) == 1

    with_ann(postgres_url, work)
