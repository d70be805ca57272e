"""What introspection remembers, by itself and behind the endpoint."""

from dataclasses import replace

import pytest

from issuer.house import WEATHER, House, answer, lived
from tokenward.issuer.known_answers import KnownAnswers
from tokenward.store.records import AccessToken, Client, FeedEvent
from tokenward.tokens import opaque

GRANT = {"grant_type": "client_credentials"}
NOW = 1_800_000_000.0
CALLER = Client("rs-1", "An API", "service", (), (f"introspect:{WEATHER}",), NOW)
NEW = opaque.new("at")
TEXT = NEW.secret.reveal()
TOKEN = AccessToken(
    NEW.token_id, b"", None, "client-1", None, ("a",), WEATHER, "client_secret", NOW, NOW + 600
)
ANSWER = b'{"active": true}'


class Feed:
    confirmed = True


@pytest.fixture
def feed():
    return Feed()


@pytest.fixture
def memory(feed):
    known = KnownAnswers(fresh=lambda: feed.confirmed, size=3)
    known.keep(TEXT, CALLER, TOKEN, ANSWER, generation=0)
    return known


def kept(memory, text, token, caller=CALLER):
    memory.keep(text, caller, token, ANSWER, generation=memory.generation)
    return memory.get(text, caller, NOW) == (token.token_id, ANSWER)


def test_an_answer_is_remembered_until_the_token_ends(memory):
    assert memory.get(TEXT, CALLER, NOW + 599.9) == (TOKEN.token_id, ANSWER)
    assert memory.get(TEXT, CALLER, NOW + 600) is None


def test_nothing_is_answered_while_revocations_may_be_unknown(memory, feed):
    feed.confirmed = False
    assert memory.get(TEXT, CALLER, NOW) is None
    feed.confirmed = True
    assert memory.get(TEXT, CALLER, NOW) == (TOKEN.token_id, ANSWER)


def test_an_answer_is_for_the_whole_token_and_not_for_its_locator(memory):
    other = opaque.new("at")
    forged = other.secret.reveal().replace(other.token_id, NEW.token_id)
    assert memory.get(forged, CALLER, NOW) is None


@pytest.mark.parametrize("change", [{"client_id": "rs-2"}, {"scopes": ()}, {"sector": "other"}], ids=str)
def test_an_answer_is_for_the_caller_as_it_was_registered_then(memory, change):
    assert memory.get(TEXT, replace(CALLER), NOW) == (TOKEN.token_id, ANSWER)
    assert memory.get(TEXT, replace(CALLER, **change), NOW) is None


@pytest.mark.parametrize(
    "event",
    [
        FeedEvent(1, "token", TOKEN.token_id, 0),
        *(FeedEvent(1, kind, "whoever", NOW) for kind in ("grant", "client", "user", "all", "claims")),
        FeedEvent(1, "signing_keys", "outside", 0),
    ],
    ids=lambda event: event.revoked,
)
def test_an_answer_ends_with_the_token_or_with_whatever_may_end_it(memory, event):
    memory.on_event(event)
    assert memory.get(TEXT, CALLER, NOW) is None


def test_another_tokens_end_is_none_of_this_ones(memory):
    memory.on_event(FeedEvent(1, "token", opaque.new("at").token_id, 0))
    assert memory.get(TEXT, CALLER, NOW) == (TOKEN.token_id, ANSWER)


def test_a_token_may_end_after_everything_was_forgotten(memory):
    memory.clear()
    memory.forget(NEW.token_id)
    assert kept(memory, TEXT, TOKEN)


def test_a_gap_in_the_feed_forgets_everything(memory):
    memory.clear()
    assert memory.get(TEXT, CALLER, NOW) is None


@pytest.mark.parametrize(
    "end",
    [lambda memory: memory.forget("another"), lambda memory: memory.clear()],
    ids=["a token's end", "a gap"],
)
def test_what_was_looked_up_before_a_revocation_is_not_remembered_after_it(feed, end):
    memory = KnownAnswers(fresh=lambda: feed.confirmed)
    before = memory.generation
    end(memory)
    memory.keep(TEXT, CALLER, TOKEN, ANSWER, generation=before)
    assert memory.get(TEXT, CALLER, NOW) is None


def test_a_token_that_ends_with_another_is_not_remembered(feed):
    memory = KnownAnswers(fresh=lambda: feed.confirmed)
    assert not kept(memory, TEXT, replace(TOKEN, ancestors=("parent",)))
    assert kept(memory, TEXT, TOKEN)


def test_a_jwt_which_ends_with_its_key_is_not_remembered(feed):
    assert not kept(KnownAnswers(fresh=lambda: feed.confirmed), "a.b.c", TOKEN)


def test_the_memory_is_bounded_and_the_oldest_goes_first(memory):
    for _ in range(3):
        new = opaque.new("at")
        assert kept(memory, new.secret.reveal(), replace(TOKEN, token_id=new.token_id))
    assert memory.get(TEXT, CALLER, NOW) is None


@lived
async def test_a_known_token_is_answered_without_a_look_at_the_store(h: House):
    h.remembers = True
    app = await h.client("service", "accounts:read")
    token = (await app.token(**GRANT)).json()["access_token"]
    first = await app.introspect(token)
    await h.issuer.store.revoke_token(str(first["jti"]), h.clock.time())
    assert await app.introspect(token) == first, "this test has no feed, so nobody told"
    h.issuer.known_answers.on_event(FeedEvent(1, "token", str(first["jti"]), 0))
    assert await app.introspect(token) == {"active": False}


@lived
async def test_what_was_revoked_here_is_inactive_here_before_the_feed_says_so(h: House):
    h.remembers = True
    app = await h.client("web", "accounts:read", "offline_access")
    body = (await app.redeem(await app.code())).json()
    again = answer(await h.authorize(**app.request()))["code"]  # no consent is needed any more
    other = (await app.redeem(again)).json()
    for token, revoked in ((body["access_token"],) * 2, (other["access_token"], other["refresh_token"])):
        assert (await app.introspect(token))["active"]
        await app.post("/revoke", token=revoked)
        assert await app.introspect(token) == {"active": False}


@lived
async def test_a_known_token_is_still_nobody_elses_business(h: House):
    h.remembers = True
    app = await h.client("service", "accounts:read")
    stranger = await h.client("service", "accounts:read")
    token = (await app.token(**GRANT)).json()["access_token"]
    assert (await app.introspect(token))["active"]
    assert await stranger.introspect(token) == {"active": False}
