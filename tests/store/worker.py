"""One of several processes on one database: `worker.py URL JOB ARGUMENT…`.

It opens the store, prints "ready", waits for a line, does its job and prints the result as JSON.
"""

import asyncio
import json
import sys

from store.values import NOW, access, grant, refresh, user
from tokenward.store.sql import open_store


def tell(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def redeem(store, code_id, grant_id, count):
    its_grant = grant(grant_id=grant_id)
    attempts = (
        store.redeem_code(code_id, access(its_grant), refresh(its_grant), at=NOW) for _ in range(int(count))
    )
    return [result.name for result in await asyncio.gather(*attempts)]


async def rotate(store, link_id, grant_id, count):
    its_grant = grant(grant_id=grant_id)
    attempts = (
        store.rotate_refresh_token(
            link_id, access(its_grant), refresh(its_grant), sealed_response=b"s", at=NOW
        )
        for _ in range(int(count))
    )
    return [result.name for result in await asyncio.gather(*attempts)]


async def revoke(store, count):
    for step in range(int(count)):
        await asyncio.gather(
            store.revoke_all_issued(before=NOW, at=NOW),
            store.revoke_issued_to_client(f"app{step % 3}", before=NOW, at=NOW),
            store.add_user(user()),
        )


async def write_forever(store):
    """Tells of each token as soon as the store has acknowledged it."""

    async def one_after_the_other():
        while True:
            token = access()
            await store.add_access_token(token)
            tell(token.token_id)

    await asyncio.gather(*(one_after_the_other() for _ in range(8)))


JOBS = {job.__name__: job for job in (redeem, rotate, revoke, write_forever)}


async def main(url, job, *arguments):
    store = await open_store(url)
    tell("ready")
    await asyncio.to_thread(sys.stdin.readline)
    tell(json.dumps(await JOBS[job](store, *arguments)))
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
