import asyncio
import itertools
import math

import pytest

from store.values import NOW, opened, until
from tokenward.base.clock import ManualClock
from tokenward.store.feed import FeedFollower
from tokenward.store.port import StoreUnavailable
from tokenward.store.records import FeedEvent


class ScriptedFeed:
    """A feed in memory that can go away, be swept or be replaced."""

    def __init__(self):
        self.events = []
        self.head = 0
        self.down = False
        self.reads = 0

    def revoke(self):
        self.head += 1
        self.events.append(FeedEvent(self.head, "token", f"t{self.head}", 0))

    async def feed_head(self):
        self.reads += 1
        if self.down:
            raise StoreUnavailable("down")
        return self.head

    async def feed_after(self, seq, *, limit):
        return [event for event in self.events if event.seq > seq][:limit]

    async def feed_wake(self, *, within):
        await asyncio.sleep(0)


def following(body):
    async def run():
        feed, clock, log = ScriptedFeed(), ManualClock(), []
        follower = FeedFollower(
            feed,
            on_event=lambda event: log.append(event.seq),
            on_gap=lambda: log.append("gap"),
            clock=clock,
            poll=0.01,
        )
        assert not follower.confirmed
        assert follower.lag == math.inf
        task = asyncio.create_task(follower.run())

        async def look():
            before = feed.reads
            await until(lambda: feed.reads >= before + 3)

        await look()
        await body(feed, clock, log, follower, look)
        task.cancel()

    asyncio.run(run())


def test_it_begins_by_dropping_every_cache_and_not_with_history():
    async def run():
        feed, log = ScriptedFeed(), []
        for _ in range(3):
            feed.revoke()
        follower = FeedFollower(
            feed, on_event=lambda event: log.append(event.seq), on_gap=lambda: log.append("gap"), poll=0.01
        )
        task = asyncio.create_task(follower.run())
        await until(lambda: follower.confirmed)
        feed.revoke()
        await until(lambda: len(log) >= 2)
        task.cancel()
        assert log == ["gap", 4]

    asyncio.run(run())


def test_it_applies_events_in_order_over_many_pages():
    async def body(feed, _clock, log, _follower, look):
        for _ in range(1234):
            feed.revoke()
        await look()
        assert log == ["gap", *range(1, 1235)]

    following(body)


def test_others_are_answered_between_the_pages():
    """SQLite answers without waiting, so nothing else would let them in."""

    async def run():
        feed, log = ScriptedFeed(), []
        follower = FeedFollower(
            feed, on_event=lambda _event: log.append("event"), on_gap=lambda: None, poll=0.01
        )
        task = asyncio.create_task(follower.run())
        await until(lambda: follower.confirmed)
        for _ in range(5000):
            feed.revoke()

        async def another():
            while log.count("event") < 5000:
                log.append("answer")
                await asyncio.sleep(0)

        await another()
        task.cancel()
        runs = [len(list(events)) for what, events in itertools.groupby(log) if what == "event"]
        assert len(runs) == 10
        assert set(runs) == {500}

    asyncio.run(run())


def test_it_is_unconfirmed_after_750_ms_without_an_answer_and_recovers_where_it_was():
    async def body(feed, clock, log, follower, look):
        feed.down = True
        await look()
        clock.advance(0.75)
        assert follower.confirmed
        clock.advance(0.001)
        assert not follower.confirmed
        assert follower.lag == pytest.approx(0.751)
        feed.revoke()
        feed.revoke()
        feed.down = False
        await look()
        assert follower.confirmed
        assert log == ["gap", 1, 2]

    following(body)


def test_who_was_away_for_very_long_begins_anew_instead_of_reading_all_of_it():
    async def body(feed, _clock, log, _follower, look):
        feed.down = True
        await look()
        for _ in range(10_000):
            feed.revoke()
        feed.down = False
        await look()
        assert log == ["gap", *range(1, 10_001)]
        feed.down = True
        await look()
        for _ in range(10_001):
            feed.revoke()
        feed.down = False
        await look()
        assert log[10_001:] == ["gap"]
        feed.revoke()
        await look()
        assert log[10_002:] == [20_002]

    following(body)


def test_history_that_was_swept_is_a_gap():
    async def body(feed, _clock, log, _follower, look):
        feed.down = True
        await look()
        for _ in range(5):
            feed.revoke()
        del feed.events[:3]
        feed.down = False
        await look()
        assert log == ["gap", "gap"]
        feed.revoke()
        await look()
        assert log == ["gap", "gap", 6]

    following(body)


def test_a_hole_within_the_history_is_a_gap():
    async def body(feed, _clock, log, _follower, look):
        feed.down = True
        await look()
        for _ in range(3):
            feed.revoke()
        del feed.events[1]  # its process had a clock that was a day behind
        feed.down = False
        await look()
        assert log == ["gap", "gap"]

    following(body)


def test_history_that_was_swept_altogether_is_a_gap():
    async def body(feed, _clock, log, _follower, look):
        feed.head = 7
        await look()
        assert log == ["gap", "gap"]

    following(body)


def test_an_older_database_is_a_gap():
    async def body(feed, _clock, log, _follower, look):
        feed.revoke()
        feed.revoke()
        await look()
        feed.head = 1
        del feed.events[1:]
        await look()
        assert log == ["gap", 1, 2, "gap"]

    following(body)


def test_confirmation_counts_from_the_start_of_the_look():
    async def run():
        clock = ManualClock()

        class SlowFeed(ScriptedFeed):
            async def feed_head(self):
                clock.advance(0.5)
                return 0

            async def feed_wake(self, *, within):
                await asyncio.sleep(60)

        follower = FeedFollower(SlowFeed(), on_event=lambda _event: None, on_gap=lambda: None, clock=clock)
        task = asyncio.create_task(follower.run())
        await asyncio.sleep(0.01)
        assert follower.lag == pytest.approx(0.5)
        task.cancel()

    asyncio.run(run())


def test_an_error_of_a_cache_ends_confirmation():
    async def run():
        feed, clock = ScriptedFeed(), ManualClock()

        def fail(_event):
            raise RuntimeError("bug")

        follower = FeedFollower(feed, on_event=fail, on_gap=lambda: None, clock=clock, poll=0.01)
        task = asyncio.create_task(follower.run())
        await until(lambda: follower.confirmed)
        feed.revoke()
        with pytest.raises(RuntimeError, match="bug"):
            await task
        clock.advance(1)
        assert not follower.confirmed

    asyncio.run(run())


def test_a_poll_slower_than_promised_is_refused():
    with pytest.raises(ValueError, match="250 ms"):
        FeedFollower(ScriptedFeed(), on_event=print, on_gap=print, poll=0.3)


def test_a_revocation_in_the_same_process_is_seen_at_once(url):
    async def run():
        seen = []
        async with opened(url) as store:
            follower = FeedFollower(store, on_event=seen.append, on_gap=lambda: None)
            task = asyncio.create_task(follower.run())
            await until(lambda: follower.confirmed)
            await store.revoke_issued_to_client("app", before=NOW, at=NOW)
            await until(lambda: seen)
            task.cancel()
            assert seen == [FeedEvent(1, "client", "app", NOW)]

    asyncio.run(run())
