"""The promises of `tokenward.store.people_port`, for every adapter."""

import asyncio
import math
import os
from dataclasses import replace

import pytest

from store.values import (
    NOW,
    access,
    code_of,
    grant,
    link,
    passkey,
    refresh,
    session,
    signed_in,
    started,
    user,
)
from tokenward.store.people_records import Consent, FactorSummary, Totp, UpstreamLink, UpstreamLogout
from tokenward.store.port import AlreadyExists
from tokenward.store.records import Consumption, FeedEvent

PROMISES = []


def promise(check):
    PROMISES.append(check)
    return check


async def added(store, **over):
    person = user(**over)
    await store.add_user(person)
    return person


async def version_of(store, person):
    return (await store.user(person.user_id)).version


async def two_sign_ins(store, person):
    sessions = [session(user_id=person.user_id, last_seen_at=NOW + n) for n in range(2)]
    await signed_in(store, *sessions)
    return sessions


def account(person, subject="s1", upstream="corp"):
    return UpstreamLink(upstream, subject, person.user_id, NOW)


async def winners(attempts):
    return sum(await asyncio.gather(*attempts))


# Persons


@promise
async def a_person_comes_back_as_added(store):
    ann, bob = user(), user(created_at=NOW + 1, disabled_at=NOW + 2, version=7, password_hash="")
    await store.add_user(bob)
    await store.add_user(ann)
    assert await store.user(ann.user_id) == ann
    assert await store.user_by_name(bob.username) == bob
    assert await store.user_by_name(bob.username.swapcase()) is None
    assert await store.user("nobody") is None
    assert await store.users() == [ann, bob]
    for clash in [user(user_id=ann.user_id), user(username=ann.username)]:
        with pytest.raises(AlreadyExists):
            await store.add_user(clash)


@promise
async def a_person_is_added_with_an_account_elsewhere_or_not_at_all(store):
    ann, bob = user(), user()
    await store.add_user(ann, account(ann))
    assert await store.upstream_user("corp", "s1") == ann.user_id
    with pytest.raises(AlreadyExists):
        await store.add_user(bob, account(bob))
    assert await store.users() == [ann]


@promise
async def another_password_counts_as_a_change_and_ends_every_session_but_one(store):
    ann, bob = await added(store), await added(store)
    (first, second), (other, _) = await two_sign_ins(store, ann), await two_sign_ins(store, bob)
    assert await store.change_password(ann.user_id, "$new", at=NOW, keep_session=second.session_id)
    assert await store.user(ann.user_id) == replace(ann, password_hash="$new", version=1)
    assert await store.session(first.session_id) is None
    assert await store.session(second.session_id) == second
    assert await store.session(other.session_id) == other
    assert await store.change_password(ann.user_id, "$newer", at=NOW)
    assert await store.sessions_of(ann.user_id) == []
    assert await store.user(bob.user_id) == bob
    assert not await store.change_password("nobody", "$new", at=NOW)


@promise
async def a_link_pays_for_one_other_password(store):
    ann, bob = await added(store), await added(store)
    its, bobs = link(user_id=ann.user_id), link(user_id=bob.user_id)
    await store.add_link(its)
    await store.add_link(bobs)
    await two_sign_ins(store, ann)
    for useless, at in [("none", NOW), (bobs.link_id, NOW), (its.link_id, its.expires_at)]:
        assert not await store.change_password(ann.user_id, "$new", at=at, link_id=useless)
    assert await store.user(ann.user_id) == ann
    assert len(await store.sessions_of(ann.user_id)) == 2
    assert await store.link(bobs.link_id) == bobs
    tries = [store.change_password(ann.user_id, f"${n}", at=NOW + 1, link_id=its.link_id) for n in range(20)]
    assert await winners(tries) == 1
    assert await version_of(store, ann) == 1
    assert await store.sessions_of(ann.user_id) == []
    assert await store.link(its.link_id) == replace(its, used_at=NOW + 1)


@promise
async def another_password_voids_links_that_are_unused(store):
    ann = await added(store)
    its = link(user_id=ann.user_id)
    await store.add_link(its)
    await store.change_password(ann.user_id, "$new", at=NOW)
    assert await store.link(its.link_id) is None


