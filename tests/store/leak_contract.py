"""The promises of `tokenward.store.leak_port`, for every adapter."""

import asyncio
from dataclasses import replace

from store.registration_contract import add as registering
from store.registration_contract import initial
from store.values import (
    NOW,
    access,
    api_key,
    client,
    device_code,
    grant,
    link,
    secret_of,
    session,
    started,
    token_id,
    user,
)
from tokenward.base.entropy import identifier
from tokenward.store.leak_records import EVIDENCE_KEPT, Ending, Evidence, Leaked, Reach, Seen
from tokenward.store.records import Consumption, FeedEvent

PROMISES = []
REVOKE = Ending("revoke")
HERE = Evidence("client:scanner", "git", "src/a.py", 3, "c0ffee", "https://git.example/a", NOW - 60)


def promise(check):
    PROMISES.append(check)
    return check


async def reported(store, leaked, ending=REVOKE, evidence=HERE, *, at=NOW + 1):
    return await store.record_leak(identifier(), leaked, evidence, ending, at=at)


def of_token(token, kind="access_token"):
    return Leaked(
        kind, token.token_id, token.client_id, token.user_id, token.grant_id, "", token.audience, NOW
    )


async def events(store):
    return [(each.revoked, each.subject) for each in await store.feed_after(0, limit=100)]


async def with_token(store, **over):
    token = access(**over)
    await store.add_access_token(token)
    return token


@promise
async def an_incident_comes_back_as_it_was_reported(store):
    token = await with_token(store, user_id="ann")
    told = await reported(store, of_token(token), Ending("alert"))
    incident = told.incident
    assert (told.is_new, told.ended) == (True, False)
    assert incident.leaked == of_token(token)
    assert (incident.state, incident.action, incident.reports) == ("open", "alert", 1)
    assert (incident.reported_at, incident.reporter) == (NOW + 1, "client:scanner")
    assert (incident.responded_at, incident.due_at, incident.closed_at, incident.note) == (
        None,
        None,
        None,
        "",
    )
    assert await store.incident(incident.incident_id) == incident
    assert await store.incident_evidence(incident.incident_id) == [Seen(HERE, NOW + 1)]
    assert await store.incident_actions(incident.incident_id) == []
    assert await store.incident("nothing") is None
    assert not (await store.access_token(token.token_id)).revoked
    assert await events(store) == []


@promise
async def a_reported_access_token_ends_with_its_grant_and_the_feed_tells_both(store):
    its_grant, token, link = await started(store)
    other = await with_token(store)
    told = await reported(store, of_token(token))
    assert told.ended
    assert (told.incident.state, told.incident.responded_at) == ("responded", NOW + 1)
    assert (await store.access_token(token.token_id)).revoked
    assert (await store.refresh_token(link.token_id)).revoked
    assert not (await store.access_token(other.token_id)).revoked
    assert await events(store) == [("token", token.token_id), ("grant", its_grant.grant_id)]
    assert [taken.at for taken in await store.incident_actions(told.incident.incident_id)] == [NOW + 1] * 2


@promise
async def a_reported_refresh_token_ends_its_family(store):
    its_grant, token, link = await started(store)
    leaked = Leaked("refresh_token", link.token_id, "app", "ann", its_grant.grant_id)
    assert (await reported(store, leaked)).ended
    assert (await store.access_token(token.token_id)).revoked
    assert await events(store) == [("grant", its_grant.grant_id)]


@promise
async def a_reported_api_key_ends(store):
    key = api_key()
    await store.add_api_keys([key])
    assert (await reported(store, Leaked("api_key", key.key_id, owner=key.owner))).ended
    assert (await store.api_key(key.key_id)).revoked
    assert await events(store) == [("api_key", key.key_id)]


