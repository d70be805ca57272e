"""Every promise of `tokenward.store.port`, to be kept by every adapter.

A promise is an async function over a fresh store. `test_contract.py` runs all of them on each database.
"""

import asyncio
import dataclasses
import math

import pytest

from store.values import (
    NOW,
    access,
    api_key,
    client,
    code_of,
    grant,
    refresh,
    secret_of,
    session,
    signed_in,
    signing_key,
    started,
    token_id,
    until,
    user,
)
from tokenward.store.port import REVOKED_AT_ONCE, AlreadyExists, StoreUnavailable
from tokenward.store.records import (
    API_KEY_CLIENT,
    AccessTokenState,
    ApiKeyState,
    ClientKeySet,
    CodeState,
    Consumption,
    FeedEvent,
    RefreshState,
    RevokedTokens,
    SealedContents,
)
from tokenward.store.sql.replays import USED_KEPT
from tokenward.tokens.binding import Confirmation

PROMISES = []
WON, USED, GONE = Consumption.WON, Consumption.ALREADY_CONSUMED, Consumption.REVOKED_OR_EXPIRED


def promise(check):
    PROMISES.append(check)
    return check


# Clients


@promise
async def a_client_comes_back_as_it_was_added(store):
    plain = client(sector="a.example", id_token_claims=("email", "team"), access_token_format="jwt")
    keyed = client(
        type="service",
        auth_method="private_key_jwt",
        jwks="{}",
        jwks_uri="https://a.example/jwks",
        tls_subject="san_dns:a.example",
        bound_tokens="dpop",
        introspection_signed_response_alg="ES256",
        authorization_details_types=("payment", "https://bank.example/accounts"),
        created_at=NOW + 2,
    )
    confidential = client(type="service", redirect_uris=(), scopes=(), created_at=NOW + 1)
    secret = secret_of(confidential.client_id, expires_at=NOW + 5)
    await store.add_client(confidential, secret)
    await store.add_client(plain, None)
    await store.add_client(keyed, None)
    assert await store.client(plain.client_id) == plain
    assert await store.client("nobody") is None
    assert await store.clients() == [plain, confidential, keyed]
    assert await store.client_with_secret(secret.secret_id) == (confidential, secret)
    assert await store.client_with_secret("nothing") is None
    assert await store.client_secrets(confidential.client_id) == [secret]
    assert await store.client_secrets(plain.client_id) == []


@promise
async def a_client_is_added_whole_or_not_at_all(store):
    first, second = client(), client()
    secret = secret_of(first.client_id)
    await store.add_client(first, secret)
    with pytest.raises(AlreadyExists):
        await store.add_client(first, None)
    with pytest.raises(AlreadyExists):
        await store.add_client(second, dataclasses.replace(secret, client_id=second.client_id))
    assert await store.client(second.client_id) is None


@promise
async def key_sets_are_found_by_how_their_clients_prove_themselves(store):
    own = {"type": "service", "auth_method": "self_signed_tls_client_auth"}
    first, second = client(**own, jwks='{"keys":[1]}'), client(**own, jwks='{"keys":[2]}')
    for each in (
        first,
        second,
        client(**own),
        client(),
        client(type="service", auth_method="private_key_jwt", jwks="{}"),
    ):
        await store.add_client(each, None)
    assert sorted(await store.registered_jwks(first.auth_method)) == [first.jwks, second.jwks]
    await store.remove_client(first.client_id, NOW)
    assert await store.registered_jwks(first.auth_method) == [second.jwks]


@promise
async def words_that_would_not_come_back_are_refused(store):
    for words in [("a b",), ("",)]:
        with pytest.raises(ValueError, match="space"):
            await store.add_client(client(scopes=words), None)
    assert await store.clients() == []


@promise
async def removing_a_client_ends_all_it_holds_or_ever_gets(store):
    app = client()
    secret = secret_of(app.client_id)
    await store.add_client(app, secret)
    await store.add_consent("ann", app.client_id, "api", ["x"], NOW)
    old = access(client_id=app.client_id)
    await store.add_access_token(old)
    _, _, link = await started(store, client_id=app.client_id)
    assert await store.remove_client(app.client_id, NOW + 10)
    assert not await store.remove_client(app.client_id, NOW + 10)
    late = access(client_id=app.client_id, issued_at=NOW + 11)  # its request read the client just before
    await store.add_access_token(late)
    assert await store.client(app.client_id) is None
    assert await store.client_with_secret(secret.secret_id) is None
    assert (await store.access_token(old.token_id)).revoked
    assert (await store.access_token(late.token_id)).revoked
    assert (await store.refresh_token(link.token_id)).revoked
    assert await store.consented_scope("ann", app.client_id, "api") == {}
    assert await store.feed_after(0, limit=9) == [FeedEvent(1, "client", app.client_id, math.inf)]


@promise
async def a_new_client_of_an_old_name_inherits_nothing(store):
    app = client()
    await store.add_client(app, None)
    old = access(client_id=app.client_id)
    await store.add_access_token(old)
    await store.remove_client(app.client_id, NOW + 10)
    await store.add_client(dataclasses.replace(app, created_at=NOW + 20), None)
    new = access(client_id=app.client_id, issued_at=NOW + 20)
    await store.add_access_token(new)
    assert (await store.access_token(old.token_id)).revoked
    assert not (await store.access_token(new.token_id)).revoked


@promise
async def rotating_a_secret_lets_the_others_end(store):
    app = client()
    old, brief, new = (
        secret_of(app.client_id, created_at=NOW + n, expires_at=end)
        for n, end in [(0, None), (1, NOW + 2), (2, None)]
    )
    await store.add_client(app, old)
    assert await store.rotate_client_secret(brief, old_expire_at=NOW + 100)
    assert await store.rotate_client_secret(new, old_expire_at=NOW + 50)
    assert await store.client_secrets(app.client_id) == [
        dataclasses.replace(old, expires_at=NOW + 50),
        brief,  # ended earlier anyway
        new,
    ]
    with pytest.raises(AlreadyExists):
        await store.rotate_client_secret(new, old_expire_at=NOW)
    assert (await store.client_secrets(app.client_id))[0].expires_at == NOW + 50
    assert not await store.rotate_client_secret(secret_of("nobody"), old_expire_at=NOW)
    assert await store.client_secrets("nobody") == []