@promise
async def a_hash_is_renewed_only_while_it_is_what_it_was(store):
    ann = await added(store)
    await two_sign_ins(store, ann)
    assert await store.rehash_password(ann.user_id, ann.password_hash, "$better")
    assert not await store.rehash_password(ann.user_id, ann.password_hash, "$late")
    assert not await store.rehash_password("nobody", ann.password_hash, "$late")
    assert await store.user(ann.user_id) == replace(ann, password_hash="$better")
    assert len(await store.sessions_of(ann.user_id)) == 2


@promise
async def nothing_acts_for_a_disabled_person_and_nothing_that_was_issued_until_they_are_enabled(store):
    ann = await added(store)
    sessions = await two_sign_ins(store, ann)
    whose = {"user_id": ann.user_id, "expires_at": NOW + 9999}
    _, before, _ = await started(store, **whose)
    late = grant(user_id=ann.user_id, created_at=NOW + 3)
    assert await store.disable_user(ann.user_id, NOW + 2)
    assert not await store.disable_user(ann.user_id, NOW + 3)
    assert not await store.disable_user("nobody", NOW)
    assert await store.user(ann.user_id) == replace(ann, disabled_at=NOW + 2, version=1)
    assert [await store.session(each.session_id) for each in sessions] == [None, None]
    # What a token request that was under way issues afterwards, however late.
    waiting = code_of(late)
    await store.add_grant(late, waiting)
    assert (await store.code(waiting.token_id)).revoked
    gone = await store.redeem_code(waiting.token_id, access(late), refresh(late), at=NOW + 3)
    assert gone is Consumption.REVOKED_OR_EXPIRED
    meanwhile = access(issued_at=NOW + 100, **whose)
    await store.add_access_token(meanwhile)
    assert [(await store.access_token(each.token_id)).revoked for each in (before, meanwhile)] == [True] * 2
    assert not await store.add_session(session(user_id=ann.user_id), version=1)

    assert await store.enable_user(ann.user_id, NOW + 200)
    assert not await store.enable_user(ann.user_id, NOW + 201)
    assert not await store.enable_user("nobody", NOW)
    assert await store.user(ann.user_id) == replace(ann, version=2)
    after = access(issued_at=NOW + 201, **whose)
    await store.add_access_token(after)
    dead = [(await store.access_token(each.token_id)).revoked for each in (before, meanwhile, after)]
    assert dead == [True, True, False]
    assert (await store.code(waiting.token_id)).revoked
    assert await store.add_session(session(user_id=ann.user_id), version=2)
    assert await store.feed_after(0, limit=9) == [
        FeedEvent(1, "user", ann.user_id, math.inf),
        FeedEvent(2, "user", ann.user_id, NOW + 200),
    ]


@promise
async def resetting_factors_removes_them_ends_sessions_and_counts_as_one_change(store):
    ann, bob = await added(store), await added(store)
    for person in (ann, bob):
        await store.add_passkey(passkey(user_id=person.user_id))
        await store.set_totp(person.user_id, b"sealed", step=1, at=NOW)
        await store.set_recovery_codes(person.user_id, [b"one", b"two"], at=NOW)
        await store.add_link(link(link_id=person.username, user_id=person.user_id))
        await two_sign_ins(store, person)
    assert await store.has_factors(ann.user_id) == FactorSummary(1, True, 2, True)
    assert await store.reset_factors(ann.user_id)
    assert not await store.reset_factors("nobody")
    assert await store.has_factors(ann.user_id) == FactorSummary(password=True)
    assert await store.link(ann.username) is None
    assert await store.sessions_of(ann.user_id) == []
    assert await version_of(store, ann) == 4
    assert await store.has_factors(bob.user_id) == FactorSummary(1, True, 2, True)
    assert len(await store.sessions_of(bob.user_id)) == 2
    assert (await store.link(bob.username)).used_at is None


# What is known of them


@promise
async def claims_of_a_person_are_set_replaced_and_removed(store):
    ann, bob = user(), user()
    await store.add_user(ann)
    await store.add_user(bob)
    assert await store.user_claims(ann.user_id) == {}
    values = {"email": "ann@example", "email_verified": False, "age": 7, "address": {"x": ["ü", None]}}
    assert await store.change_user_claims(ann.user_id, values, NOW)
    assert await store.user_claims(ann.user_id) == values
    assert await store.user_claims(bob.user_id) == {}
    changes = {"email": "ann@new.example", "age": None, "never": None}
    assert await store.change_user_claims(ann.user_id, changes, NOW + 1)
    assert await store.user_claims(ann.user_id) == {
        "email": "ann@new.example",
        "email_verified": False,
        "address": {"x": ["ü", None]},
    }


