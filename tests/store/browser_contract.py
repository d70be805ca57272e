"""Every promise of `tokenward.store.browser_port`."""

import asyncio
import os
from dataclasses import replace

from store.values import NOW
from tokenward.store.browser_records import BrowserLogout, BrowserSession

PROMISES = []


def promise(check):
    PROMISES.append(check)
    return check


def session(**over):
    fields = {
        "key": os.urandom(32), "party": "op shop", "subject": "ada", "sid": "s-1",
        "issued_at": NOW, "until": NOW + 600, "content": b"sealed",
    }  # fmt: skip
    return BrowserSession(**fields | over)


def logout(**over):
    fields = {"party": "op shop", "subject": "ada", "sid": "", "issued_at": NOW, "kept_until": NOW + 900}
    return BrowserLogout(**fields | over)


async def left(store, *sessions, at=NOW):
    return [await store.browser_session(each.key, at=at) is not None for each in sessions]


@promise
async def a_session_is_found_until_its_end_as_it_was_left(store):
    one = session()
    assert await store.browser_session(one.key, at=NOW) is None
    assert await store.add_browser_session(one, at=NOW)
    assert await store.browser_session(one.key, at=NOW + 599) == one
    assert await store.browser_session(one.key, at=NOW + 600) is None
    await store.use_browser_session(one.key, until=NOW + 700)
    assert await store.keep_browser_session(one.key, b"other")
    assert await store.browser_session(one.key, at=NOW + 650) == replace(
        one, until=NOW + 700, content=b"other"
    )


@promise
async def who_ends_a_session_gets_what_it_held_last_and_nothing_brings_it_back(store):
    one, other = session(), session()
    for each in (one, other):
        assert await store.add_browser_session(each, at=NOW)
    await store.keep_browser_session(one.key, b"newer")
    given = await asyncio.gather(*(store.end_browser_session(one.key) for _ in range(5)))
    assert sorted(given, key=lambda it: it is None) == [b"newer", None, None, None, None]
    await store.use_browser_session(one.key, until=NOW + 9000)
    assert not await store.keep_browser_session(one.key, b"again")
    assert await left(store, one, other) == [False, True]


@promise
async def a_logout_ends_what_it_means_before_and_after_and_nothing_else(store):
    for number, (said, expected) in enumerate(
        [
            ({}, [1, 1, 0, 0]),
            ({"sid": "s-1"}, [1, 0, 0, 0]),
            ({"sid": "s-1", "subject": ""}, [1, 0, 0, 0]),
            ({"sid": "s-3", "subject": "bob"}, [0, 0, 1, 0]),
            ({"sid": "s-1", "subject": "bob"}, [0, 0, 0, 0]),
            ({"issued_at": NOW - 1}, [0, 0, 0, 0]),
        ]
    ):
        party = f"op {number}"
        rows = [
            session(party=party),
            session(party=party, sid="s-2"),
            session(party=party, subject="bob", sid="s-3"),
            session(party=f"other {number}"),
        ]
        for row in rows:
            assert await store.add_browser_session(row, at=NOW)
        assert await store.end_browser_sessions(logout(party=party, **said)) == sum(expected), said
        assert await left(store, *rows) == [not gone for gone in expected], said
        again = [replace(row, key=os.urandom(32)) for row in rows]
        kept = [await store.add_browser_session(row, at=NOW + 1) for row in again]
        assert kept == [not gone for gone in expected], said
        assert await left(store, *again) == kept
        assert await store.add_browser_session(session(party=party, issued_at=NOW + 1), at=NOW)
        assert await store.add_browser_session(session(party=party, until=NOW + 2000), at=NOW + 900)


@promise
async def an_older_logout_takes_nothing_from_a_newer(store):
    party = "op older"
    for at in (NOW, NOW - 10, NOW, NOW + 5):
        await store.end_browser_sessions(logout(party=party, issued_at=at))
    assert not await store.add_browser_session(session(party=party, issued_at=NOW + 5), at=NOW)
    assert await store.add_browser_session(session(party=party, issued_at=NOW + 6), at=NOW)


@promise
async def no_session_outlives_a_logout_that_came_while_it_began(store):
    party = "op race"
    rows = [session(party=party) for _ in range(20)]
    await asyncio.gather(
        *(store.add_browser_session(row, at=NOW) for row in rows[:10]),
        store.end_browser_sessions(logout(party=party)),
        *(store.add_browser_session(row, at=NOW) for row in rows[10:]),
    )
    assert await left(store, *rows) == [False] * 20


@promise
async def a_logout_that_comes_between_the_row_and_the_look_is_seen(store):
    party, real = "op between", store._database.write
    one = session(party=party)

    async def write(unit):
        store._database.write = real
        done = await real(unit)
        await store.end_browser_sessions(logout(party=party, issued_at=NOW))
        return done

    store._database.write = write
    await store.add_browser_session(one, at=NOW)
    assert await left(store, one) == [False]


@promise
async def one_at_a_time_refreshes_a_session(store):
    one = session()
    await store.add_browser_session(one, at=NOW)
    asked = [
        store.lease_browser_session(one.key, f"h{number}", at=NOW, until=NOW + 60) for number in range(8)
    ]
    got = await asyncio.gather(*asked)
    assert sorted(got) == [False] * 7 + [True]
    winner, loser = f"h{got.index(True)}", f"h{got.index(False)}"
    await store.release_browser_session(one.key, loser)
    assert await store.lease_browser_session(one.key, loser, at=NOW + 59, until=NOW + 99) is False
    await store.release_browser_session(one.key, winner)
    assert await store.lease_browser_session(one.key, loser, at=NOW + 1, until=NOW + 61) is True


@promise
async def who_dies_while_refreshing_keeps_nobody_for_ever(store):
    one = session()
    await store.add_browser_session(one, at=NOW)
    assert await store.lease_browser_session(one.key, "dead", at=NOW, until=NOW + 60)
    assert await store.lease_browser_session(one.key, "next", at=NOW + 60, until=NOW + 120) is True
    await store.release_browser_session(one.key, "dead")
    assert await store.lease_browser_session(one.key, "third", at=NOW + 61, until=NOW + 121) is False


@promise
async def nobody_refreshes_what_is_gone(store):
    assert await store.lease_browser_session(os.urandom(32), "h", at=NOW, until=NOW + 60) is None


@promise
async def what_is_over_is_swept(store):
    over, live = session(party="op swept"), session(party="op swept", until=NOW + 9000)
    for each in (over, live):
        await store.add_browser_session(each, at=NOW)
    await store.end_browser_sessions(logout(party="op swept away"))
    await store.sweep(at=NOW + 1000, limit=100)
    assert await left(store, over, live) == [False, True]
    assert await store.add_browser_session(session(party="op swept away"), at=NOW), "the mark is gone"