@promise
async def of_a_client_the_reported_secret_ends_alone_and_all_that_it_was_issued(store):
    its = client(type="service")
    first, second = secret_of(its.client_id), secret_of(its.client_id, expires_at=NOW + 500)
    await store.add_client(its, first)
    await store.rotate_client_secret(second, old_expire_at=NOW + 500)
    before, after = [
        await with_token(store, client_id=its.client_id, issued_at=at) for at in (NOW + 1.9, NOW + 2.1)
    ]
    await store.client_with_secret(first.secret_id)
    assert (await reported(store, Leaked("client_secret", first.secret_id, its.client_id))).ended
    assert (await store.client_with_secret(first.secret_id))[1].expires_at == NOW + 1
    kept = {each.secret_id: each.expires_at for each in await store.client_secrets(its.client_id)}
    assert kept == {first.secret_id: NOW + 1, second.secret_id: NOW + 500}
    assert (await store.access_token(before.token_id)).revoked
    assert not (await store.access_token(after.token_id)).revoked
    assert not (
        await reported(store, Leaked("client_secret", first.secret_id, its.client_id), at=NOW + 9)
    ).ended
    assert await store.feed_after(0, limit=9) == [FeedEvent(1, "client", its.client_id, NOW + 2)]


@promise
async def a_secret_with_grace_ends_later_and_what_it_gave_meanwhile_ends_then(store):
    its = client(type="service")
    secret = secret_of(its.client_id)
    await store.add_client(its, secret)
    leaked = Leaked("client_secret", secret.secret_id, its.client_id)
    told = await reported(store, leaked, Ending("revoke", grace=3600))
    name = told.incident.incident_id
    assert (told.ended, told.incident.due_at) == (True, NOW + 3601)
    assert [each.expires_at for each in await store.client_secrets(its.client_id)] == [NOW + 3601]
    meanwhile = await with_token(store, client_id=its.client_id, issued_at=NOW + 100, expires_at=NOW + 9999)
    assert not (await store.access_token(meanwhile.token_id)).revoked
    assert await store.due_incidents(at=NOW + 3600) == []
    assert not await store.finish_incident(name, at=NOW + 3600)
    assert [each.incident_id for each in await store.due_incidents(at=NOW + 3602)] == [name]
    assert await store.finish_incident(name, at=NOW + 3602)
    assert (await store.access_token(meanwhile.token_id)).revoked
    assert await store.due_incidents(at=NOW + 3602) == []
    assert not await store.finish_incident(name, at=NOW + 3603)
    assert [taken.at for taken in await store.incident_actions(name)] == [NOW + 1, NOW + 1, NOW + 3602]


@promise
async def with_a_reported_session_go_the_persons_sign_ins_and_all_that_acts_for_them(store):
    person = user()
    sessions = [session(user_id=person.user_id) for _ in range(2)]
    await store.add_user(person)
    for each in sessions:
        await store.add_session(each, version=0)
    token = await with_token(store, user_id=person.user_id)
    leaked = Leaked("session", sessions[0].session_id, user_id=person.user_id)
    assert (await reported(store, leaked)).ended
    assert [await store.session(each.session_id) for each in sessions] == [None, None]
    assert (await store.access_token(token.token_id)).revoked


@promise
async def a_reported_device_code_is_refused_or_takes_along_what_it_was_given(store):
    await store.add_client(client(client_id="tv", type="device"), None)
    waiting, approved = device_code(), device_code()
    for each in (waiting, approved):
        await store.add_device_code(each)
    its = grant(client_id="tv")
    assert await store.approve_device(approved.token_id, its)
    assert (await reported(store, Leaked("device_code", waiting.token_id, client_id="tv"))).ended
    assert (await store.device_code(waiting.token_id)).denied
    leaked = Leaked("device_code", approved.token_id, client_id="tv", grant_id=its.grant_id)
    assert (await reported(store, leaked)).ended
    gone = await store.redeem_device_code(approved.token_id, access(its), None, cnf=None, at=NOW + 5)
    assert gone is Consumption.REVOKED_OR_EXPIRED


