"""Several processes on one database, as they run in earnest."""

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path

from store.values import access, code_of, grant, opened, started, until
from tokenward.store.feed import FeedFollower

TESTS = Path(__file__).parents[1]


@contextmanager
def worker(url, job, *arguments):
    command = [sys.executable, str(TESTS / "store" / "worker.py"), url, job, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def together(url, job, *arguments, processes=3):
    """Start the processes, let them go at the same moment; what each of them answered."""
    with ExitStack() as stack:
        workers = [stack.enter_context(worker(url, job, *arguments)) for _ in range(processes)]
        for each in workers:
            assert each.stdout.readline() == "ready\n"
        for each in workers:
            each.stdin.write("go\n")
            each.stdin.flush()
        return [json.loads(each.stdout.readline()) for each in workers]


def test_processes_that_start_at_once_make_one_schema(url):
    assert together(url, "revoke", 0, processes=4) == [None] * 4


def test_of_redemptions_in_several_processes_one_wins(url):
    async def prepare():
        async with opened(url) as store:
            its_grant = grant()
            code = code_of(its_grant)
            await store.add_grant(its_grant, code)
            return its_grant, code

    async def verify():
        async with opened(url) as store:
            assert (await store.code(code.token_id)).revoked
            assert len(await store.feed_after(0, limit=100)) == 1

    its_grant, code = asyncio.run(prepare())
    answers = together(url, "redeem", code.token_id, its_grant.grant_id, 17)
    assert Counter(chain(*answers)) == {"WON": 1, "ALREADY_CONSUMED": 50}
    asyncio.run(verify())


def test_of_rotations_in_several_processes_one_wins(url):
    async def prepare():
        async with opened(url) as store:
            return await started(store)

    its_grant, _, link = asyncio.run(prepare())
    answers = together(url, "rotate", link.token_id, its_grant.grant_id, 17)
    assert Counter(chain(*answers)) == {"WON": 1, "ALREADY_CONSUMED": 50}


def test_a_follower_misses_no_revocation_of_any_process(url):
    seen, gaps = [], []

    async def follow():
        async with opened(url) as store:
            follower = FeedFollower(
                store, on_event=lambda event: seen.append(event.seq), on_gap=lambda: gaps.append(len(seen))
            )
            task = asyncio.create_task(follower.run())
            await until(lambda: follower.confirmed)
            await asyncio.to_thread(together, url, "revoke", 20)
            await until(lambda: len(seen) >= 120)
            task.cancel()

    asyncio.run(follow())
    assert seen == list(range(1, 121))
    assert gaps == [0]  # the start


def test_a_killed_process_loses_nothing_that_it_acknowledged(url):
    acknowledged = []
    with worker(url, "write_forever") as process:
        assert process.stdout.readline() == "ready\n"
        process.stdin.write("go\n")
        process.stdin.flush()
        acknowledged += [process.stdout.readline().strip() for _ in range(200)]
        process.kill()
        *whole, _torn = process.stdout.read().split("\n")
        acknowledged += whole

    async def verify():
        async with opened(url) as store:
            assert all([await store.access_token(token_id) for token_id in acknowledged])
            await store.add_access_token(access())

    assert len(acknowledged) >= 200
    asyncio.run(verify())