@promise
async def what_was_issued_to_a_client_ends_with_a_secret_or_keys_that_are_in_strange_hands(store):
    app, other = client(), client()
    for each in (app, other):
        await store.add_client(each, secret_of(each.client_id))
    early, late, others = (
        access(client_id=each.client_id, issued_at=NOW + at) for each, at in ((app, 5), (app, 6), (other, 5))
    )
    for each in (early, late, others):
        await store.add_access_token(each)
    new = secret_of(app.client_id, created_at=NOW + 4)
    assert await store.rotate_client_secret(new, old_expire_at=NOW + 4, void_until=NOW + 5)
    assert [(await store.access_token(each.token_id)).revoked for each in (early, late, others)] == [
        True,
        False,
        False,
    ]
    event = (await store.feed_after(0, limit=100))[-1]
    assert (event.revoked, event.subject, event.before) == ("client", app.client_id, NOW + 5)
    keys = ClientKeySet("private_key_jwt", "{}", "")
    assert await store.set_client_keys(app.client_id, keys, at=NOW + 6, void_until=NOW + 6)
    assert (await store.access_token(late.token_id)).revoked
    assert not (await store.access_token(others.token_id)).revoked


@promise
async def nothing_ends_with_a_rotation_that_failed(store):
    app = client()
    taken = secret_of(app.client_id)
    await store.add_client(app, taken)
    token = access(client_id=app.client_id)
    await store.add_access_token(token)
    with pytest.raises(AlreadyExists):
        await store.rotate_client_secret(taken, old_expire_at=NOW, void_until=NOW + 9)
    assert not (await store.access_token(token.token_id)).revoked
    assert await store.client_secrets(app.client_id) == [taken]


@promise
async def a_client_that_gets_keys_has_no_secret_any_more(store):
    app, other = client(), client()
    for each in (app, other):
        await store.add_client(each, secret_of(each.client_id))
    before = await store.feed_head()
    keys = ClientKeySet("private_key_jwt", "", "https://app.example/jwks.json")
    assert await store.client(app.client_id) == app  # so that whoever remembers it would show it again
    assert await store.set_client_keys(app.client_id, keys, at=NOW)
    found = await store.client(app.client_id)
    assert found == dataclasses.replace(app, auth_method="private_key_jwt", jwks_uri=keys.jwks_uri)
    assert await store.client_secrets(app.client_id) == []
    assert len(await store.client_secrets(other.client_id)) == 1
    assert (await store.client(other.client_id)) == other
    assert not await store.set_client_keys("nobody", keys, at=NOW, void_until=NOW)
    assert await store.feed_head() == before, "nothing was revoked"


# Tokens


@promise
async def an_access_token_comes_back_as_added(store):
    token = access(scope=(), user_id="ann")
    await store.add_access_token(token)
    assert await store.access_token(token.token_id) == AccessTokenState(token, revoked=False)
    assert await store.access_token("00000000000") is None
    exchanged = access(
        cnf=Confirmation("x5t#S256", "t" * 43),
        act='{"sub": "service"}',
        ancestors=(token.token_id,),
        subject_client="other",
        authorization_details='[{"type":"payment","payee":"Zoë"}]',
    )
    await store.add_access_token(exchanged)
    assert await store.access_token(exchanged.token_id) == AccessTokenState(exchanged, revoked=False)


async def _exchanged(store, *ancestors, **over):
    token = access(ancestors=tuple(each.token_id for each in ancestors), **over)
    await store.add_access_token(token)
    return token


async def _dead(store, *tokens):
    return [(await store.access_token(token.token_id)).revoked for token in tokens]


@promise
async def what_was_exchanged_ends_with_each_thing_that_it_was_exchanged_for(store):
    endings = [
        lambda root: store.revoke_token(root.token_id, NOW + 5),
        lambda root: store.revoke_grant(root.grant_id, NOW + 5),
        lambda root: store.revoke_issued_to_client(root.client_id, before=NOW + 2, at=NOW + 5),
        lambda root: store.revoke_issued_for_user(root.user_id, before=NOW + 2, at=NOW + 5),
        lambda _root: store.revoke_all_issued(before=NOW + 2, at=NOW + 5),
    ]
    for number, end in enumerate(endings):
        _, root, _ = await started(store, client_id=f"app {number}", user_id=f"person {number}")
        actor = await _exchanged(store)
        # Of another client, issued later, and of no grant: nothing but its ancestors can end it.
        child = await _exchanged(store, root, client_id="other", issued_at=NOW + 3)
        grandchild = await _exchanged(store, child, root, actor, client_id="third", issued_at=NOW + 4)
        assert await _dead(store, root, child, grandchild, actor) == [False] * 4
        await end(root)
        assert (await _dead(store, root, child, grandchild))[0:3] == [True] * 3


@promise
async def a_token_that_was_exchanged_does_not_take_along_what_it_was_exchanged_for(store):
    root = await _exchanged(store)
    child, sibling = await _exchanged(store, root), await _exchanged(store, root)
    grandchild = await _exchanged(store, child, root)
    await store.revoke_token(child.token_id, NOW + 5)
    assert await _dead(store, root, child, sibling, grandchild) == [False, True, False, True]


@promise
async def what_was_exchanged_for_something_that_is_gone_is_dead(store):
    root = await _exchanged(store, expires_at=NOW + 10)
    child = await _exchanged(store, root, expires_at=NOW + 20)  # it should have ended with its parent
    await store.sweep(at=NOW + 10, limit=100)
    assert await store.access_token(root.token_id) is None
    assert await _dead(store, child) == [True]


@promise
async def what_is_exchanged_while_its_origin_is_revoked_is_dead(store):
    for _ in range(30):
        root = await _exchanged(store)
        child, _ = await asyncio.gather(_exchanged(store, root), store.revoke_token(root.token_id, NOW + 5))
        assert await _dead(store, child) == [True]


@promise
async def a_taken_locator_harms_nobody_else(store):
    taken = access()
    await store.add_access_token(taken)
    others = [access() for _ in range(20)]
    clash = dataclasses.replace(access(), token_id=taken.token_id)
    twins = [dataclasses.replace(access(), token_id=others[0].token_id) for _ in range(2)]
    results = await asyncio.gather(
        *(store.add_access_token(token) for token in [*others, clash, *twins]), return_exceptions=True
    )
    assert results == [None] * 20 + results[20:]
    assert [type(error) for error in results[20:]] == [AlreadyExists] * 3
    assert await store.access_token(taken.token_id) == AccessTokenState(taken, revoked=False)
    for token in others:
        assert await store.access_token(token.token_id) == AccessTokenState(token, revoked=False)


@promise
async def a_unit_that_fails_harms_no_neighbour(store):
    taken = user()
    await store.add_user(taken)
    people = [user() for _ in range(10)]
    mixed = [store.add_user(one) for pair in zip(people, [taken] * 10, strict=True) for one in pair]
    results = await asyncio.gather(*mixed, return_exceptions=True)
    assert [result is None for result in results] == [True, False] * 10
    assert {one.user_id for one in await store.users()} == {one.user_id for one in [taken, *people]}


