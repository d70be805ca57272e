"""What a call uses is noted with the address that it came from."""

import asyncio
from dataclasses import replace

import pytest

from app.test_decision_log import ALLOW, FACTS
from tokenward.app.uses import note_uses
from tokenward.base.clock import ManualClock
from tokenward.base.problems import INSUFFICIENT_SCOPE, UNDOCUMENTED
from tokenward.gateway.access import AccessRequest, Deny, KeyTerms
from tokenward.store.usage import UsageLog

REQUEST = AccessRequest("GET", b"/bank/accounts/1", b"", (), "203.0.113.9")
OF_KEY = replace(FACTS, key=KeyTerms("4U9VoPKSKey"))
KEY = replace(OF_KEY, token_id="4U9VoPKSKey")


class Store:
    def __init__(self):
        self.usages = []

    async def record_usage(self, usages):
        self.usages += usages


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (ALLOW, [("access_token", FACTS.token_id)]),
        (Deny(INSUFFICIENT_SCOPE, facts=FACTS), [("access_token", FACTS.token_id)]),
        (ALLOW._replace(facts=KEY), [("api_key", KEY.token_id)]),
        (ALLOW._replace(facts=OF_KEY), [("api_key", KEY.token_id), ("access_token", FACTS.token_id)]),
        (ALLOW._replace(facts=replace(FACTS, believed_until=9.0)), []),
        (ALLOW._replace(facts=None), []),
        (Deny(UNDOCUMENTED), []),
    ],
    ids=["call", "refused", "key", "for a key", "foreign", "anonymous", "undocumented"],
)
def test_what_is_ours_and_was_known_is_noted(decision, expected):
    store = Store()
    log = UsageLog(store, ManualClock(1000.0))
    note_uses(log, REQUEST, decision)
    asyncio.run(log.flush())
    assert [(each.kind, each.subject) for each in store.usages] == expected
    assert {(each.door, each.address, each.uses) for each in store.usages} <= {("gateway", "203.0.113.9", 1)}
