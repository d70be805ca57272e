"""Every promise of `tokenward.store.device_port`."""

import asyncio
from dataclasses import replace

import pytest

from store.values import NOW, access, client, device_code, grant, refresh, secret_of
from tokenward.store.device_records import DeviceCodeState, Poll
from tokenward.store.port import AlreadyExists
from tokenward.store.records import Consumption
from tokenward.store.sql.upkeep import DEVICE_CODE_KEPT
from tokenward.tokens.binding import Confirmation

PROMISES = []
WON, USED, GONE = Consumption.WON, Consumption.ALREADY_CONSUMED, Consumption.REVOKED_OR_EXPIRED
KEY, OTHER_KEY = Confirmation("jkt", "k" * 43), Confirmation("jkt", "o" * 43)


def promise(check):
    PROMISES.append(check)
    return check


async def asking(store, **over):
    """A device that asks, of a registered client."""
    code = device_code(**over)
    if await store.client(code.client_id) is None:
        await store.add_client(client(client_id=code.client_id, type="device", created_at=NOW - 1), None)
    await store.add_device_code(code)
    return code


async def found(store, code, at=NOW + 1):
    return await store.asking_device([code.user_code_hash], at)


def given(code, **over):
    return grant(client_id=code.client_id, created_at=NOW + 20, **over)


async def approved(store, **over):
    """A device that was approved 20 seconds after it asked, and what it was given."""
    code = await asking(store)
    its = given(code, **over)
    assert await store.approve_device(code.token_id, its)
    return code, its


async def redeemed(store, code, its, *, cnf=None, at=NOW + 25):
    return await store.redeem_device_code(code.token_id, access(its), refresh(its), cnf=cnf, at=at)


@promise
async def a_device_code_comes_back_as_it_was_added(store):
    code = await asking(store)
    assert await store.device_code(code.token_id) == DeviceCodeState(code)
    assert await store.device_code("nothing") is None
    assert await found(store, code) == code


@promise
async def neither_code_of_a_device_is_given_twice(store):
    code = await asking(store)
    for taken in (
        device_code(user_code_hash=code.user_code_hash),
        device_code(token_id=code.token_id),
    ):
        with pytest.raises(AlreadyExists):
            await store.add_device_code(taken)


@promise
async def a_user_code_is_found_under_any_pepper(store):
    code = await asking(store)
    assert await store.asking_device([b"n" * 32, code.user_code_hash], NOW + 1) == code
    assert await store.asking_device([b"n" * 32], NOW + 1) is None
    assert await store.asking_device([], NOW + 1) is None


@promise
async def a_user_code_is_found_until_its_end(store):
    code = await asking(store)
    assert await found(store, code, NOW + 599.9)
    assert await found(store, code, NOW + 600) is None


@promise
async def an_approved_device_gets_its_grant_and_tokens_once(store):
    code, its = await approved(store)
    state = await store.device_code(code.token_id)
    assert (state.grant, state.denied, state.consumed) == (its, False, False)
    assert await found(store, code) is None
    token, link = access(its), refresh(its)
    won = await store.redeem_device_code(code.token_id, token, link, cnf=None, at=NOW + 25)
    assert won is WON
    assert (await store.access_token(token.token_id)).token == token
    assert (await store.refresh_token(link.token_id)).token == link
    assert (await store.device_code(code.token_id)).consumed


@promise
async def a_device_is_approved_by_one_of_many(store):
    code = await asking(store)
    offers = [given(code, user_id=f"user-{number}") for number in range(8)]
    answers = await asyncio.gather(*(store.approve_device(code.token_id, each) for each in offers))
    assert sorted(answers) == [False] * 7 + [True]
    kept = [each for each in offers if await store.grant(each.grant_id) is not None]
    assert kept == [(await store.device_code(code.token_id)).grant]


@promise
async def an_answer_is_final(store):
    denied = await asking(store)
    assert await store.deny_device(denied.token_id, NOW + 20)
    assert not await store.approve_device(denied.token_id, given(denied))
    assert not await store.deny_device(denied.token_id, NOW + 21)
    state = await store.device_code(denied.token_id)
    assert (state.denied, state.grant) == (True, None)
    assert await found(store, denied) is None
    code, _ = await approved(store)
    assert not await store.deny_device(code.token_id, NOW + 21)
    assert not (await store.device_code(code.token_id)).denied


@promise
async def nothing_is_answered_after_the_end(store):
    code = await asking(store)
    late = given(code)
    late = replace(late, created_at=NOW + 600)
    assert not await store.approve_device(code.token_id, late)
    assert await store.grant(late.grant_id) is None
    assert not await store.deny_device(code.token_id, NOW + 600)


@promise
async def a_grant_that_is_taken_answers_nothing(store):
    code, other = await asking(store), await asking(store)
    its = given(code)
    assert await store.approve_device(code.token_id, its)
    with pytest.raises(AlreadyExists):
        await store.approve_device(other.token_id, its)
    assert await found(store, other) == other


@promise
async def what_a_removed_client_asked_for_is_not_answered_nor_by_a_new_one_of_its_name(store):
    code = await asking(store)
    await store.remove_client(code.client_id, NOW + 5)
    assert await found(store, code) is None
    assert not await store.approve_device(code.token_id, given(code))
    again = client(client_id=code.client_id, type="device", created_at=NOW + 6)
    await store.add_client(again, None)
    assert await found(store, code) is None
    assert not await store.approve_device(code.token_id, given(code))
    assert not await store.deny_device(code.token_id, NOW + 7)