@promise
async def a_reported_sign_in_link_is_void(store):
    person = user()
    await store.add_user(person)
    its = link(user_id=person.user_id)
    await store.add_link(its)
    leaked = Leaked("sign_in_link", its.link_id, user_id=person.user_id)
    assert (await reported(store, leaked)).ended
    assert not await store.use_link(its.link_id, NOW)
    assert await events(store) == []


@promise
async def a_reported_initial_access_token_lets_nobody_register(store):
    its, other = initial(uses=5), initial(uses=5)
    for each in (its, other):
        await store.add_initial_token(each)
    before, made, _ = await registering(store, initial_token=its.token_id)
    assert (await reported(store, Leaked("initial_access_token", its.token_id))).ended
    assert (before, (await registering(store, initial_token=its.token_id))[0]) == ("added", "spent")
    assert await store.client(made.client_id) == made
    assert (await store.initial_token(other.token_id)).uses_left == 5
    assert await events(store) == []


@promise
async def a_reported_registration_token_is_worth_nothing_also_in_a_change_under_way(store):
    _, made, registration = await registering(store)
    _, _, other = await registering(store)
    assert await store.registration_by_token(registration.token_id) == registration
    leaked = Leaked("registration_access_token", registration.token_id, made.client_id)
    assert (await reported(store, leaked)).ended
    left = await store.registration(made.client_id)
    assert (left.token_id, left.keyed_hash) == ("", b"")
    assert await store.registration_by_token(registration.token_id) is None
    new = replace(registration, token_id=token_id("ra"))
    assert not await store.change_registration(made, None, new, instead_of=registration.token_id)
    assert await store.client(made.client_id) == made
    assert await store.registration(other.client_id) == other


@promise
async def a_registration_token_that_was_changed_meanwhile_ends_nothing(store):
    _, made, registration = await registering(store)
    new = replace(registration, token_id=token_id("ra"))
    assert await store.change_registration(made, None, new, instead_of=registration.token_id)
    leaked = Leaked("registration_access_token", registration.token_id, made.client_id)
    assert not (await reported(store, leaked)).ended
    assert await store.registration(made.client_id) == new


@promise
async def the_same_report_again_is_one_incident_and_another_place_is_evidence(store):
    token = await with_token(store)
    first = await reported(store, of_token(token))
    again = await reported(store, of_token(token), at=NOW + 2)
    elsewhere = await reported(store, of_token(token), evidence=replace(HERE, path="b.py"), at=NOW + 3)
    assert [each.is_new for each in (first, again, elsewhere)] == [True, False, False]
    assert [each.ended for each in (first, again, elsewhere)] == [True, False, False]
    assert len({each.incident.incident_id for each in (first, again, elsewhere)}) == 1
    assert (elsewhere.incident.reports, elsewhere.incident.reported_at) == (3, NOW + 1)
    seen = await store.incident_evidence(first.incident.incident_id)
    assert [(each.evidence.path, each.reported_at) for each in seen] == [
        ("src/a.py", NOW + 1),
        ("b.py", NOW + 3),
    ]
    assert await events(store) == [("token", token.token_id)]


@promise
async def of_many_reports_at_once_one_ends_it(store):
    token = await with_token(store)
    told = await asyncio.gather(*(reported(store, of_token(token)) for _ in range(20)))
    assert sum(each.is_new for each in told) == sum(each.ended for each in told) == 1
    assert (await store.incident(told[0].incident.incident_id)).reports == 20
    assert await events(store) == [("token", token.token_id)]


@promise
async def evidence_is_bounded_and_reports_go_on_being_counted(store):
    token = await with_token(store)
    for number in range(EVIDENCE_KEPT + 3):
        told = await reported(store, of_token(token), evidence=replace(HERE, line=number))
    assert told.incident.reports == EVIDENCE_KEPT + 3
    assert len(await store.incident_evidence(told.incident.incident_id)) == EVIDENCE_KEPT