@promise
async def a_code_gives_tokens_once(store):
    its_grant = grant(authorization_details='[{"type":"payment"}]')
    code = code_of(its_grant, nonce="n", cnf=Confirmation("jkt", "t" * 43))
    assert await store.grant(its_grant.grant_id) is None
    await store.add_grant(its_grant, code)
    assert await store.grant(its_grant.grant_id) == its_grant
    with pytest.raises(AlreadyExists):
        await store.add_grant(its_grant, code_of(its_grant))
    with pytest.raises(AlreadyExists):
        await store.add_grant(grant(), code)
    assert await store.code(code.token_id) == CodeState(code, its_grant, consumed=False, revoked=False)
    token, link = access(its_grant), refresh(its_grant)
    assert await store.redeem_code(code.token_id, token, link, at=NOW + 1) is WON
    assert await store.code(code.token_id) == CodeState(code, its_grant, consumed=True, revoked=False)
    assert await store.access_token(token.token_id) == AccessTokenState(token, revoked=False)
    assert await store.refresh_token(link.token_id) == RefreshState(link, its_grant, False, False)
    assert await store.code("00000000000") is None
    assert await store.refresh_token("00000000000") is None


@promise
async def a_replayed_code_ends_its_grant(store):
    its_grant = grant()
    code = code_of(its_grant)
    await store.add_grant(its_grant, code)
    token = access(its_grant)
    assert await store.redeem_code(code.token_id, token, None, at=NOW) is WON
    replay = access(its_grant)
    assert await store.redeem_code(code.token_id, replay, refresh(its_grant), at=NOW + 3000) is USED
    assert (await store.access_token(token.token_id)).revoked
    assert await store.access_token(replay.token_id) is None
    assert (await store.code(code.token_id)).revoked
    assert await store.redeem_code(code.token_id, replay, None, at=NOW + 3000) is USED
    assert await store.feed_after(0, limit=9) == [FeedEvent(1, "grant", its_grant.grant_id, 0)]


@promise
async def a_code_that_is_over_gives_nothing(store):
    late, dead, over, cut = (grant(expires_at=NOW + 3600, client_id=f"app{n}") for n in range(4))
    codes = {each.grant_id: code_of(each, expires_at=NOW + 7200) for each in (late, dead, over, cut)}
    codes[late.grant_id] = code_of(late, expires_at=NOW + 60)
    for each in (late, dead, over, cut):
        await store.add_grant(each, codes[each.grant_id])
    await store.revoke_grant(dead.grant_id, NOW)
    await store.revoke_issued_to_client(cut.client_id, before=NOW, at=NOW)
    for each, at in [(late, NOW + 60), (dead, NOW), (over, NOW + 3600), (cut, NOW + 1)]:
        token = access(each)
        assert await store.redeem_code(codes[each.grant_id].token_id, token, None, at=at) is GONE
        assert await store.access_token(token.token_id) is None
        assert not (await store.code(codes[each.grant_id].token_id)).consumed
    assert await store.redeem_code("00000000000", access(), None, at=NOW) is GONE


@promise
async def a_redemption_whose_locator_is_taken_consumes_nothing(store):
    its_grant = grant()
    code = code_of(its_grant)
    await store.add_grant(its_grant, code)
    taken = access()
    await store.add_access_token(taken)
    _, _, taken_link = await started(store)
    clash = dataclasses.replace(access(its_grant), token_id=taken.token_id)
    clash_link = dataclasses.replace(refresh(its_grant), token_id=taken_link.token_id)
    fine = access(its_grant)
    for token, link in [(clash, refresh(its_grant)), (fine, clash_link)]:
        with pytest.raises(AlreadyExists):
            await store.redeem_code(code.token_id, token, link, at=NOW)
        assert await store.access_token(fine.token_id) is None
    assert await store.redeem_code(code.token_id, fine, refresh(its_grant), at=NOW) is WON


@promise
async def of_fifty_redemptions_one_wins_and_the_grant_dies(store):
    its_grant = grant()
    code = code_of(its_grant)
    await store.add_grant(its_grant, code)
    tokens = [access(its_grant) for _ in range(50)]
    results = await asyncio.gather(
        *(store.redeem_code(code.token_id, token, refresh(its_grant), at=NOW) for token in tokens)
    )
    assert sorted(results, key=str) == sorted([WON, *[USED] * 49], key=str)
    states = [await store.access_token(token.token_id) for token in tokens]
    assert [state.revoked for state in states if state] == [True]


@promise
async def a_refresh_token_is_rotated_once(store):
    its_grant, _, link = await started(store)
    token, successor = access(its_grant), refresh(its_grant)
    rotate = store.rotate_refresh_token
    assert await rotate(link.token_id, token, successor, sealed_response=b"s", at=NOW + 5) is WON
    assert await store.refresh_token(link.token_id) == RefreshState(link, its_grant, True, False)
    assert await store.refresh_token(successor.token_id) == RefreshState(successor, its_grant, False, False)
    assert await store.access_token(token.token_id) == AccessTokenState(token, revoked=False)
    again = access(its_grant)
    assert await rotate(link.token_id, again, refresh(its_grant), sealed_response=b"t", at=NOW + 6) is USED
    assert await store.access_token(again.token_id) is None
    assert not (await store.refresh_token(successor.token_id)).revoked  # the caller decides
    assert await store.lost_response(link.token_id, consumed_after=NOW) == b"s"


@promise
async def a_refresh_token_that_is_over_gives_nothing(store):
    dead, idle, over, cut = [await started(store, user_id=f"user{n}") for n in range(4)]
    await store.revoke_grant(dead[0].grant_id, NOW)
    await store.revoke_issued_for_user("user3", before=NOW, at=NOW)
    cases = [(dead, NOW + 1), (idle, NOW + 14 * 86400), (over, NOW + 90 * 86400), (cut, NOW + 1)]
    for (its_grant, _, link), at in cases:
        token, successor = access(its_grant), refresh(its_grant)
        result = await store.rotate_refresh_token(
            link.token_id, token, successor, sealed_response=b"s", at=at
        )
        assert result is GONE
        assert await store.access_token(token.token_id) is None
        assert not (await store.refresh_token(link.token_id)).consumed
    for (_, token, link), _ in (cases[0], cases[3]):
        assert (await store.refresh_token(link.token_id)).revoked
        assert (await store.access_token(token.token_id)).revoked


