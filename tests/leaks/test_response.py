"""Reports of leaked credentials: what they end, and what they tell to whom."""

import asyncio
import json
import logging
import time

import pytest

from issuer.devices import answered, asking, tv
from issuer.house import basic
from leaks.responding import ADMIN_TOKEN, AUDIENCE, id_of, lived, report_of, world
from tokenward.base.secret import Secret
from tokenward.flows.dpop import DpopProver
from tokenward.issuer.api_keys import ApiKeyDesk, Terms
from tokenward.issuer.key_imports import HashedKey, import_keys
from tokenward.leaks.response import endpoint
from tokenward.store.port import StoreUnavailable
from tokenward.tokens import opaque
from tokenward.tokens.presented import signing_kid

PLACE = {
    "source": "git",
    "path": "src/settings.py",
    "line": 12,
    "commit": "c0ffee12",
    "url": "https://git.example/settings.py#L12",
    "since": "2026-11-01T09:00:00Z",
}


def life(test=None, **settings):
    return (lambda it: lived(it, **settings)) if test is None else lived(test)


# What a report ends


@life
async def test_a_report_by_fingerprint_ends_an_access_token(w):
    _, scanner = await w.reporter("leaks:report", "leaks:read")
    _, token = await w.service()
    _, other = await w.service()
    told = await w.report(scanner, token, **PLACE)
    assert [(each["token_id"], each["status"]) for each in told] == [(id_of(token), "revoked")]
    assert not await w.live(token)
    assert await w.live(other)
    assert await w.live(scanner)


@life
async def test_with_an_access_token_of_a_grant_goes_its_family(w):
    _, scanner = await w.reporter()
    caller, _, access, refresh = await w.family()
    await w.report(scanner, access)
    assert not await w.live(access)
    assert (await caller.refresh(refresh)).json()["error"] == "invalid_grant"


@life
async def test_with_a_refresh_token_goes_its_family_also_when_it_was_used(w):
    _, scanner = await w.reporter()
    caller, _, _, refresh = await w.family()
    given = (await caller.refresh(refresh)).json()
    await w.report(scanner, refresh)
    assert not await w.live(given["access_token"])
    assert (await caller.refresh(given["refresh_token"])).json()["error"] == "invalid_grant"


@life
async def test_an_unused_code_that_leaked_gives_nothing_and_a_used_one_harms_nobody(w):
    _, scanner = await w.reporter()
    caller = await w.house.client("web", "accounts:read")
    code = await caller.code()
    await w.report(scanner, code)
    assert (await caller.redeem(code)).json()["error"] == "invalid_grant"
    _, used, access, _ = await w.family()
    await w.report(scanner, used)
    assert await w.live(access)


@life
async def test_an_api_key_ends_with_what_it_was_exchanged_for(w):
    _, scanner = await w.reporter()
    key, secret = await w.api_key()
    await w.report(scanner, secret)
    assert (await w.store.api_key(key.key_id)).revoked
    (incident,) = await w.incidents()
    assert (incident.leaked.owner, incident.leaked.client_id) == ("ann@example.com", None)


@life
async def test_a_client_secret_ends_at_once_with_all_that_it_gave_and_its_successor_lives(w):
    _, scanner = await w.reporter()
    caller, token = await w.service()
    (old,) = await w.store.client_secrets(caller.id)
    await w.report(scanner, caller.secret)
    assert not await w.live(token)
    w.clock.advance(1.5)
    refused = await caller.token(grant_type="client_credentials")
    assert refused.json()["error"] == "invalid_client"
    (kept,) = await w.store.client_secrets(caller.id)
    assert (kept.secret_id, kept.expires_at) == (old.secret_id, w.clock.time() - 1.5)


@life
async def test_with_a_session_go_the_persons_sign_ins(w):
    _, scanner = await w.reporter()
    first, second = await w.session(), await w.session()
    await w.report(scanner, first.secret.reveal())
    assert await w.store.session(second.token_id) is None