@promise
async def what_was_over_is_noted_and_closed_at_once(store):
    token = await with_token(store)
    told = await reported(store, of_token(token), Ending("none"))
    assert (told.ended, told.incident.state, told.incident.closed_at) == (False, "closed", NOW + 1)


@promise
async def an_incident_is_ended_by_a_person_once(store):
    token = await with_token(store)
    name = (await reported(store, of_token(token), Ending("confirm"))).incident.incident_id
    ended = await store.respond_to_incident(name, REVOKE, at=NOW + 5)
    assert (ended.state, ended.responded_at, ended.action) == ("responded", NOW + 5, "revoke")
    assert (await store.access_token(token.token_id)).revoked
    assert await store.respond_to_incident(name, REVOKE, at=NOW + 6) == ended
    assert await store.respond_to_incident("nothing", REVOKE, at=NOW) is None


@promise
async def an_incident_is_closed_once_with_a_note(store):
    token = await with_token(store)
    name = (await reported(store, of_token(token))).incident.incident_id
    assert await store.close_incident(name, "rotated by hand", at=NOW + 9)
    assert not await store.close_incident(name, "again", at=NOW + 10)
    assert not await store.close_incident("nothing", "", at=NOW + 10)
    closed = await store.incident(name)
    assert (closed.state, closed.closed_at, closed.note) == ("closed", NOW + 9, "rotated by hand")


@promise
async def a_closed_incident_is_opened_again_by_ending_what_lives(store):
    token = await with_token(store)
    name = (await reported(store, of_token(token), Ending("alert"))).incident.incident_id
    await store.close_incident(name, "a false alarm", at=NOW + 2)
    assert (await reported(store, of_token(token), Ending("alert"))).incident.state == "closed"
    again = await reported(store, of_token(token), at=NOW + 3)
    assert (again.incident.state, again.ended) == ("responded", True)
    assert await store.incident(name) == again.incident
    assert (again.incident.closed_at, again.incident.note) == (None, "")


@promise
async def incidents_are_listed_newest_first_and_by_state(store):
    tokens = [await with_token(store) for _ in range(3)]
    names = [
        (await reported(store, of_token(token), ending, at=NOW + number)).incident.incident_id
        for number, (token, ending) in enumerate(zip(tokens, (REVOKE, Ending("alert"), REVOKE), strict=True))
    ]
    assert [each.incident_id for each in await store.incidents(limit=9)] == names[::-1]
    assert [each.incident_id for each in await store.incidents(limit=1)] == names[2:]
    assert [each.incident_id for each in await store.incidents(state="open", limit=9)] == [names[1]]


@promise
async def what_was_done_elsewhere_is_noted_once(store):
    name = (await reported(store, Leaked("signing_key", "kid"), Ending("confirm"))).incident.incident_id
    assert await store.mark_responded(name, ["removed the key"], at=NOW + 5)
    assert not await store.mark_responded(name, ["again"], at=NOW + 6)
    assert not await store.mark_responded("nothing", ["what"], at=NOW + 6)
    incident = await store.incident(name)
    assert (incident.state, incident.responded_at) == ("responded", NOW + 5)
    assert [taken.what for taken in await store.incident_actions(name)] == ["removed the key"]