@promise
async def a_rotation_whose_locator_is_taken_consumes_nothing(store):
    its_grant, first, link = await started(store)
    clash = dataclasses.replace(access(its_grant), token_id=first.token_id)
    with pytest.raises(AlreadyExists):
        await store.rotate_refresh_token(
            link.token_id, clash, refresh(its_grant), sealed_response=b"s", at=NOW
        )
    with pytest.raises(AlreadyExists):
        await store.rotate_refresh_token(
            link.token_id,
            access(its_grant),
            dataclasses.replace(refresh(its_grant), token_id=link.token_id),
            sealed_response=b"s",
            at=NOW,
        )
    assert not (await store.refresh_token(link.token_id)).consumed
    assert await store.lost_response(link.token_id, consumed_after=0) is None


@promise
async def a_refresh_token_that_stays_gives_access_tokens_until_it_is_idle_too_long(store):
    its, _, link = await started(store)
    state = await store.refresh_token(link.token_id)
    first, second = access(its), access(its)
    used = await store.use_refresh_token(link.token_id, first, expires_at=NOW + 500, at=NOW + 400)
    assert used is WON
    token = dataclasses.replace(link, expires_at=NOW + 500)
    assert await store.refresh_token(link.token_id) == dataclasses.replace(state, token=token)
    assert await store.use_refresh_token(link.token_id, second, expires_at=NOW + 999, at=NOW + 500) is GONE
    assert await store.access_token(second.token_id) is None
    assert not (await store.access_token(first.token_id)).revoked


@promise
async def a_refresh_token_that_stays_ends_with_its_grant_and_with_a_rotation(store):
    its, _, link = await started(store)
    other, _, rotated = await started(store)
    await store.revoke_grant(its.grant_id, NOW + 2)
    assert await store.use_refresh_token(link.token_id, access(its), expires_at=NOW + 9, at=NOW + 3) is GONE
    await store.rotate_refresh_token(
        rotated.token_id, access(other), refresh(other), sealed_response=b"s", at=NOW + 2
    )
    late = access(other)
    assert await store.use_refresh_token(rotated.token_id, late, expires_at=NOW + 9, at=NOW + 3) is USED
    assert await store.access_token(late.token_id) is None


@promise
async def a_use_whose_locator_is_taken_changes_nothing(store):
    _, first, link = await started(store)
    with pytest.raises(AlreadyExists):
        await store.use_refresh_token(link.token_id, first, expires_at=NOW + 500, at=NOW + 400)
    assert (await store.refresh_token(link.token_id)).token == link


@promise
async def of_fifty_rotations_one_wins(store):
    its_grant, _, link = await started(store)
    tokens = [access(its_grant) for _ in range(50)]
    results = await asyncio.gather(
        *(
            store.rotate_refresh_token(
                link.token_id, token, refresh(its_grant), sealed_response=b"s", at=NOW + 1
            )
            for token in tokens
        )
    )
    assert sorted(results, key=str) == sorted([WON, *[USED] * 49], key=str)
    assert sum([await store.access_token(token.token_id) is not None for token in tokens]) == 1


@promise
async def a_lost_response_is_there_until_its_successor_is_used(store):
    its_grant, _, link = await started(store)
    second, third = refresh(its_grant), refresh(its_grant)

    async def rotate(old, new, sealed):
        token = access(its_grant)
        return await store.rotate_refresh_token(
            old.token_id, token, new, sealed_response=sealed, at=NOW + 100
        )

    assert await store.lost_response(link.token_id, consumed_after=0) is None
    await rotate(link, second, b"first")
    assert await store.lost_response(link.token_id, consumed_after=NOW + 99) == b"first"
    assert await store.lost_response(link.token_id, consumed_after=NOW + 100) is None
    await rotate(second, third, b"second")
    assert await store.lost_response(link.token_id, consumed_after=0) is None
    assert await store.lost_response(second.token_id, consumed_after=0) == b"second"
    await store.revoke_grant(its_grant.grant_id, NOW)
    assert await store.lost_response(second.token_id, consumed_after=0) is None
    assert await store.lost_response("00000000000", consumed_after=0) is None


@promise
async def a_lost_response_does_not_outlive_a_cutoff(store):
    its_grant, _, link = await started(store)
    token, successor = access(its_grant), refresh(its_grant)
    await store.rotate_refresh_token(link.token_id, token, successor, sealed_response=b"s", at=NOW + 1)
    await store.revoke_all_issued(before=NOW, at=NOW + 2)
    assert await store.lost_response(link.token_id, consumed_after=0) is None


@promise
async def nothing_outlives_a_revocation_that_raced_with_rotations(store):
    async def rotate(its_grant, tokens, links):
        for step in range(1, 20):
            token, successor = access(its_grant, issued_at=NOW + step), refresh(its_grant)
            result = await store.rotate_refresh_token(
                links[-1].token_id, token, successor, sealed_response=b"s", at=NOW + step
            )
            if result is not WON:
                return
            tokens.append(token)
            links.append(successor)

    ends = [
        lambda its_grant: store.revoke_grant(its_grant.grant_id, NOW),
        lambda its_grant: store.revoke_issued_to_client(its_grant.client_id, before=NOW, at=NOW),
        lambda its_grant: store.revoke_issued_for_user(its_grant.user_id, before=NOW, at=NOW),
        lambda _its_grant: store.revoke_all_issued(before=NOW, at=NOW),
    ]
    for number, end in enumerate(ends):
        its_grant, first, link = await started(store, client_id=f"app{number}", user_id=f"user{number}")
        tokens, links = [first], [link]
        rotating = asyncio.create_task(rotate(its_grant, tokens, links))
        await until(lambda links=links: len(links) > 2)  # in full swing
        await asyncio.gather(rotating, end(its_grant))
        for token in tokens:
            assert (await store.access_token(token.token_id)).revoked
        for one in links:
            assert (await store.refresh_token(one.token_id)).revoked


@promise
async def revoking_a_token_ends_that_one(store):
    its_grant, first, link = await started(store)
    alone = access()
    await store.add_access_token(alone)
    assert await store.revoke_token(first.token_id, NOW)
    assert not await store.revoke_token(first.token_id, NOW)
    assert not await store.revoke_token("00000000000", NOW)
    assert (await store.access_token(first.token_id)).revoked
    assert not (await store.access_token(alone.token_id)).revoked
    assert not (await store.refresh_token(link.token_id)).revoked
    assert await store.revoke_grant(its_grant.grant_id, NOW)
    assert not await store.revoke_grant(its_grant.grant_id, NOW)
    assert not await store.revoke_grant("nothing", NOW)
    assert (await store.refresh_token(link.token_id)).revoked