@life
async def test_a_sign_in_link_that_is_unused_is_void(w):
    for used in (False, True):
        token = await w.link()
        if used:
            await w.store.use_link(token.token_id, w.clock.time())
        assert (await w.send({"secrets": [token.secret.reveal()]})).status_code == 202
        assert (await w.store.link(token.token_id) is None) is not used
    assert [each.status for each in w.outcomes] == ["revoked", "over"]


@life
async def test_with_a_device_code_goes_the_device_that_asked_by_it(w):
    caller = await tv(w.house)
    waiting, used = await asking(caller), await asking(caller)
    await answered(w.house, used)
    assert (await used.poll()).status_code == 200
    for device in (waiting, used):
        assert (await w.send({"secrets": [device.code]})).status_code == 202
    assert [each.status for each in w.outcomes] == ["revoked", "over"]
    assert (await waiting.poll()).json()["error"] == "access_denied"


@life
async def test_an_access_token_that_is_a_jwt_is_recognised_by_its_id_and_fingerprint(w):
    caller = await w.house.client("service", "forecast:read", access_token_format="jwt")
    token = (await caller.token(grant_type="client_credentials")).json()["access_token"]
    assert (await w.send({"secrets": [token]})).status_code == 202
    assert [each.status for each in w.outcomes] == ["revoked"]
    (incident,) = await w.incidents()
    assert (await w.store.access_token(incident.leaked.subject)).revoked


@life
async def test_the_admin_token_is_an_alarm_for_a_person(w):
    assert (await w.send({"secrets": [ADMIN_TOKEN]})).status_code == 202
    (incident,) = await w.incidents()
    assert (incident.leaked.kind, incident.leaked.subject) == ("admin_token", "")
    assert (incident.state, incident.action) == ("open", "alert")


@life
async def test_whoever_holds_a_secret_ends_it(w):
    caller, token = await w.service()
    key, api_key = await w.api_key()
    answer = await w.send({"secrets": [token, api_key, caller.secret]})
    assert (answer.status_code, answer.content) == (202, b'{"status":"accepted"}')
    assert not await w.live(token)
    assert (await w.store.api_key(key.key_id)).revoked
    assert {each.reporter for each in await w.incidents()} == {"holder"}


@life
async def test_an_imported_key_is_known_by_its_text_and_by_its_fingerprint(w):
    desk = ApiKeyDesk(w.store, w.house.issuer.settings, w.house.issuer.peppers, w.clock)
    keys = await import_keys(
        desk,
        Terms("https://weather.example/"),
        [
            HashedKey("1", "One", "ann@example.com", opaque.fingerprint("legacy-key-one").hex()),
            HashedKey("2", "Two", "ann@example.com", opaque.fingerprint("legacy-key-two").hex()),
        ],
    )
    assert (await w.send({"secrets": ["legacy-key-one"]})).status_code == 202
    _, scanner = await w.reporter()
    fingerprint = f"sha256:{opaque.fingerprint('legacy-key-two').hex()}"
    await w.send({"reports": [{"fingerprint": fingerprint}]}, token=scanner)
    assert [(await w.store.api_key(key.key_id)).revoked for key in keys] == [True, True]


# What it does not end


@life
async def test_an_id_alone_ends_nothing(w):
    """Token ids stand in logs: who knows one has not seen the token."""
    _, scanner = await w.reporter("leaks:report", "leaks:read")
    caller, token = await w.service()
    _, _, access, refresh = await w.family()
    key, api_key = await w.api_key()
    session = await w.session()
    victims = [token, caller.secret, access, refresh, api_key, session.secret.reveal()]
    reports = [{**report_of(each), "fingerprint": "sha256:" + "0" * 64} for each in victims]
    answer = await w.send({"reports": reports}, token=scanner)
    assert [each["status"] for each in answer.json()["reports"]] == ["unknown"] * len(victims)
    assert await w.live(token)
    assert await w.live(access)
    assert not (await w.store.api_key(key.key_id)).revoked
    assert await w.store.session(session.token_id) is not None
    assert await w.incidents() == []


