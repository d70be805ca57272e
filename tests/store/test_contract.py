import asyncio

import pytest

from store.contract import PROMISES
from store.values import opened


@pytest.mark.parametrize("promise", PROMISES, ids=lambda check: check.__name__)
def test_the_adapter_keeps_the_promise(promise, url):
    async def keep():
        async with opened(url) as store:
            await promise(store)

    asyncio.run(keep())