@promise
async def what_was_asked_with_a_secret_in_strange_hands_is_not_answered(store):
    code = await asking(store)
    new = secret_of(code.client_id, created_at=NOW + 2)
    assert await store.rotate_client_secret(new, old_expire_at=NOW + 2, void_until=NOW + 3)
    assert await found(store, code) is None
    assert not await store.approve_device(code.token_id, given(code))
    later = await asking(store, created_at=NOW + 4)
    assert await found(store, later, NOW + 5) == later


@promise
async def polls_in_time_leave_the_interval_as_it_is(store):
    code = await asking(store)
    for at in (0, 5, 10.5, 100):
        assert await store.poll_device(code.token_id, None, NOW + at) is Poll.PENDING
    assert (await store.device_code(code.token_id)).code.interval == 5


@promise
async def a_poll_that_comes_too_soon_makes_the_interval_longer_for_good(store):
    code = await asking(store)
    polled = [(at, await store.poll_device(code.token_id, None, NOW + at)) for at in (0, 4.9, 14, 28.9, 48.9)]
    assert polled == [
        (0, Poll.PENDING),
        (4.9, Poll.TOO_SOON),  # 10 from now on
        (14, Poll.TOO_SOON),  # 15
        (28.9, Poll.TOO_SOON),  # 20
        (48.9, Poll.PENDING),
    ]
    assert (await store.device_code(code.token_id)).code.interval == 20


@promise
async def of_many_polls_at_once_one_is_in_time(store):
    code = await asking(store)
    polls = await asyncio.gather(*(store.poll_device(code.token_id, None, NOW + 1) for _ in range(6)))
    assert sorted(each.name for each in polls) == ["PENDING"] + ["TOO_SOON"] * 5
    assert (await store.device_code(code.token_id)).code.interval == 30


@promise
async def the_key_of_the_first_poll_is_that_of_all(store):
    for first in (KEY, None):
        code = await asking(store)
        await store.poll_device(code.token_id, first, NOW)
        await store.poll_device(code.token_id, OTHER_KEY, NOW + 5)
        await store.poll_device(code.token_id, OTHER_KEY, NOW + 6)
        state = await store.device_code(code.token_id)
        assert (state.polled, state.cnf) == (True, first)
        its = given(code)
        assert await store.approve_device(code.token_id, its)
        assert await redeemed(store, code, its, cnf=OTHER_KEY) is GONE
        assert await redeemed(store, code, its, cnf=first) is WON


@promise
async def a_poll_after_the_answer_or_the_end_changes_nothing(store):
    code, _ = await approved(store)
    assert await store.poll_device(code.token_id, KEY, NOW + 21) is Poll.OVER
    state = await store.device_code(code.token_id)
    assert (state.polled, state.cnf) == (False, None)
    other = await asking(store)
    assert await store.poll_device(other.token_id, None, NOW + 600) is Poll.OVER
    assert await store.poll_device("nothing", None, NOW) is Poll.OVER


@promise
async def of_many_who_fetch_at_once_one_wins_and_its_tokens_die(store):
    code, its = await approved(store)
    tokens = [access(its) for _ in range(8)]
    outcomes = await asyncio.gather(
        *(store.redeem_device_code(code.token_id, each, None, cnf=None, at=NOW + 25) for each in tokens)
    )
    assert sorted(each.name for each in outcomes) == ["ALREADY_CONSUMED"] * 7 + ["WON"]
    there = [state for each in tokens if (state := await store.access_token(each.token_id))]
    assert [state.revoked for state in there] == [True]


@promise
async def who_fetches_again_with_another_key_does_no_harm(store):
    code, its = await approved(store)
    token = access(its)
    await store.redeem_device_code(code.token_id, token, None, cnf=KEY, at=NOW + 25)
    assert await redeemed(store, code, its, cnf=OTHER_KEY) is GONE
    assert await redeemed(store, code, its, cnf=None) is GONE
    assert not (await store.access_token(token.token_id)).revoked
    assert await redeemed(store, code, its, cnf=KEY) is USED
    assert (await store.access_token(token.token_id)).revoked


@promise
async def nothing_is_fetched_that_nobody_approved_or_that_is_over(store):
    waiting, denied = await asking(store), await asking(store)
    await store.deny_device(denied.token_id, NOW + 1)
    its = given(waiting)
    for each in (waiting, denied):
        assert await redeemed(store, each, its) is GONE
    code, its = await approved(store)
    assert await redeemed(store, code, its, at=NOW + 600) is GONE
    revoked, its = await approved(store)
    await store.revoke_grant(its.grant_id, NOW + 21)
    assert await redeemed(store, revoked, its) is GONE


@promise
async def an_approval_by_a_person_who_was_disabled_gives_nothing(store):
    code = await asking(store)
    await store.revoke_issued_for_user("ann", before=NOW + 100, at=NOW + 10)
    its = given(code)
    assert await store.approve_device(code.token_id, its)
    assert await redeemed(store, code, its) is GONE


@promise
async def what_no_device_fetched_is_swept_and_is_no_access_of_anybody(store):
    code, its = await approved(store)
    fetched, used = await approved(store, user_id="ben")
    await redeemed(store, fetched, used)
    waiting = await asking(store)
    assert await store.grants_of("ann", NOW + 599) == [its]
    assert await store.grants_of("ann", NOW + 600) == []
    await store.sweep(at=NOW + 600, limit=100)
    assert await store.grant(its.grant_id) is None
    assert await store.grant(used.grant_id) == used
    for each in (code, fetched, waiting):
        assert await store.device_code(each.token_id) is not None, "it is told that it is too late"
    await store.sweep(at=NOW + 600 + DEVICE_CODE_KEPT, limit=100)
    for each in (code, fetched, waiting):
        assert await store.device_code(each.token_id) is None
    assert await store.grant(used.grant_id) == used