@promise
async def how_far_a_credential_reaches_is_counted(store):
    its_grant, token, link = await started(store, client_id="app", user_id="ann")
    person = user(user_id="ann")
    await store.add_user(person)
    await store.add_session(session(user_id="ann"), version=0)
    await store.add_session(session(user_id="ann", expires_at=NOW), version=0)
    own = await with_token(store, client_id="app")
    await with_token(store, client_id="app", expires_at=NOW)
    await store.revoke_token((await with_token(store, client_id="app")).token_id, NOW)
    key = api_key()
    await with_token(store, client_id=f"api_key/{key.key_id}")

    async def reach(*what, **whose):
        return await store.leak_reach(Leaked(*what, **whose), at=NOW + 1)

    assert await reach("access_token", own.token_id, client_id="app") == Reach(1)
    grant_id = its_grant.grant_id
    assert await reach("access_token", token.token_id, grant_id=grant_id) == Reach(1, 1)
    assert await reach("refresh_token", link.token_id, grant_id=grant_id) == Reach(1, 1)
    assert await reach("client_secret", "x", client_id="app") == Reach(2, 1)
    assert await reach("session", "x", user_id="ann") == Reach(1, 1, 1)
    assert await reach("api_key", key.key_id) == Reach(1)
    assert await reach("admin_token", "") == Reach()
    await store.revoke_issued_to_client("app", before=NOW + 1, at=NOW + 1)
    assert await reach("client_secret", "x", client_id="app") == Reach()


async def untold(store, at):
    return [
        (each.incident.incident_id, each.attempts) for each in await store.incidents_to_tell(at=at, limit=9)
    ]


@promise
async def what_is_new_or_was_ended_is_to_be_told_and_what_was_over_is_not(store):
    first, over = await with_token(store), await with_token(store)
    name = (await reported(store, of_token(first), Ending("alert"))).incident.incident_id
    await reported(store, of_token(over), Ending("none"))
    assert await untold(store, NOW) == []
    assert await untold(store, NOW + 1) == [(name, 0)]
    await reported(store, of_token(first), Ending("alert"), at=NOW + 2)
    assert await untold(store, NOW + 2) == [(name, 0)]
    assert await store.claim_incident_telling(name, at=NOW + 2, again_at=NOW + 60) == ()
    await store.incident_told(name, ["ann@example.com"], again_at=NOW + 60, whole=True)
    assert await untold(store, NOW + 999) == []
    await store.respond_to_incident(name, REVOKE, at=NOW + 3)
    assert await untold(store, NOW + 3) == [(name, 0)]


@promise
async def of_many_who_would_tell_of_an_incident_one_does_and_what_failed_is_tried_again(store):
    token = await with_token(store)
    name = (await reported(store, of_token(token))).incident.incident_id
    claims = await asyncio.gather(
        *(store.claim_incident_telling(name, at=NOW + 1, again_at=NOW + 60 + number) for number in range(9))
    )
    assert [each for each in claims if each is not None] == [()]
    assert await untold(store, NOW + 59) == []
    assert await untold(store, NOW + 99) == [(name, 1)]
    assert await store.claim_incident_telling(name, at=NOW + 99, again_at=None) == ()
    await store.incident_told(name, [], again_at=None, whole=True)
    assert await untold(store, NOW + 9999) == []
    assert await store.claim_incident_telling(name, at=NOW + 9999, again_at=NOW) is None


@promise
async def what_changes_while_it_is_told_is_told_again(store):
    token = await with_token(store)
    name = (await reported(store, of_token(token), Ending("confirm"))).incident.incident_id
    assert await store.claim_incident_telling(name, at=NOW + 1, again_at=NOW + 60) == ()
    await store.respond_to_incident(name, REVOKE, at=NOW + 2)
    await store.incident_told(name, ["ann@example.com"], again_at=NOW + 60, whole=True)
    assert await untold(store, NOW + 2) == [(name, 0)]


@promise
async def closed_incidents_are_swept_after_400_days_with_their_evidence(store):
    kept, closed = await with_token(store), await with_token(store)
    open_one = (await reported(store, of_token(kept))).incident.incident_id
    name = (await reported(store, of_token(closed))).incident.incident_id
    await store.close_incident(name, "done", at=NOW + 9)
    end = NOW + 9 + 400 * 86_400
    await store.sweep(at=end - 1, limit=100)
    assert await store.incident(name) is not None
    await store.sweep(at=end, limit=100)
    assert await store.incident(name) is None
    assert await store.incident_evidence(name) == await store.incident_actions(name) == []
    assert await store.incident(open_one) is not None