@promise
async def many_tokens_are_revoked_at_once_and_counted(store):
    _, first, link = await started(store)
    others = [access() for _ in range(REVOKED_AT_ONCE)]
    for token in others:
        await store.add_access_token(token)
    await store.revoke_token(others[0].token_id, NOW)
    listed = [
        first.token_id,
        *(each.token_id for each in others[:10]),
        token_id("at"),
        "x",
        "\x00",
        first.token_id,
    ]
    assert await store.revoke_tokens(listed, NOW) == RevokedTokens(10, 1, 3)
    assert await store.revoke_tokens(listed, NOW) == RevokedTokens(0, 11, 3)
    assert (await store.access_token(first.token_id)).revoked
    assert not (await store.refresh_token(link.token_id)).revoked
    assert not (await store.access_token(others[10].token_id)).revoked
    events = await store.feed_after(0, limit=100)
    assert [event.seq for event in events] == [*range(1, 12)]
    assert {event.subject for event in events[1:]} == {
        first.token_id,
        *(each.token_id for each in others[1:10]),
    }
    assert {(event.revoked, event.before) for event in events} == {("token", 0)}
    assert await store.feed_head() == 11
    whole = [each.token_id for each in others]
    assert await store.revoke_tokens(whole, NOW) == RevokedTokens(REVOKED_AT_ONCE - 10, 10, 0)
    with pytest.raises(ValueError, match="at most 500"):
        await store.revoke_tokens([*whole, first.token_id], NOW)
    assert await store.revoke_tokens([], NOW) == RevokedTokens()


@promise
async def of_listed_tokens_the_keyed_hashes_are_told_dead_or_alive(store):
    tokens = [access() for _ in range(REVOKED_AT_ONCE)]
    await asyncio.gather(*(store.add_access_token(each) for each in tokens))
    await store.revoke_token(tokens[0].token_id, NOW)
    listed = [each.token_id for each in tokens]
    hashes = {each.token_id: each.keyed_hash for each in tokens}
    assert await store.access_token_hashes(listed) == hashes
    some = [listed[0], listed[0], "x", token_id("at")]
    assert await store.access_token_hashes(some) == {listed[0]: hashes[listed[0]]}
    assert await store.access_token_hashes([]) == {}
    with pytest.raises(ValueError, match="at most 500"):
        await store.access_token_hashes([*listed, token_id("at")])


@promise
async def a_cutoff_ends_what_was_issued_until_then_and_nothing_later(store):
    old, later, other = access(), access(issued_at=NOW + 1), access(client_id="other")
    anns = access(client_id="third", user_id="ann")
    for token in (old, later, other, anns):
        await store.add_access_token(token)

    async def dead():
        return [(await store.access_token(each.token_id)).revoked for each in (old, later, other, anns)]

    await store.revoke_issued_to_client("app", before=NOW - 1, at=NOW)
    assert await dead() == [False, False, False, False]
    await store.revoke_issued_to_client("app", before=NOW, at=NOW)
    assert await dead() == [True, False, False, False]
    await store.revoke_issued_to_client("app", before=NOW - 5, at=NOW)  # never back
    assert await dead() == [True, False, False, False]
    await store.revoke_issued_for_user("ann", before=NOW, at=NOW)
    assert await dead() == [True, False, False, True]
    await store.revoke_all_issued(before=NOW, at=NOW)
    assert await dead() == [True, False, True, True]
    late = access(issued_at=NOW - 1)
    await store.add_access_token(late)  # its request was on the way
    assert (await store.access_token(late.token_id)).revoked


@promise
async def what_a_cut_off_grant_gave_later_is_dead_too(store):
    its_grant, _, link = await started(store)
    token, successor = access(its_grant, issued_at=NOW + 50), refresh(its_grant, issued_at=NOW + 50)
    await store.rotate_refresh_token(link.token_id, token, successor, sealed_response=b"s", at=NOW + 50)
    await store.revoke_issued_for_user("ann", before=NOW + 10, at=NOW + 60)
    assert (await store.access_token(token.token_id)).revoked
    assert (await store.refresh_token(successor.token_id)).revoked


# Feed


@promise
async def the_feed_tells_every_revocation_once_in_order(store):
    assert await store.feed_head() == 0
    its_grant, first, _ = await started(store)
    await store.revoke_token(first.token_id, NOW)
    await store.revoke_token(first.token_id, NOW)
    await store.revoke_grant(its_grant.grant_id, NOW)
    await store.revoke_issued_to_client("app", before=NOW - 1, at=NOW)
    await store.revoke_issued_for_user("ann", before=NOW - 2, at=NOW)
    await store.revoke_all_issued(before=NOW - 3, at=NOW)
    events = [
        FeedEvent(1, "token", first.token_id, 0),
        FeedEvent(2, "grant", its_grant.grant_id, 0),
        FeedEvent(3, "client", "app", NOW - 1),
        FeedEvent(4, "user", "ann", NOW - 2),
        FeedEvent(5, "all", "", NOW - 3),
    ]
    assert await store.feed_head() == 5
    assert await store.feed_after(0, limit=100) == events
    assert await store.feed_after(1, limit=2) == events[1:3]
    assert await store.feed_after(5, limit=100) == []


@promise
async def a_revocation_wakes_whoever_waits(store):
    await store.feed_wake(within=0.05)  # PostgreSQL: starts to listen
    loop = asyncio.get_running_loop()
    started_at = loop.time()
    waiting = asyncio.create_task(store.feed_wake(within=20))
    await asyncio.sleep(0.05)
    await store.revoke_all_issued(before=NOW, at=NOW)
    await waiting
    assert loop.time() - started_at < 10


@promise
async def a_wait_without_revocation_ends(store):
    loop = asyncio.get_running_loop()
    started_at = loop.time()
    await store.feed_wake(within=0.1)
    await store.feed_wake(within=0.1)
    assert loop.time() - started_at >= 0.19


# Keys


@promise
async def of_changes_to_the_same_keys_one_wins_and_is_told(store):
    keys = [signing_key() for _ in range(5)]
    changes = (store.change_signing_keys("outside", [], [key], at=NOW) for key in keys)
    changed = await asyncio.gather(*changes)
    assert sorted(changed) == [False] * 4 + [True]
    first = keys[changed.index(True)]
    assert await store.signing_keys("outside") == [first]
    assert await store.signing_keys("inside") == []
    assert await store.feed_after(0, limit=9) == [FeedEvent(1, "signing_keys", "outside", 0)]

    successors = [signing_key(activates_at=NOW + n) for n in range(1, 6)]
    changes = (
        store.change_signing_keys(
            "outside", [first], [dataclasses.replace(first, retires_at=new.activates_at), new], at=NOW
        )
        for new in successors
    )
    changed = await asyncio.gather(*changes)
    assert sorted(changed) == [False] * 4 + [True]
    new = successors[changed.index(True)]
    found = await store.signing_keys("outside")
    assert len(found) == 2
    assert dataclasses.replace(first, retires_at=new.activates_at) in found
    assert new in found
    assert await store.feed_head() == 2