@promise
async def a_change_of_claims_is_in_the_feed_and_one_of_nobody_s_is_not(store):
    ann = user()
    await store.add_user(ann)
    assert not await store.change_user_claims("nobody", {"email": "x"}, NOW)
    assert await store.user_claims("nobody") == {}
    assert await store.feed_head() == 0
    assert await store.change_user_claims(ann.user_id, {"email": "x"}, NOW)
    assert await store.feed_after(0, limit=9) == [FeedEvent(1, "claims", ann.user_id, 0)]


@promise
async def people_are_found_by_an_address_that_was_verified(store):
    values = {
        "ann": {"email": "ada@example.com", "email_verified": True},
        "bob": {"email": "ada@example.com", "email_verified": True},
        "other": {"email": "Ada@example.com", "email_verified": True},
        "unverified": {"email": "ada@example.com", "email_verified": False},
        "silent": {"email": "ada@example.com"},
        "crossed": {"nickname": "ada@example.com", "email_verified": True},
    }
    for user_id, claims in values.items():
        await added(store, user_id=user_id)
        await store.change_user_claims(user_id, claims, NOW)
    assert await store.users_with_email("ada@example.com") == ["ann", "bob"]
    assert await store.users_with_email("nobody@example.com") == []


# Sessions


@promise
async def sessions_live_until_they_are_ended(store):
    first, second, other = session(), session(), session(user_id="bob", proofs=())
    told = session(
        user_id="carl",
        device="Firefox on Linux",
        address="192.0.2.7",
        upstream="corp",
        upstream_sid="sid 1",
        upstream_subject="ü",
    )
    await signed_in(store, first, second, other, told)
    with pytest.raises(AlreadyExists):
        await store.add_session(first, version=0)
    assert await store.session(other.session_id) == other
    assert await store.session(told.session_id) == told
    await store.touch_session(first.session_id, NOW + 5)
    await store.touch_session(first.session_id, NOW + 4)  # overtaken on the way
    assert await store.session(first.session_id) == replace(first, last_seen_at=NOW + 5)
    assert await store.end_session(first.session_id)
    assert not await store.end_session(first.session_id)
    assert await store.session(first.session_id) is None
    assert await store.end_sessions("ann") == 1
    assert await store.end_sessions("ann") == 0
    assert await store.session(other.session_id) == other


@promise
async def a_session_begins_only_for_the_person_as_they_were_read(store):
    ann = await added(store)
    assert not await store.add_session(session(user_id="nobody"), version=0)
    assert not await store.add_session(session(user_id=ann.user_id), version=1)
    await store.change_password(ann.user_id, "$new", at=NOW)
    assert not await store.add_session(session(user_id=ann.user_id), version=0)
    assert await store.sessions_of(ann.user_id) == []
    assert await store.add_session(session(user_id=ann.user_id), version=1)


@promise
async def sessions_are_listed_by_their_last_use_and_all_but_one_ended(store):
    ann, bob = await added(store), await added(store)
    (older, newer), others = await two_sign_ins(store, ann), await two_sign_ins(store, bob)
    assert await store.sessions_of(ann.user_id) == [newer, older]
    await store.touch_session(older.session_id, NOW + 9)
    assert [each.session_id for each in await store.sessions_of(ann.user_id)] == [
        older.session_id,
        newer.session_id,
    ]
    assert await store.end_other_sessions(ann.user_id, newer.session_id) == 1
    assert await store.end_other_sessions(ann.user_id, newer.session_id) == 0
    assert await store.sessions_of(ann.user_id) == [newer]
    assert await store.sessions_of(bob.user_id) == others[::-1]
    assert await store.sessions_of("nobody") == []


@promise
async def a_session_is_replaced_once_and_not_after_it_was_ended(store):
    ann, bob = await added(store), await added(store)
    (first, second), (other, _) = await two_sign_ins(store, ann), await two_sign_ins(store, bob)
    fresh = [session(user_id=ann.user_id) for _ in range(20)]
    assert await winners(store.replace_session(first.session_id, each, version=0) for each in fresh) == 1
    left = await store.sessions_of(ann.user_id)
    assert len(left) == 2
    assert [each for each in left if each in fresh]
    assert await store.session(first.session_id) is None
    with pytest.raises(AlreadyExists):
        await store.replace_session(
            second.session_id, session(session_id=other.session_id, user_id=ann.user_id), version=0
        )
    with pytest.raises(ValueError, match="same person"):
        await store.replace_session(second.session_id, session(user_id=bob.user_id), version=0)
    fresh = session(user_id=ann.user_id)
    assert not await store.replace_session(second.session_id, fresh, version=1)
    assert await store.session(second.session_id) == second
    await store.end_sessions(ann.user_id)
    assert not await store.replace_session(second.session_id, session(user_id=ann.user_id), version=0)
    assert await store.sessions_of(ann.user_id) == []


