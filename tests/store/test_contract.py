import asyncio

import pytest

from store.browser_contract import PROMISES as BROWSER_PROMISES
from store.contract import PROMISES
from store.device_contract import PROMISES as DEVICE_PROMISES
from store.leak_contract import PROMISES as LEAK_PROMISES
from store.logout_contract import PROMISES as LOGOUT_PROMISES
from store.people_contract import PROMISES as PEOPLE_PROMISES
from store.pushed_contract import PROMISES as PUSHED_PROMISES
from store.registration_contract import PROMISES as REGISTRATION_PROMISES
from store.usage_contract import PROMISES as USAGE_PROMISES
from store.values import opened


@pytest.mark.parametrize(
    "promise",
    [
        *PROMISES,
        *BROWSER_PROMISES,
        *DEVICE_PROMISES,
        *LEAK_PROMISES,
        *LOGOUT_PROMISES,
        *PEOPLE_PROMISES,
        *PUSHED_PROMISES,
        *REGISTRATION_PROMISES,
        *USAGE_PROMISES,
    ],
    ids=lambda check: check.__name__,
)
def test_the_adapter_keeps_the_promise(promise, url):
    async def keep():
        async with opened(url) as store:
            await promise(store)

    asyncio.run(keep())
