"""Every promise of `tokenward.store.pushed_port`."""

import asyncio
from dataclasses import replace

import pytest

from store.values import NOW, client, code_of, grant, pushed_request, secret_of
from tokenward.store.port import AlreadyExists
from tokenward.store.pushed_port import OPENED_SECONDS

PROMISES = []


def promise(check):
    PROMISES.append(check)
    return check


async def pushed(store, **over):
    """A pushed request, of a registered client."""
    request = pushed_request(**over)
    if await store.client(request.client_id) is None:
        await store.add_client(client(client_id=request.client_id, created_at=NOW - 1), None)
    await store.add_pushed_request(request)
    return request


@promise
async def a_pushed_request_comes_back_as_it_was_added(store):
    request = await pushed(store)
    assert await store.pushed_request(request.request_id) == request
    assert await store.pushed_request("nothing") is None


@promise
async def no_request_id_is_given_twice(store):
    request = await pushed(store)
    with pytest.raises(AlreadyExists):
        await store.add_pushed_request(replace(request, parameters="state=other"))
    assert await store.pushed_request(request.request_id) == request


@promise
async def a_pushed_request_is_answered_once_without_a_code(store):
    request, other = await pushed(store), await pushed(store)
    assert await store.answer_pushed_request(request.request_id)
    assert not await store.answer_pushed_request(request.request_id)
    assert await store.pushed_request(request.request_id) is None
    assert await store.pushed_request(other.request_id) == other


@promise
async def of_fifty_codes_for_a_pushed_request_one_is_added(store):
    request = await pushed(store)
    grants = [grant(client_id=request.client_id) for _ in range(50)]
    added = await asyncio.gather(
        *(store.add_grant(each, code_of(each), answers=request.request_id) for each in grants)
    )
    assert sum(added) == 1
    there = [await store.grant(each.grant_id) is not None for each in grants]
    assert there == added
    assert await store.pushed_request(request.request_id) is None


@promise
async def a_code_that_is_not_added_leaves_the_pushed_request(store):
    request = await pushed(store)
    its = grant(client_id=request.client_id)
    assert not await store.add_grant(its, code_of(its), as_remembered=True, answers=request.request_id)
    assert await store.pushed_request(request.request_id) == request
    code = code_of(its)
    assert await store.add_grant(its, code)
    with pytest.raises(AlreadyExists):
        await store.add_grant(replace(its, grant_id="other"), code, answers=request.request_id)
    assert await store.pushed_request(request.request_id) == request


@promise
async def what_was_pushed_before_a_client_was_removed_or_lost_its_secret_is_gone(store):
    removed, lost = await pushed(store, client_id="removed"), await pushed(store, client_id="lost")
    await store.remove_client("removed", NOW + 1)
    new = secret_of("lost", created_at=NOW + 2)
    await store.rotate_client_secret(new, old_expire_at=NOW + 2, void_until=NOW + 3)
    for request in (removed, lost):
        its = grant(client_id=request.client_id, created_at=NOW + 5)
        assert await store.pushed_request(request.request_id) is None
        assert not await store.answer_pushed_request(request.request_id)
        assert not await store.add_grant(its, code_of(its), answers=request.request_id)
    later = await pushed(store, client_id="lost", created_at=NOW + 4)
    assert await store.pushed_request(later.request_id) == later


@promise
async def a_pushed_request_is_swept_when_no_browser_can_be_under_way(store):
    request = await pushed(store)
    over = request.expires_at + OPENED_SECONDS
    await store.sweep(at=over - 0.5, limit=100)
    assert await store.pushed_request(request.request_id) == request
    await store.sweep(at=over, limit=100)
    assert await store.pushed_request(request.request_id) is None