@life
async def test_a_secret_around_anothers_id_ends_nothing(w):
    _, token = await w.service()
    forged = token[:18] + "0" * 43
    forged += opaque._checksum(forged)
    assert id_of(forged) == id_of(token)
    await w.send({"secrets": [forged]})
    assert await w.live(token)
    assert await w.incidents() == []


@life
async def test_a_named_kind_must_be_the_right_one(w):
    _, scanner = await w.reporter()
    _, token = await w.service()
    await w.send({"reports": [{**report_of(token), "kind": "api_key"}]}, token=scanner)
    assert await w.live(token)
    await w.send({"reports": [{**report_of(token), "kind": "access_token"}]}, token=scanner)
    assert not await w.live(token)


@life
async def test_what_was_over_is_noted_and_nobody_is_bothered(w):
    _, scanner = await w.reporter("leaks:report", "leaks:read")
    caller, token = await w.service()
    await caller.post("/revoke", token=token)
    (told,) = await w.report(scanner, token)
    assert told["status"] == "over"
    (incident,) = await w.incidents()
    assert incident.state == "closed"


# Incidents


@life
async def test_the_same_report_twice_is_one_incident(w):
    _, scanner = await w.reporter("leaks:report", "leaks:read")
    _, token = await w.service()
    first = await w.report(scanner, token, **PLACE)
    again = await w.report(scanner, token, **PLACE)
    await w.report(scanner, token, **{**PLACE, "line": 99})
    await w.send({"secrets": [token]})
    assert first == again
    (incident,) = await w.incidents()
    assert incident.reports == 4
    seen = await w.store.incident_evidence(incident.incident_id)
    assert sorted((each.evidence.reporter[:6], each.evidence.line) for each in seen) == [
        ("client", 12),
        ("client", 99),
        ("holder", 0),
    ]
    place = next(each.evidence for each in seen if each.evidence.line == 12)
    assert (place.source, place.path, place.commit) == ("git", "src/settings.py", "c0ffee12")
    assert place.since == 1_793_523_600.0


@life
async def test_no_secret_and_no_fingerprint_is_kept_or_logged(w):
    """A URL may hold the secret itself."""
    _, scanner = await w.reporter()
    _, token = await w.service()
    await w.report(scanner, token, url=f"https://host.example/?t={token}", path=f"dump/{token}.txt")
    (incident,) = await w.incidents()
    (seen,) = await w.store.incident_evidence(incident.incident_id)
    kept = repr((incident, seen, await w.store.incident_actions(incident.incident_id)))
    assert token not in kept
    assert token[18:] not in kept
    assert opaque.fingerprint(token).hex() not in kept
    assert id_of(token) in seen.evidence.path