@promise
async def no_session_survives_the_end_of_all_that_comes_while_it_begins_or_is_replaced(store):
    for _ in range(10):
        ann = await added(store)
        (first, _) = await two_sign_ins(store, ann)
        await asyncio.gather(
            *(store.add_session(session(user_id=ann.user_id), version=0) for _ in range(3)),
            store.replace_session(first.session_id, session(user_id=ann.user_id), version=0),
            store.change_password(ann.user_id, "$new", at=NOW),
            *(store.add_session(session(user_id=ann.user_id), version=0) for _ in range(3)),
            store.replace_session(first.session_id, session(user_id=ann.user_id), version=0),
        )
        assert await store.sessions_of(ann.user_id) == []


async def logged_out(store, upstream, subject, sid, *, said_at=NOW, once=None):
    logout = UpstreamLogout(upstream, subject, sid, said_at, NOW + 3600)
    return await store.end_upstream_sessions(logout, once=once or os.urandom(32), until=NOW + 60, at=NOW)


@promise
async def a_logout_at_an_identity_provider_ends_the_sessions_that_it_names(store):
    def by(upstream="corp", subject="s1", sid="a"):
        return session(upstream=upstream, upstream_subject=subject, upstream_sid=sid)

    at_a, at_b, others = by(), by(sid="b"), by(subject="s2", sid="a")
    elsewhere, own = by(upstream="club"), session()
    every = (at_a, at_b, others, elsewhere, own)

    async def left():
        return [each for each in every if await store.session(each.session_id) is not None]

    await signed_in(store, *every)
    assert await logged_out(store, "corp", "s1", "a") == 1
    assert await left() == [at_b, others, elsewhere, own]
    assert await logged_out(store, "corp", "s1", None) == 1
    assert await left() == [others, elsewhere, own]
    assert await logged_out(store, "corp", None, "a") == 1
    assert await left() == [elsewhere, own]
    assert await logged_out(store, "", "", "") == 0
    assert await left() == [elsewhere, own]
    with pytest.raises(ValueError, match="subject or a session"):
        await logged_out(store, "club", None, None)


@promise
async def a_logout_counts_once_and_its_use_is_part_of_it(store):
    by_it = session(upstream="corp", upstream_subject="s1", upstream_sid="a")
    once = os.urandom(32)
    assert await logged_out(store, "corp", "s1", None, once=once) == 0
    await signed_in(store, by_it)
    assert await logged_out(store, "corp", "s1", None, once=once) is None
    assert await store.session(by_it.session_id) == by_it
    assert not await store.first_use(once, NOW + 60, at=NOW)


@promise
async def what_a_provider_says_has_ended_is_known_afterwards(store):
    async def ended(subject="s1", sid="a", upstream="corp", since=NOW):
        return await store.upstream_ended(upstream, subject=subject, sid=sid, since=since)

    assert not await ended()
    await logged_out(store, "corp", "s1", "a")
    assert [await ended(), await ended(sid="b"), await ended(sid=""), await ended("s2")] == [
        True,
        False,
        False,
        False,
    ]
    assert not await ended(upstream="club")
    assert not await ended(since=NOW + 1)  # what is vouched for after an end is something new
    await logged_out(store, "corp", None, "b")
    assert [await ended("s2", "b"), await ended("s2", "a"), await ended("s2", "")] == [True, False, False]
    await logged_out(store, "corp", "s3", None)
    assert [await ended("s3", "x"), await ended("s3", ""), await ended("s2", "x")] == [True, True, False]
    await logged_out(store, "corp", "s3", None, said_at=NOW - 5)
    assert await ended("s3", "")  # an earlier one that comes later undoes nothing
    await logged_out(store, "corp", "s3", None, said_at=NOW + 5)
    assert await ended("s3", "", since=NOW + 5)


