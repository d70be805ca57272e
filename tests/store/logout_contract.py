"""Every promise of `tokenward.store.logout_port`."""

import asyncio
from dataclasses import replace

from store.people_contract import logged_out
from store.values import NOW, client, code_of, grant, session, signed_in
from tokenward.store.records import RelyingParty

PROMISES = []
TOLD = RelyingParty(backchannel_logout_uri="https://app.example/logout")
UPSTREAM = {"upstream": "corp", "upstream_subject": "s1", "upstream_sid": "a"}


def promise(check):
    PROMISES.append(check)
    return check


async def known(store, live, app, sid):
    """The grant as the store has it after `app` was told of the session under the name `sid`."""
    its = grant(client_id=app.client_id, user_id=live.user_id, sid=sid)
    assert await store.add_grant(its, code_of(its), session_id=live.session_id)
    return await store.grant(its.grant_id)


async def with_session(store, *, openid=TOLD, **over):
    """A session, and a client that knows it as `first`."""
    live, app = session(**over), client(openid=openid)
    await signed_in(store, live)
    await store.add_client(app, None)
    assert (await known(store, live, app, "first")).sid == "first"
    return live, app


async def due(store, at=NOW, until=NOW + 60):
    return await store.take_logouts(at=at, until=until, limit=100)


async def told(store):
    """Which sids are to be told, after which nothing is."""
    found = await due(store)
    for each in found:
        await store.settle_logout(each.notice_id, again_at=None)
    return sorted(each.sid for each in found)


@promise
async def a_client_knows_a_session_by_one_name_that_no_other_client_has(store):
    live, app = await with_session(store)
    assert (await known(store, live, app, "second")).sid == "first", "the name that it knows"
    other = client()
    await store.add_client(other, None)
    assert (await known(store, live, other, "another")).sid == "another"
    assert await store.sid_of(live.session_id, app.client_id) == "first"
    assert await store.sid_of(live.session_id, other.client_id) == "another"
    assert await store.sid_of(live.session_id, "nobody") is None
    assert await store.sid_of("nothing", app.client_id) is None


@promise
async def no_grant_comes_of_a_session_that_has_ended(store):
    live, app = await with_session(store)
    await store.end_session(live.session_id)
    its = grant(client_id=app.client_id, user_id=live.user_id, sid="late")
    assert not await store.add_grant(its, code_of(its), session_id=live.session_id)
    assert await store.grant(its.grant_id) is None
    assert await store.sid_of(live.session_id, app.client_id) is None


@promise
async def a_session_in_the_place_of_another_keeps_its_names(store):
    live, app = await with_session(store)
    new = replace(session(), user_id=live.user_id)
    assert await store.replace_session(live.session_id, new, version=0)
    assert await store.sid_of(new.session_id, app.client_id) == "first"
    assert await told(store) == [], "it has not ended"
    await store.end_session(new.session_id)
    assert await told(store) == ["first"]


ENDS = {
    "one": lambda store, live: store.end_session(live.session_id),
    "all": lambda store, live: store.end_sessions(live.user_id),
    "others": lambda store, live: store.end_other_sessions(live.user_id, "kept"),
    "password": lambda store, live: store.change_password(live.user_id, "$new", at=NOW),
    "disabled": lambda store, live: store.disable_user(live.user_id, NOW),
    "factors": lambda store, live: store.reset_factors(live.user_id),
    "upstream": lambda store, _live: logged_out(store, "corp", "s1", None),
}


@promise
async def every_end_of_a_session_is_told_once_to_who_knows_it(store):
    for name, end in ENDS.items():
        live, app = await with_session(store, user_id=f"of-{name}", **UPSTREAM)
        assert await end(store, live)
        (notice,) = await due(store)
        assert (notice.client_id, notice.user_id, notice.sid) == (app.client_id, live.user_id, "first"), name
        await store.settle_logout(notice.notice_id, again_at=None)
        assert await store.sid_of(live.session_id, app.client_id) is None


@promise
async def a_session_that_stays_is_not_told_of(store):
    live, app = await with_session(store)
    stays = session(user_id=live.user_id)
    await signed_in(store, stays)
    await known(store, stays, app, "stays")
    await store.end_other_sessions(live.user_id, stays.session_id)
    assert await told(store) == ["first"]


@promise
async def who_has_no_address_for_it_is_told_nothing(store):
    live, _app = await with_session(store, openid=RelyingParty())
    await store.end_session(live.session_id)
    assert await told(store) == []


@promise
async def an_end_that_comes_by_itself_is_told_to_nobody(store):
    live, app = await with_session(store)
    await store.sweep(at=live.expires_at - 1, limit=100)
    assert await store.sid_of(live.session_id, app.client_id) == "first"
    await store.sweep(at=live.expires_at, limit=100)
    assert await store.session(live.session_id) is None
    assert await store.sid_of(live.session_id, app.client_id) is None
    assert await told(store) == []


@promise
async def one_process_tells_and_another_one_after_it_died(store):
    live, _app = await with_session(store)
    await store.end_session(live.session_id)
    taken = await asyncio.gather(*(due(store) for _ in range(4)))
    ((notice,),) = [each for each in taken if each]
    assert notice.attempts == 1
    assert await due(store, at=NOW + 59) == []
    (again,) = await due(store, at=NOW + 60, until=NOW + 120)
    assert again == replace(notice, attempts=2)


@promise
async def what_was_not_taken_is_due_when_it_was_put_off_to(store):
    live, _app = await with_session(store)
    await store.end_session(live.session_id)
    (notice,) = await due(store)
    await store.settle_logout(notice.notice_id, again_at=NOW + 5)
    assert await due(store, at=NOW + 4) == []
    (again,) = await due(store, at=NOW + 5)
    await store.settle_logout(again.notice_id, again_at=None)
    assert await due(store, at=NOW + 1e6) == []


@promise
async def a_client_comes_back_with_what_it_has_as_a_relying_party(store):
    openid = RelyingParty(
        "ES256", "RS256", ("email",), ("https://app.example/bye",), "https://a.example/l", True
    )
    app = client(openid=openid)
    await store.add_client(app, None)
    assert await store.client(app.client_id) == app


@promise
async def a_grant_comes_back_with_its_claims(store):
    its = grant(claims='{"userinfo": ["email"]}', sid="s")
    assert await store.add_grant(its, code_of(its))
    assert await store.grant(its.grant_id) == its