def test_bodies_and_places_are_not_logged(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(endpoint, "STEP_SECONDS", 0.001)
    caplog.set_level(logging.DEBUG, "tokenward")

    async def main():
        async with world(tmp_path) as w:
            _, scanner = await w.reporter()
            _, token = await w.service()
            await w.report(scanner, token, path="secret-project/plan.txt")
            await w.send(b'{"secrets": ["plain-text-secret", 7]}')
            await w.send(b'{"secrets": ["plain-text-secret"]')
            return token

    token = asyncio.run(main())
    lines = [record.getMessage() for record in caplog.records if record.name == "tokenward.leaks"]
    assert any(id_of(token) in line and "revoked" in line for line in lines)
    for secret in ("secret-project", "plain-text-secret", token, opaque.fingerprint(token).hex()):
        assert secret not in caplog.text


# Who learns what


@life
async def test_strangers_are_told_the_same_whatever_they_send(w):
    _, token = await w.service()
    well_formed = opaque.new("at").secret.reveal()
    bodies = [[token], [token], [well_formed], ["no token at all"], [well_formed, token]]
    answers = [await w.send({"secrets": each}) for each in bodies]
    assert {(each.status_code, each.content) for each in answers} == {(202, b'{"status":"accepted"}')}
    assert len({tuple(sorted(each.headers.items())) for each in answers}) == 1


def test_the_answers_time_does_not_tell_whether_something_was_known(tmp_path):
    """Both come at a whole step, in which either is done long since."""

    async def main():
        async with world(tmp_path) as w:
            _, token = await w.service()
            seconds = []
            for secret in (token, opaque.new("at").secret.reveal()):
                began = time.monotonic()
                await w.send({"secrets": [secret]})
                seconds.append(time.monotonic() - began)
            return seconds

    assert min(asyncio.run(main())) >= endpoint.STEP_SECONDS


@life
async def test_a_reporter_learns_of_its_own_credentials_and_of_no_others(w):
    caller, scanner = await w.reporter("leaks:report", "forecast:read")
    own = (await caller.token(grant_type="client_credentials", scope="forecast:read")).json()["access_token"]
    _, other = await w.service()
    unknown = opaque.new("at").secret.reveal()
    told = await w.report(scanner, own, other, unknown)
    assert [each["status"] for each in told] == ["revoked", "accepted", "accepted"]
    assert ["incident" in each for each in told] == [True, False, False]
    _, reader = await w.reporter("leaks:report", "leaks:read")
    assert [each["status"] for each in await w.report(reader, own, other, unknown)] == [
        "revoked",
        "revoked",
        "unknown",
    ]


@pytest.mark.parametrize(
    "case", ["none", "wrong scheme", "garbage", "unknown", "other audience", "no scope", "a person's", "dead"]
)
def test_who_may_not_report_by_fingerprint_is_refused(case, tmp_path, monkeypatch):
    async def check(w):
        caller, good = await w.reporter()
        _, victim = await w.service()
        headers = {"authorization": f"Bearer {good}"}
        expected = (401, "invalid_token")
        if case == "none":
            headers, expected = {}, (422, "invalid_input")
        elif case == "wrong scheme":
            headers, expected = basic(caller.id, caller.secret), (401, "wrong_scheme")
        elif case == "garbage":
            headers = {"authorization": "Bearer nonsense"}
        elif case == "unknown":
            headers = {"authorization": f"Bearer {opaque.new('at').secret.reveal()}"}
        elif case == "other audience":
            _, elsewhere = await w.service()
            headers = {"authorization": f"Bearer {elsewhere}"}
        elif case == "no scope":
            _, narrow = await w.reporter("leaks:read")
            headers, expected = {"authorization": f"Bearer {narrow}"}, (403, "insufficient_scope")
        elif case == "a person's":
            app = await w.house.client("web", "leaks:report")
            given = (await app.redeem(await app.code())).json()
            headers = {"authorization": f"Bearer {given['access_token']}"}
        elif case == "dead":
            await w.store.revoke_token(id_of(good), w.clock.time())
        answer = await w.send({"reports": [report_of(victim)]}, **headers)
        assert (answer.status_code, answer.json()["type"]) == (
            expected[0],
            f"urn:tokenward:problem:{expected[1]}",
        )
        assert answer.headers["content-type"] == "application/problem+json"
        assert ("www-authenticate" in answer.headers) is (expected[0] in (401, 403))
        assert await w.live(victim)

    lived(check)(tmp_path, monkeypatch)


@life
async def test_a_bound_token_needs_its_proof_each_time_anew(w):
    prover, thief = DpopProver(clock=w.clock), DpopProver(clock=w.clock)
    _, scanner = await w.reporter(prover=prover, bound_tokens="dpop")
    _, token = await w.service()
    body = {"reports": [report_of(token)]}

    async def send(it=None, **over):
        headers = dict(it.headers("POST", AUDIENCE, Secret(scanner))) if it else {}
        return await w.send(body, **{**headers, **over})

    assert (await w.send(body, token=scanner)).status_code == 401
    first = await send(thief)
    assert first.json()["type"].endswith("dpop_nonce_needed")
    assert thief.must_repeat(AUDIENCE, first.status_code, first.headers, first.content)
    assert (await send(thief)).json()["type"].endswith("dpop_proof_refused")
    elsewhere = prover.proof("POST", AUDIENCE + "/other", Secret(scanner))
    assert (await send(prover, dpop=elsewhere)).status_code == 401
    assert await w.live(token)
    proof = prover.proof("POST", AUDIENCE, Secret(scanner))
    assert (await send(prover, dpop=proof)).status_code == 202
    assert not await w.live(token)
    assert (await send(prover, dpop=proof)).status_code == 401


@life
async def test_a_jwt_whose_key_was_removed_reports_nothing(w):
    _, scanner = await w.reporter(access_token_format="jwt")
    _, token = await w.service()
    w.published.clear()
    assert (await w.send({"reports": [report_of(token)]}, token=scanner)).status_code == 401
    w.published.update({None, signing_kid(scanner)})
    assert (await w.send({"reports": [report_of(token)]}, token=scanner)).status_code == 202
    assert not await w.live(token)


# Hostile input

REPORT = {"token_id": "0" * 11, "fingerprint": "sha256:" + "ab" * 32}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"{}", 422),
        (b'{"secrets":["a"],"secrets":["b"]}', 400),
        (b'{"secrets":["a"],"reports":[]}', 422),
        (b'{"secrets":[]}', 422),
        (b'{"secrets":"a"}', 422),
        (b'{"secrets":[1]}', 422),
        (b'{"secrets":[""]}', 422),
        (b'{"secrets":[' + b'"a",' * 100 + b'"a"]}', 422),
        (b'{"secrets":["' + b"a" * 20_000 + b'"]}', 422),
        (b'{"secrets":["' + b"a" * 300_000 + b'"]}', 413),
        (b'{"secrets":[[[[[[[[["a"]]]]]]]]]}', 400),
        (b'\xff{"secrets":["a"]}', 400),
        (json.dumps({"reports": []}).encode(), 422),
        (json.dumps({"reports": [REPORT] * 1001}).encode(), 422),
        (json.dumps({"reports": [{**REPORT, "more": 1}]}).encode(), 422),
        (json.dumps({"reports": [{"token_id": "0" * 11}]}).encode(), 422),
        (json.dumps({"reports": [{**REPORT, "fingerprint": "md5:" + "ab" * 16}]}).encode(), 422),
        (json.dumps({"reports": [{**REPORT, "fingerprint": "sha256:" + "AB" * 32}]}).encode(), 422),
        (json.dumps({"reports": [{**REPORT, "token_id": "0" * 10 + "/"}]}).encode(), 422),
        (json.dumps({"reports": [{**REPORT, "token_id": 7}]}).encode(), 422),
        (json.dumps({"reports": [{**REPORT, "kind": "password"}]}).encode(), 422),
        (json.dumps({"reports": [{**REPORT, "found": []}]}).encode(), 422),
        (json.dumps({"reports": [{**REPORT, "found": {"who": "x"}}]}).encode(), 422),
        (json.dumps({"reports": [{**REPORT, "found": {"line": -1}}]}).encode(), 422),
        (json.dumps({"reports": [{**REPORT, "found": {"line": True}}]}).encode(), 422),
        (json.dumps({"reports": [{**REPORT, "found": {"source": "Git Hub"}}]}).encode(), 422),
        (json.dumps({"reports": [{**REPORT, "found": {"commit": "HEAD"}}]}).encode(), 422),
        (json.dumps({"reports": [{**REPORT, "found": {"path": "a\nb"}}]}).encode(), 422),
        (json.dumps({"reports": [{**REPORT, "found": {"path": "a" * 1001}}]}).encode(), 422),
        (json.dumps({"reports": [{**REPORT, "found": {"since": "yesterday"}}]}).encode(), 422),
        (
            json.dumps({"reports": [{**REPORT, "found": {"since": "9999-12-31T23:59:59-23:59"}}]}).encode(),
            422,
        ),
        (json.dumps({"reports": [{**REPORT, "found": {"since": "2026-11-01T09:00:00"}}]}).encode(), 422),
    ],
)
def test_what_is_not_exactly_a_report_is_refused(body, status, tmp_path, monkeypatch):
    async def check(w):
        _, scanner = await w.reporter()
        token = scanner if b"reports" in body else None
        assert (await w.send(body, token=token)).status_code == status

    lived(check)(tmp_path, monkeypatch)