@promise
async def what_has_ended_is_forgotten_when_nothing_can_rest_on_it(store):
    await logged_out(store, "corp", "s1", None)
    await store.sweep(at=NOW + 3599, limit=10)
    assert await store.upstream_ended("corp", subject="s1", sid="", since=NOW)
    await store.sweep(at=NOW + 3600, limit=10)
    assert not await store.upstream_ended("corp", subject="s1", sid="", since=NOW)


# Consent


@promise
async def consent_adds_up_per_client_and_audience(store):
    assert await store.consented_scope("ann", "app", "api") == {}
    await asyncio.gather(
        *(store.add_consent("ann", "app", "api", scope, NOW) for scope in [["a", "b"], ["b", "c"], [], ["a"]])
    )
    assert await store.consented_scope("ann", "app", "api") == dict.fromkeys("abc", NOW)
    await store.add_consent("ann", "app", "api", ["c", "d"], NOW + 5)
    assert await store.consented_scope("ann", "app", "api") == dict.fromkeys("abc", NOW) | {"d": NOW + 5}
    for other in [("bob", "app", "api"), ("ann", "other", "api"), ("ann", "app", "other")]:
        assert await store.consented_scope(*other) == {}


@promise
async def a_grant_by_remembered_consent_is_added_only_while_that_is_remembered(store):
    ann = await added(store)
    its = {"user_id": ann.user_id, "client_id": "app", "scope": ("a:read", "a:write")}

    def fresh():
        its_grant = grant(**its)
        return its_grant, code_of(its_grant)

    first, code = fresh()
    assert not await store.add_grant(first, code, as_remembered=True)
    await store.add_consent(ann.user_id, "app", first.audience, ["a:read"], NOW)
    await store.add_consent(ann.user_id, "other", first.audience, ["a:write"], NOW)
    await store.add_consent(ann.user_id, "app", "elsewhere", ["a:write"], NOW)
    assert not await store.add_grant(first, code, as_remembered=True)
    assert await store.grant(first.grant_id) is None
    await store.add_consent(ann.user_id, "app", first.audience, ["a:write"], NOW)
    assert await store.add_grant(first, code, as_remembered=True)
    assert await store.grant(first.grant_id) == first
    # Whatever comes first: no grant outlives the withdrawal.
    for _ in range(5):
        await store.add_consent(ann.user_id, "app", first.audience, its["scope"], NOW)
        many = [store.add_grant(*fresh(), as_remembered=True) for _ in range(5)]
        await asyncio.gather(*many[:3], store.withdraw_consent(ann.user_id, "app", NOW), *many[3:])
        assert await store.grants_of(ann.user_id, NOW) == []
    assert not await store.add_grant(*fresh(), as_remembered=True)
    assert await store.add_grant(*fresh())


@promise
async def consent_is_listed_and_withdrawn_with_every_grant_that_came_of_it(store):
    await store.add_consent("ann", "app", "api", ["b", "a"], NOW)
    await store.add_consent("ann", "app", "api", ["c"], NOW + 5)
    await store.add_consent("ann", "app", "bank", ["x"], NOW + 1)
    await store.add_consent("ann", "other", "api", ["a"], NOW + 2)
    await store.add_consent("bob", "app", "api", ["a"], NOW)
    assert await store.consents_of("ann") == [
        Consent("app", "api", ("a", "b", "c"), NOW + 5),
        Consent("app", "bank", ("x",), NOW + 1),
        Consent("other", "api", ("a",), NOW + 2),
    ]
    first, token, _ = await started(store)
    second, _, _ = await started(store)
    dead, _, _ = await started(store)
    await store.revoke_grant(dead.grant_id, NOW)
    kept = [await started(store, user_id="bob"), await started(store, client_id="other")]
    before = await store.feed_head()
    assert await store.withdraw_consent("ann", "app", NOW + 9)
    assert await store.consents_of("ann") == [Consent("other", "api", ("a",), NOW + 2)]
    assert len(await store.consents_of("bob")) == 1
    assert (await store.access_token(token.token_id)).revoked
    assert [(await store.access_token(each.token_id)).revoked for _, each, _ in kept] == [False, False]
    ended = sorted([first.grant_id, second.grant_id])
    assert await store.feed_after(before, limit=9) == [
        FeedEvent(before + 1, "grant", ended[0], 0),
        FeedEvent(before + 2, "grant", ended[1], 0),
    ]
    assert not await store.withdraw_consent("ann", "app", NOW + 10)
    assert await store.feed_head() == before + 2
    await started(store)
    assert await store.withdraw_consent("ann", "app", NOW + 11), "a grant without remembered consent"


