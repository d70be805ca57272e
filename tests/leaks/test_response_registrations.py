"""Reports of leaked initial and registration access tokens (RFC 7591, RFC 7592)."""

from issuer.test_registration import CLOSED, INVALID_TOKEN, NATIVE, ask, invited, made, post, refusal
from leaks.responding import id_of, lived, report_of


def life(test):
    return lived(test, registration=CLOSED)


@life
async def test_an_initial_access_token_that_leaked_lets_nobody_register_and_who_did_stays(w):
    token = await invited(w.house, uses=5)
    told = await made(w.house, NATIVE, token)
    assert (await w.send({"secrets": [token]})).status_code == 202
    assert refusal(await post(w.house, NATIVE, token)) == INVALID_TOKEN
    assert (await ask(w.house, "GET", told)).status_code == 200
    assert [each.status for each in w.outcomes] == ["revoked"]
    (incident,) = await w.incidents()
    assert (incident.leaked.kind, incident.leaked.subject) == ("initial_access_token", id_of(token))


@life
async def test_an_initial_access_token_that_is_used_up_or_over_is_over(w):
    used, late = await invited(w.house), await invited(w.house, lifetime=60)
    await made(w.house, NATIVE, used)
    await w.send({"secrets": [used]})
    w.clock.advance(60)
    await w.send({"secrets": [late]})
    assert [each.status for each in w.outcomes] == ["over", "over"]


@life
async def test_a_registration_token_that_leaked_is_for_nothing_and_its_client_goes_on(w):
    token = await invited(w.house, uses=2)
    told, other = await made(w.house, NATIVE, token), await made(w.house, NATIVE, token)
    leaked = told["registration_access_token"]
    assert (await w.send({"secrets": [leaked]})).status_code == 202
    change = NATIVE | {"client_id": told["client_id"], "client_name": "Mine"}
    for method, body in (("GET", None), ("PUT", change), ("DELETE", None)):
        assert refusal(await ask(w.house, method, told, json=body)) == INVALID_TOKEN
    assert (await w.house.issuer.client(told["client_id"])).name == "Notes"
    assert (await ask(w.house, "GET", other)).status_code == 200
    (incident,) = await w.incidents()
    assert (incident.leaked.subject, incident.leaked.client_id) == (id_of(leaked), told["client_id"])
    assert "goes on" in (await w.store.incident_actions(incident.incident_id))[0].what


@life
async def test_a_registration_token_from_before_a_change_is_nobodys(w):
    told = await made(w.house, NATIVE, await invited(w.house))
    changed = await ask(w.house, "PUT", told, json=NATIVE | {"client_id": told["client_id"]})
    assert changed.status_code == 200
    assert (await w.send({"secrets": [told["registration_access_token"]]})).status_code == 202
    assert [each.status for each in w.outcomes] == ["unknown"]
    assert (await ask(w.house, "GET", changed.json())).status_code == 200


@life
async def test_both_are_known_by_fingerprint_without_a_word_of_what_they_are(w):
    _, scanner = await w.reporter("leaks:report", "leaks:read")
    token = await invited(w.house, uses=2)
    told = await made(w.house, NATIVE, token)
    forged = report_of(told["registration_access_token"]) | {"fingerprint": "sha256:" + "0" * 64}
    answer = await w.send({"reports": [forged]}, token=scanner)
    assert [each["status"] for each in answer.json()["reports"]] == ["unknown"]
    both = await w.report(scanner, token, told["registration_access_token"])
    assert [each["status"] for each in both] == ["revoked", "revoked"]
