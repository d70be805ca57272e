"""Sessions of browser apps in the store of the house, as several processes have it."""

import asyncio
import contextlib
import threading

from store.values import opened
from tokenward.app.browser_session_store import SharedSessions
from tokenward.base.clock import SYSTEM_CLOCK


@contextlib.contextmanager
def on_a_loop():
    """Runs what is awaited on an event loop that a thread of its own turns: `run(awaitable)`, and `loop`."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(awaitable):
        return asyncio.run_coroutine_threadsafe(awaitable, loop).result(30)

    try:
        yield run, loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextlib.contextmanager
def shared_sessions(url, processes=1, clock=SYSTEM_CLOCK):
    """As that many processes see them: each has connections of its own."""
    with on_a_loop() as (run, loop), contextlib.ExitStack() as stack:
        stores = []
        for _ in range(processes):
            store = opened(url)
            stores.append(run(store.__aenter__()))
            stack.callback(lambda store=store: run(store.__aexit__(None, None, None)))
        yield [SharedSessions(store, loop, clock) for store in stores]