@promise
async def grants_are_listed_while_they_can_act_for_the_person(store):
    its_grant, _, _ = await started(store)
    newer, _, _ = await started(store, client_id="other", created_at=NOW + 1)
    await started(store, user_id="bob")
    revoked, _, _ = await started(store)
    await store.revoke_grant(revoked.grant_id, NOW)
    await started(store, expires_at=NOW + 5)
    await started(store, client_id="cut")
    await store.revoke_issued_to_client("cut", before=NOW, at=NOW)
    waiting = grant(created_at=NOW - 1)
    await store.add_grant(waiting, code_of(waiting, expires_at=NOW + 10))
    assert await store.grants_of("ann", NOW + 9) == [newer, its_grant, waiting]
    assert await store.grants_of("ann", NOW + 10) == [newer, its_grant]
    await store.revoke_issued_for_user("ann", before=NOW, at=NOW)
    assert await store.grants_of("ann", NOW + 10) == [newer]
    assert await store.grants_of("nobody", NOW) == []


# Accounts at identity providers


@promise
async def an_account_is_linked_to_one_person(store):
    ann, bob = await added(store), await added(store)
    assert await store.upstream_user("corp", "s1") is None
    assert await store.add_upstream_link(account(ann))
    for person in (ann, bob):
        with pytest.raises(AlreadyExists):
            await store.add_upstream_link(account(person))
    assert await store.add_upstream_link(account(bob, upstream="club"))
    assert not await store.add_upstream_link(UpstreamLink("corp", "s2", "nobody", NOW))
    assert await store.upstream_user("corp", "s1") == ann.user_id
    assert await store.upstream_user("club", "s1") == bob.user_id
    assert await store.upstream_links(ann.user_id) == [account(ann)]
    assert (await version_of(store, ann), await version_of(store, bob)) == (1, 1)


@promise
async def an_account_that_is_unlinked_signs_nobody_in_any_more(store):
    ann = await added(store)
    await store.add_upstream_link(account(ann))
    by_it = session(user_id=ann.user_id, upstream="corp", upstream_subject="s1")
    own = session(user_id=ann.user_id)
    await signed_in(store, by_it, own)
    version = await version_of(store, ann)
    assert not await store.remove_upstream_link("corp", "s1", version=version + 1)
    assert len(await store.sessions_of(ann.user_id)) == 2
    assert await store.remove_upstream_link("corp", "s1", version=version)
    assert not await store.remove_upstream_link("corp", "s1")
    assert await store.upstream_user("corp", "s1") is None
    assert await store.upstream_links(ann.user_id) == []
    assert await store.sessions_of(ann.user_id) == [own]
    assert await version_of(store, ann) == 2


# Factors


@promise
async def what_a_person_can_sign_in_with_is_told_at_one_look(store):
    ann = await added(store, password_hash="")
    assert await store.has_factors(ann.user_id) == await store.has_factors("nobody") == FactorSummary()
    for _ in range(2):
        await store.add_passkey(passkey(user_id=ann.user_id))
    await store.set_recovery_codes(ann.user_id, [b"1", b"2", b"3"], at=NOW)
    await store.use_recovery_code(ann.user_id, b"2", at=NOW)
    assert await store.has_factors(ann.user_id) == FactorSummary(2, False, 2, False)


@promise
async def passkeys_come_back_as_added_and_belong_to_one_person(store):
    ann, bob = await added(store), await added(store)
    first = passkey(user_id=ann.user_id, sign_count=2**32 - 1, last_used_at=NOW + 1)
    second = passkey(user_id=ann.user_id, created_at=NOW + 1, transports=())
    assert await store.add_passkey(second)
    assert await store.add_passkey(first)
    assert await store.passkey(first.credential_id) == first
    assert await store.passkey("none") is None
    assert await store.passkeys(ann.user_id) == [first, second]
    assert await store.passkeys(bob.user_id) == []
    with pytest.raises(AlreadyExists):
        await store.add_passkey(passkey(credential_id=first.credential_id, user_id=bob.user_id))
    assert not await store.add_passkey(passkey(user_id="nobody"))
    assert (await version_of(store, ann), await version_of(store, bob)) == (2, 0)


