"""When a server process listens, and when it tells that it does."""

import asyncio
import os
import signal

from tokenward.app.listener import Listener, bind
from tokenward.app.serving_all import serve_all
from tokenward.store.feed import FeedFollower


class Feed:
    """A revocation feed that answers once it is let."""

    def __init__(self):
        self.let = asyncio.Event()

    async def feed_head(self):
        await self.let.wait()
        return 0

    async def feed_wake(self, *, within):
        await asyncio.sleep(within)


async def _hello(_scope, _receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"hi"})


def test_nobody_is_listened_to_before_revocations_are_known():
    async def run():
        feed, ready = Feed(), asyncio.Event()
        listener = Listener(_hello, bind("127.0.0.1", 0))
        follower = FeedFollower(feed, on_event=lambda _: None, on_gap=lambda: None)
        serving = asyncio.create_task(
            serve_all([listener], beside=[follower.run()], follower=follower, on_ready=ready.set)
        )
        for _ in range(200):
            await asyncio.sleep(0)
        assert (listener.listening.is_set(), ready.is_set()) == (False, False)
        feed.let.set()
        async with asyncio.timeout(10):
            await ready.wait()
        assert listener.listening.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        await serving

    asyncio.run(run())