@life
async def test_only_json_by_post_without_a_query_is_taken(w):
    _, token = await w.service()
    body = json.dumps({"secrets": [token]}).encode()
    as_text = {"content-type": "text/plain"}
    assert (await w.send(body, **as_text)).status_code == 415
    assert (await w.send(body, path=f"/leaks?token={token}")).status_code == 400
    assert (await w.send(body, path="/leaks/")).status_code == 404
    async with w.http() as http:
        refused = await http.get("/leaks")
        assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert await w.live(token)


@life
async def test_strangers_are_slowed_down_by_address_and_guesses_of_foreign_keys_most(w):
    ours = [opaque.new("at").secret.reveal() for _ in range(100)]
    assert [(await w.send({"secrets": ours})).status_code for _ in range(3)] == [202, 202, 429]
    assert (await w.send({"secrets": ["guess"]}, peer="192.0.2.8")).status_code == 202
    guesses = [f"guess-{number}" for number in range(21)]
    assert (await w.send({"secrets": guesses}, peer="192.0.2.9")).status_code == 413
    assert (await w.send({"secrets": guesses[:19]}, peer="192.0.2.9")).status_code == 202
    refused = await w.send({"secrets": ["guess"]}, peer="192.0.2.9")
    assert (refused.status_code, int(refused.headers["retry-after"]) > 0) == (429, True)
    w.clock.advance(60)
    assert (await w.send({"secrets": ["guess"]}, peer="192.0.2.9")).status_code == 202