@promise
async def signing_keys_come_by_age_with_all_their_moments(store):
    late = signing_key(purpose="inside", algorithm="EdDSA", created_at=NOW + 1)
    early = signing_key(purpose="inside", retires_at=NOW + 1, removes_at=NOW + 2, compromised_at=NOW + 3)
    assert await store.change_signing_keys("inside", [], [late, early], at=NOW)
    assert await store.signing_keys("inside") == [early, late]


@promise
async def a_change_of_signing_keys_wakes_and_keeps_the_order_of_the_feed(store):
    await asyncio.gather(
        *(store.change_signing_keys("inside", [], [signing_key(purpose="inside")], at=NOW) for _ in range(3)),
        *(store.revoke_all_issued(before=NOW, at=NOW) for _ in range(3)),
    )
    assert [event.seq for event in await store.feed_after(0, limit=9)] == [1, 2, 3, 4]


@promise
async def the_first_data_key_stays_and_takes_everything_along(store):
    assert await store.data_key() is None
    old = signing_key()
    await store.change_signing_keys("outside", [], [old], at=NOW)
    await store.add_first_pepper(b"old")
    moved = [dataclasses.replace(old, sealed_private=bytes([n])) for n in range(5)]
    added = await asyncio.gather(
        *(
            store.add_data_key(bytes([n]), SealedContents((bytes([n]), b"older"), (moved[n],)))
            for n in range(5)
        )
    )
    assert sorted(added) == [False] * 4 + [True]
    n = added.index(True)
    assert await store.data_key() == bytes([n])
    assert await store.peppers() == [bytes([n]), b"older"]
    assert await store.signing_keys("outside") == [moved[n]]


@promise
async def a_data_key_is_replaced_once(store):
    assert not await store.replace_data_key(b"old", b"new")
    await store.add_data_key(b"old", SealedContents())
    replaced = await asyncio.gather(*(store.replace_data_key(b"old", bytes([n])) for n in range(5)))
    assert sorted(replaced) == [False] * 4 + [True]
    assert await store.data_key() == bytes([replaced.index(True)])


@promise
async def the_first_pepper_stays(store):
    assert await store.peppers() == []
    added = await asyncio.gather(*(store.add_first_pepper(bytes([n]) * 32) for n in range(5)))
    assert sorted(added) == [False] * 4 + [True]
    assert await store.peppers() == [bytes([added.index(True)]) * 32]


@promise
async def a_lasting_secret_is_added_once(store):
    assert await store.lasting_secret("a") is None
    added = await asyncio.gather(*(store.add_lasting_secret("a", bytes([n]) * 32) for n in range(5)))
    assert sum(added) == 1
    assert await store.lasting_secret("a") == bytes([added.index(True)]) * 32
    assert await store.add_lasting_secret("b", b"other")
    assert await store.lasting_secret("b") == b"other"


# Upkeep


@promise
async def the_private_half_of_a_key_goes_an_hour_after_it_was_removed(store):
    ends = [NOW, NOW + 1, None]
    keys = [signing_key(created_at=NOW + n, retires_at=NOW, removes_at=end) for n, end in enumerate(ends)]
    await store.change_signing_keys("outside", [], keys, at=NOW)
    assert await store.sweep(at=NOW + 3600, limit=8) == 1
    assert await store.sweep(at=NOW + 3600, limit=8) == 0
    erased = dataclasses.replace(keys[0], sealed_private=b"")
    assert await store.signing_keys("outside") == [erased, *keys[1:]]


@promise
async def sweeping_takes_what_is_over_in_batches(store):
    tokens = [access(expires_at=NOW + n) for n in range(25)]
    await asyncio.gather(*(store.add_access_token(token) for token in tokens))
    live, ended = session(), session(expires_at=NOW + 5)
    await signed_in(store, live, ended)
    assert await store.sweep(at=NOW + 19, limit=8) == 9
    assert await store.sweep(at=NOW + 19, limit=8) == 8
    assert await store.sweep(at=NOW + 19, limit=8) == 4
    assert await store.sweep(at=NOW + 19, limit=8) == 0
    left = [await store.access_token(token.token_id) for token in tokens]
    assert [state is None for state in left] == [True] * 20 + [False] * 5
    assert await store.session(live.session_id) == live
    assert await store.session(ended.session_id) is None


@promise
async def used_links_stay_until_their_grant_ends(store):
    its_grant, _, link = await started(store)
    successor = refresh(its_grant)
    await store.rotate_refresh_token(
        link.token_id, access(its_grant), successor, sealed_response=b"s", at=NOW
    )
    await store.sweep(at=NOW + 60 * 86400, limit=100)
    assert (await store.refresh_token(link.token_id)).consumed
    assert await store.refresh_token(successor.token_id) is None  # idle for too long
    for _ in range(3):
        await store.sweep(at=its_grant.expires_at, limit=100)
    assert await store.refresh_token(link.token_id) is None


@promise
async def a_long_chain_is_swept_in_batches_too(store):
    its_grant, _, link = await started(store)
    for _ in range(4):
        successor = refresh(its_grant)
        await store.rotate_refresh_token(
            link.token_id, access(its_grant), successor, sealed_response=b"s", at=NOW
        )
        link = successor
    for _ in range(20):
        await store.sweep(at=its_grant.expires_at, limit=2)
    assert await store.refresh_token(link.token_id) is None
    assert not await store.revoke_grant(its_grant.grant_id, NOW)


@promise
async def a_token_does_not_outlive_its_swept_grant(store):
    its_grant, first, _ = await started(store, expires_at=NOW + 100)
    await store.revoke_grant(its_grant.grant_id, NOW)
    await store.sweep(at=NOW + 100, limit=100)
    assert await store.revoke_grant(its_grant.grant_id, NOW) is False
    assert (await store.access_token(first.token_id)).revoked


@promise
async def used_codes_stay_and_unused_ones_take_their_grant_along(store):
    used, unused = grant(), grant()
    codes = code_of(used), code_of(unused)
    for each, code in zip((used, unused), codes, strict=True):
        await store.add_grant(each, code)
    await store.redeem_code(codes[0].token_id, access(used), None, at=NOW)
    await store.sweep(at=NOW + 60, limit=100)
    assert (await store.code(codes[0].token_id)).consumed
    assert await store.code(codes[1].token_id) is None
    assert not await store.revoke_grant(unused.grant_id, NOW)