@promise
async def a_passkey_is_renamed_and_removed_by_its_owner_alone(store):
    ann, bob = await added(store), await added(store)
    key = passkey(user_id=ann.user_id)
    await store.add_passkey(key)
    assert not await store.rename_passkey(bob.user_id, key.credential_id, "mine")
    assert not await store.remove_passkey(bob.user_id, key.credential_id)
    assert await version_of(store, bob) == 0
    assert await store.rename_passkey(ann.user_id, key.credential_id, "Laptop")
    assert await store.passkey(key.credential_id) == replace(key, name="Laptop")
    assert await version_of(store, ann) == 1
    assert await store.remove_passkey(ann.user_id, key.credential_id)
    assert not await store.remove_passkey(ann.user_id, key.credential_id)
    assert await store.passkey(key.credential_id) is None
    assert await version_of(store, ann) == 2


@promise
async def the_count_of_a_passkey_grows_or_is_always_0(store):
    ann = await added(store)
    counting, silent = [passkey(user_id=ann.user_id, sign_count=count) for count in (5, 0)]

    async def use(key, count):
        return await store.use_passkey(key.credential_id, sign_count=count, backed_up=True, at=NOW + 1)

    for key in (counting, silent):
        await store.add_passkey(key)
    assert [await use(counting, count) for count in (5, 4, 0)] == [False] * 3
    assert await store.passkey(counting.credential_id) == counting
    assert await use(counting, 6)
    used = {"backed_up": True, "last_used_at": NOW + 1}
    assert await store.passkey(counting.credential_id) == replace(counting, sign_count=6, **used)
    assert await use(silent, 0)
    assert await use(silent, 0)
    assert await store.passkey(silent.credential_id) == replace(silent, **used)
    assert await use(silent, 1)
    assert not await use(silent, 0)
    assert not await use(passkey(), 1)
    assert await winners(use(counting, 7) for _ in range(20)) == 1
    assert await version_of(store, ann) == 2


@promise
async def a_step_of_totp_is_used_once_and_none_before_it_afterwards(store):
    ann = await added(store)
    assert await store.totp(ann.user_id) is None
    assert not await store.use_totp_step(ann.user_id, 100)
    assert await store.set_totp(ann.user_id, b"sealed", step=100, at=NOW)
    assert await store.totp(ann.user_id) == Totp(ann.user_id, b"sealed", NOW, 100)
    assert not await store.use_totp_step(ann.user_id, 100), "the code that enrolled it"
    assert await winners(store.use_totp_step(ann.user_id, 102) for _ in range(20)) == 1
    assert not await store.use_totp_step(ann.user_id, 101)
    assert await store.use_totp_step(ann.user_id, 103)
    assert await store.set_totp(ann.user_id, b"other", step=7, at=NOW + 1)
    assert await store.totp(ann.user_id) == Totp(ann.user_id, b"other", NOW + 1, 7)
    assert await store.remove_totp(ann.user_id)
    assert not await store.remove_totp(ann.user_id)
    assert await store.totp(ann.user_id) is None
    assert not await store.set_totp("nobody", b"sealed", step=1, at=NOW)
    assert await version_of(store, ann) == 3


@promise
async def recovery_codes_go_with_the_last_factor_that_they_stand_in_for(store):
    ann, bob = await added(store), await added(store)
    for person in (ann, bob):
        await store.set_totp(person.user_id, b"sealed", step=5, at=NOW)
        await store.set_recovery_codes(person.user_id, [b"1", b"2"], at=NOW)
    key = passkey(user_id=ann.user_id)
    await store.add_passkey(key)
    assert await store.remove_totp(ann.user_id)
    assert await store.recovery_codes_left(ann.user_id) == 2
    assert not await store.remove_passkey(ann.user_id, "unknown")
    assert await store.remove_passkey(ann.user_id, key.credential_id)
    assert await store.recovery_codes_left(ann.user_id) == 0
    assert await store.recovery_codes_left(bob.user_id) == 2
    assert await store.remove_totp(bob.user_id)
    assert await store.recovery_codes_left(bob.user_id) == 0


