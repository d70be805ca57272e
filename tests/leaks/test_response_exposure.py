"""Since when a credential was exposed, and from where it was used since then."""

import pytest

from leaks.responding import id_of, lived
from tokenward.leaks.response.exposure import exposed_since, uses_of
from tokenward.leaks.response.notices import Notice
from tokenward.leaks.response.telling import tell_due
from tokenward.store.leak_records import Evidence, Incident, Leaked, Seen
from tokenward.store.records import Usage

ISSUED, REPORTED = 1_790_000_000.0, 1_800_000_000.0


def incident_of(issued_at=ISSUED, kind="api_key"):
    return Incident("i", Leaked(kind, "k", issued_at=issued_at), REPORTED, "holder", 1, "open", "alert")


def seen(*moments):
    return [Seen(Evidence("holder", since=each), REPORTED) for each in moments]


@pytest.mark.parametrize(
    ("told", "issued", "since"),
    [
        ([], ISSUED, REPORTED),
        ([None, None], ISSUED, REPORTED),
        ([REPORTED - 60, None, REPORTED - 30], ISSUED, REPORTED - 60),
        ([REPORTED + 9e9], ISSUED, REPORTED),
        ([1.0], ISSUED, ISSUED),
        ([1.0], None, 1.0),
        ([REPORTED - 60], REPORTED + 60, REPORTED),
    ],
    ids=["untold", "no dates", "earliest", "in the future", "before it was", "nobody knows", "odd clocks"],
)
def test_dates_that_reporters_invent_hide_nothing(told, issued, since):
    assert exposed_since(incident_of(issued), seen(*told)) == since


def usage(address, last, first=ISSUED, kind="api_key", subject="k"):
    return Usage(kind, subject, "gateway", address, 3, first, last)


def test_a_notice_tells_the_addresses_of_uses_since_it_was_exposed_and_no_others():
    uses = (usage("203.0.113.9", REPORTED - 10), usage("192.0.2.7", REPORTED - 100))
    notice = Notice(incident_of(), tuple(seen(REPORTED - 60)), uses)
    assert "203.0.113.9 (gateway): 3 times" in notice.text
    assert "192.0.2.7" not in notice.text
    (told,) = notice.json()["used_since"]
    assert (told["address"], told["last_used_at"]) == ("203.0.113.9", REPORTED - 10)
    assert notice.json()["exposed_since"] == REPORTED - 60
    assert "it was used from" not in Notice(incident_of(), ()).text


@lived
async def test_owners_hear_from_where_it_was_used(w):
    _, scanner = await w.reporter()
    _, token = await w.service()
    now = w.clock.time()
    await w.store.record_usage([usage("203.0.113.9", now, now, "access_token", id_of(token))])
    w.clock.advance(5)
    await w.report(scanner, token, since="2020-01-01T00:00:00Z")
    notices = []

    class Post:
        def recipients(self, _notice):
            return ("post",)

        async def tell(self, notice, _recipient):
            notices.append(notice.text)

    await tell_due(w.store, [Post()], clock=w.clock)
    assert "203.0.113.9" in notices[0]


@lived
async def test_of_what_nobody_writes_down_no_use_is_known(w):
    assert await uses_of(w.store, Leaked("session", "k")) == []