@promise
async def sealed_responses_are_erased_after_ten_seconds(store):
    its_grant, _, link = await started(store)
    token, successor = access(its_grant), refresh(its_grant)
    await store.rotate_refresh_token(link.token_id, token, successor, sealed_response=b"s", at=NOW)
    await store.sweep(at=NOW + 9.9, limit=100)
    assert await store.lost_response(link.token_id, consumed_after=0) == b"s"
    await store.sweep(at=NOW + 10, limit=100)
    assert await store.lost_response(link.token_id, consumed_after=0) is None


@promise
async def the_feed_is_kept_for_a_day(store):
    await store.revoke_all_issued(before=NOW, at=NOW)
    await store.revoke_all_issued(before=NOW, at=NOW + 10)
    await store.sweep(at=NOW + 86_400 + 5, limit=100)
    assert [event.seq for event in await store.feed_after(0, limit=9)] == [2]
    assert await store.feed_head() == 2


@promise
async def a_cancelled_caller_leaves_a_whole_write(store):
    its_grant = grant()
    code = code_of(its_grant)
    await store.add_grant(its_grant, code)
    token = access(its_grant)
    task = asyncio.create_task(store.redeem_code(code.token_id, token, refresh(its_grant), at=NOW))
    await asyncio.sleep(0)  # accepted, not yet answered
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await store.ping()
    await store.touch_session("none", NOW)  # behind the other in the queue
    assert (await store.code(code.token_id)).consumed
    assert not (await store.access_token(token.token_id)).revoked


@promise
async def hostile_text_matches_nothing_and_breaks_nothing(store):
    await store.add_user(user())
    for text in ("a\x00b", "\ud800", "x" * 1_000_000, "' OR 1=1 --", "", "%s", ":x"):
        assert await store.client(text) is None
        assert await store.client_with_secret(text) is None
        assert await store.user(text) is None
        assert await store.user_by_name(text) is None
        assert await store.session(text) is None
        assert await store.code(text) is None
        assert await store.refresh_token(text) is None
        assert await store.access_token(text) is None
        assert await store.lost_response(text, consumed_after=0) is None
        assert await store.consented_scope(text, text, text) == {}
        assert await store.redeem_code(text, access(), None, at=NOW) is GONE
        assert await store.revoke_token(text, NOW) is False
        assert await store.revoke_tokens([text], NOW) == RevokedTokens(unknown=1)
        assert await store.access_token_hashes([text]) == {}
        assert await store.revoke_grant(text, NOW) is False
        assert await store.end_session(text) is False
        assert await store.remove_client(text, NOW) is False
        await store.touch_session(text, NOW)
    assert await store.feed_head() == 0


@promise
async def text_that_cannot_be_stored_is_refused_alone(store):
    people = [user(), user(username="\ud800"), user()]
    results = await asyncio.gather(*(store.add_user(one) for one in people), return_exceptions=True)
    assert [type(result) for result in results] == [type(None), results[1].__class__, type(None)]
    assert isinstance(results[1], ValueError)
    tokens = [access(), access(audience="\ud800"), access()]
    results = await asyncio.gather(*(store.add_access_token(one) for one in tokens), return_exceptions=True)
    assert isinstance(results[1], ValueError)
    assert [results[0], results[2]] == [None, None]


@promise
async def a_closed_store_says_so(store):
    await store.ping()
    writes = [asyncio.create_task(store.add_user(user())) for _ in range(20)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*writes)  # accepted before, so finished
    await store.close()
    calls = [
        store.ping(),
        store.client("x"),
        store.add_user(user()),
        store.add_access_token(access()),
        store.access_token(token_id("at")),
        store.revoke_all_issued(before=NOW, at=NOW),
        store.feed_head(),
        store.feed_wake(within=1),
        store.sweep(at=NOW, limit=1),
    ]
    for call in calls:
        with pytest.raises(StoreUnavailable):
            await call


# Uses


@promise
async def what_may_be_used_once_is_used_once(store):
    key, other = bytes(range(32)), bytes(32)
    attempts = (store.first_use(key, NOW + 60, at=NOW) for _ in range(50))
    assert sum(await asyncio.gather(*attempts)) == 1
    assert await store.first_use(other, NOW + 60, at=NOW)
    assert not await store.first_use(key, NOW + 90, at=NOW + 59)
    # Somebody judged a moment ago, or by a clock that is behind, that the moment has yet to come.
    assert not await store.first_use(key, NOW + 60, at=NOW + 60 + USED_KEPT - 1)
    assert await store.first_use(key, NOW + 120, at=NOW + 60 + USED_KEPT), "it is long past"
    assert not await store.first_use(key, NOW + 180, at=NOW + 119)


@promise
async def uses_whose_time_is_over_are_swept(store):
    await store.first_use(bytes(32), NOW + 60, at=NOW)
    await store.first_use(bytes(range(32)), NOW + 90, at=NOW)
    assert await store.sweep(at=NOW + 60 + USED_KEPT - 1, limit=10) == 0
    assert await store.sweep(at=NOW + 60 + USED_KEPT, limit=10) == 1
    assert not await store.first_use(bytes(range(32)), NOW + 90, at=NOW + 61)


# API keys


@promise
async def an_api_key_comes_back_as_it_was_added(store):
    plain = api_key()
    bound = api_key(
        addresses=("10.0.0.0/8", "2001:db8::/32"),
        origins=("https://a.example", "https://b.example"),
        rate=60,
        scopes=(),
        created_at=NOW + 1,
    )
    foreign = api_key(imported=True, last_four="", rotated_from=plain.key_id, created_at=NOW + 2)
    await store.add_api_keys([plain, foreign])
    await store.add_api_keys([bound])
    assert await store.api_key(plain.key_id) == ApiKeyState(plain)
    assert await store.api_key("nobody") is None
    assert await store.api_keys() == [ApiKeyState(plain), ApiKeyState(bound), ApiKeyState(foreign)]
    assert await store.imported_api_key(foreign.keyed_hash) == ApiKeyState(foreign)
    assert await store.imported_api_key(plain.keyed_hash) is None
    assert await store.feed_head() == 0


@promise
async def api_keys_are_added_all_or_none(store):
    first = api_key(imported=True)
    await store.add_api_keys([first])
    for taken in (api_key(key_id=first.key_id), api_key(keyed_hash=first.keyed_hash, imported=True)):
        other = api_key()
        with pytest.raises(AlreadyExists):
            await store.add_api_keys([other, taken])
        assert await store.api_key(other.key_id) is None
    await store.add_api_keys([api_key(keyed_hash=first.keyed_hash)])  # found by its locator, so no rival