@promise
async def recovery_codes_are_used_once_and_replaced_together(store):
    ann, bob = await added(store), await added(store)
    for person in (ann, bob):
        assert await store.set_recovery_codes(person.user_id, [b"1", b"2", b"3"], at=NOW)
    assert not await store.set_recovery_codes("nobody", [b"1"], at=NOW)
    assert await winners(store.use_recovery_code(ann.user_id, b"1", at=NOW) for _ in range(20)) == 1
    assert not await store.use_recovery_code(ann.user_id, b"4", at=NOW)
    assert await store.recovery_codes_left(ann.user_id) == 2
    assert await store.recovery_codes_left(bob.user_id) == 3
    assert await store.set_recovery_codes(ann.user_id, [b"1", b"5"], at=NOW + 1)
    assert await store.recovery_codes_left(ann.user_id) == 2
    assert not await store.use_recovery_code(ann.user_id, b"2", at=NOW)
    assert await store.use_recovery_code(ann.user_id, b"1", at=NOW)
    assert (await version_of(store, ann), await version_of(store, bob)) == (2, 1)
    assert await store.set_recovery_codes(ann.user_id, [], at=NOW + 2)
    assert await store.recovery_codes_left(ann.user_id) == 0


@promise
async def a_sign_in_link_is_used_once_while_it_lasts(store):
    ann = await added(store)
    its = link(user_id=ann.user_id, purpose="invite")
    assert await store.add_link(its)
    assert await store.link(its.link_id) == its
    assert await store.link("none") is None
    with pytest.raises(AlreadyExists):
        await store.add_link(replace(its, used_at=NOW, user_id=(await added(store)).user_id))
    assert not await store.use_link(its.link_id, its.expires_at)
    assert not await store.use_link("none", NOW)
    assert await winners(store.use_link(its.link_id, NOW + 1) for _ in range(20)) == 1
    assert await store.link(its.link_id) == replace(its, used_at=NOW + 1)
    assert await version_of(store, ann) == 0


@promise
async def a_new_link_voids_the_persons_unused_ones(store):
    ann, bob = await added(store), await added(store)
    used, unused, bobs, new = [link(user_id=each.user_id) for each in (ann, ann, bob, ann)]
    await store.add_link(used)
    await store.use_link(used.link_id, NOW)
    for each in (unused, bobs, new):
        assert await store.add_link(each)
    assert await store.link(unused.link_id) is None
    assert not await store.use_link(unused.link_id, NOW)
    assert await store.link(used.link_id) == replace(used, used_at=NOW)
    assert await store.use_link(bobs.link_id, NOW)
    assert await store.use_link(new.link_id, NOW)


@promise
async def a_disabled_or_unknown_person_has_no_use_of_links(store):
    ann = await added(store)
    its = link(user_id=ann.user_id)
    await store.add_link(its)
    await store.disable_user(ann.user_id, NOW)
    assert not await store.use_link(its.link_id, NOW)
    assert not await store.change_password(ann.user_id, "$new", at=NOW, link_id=its.link_id)
    assert not await store.add_link(link(user_id=ann.user_id))
    assert not await store.add_link(link(user_id="nobody"))
    await store.enable_user(ann.user_id, NOW)
    assert await store.use_link(its.link_id, NOW), "none of that had changed it"


@promise
async def links_are_swept_when_they_are_over(store):
    ann, bob = await added(store), await added(store)
    over, lasting = link(user_id=ann.user_id, expires_at=NOW + 5), link(user_id=bob.user_id)
    await store.add_link(over)
    await store.add_link(lasting)
    assert await store.sweep(at=NOW + 4, limit=9) == 0
    assert await store.sweep(at=NOW + 5, limit=9) == 1
    assert await store.link(over.link_id) is None
    assert await store.link(lasting.link_id) == lasting


@promise
async def the_last_use_of_an_account_is_known(store):
    ann = await added(store)
    await store.add_upstream_link(account(ann))
    assert await store.use_upstream_link("corp", "s2", NOW + 9) is None
    assert await store.use_upstream_link("corp", "s1", NOW + 9) == ann.user_id
    (link,) = await store.upstream_links(ann.user_id)
    assert (link.linked_at, link.last_used_at) == (NOW, NOW + 9)
    assert await version_of(store, ann) == 1


@promise
async def of_two_removals_that_were_decided_at_once_one_happens(store):
    ann = await added(store)
    key = passkey(user_id=ann.user_id)
    await store.add_passkey(key)
    await store.add_upstream_link(account(ann))
    version = await version_of(store, ann)
    assert not await store.remove_passkey(ann.user_id, key.credential_id, version=version - 1)
    done = await asyncio.gather(
        store.remove_passkey(ann.user_id, key.credential_id, version=version),
        store.remove_upstream_link("corp", "s1", version=version),
    )
    assert sorted(done) == [False, True]
    assert len(await store.passkeys(ann.user_id)) + len(await store.upstream_links(ann.user_id)) == 1