@life
async def test_a_reporter_is_slowed_down_by_itself_and_not_by_its_address(w):
    _, first = await w.reporter()
    _, second = await w.reporter()
    body = {"reports": [REPORT] * 1000}
    assert [(await w.send(body, token=first)).status_code for _ in range(3)] == [202, 202, 429]
    assert (await w.send(body, token=second)).status_code == 202


@life
async def test_guessing_tokens_of_reporters_is_slowed_down(w):
    wrong = [await w.send({"reports": [REPORT]}, token=opaque.new("at").secret.reveal()) for _ in range(21)]
    assert [each.status_code for each in wrong] == [401] * 20 + [429]
    _, good = await w.reporter()
    assert (await w.send({"reports": [REPORT]}, token=good)).status_code == 202


@life
async def test_a_long_list_is_responded_to_whole(w):
    _, scanner = await w.reporter("leaks:report", "leaks:read")
    caller = await w.house.client("service", "forecast:read")
    tokens = []
    for _ in range(120):
        w.clock.advance(0.01)
        answer = await caller.token(grant_type="client_credentials")
        tokens.append(answer.json()["access_token"])
    told = await w.report(scanner, *tokens)
    assert [each["token_id"] for each in told] == [id_of(each) for each in tokens]
    assert {each["status"] for each in told} == {"revoked"}
    assert len({each["incident"] for each in told}) == 120


@life
async def test_where_nothing_can_be_known_the_answer_is_503(w):
    async def fail(_token_id):
        raise StoreUnavailable("down")

    _, scanner = await w.reporter()
    w.store.access_token = fail
    answer = await w.send({"secrets": [opaque.new("at").secret.reveal()]})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert (await w.send({"reports": [REPORT]}, token=scanner)).status_code == 503