@promise
async def an_api_key_is_revoked_once_and_the_feed_tells_it(store):
    key = api_key()
    await store.add_api_keys([key])
    assert await store.revoke_api_key(key.key_id, NOW + 1)
    assert not await store.revoke_api_key(key.key_id, NOW + 2)
    assert not await store.revoke_api_key("nobody", NOW + 2)
    assert (await store.api_key(key.key_id)).revoked
    assert [state.revoked for state in await store.api_keys()] == [True]
    assert await store.feed_after(0, limit=9) == [FeedEvent(1, "api_key", key.key_id, 0)]


@promise
async def with_everything_go_the_api_keys_made_until_then(store):
    old, new = api_key(), api_key(created_at=NOW + 20)
    await store.add_api_keys([old, new])
    await store.revoke_all_issued(before=NOW + 10, at=NOW + 30)
    assert (await store.api_key(old.key_id)).revoked
    assert not (await store.api_key(new.key_id)).revoked
    assert not await store.rotate_api_key(
        api_key(rotated_from=old.key_id), old_expire_at=NOW + 60, at=NOW + 31
    )


@promise
async def a_rotated_api_key_ends_by_the_given_moment_and_never_later_than_before(store):
    long, short = api_key(), api_key(expires_at=NOW + 30)
    await store.add_api_keys([long, short])
    for old, end in ((long, NOW + 60), (short, NOW + 30)):
        new = api_key(rotated_from=old.key_id, created_at=NOW + 5)
        assert await store.rotate_api_key(new, old_expire_at=NOW + 60, at=NOW + 5)
        assert await store.api_key(new.key_id) == ApiKeyState(new)
        ended = dataclasses.replace(old, expires_at=end)
        assert await store.api_key(old.key_id) == ApiKeyState(ended, rotated_at=NOW + 5)
    assert [event.subject for event in await store.feed_after(0, limit=9)] == [long.key_id, short.key_id]


@promise
async def an_api_key_that_is_over_is_not_rotated(store):
    revoked, ended, rotated = api_key(), api_key(expires_at=NOW + 1), api_key()
    await store.add_api_keys([revoked, ended, rotated])
    await store.revoke_api_key(revoked.key_id, NOW)
    assert await store.rotate_api_key(
        api_key(rotated_from=rotated.key_id), old_expire_at=NOW + 60, at=NOW + 1
    )
    head = await store.feed_head()
    for old in (revoked.key_id, ended.key_id, rotated.key_id, "nobody"):
        new = api_key(rotated_from=old)
        assert not await store.rotate_api_key(new, old_expire_at=NOW + 60, at=NOW + 1)
        assert await store.api_key(new.key_id) is None
    assert await store.feed_head() == head


@promise
async def of_many_rotations_of_one_api_key_one_succeeds(store):
    old = api_key()
    await store.add_api_keys([old])
    won = await asyncio.gather(
        *(
            store.rotate_api_key(api_key(rotated_from=old.key_id), old_expire_at=NOW + 60, at=NOW)
            for _ in range(8)
        )
    )
    assert sum(won) == 1
    assert len(await store.api_keys()) == 2


@promise
async def owners_are_told_of_live_api_keys_that_end_and_have_no_successor(store):
    day = 86_400
    soon, later, over = (api_key(expires_at=NOW + end) for end in (3 * day, 3 * day + 1, 0))
    revoked, old = api_key(expires_at=NOW + day), api_key(expires_at=NOW + day)
    await store.add_api_keys([soon, later, over, revoked, old])
    await store.revoke_api_key(revoked.key_id, NOW)
    await store.rotate_api_key(api_key(rotated_from=old.key_id), old_expire_at=NOW + day, at=NOW - 1)
    assert [state.key for state in await store.api_keys_to_tell_of(days=3, at=NOW)] == [soon]
    assert [state.key for state in await store.api_keys_to_tell_of(days=14, at=NOW)] == [soon, later]
    assert await store.claim_telling(soon.key_id, 3)
    assert await store.api_keys_to_tell_of(days=3, at=NOW) == []
    assert [state.key for state in await store.api_keys_to_tell_of(days=14, at=NOW)] == [later]


@promise
async def of_many_who_would_tell_one_owner_one_does(store):
    key = api_key()
    await store.add_api_keys([key])
    assert sum(await asyncio.gather(*(store.claim_telling(key.key_id, 3) for _ in range(8)))) == 1
    assert not await store.claim_telling(key.key_id, 14), "fewer days were told already"
    assert await store.claim_telling(key.key_id, 1)
    await store.release_telling(key.key_id, 1, before=3)
    assert (await store.api_key(key.key_id)).told_days == 3
    await store.release_telling(key.key_id, 1, before=None)  # somebody else's claim by now
    assert (await store.api_key(key.key_id)).told_days == 3
    assert await store.claim_telling(key.key_id, 1)
    assert not await store.claim_telling("nobody", 1)


@promise
async def what_was_exchanged_for_an_api_key_ends_with_it(store):
    key = api_key()
    await store.add_api_keys([key])
    token, other = access(ancestors=(API_KEY_CLIENT + key.key_id,)), access()
    await store.add_access_token(token)
    await store.add_access_token(other)
    assert not (await store.access_token(token.token_id)).revoked
    await store.revoke_api_key(key.key_id, NOW + 1)
    assert (await store.access_token(token.token_id)).revoked
    assert not (await store.access_token(other.token_id)).revoked
    for ancestor in (API_KEY_CLIENT + token_id("ak"), API_KEY_CLIENT + other.token_id):
        orphan = access(ancestors=(ancestor,))  # no such key
        await store.add_access_token(orphan)
        assert (await store.access_token(orphan.token_id)).revoked


@promise
async def what_was_exchanged_for_an_api_key_ends_no_later_than_it_does_once_it_is_rotated(store):
    key = api_key()
    await store.add_api_keys([key])
    token = access(ancestors=(API_KEY_CLIENT + key.key_id,))
    await store.add_access_token(token)
    grandchild = access(ancestors=(token.token_id, *token.ancestors))
    await store.add_access_token(grandchild)
    new = api_key(rotated_from=key.key_id)
    assert await store.rotate_api_key(new, old_expire_at=NOW + 5, at=NOW + 1)
    for each in (token, grandchild):
        ended = dataclasses.replace(each, expires_at=NOW + 5)
        assert await store.access_token(each.token_id) == AccessTokenState(ended, revoked=False)


@promise
async def api_keys_are_swept_ninety_days_after_their_end(store):
    kept, gone = api_key(expires_at=NOW + 1), api_key(expires_at=NOW)
    await store.add_api_keys([kept, gone])
    assert await store.sweep(at=NOW + 90 * 86400, limit=9) == 1
    assert [state.key for state in await store.api_keys()] == [kept]
