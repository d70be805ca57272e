"""The page where a person lets a device in, and whoever would like them to let in another one."""

import asyncio
from dataclasses import replace
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from issuer.devices import Device, answered, asking, decide, enter, tv
from issuer.house import BANK, URL, Caller, House, Person, error, lived
from issuer.test_device_code import DENIED, EXPIRED, INVALID_GRANT, PENDING, SLOW_DOWN
from issuer.test_hostile_clients import at, on_two_processes
from tokenward.issuer.user_codes import ATTEMPTS
from tokenward.store.sql.replays import USED_KEPT
from tokenward.tokens import user_code

WRONG = "BBBB-BBBB"


@lived
async def test_who_is_not_signed_in_signs_in_first_and_comes_back_with_the_code(h: House):
    h.browser.person = None
    for query, back in (
        ("", "/device"),
        ("?user_code=wdjb-mjht", "/device?user_code=WDJB-MJHT"),
        ("?user_code=%22%3E%3Cscript", "/device"),
        ("?user_code=WDJB-MJHT&user_code=WDJB-MJHT", "/device"),
    ):
        response = await h.http.get(f"/device{query}")
        url = urlsplit(response.headers["location"])
        assert (response.status_code, url.path) == (303, "/sign-in")
        assert parse_qs(url.query)["continue"] == [back]


@lived
async def test_nobody_tries_a_code_who_is_not_signed_in(h: House):
    device = await asking(await tv(h))
    h.browser.person = None
    for path in ("/device", "/device/decision"):
        response = await h.http.post(path, data={"user_code": device.user_code, "request": "x"})
        assert response.status_code == 303
        assert response.headers["location"].startswith("/sign-in?")
    assert error(await device.poll()) == PENDING


@lived
async def test_a_code_in_the_address_fills_in_the_field_and_does_nothing_else(h: House):
    device = await asking(await tv(h))
    before = await h.issuer.store.device_code(device.token_id)
    page = await h.http.get(
        urlsplit(device.told["verification_uri_complete"])._replace(scheme="", netloc="").geturl()
    )
    assert (page.status_code, page.text) == (200, "device ")
    assert h.pages.view.user_code == device.user_code
    assert await h.issuer.store.device_code(device.token_id) == before
    assert error(await device.poll()) == PENDING


@lived
async def test_the_page_shows_all_by_which_a_strange_request_can_be_told(h: House):
    device = await asking(await tv(h), "accounts:read offline_access")
    h.clock.advance(125)
    await enter(h, device.user_code)
    view = h.pages.view
    assert (view.client_name, view.username, view.resource) == ("An app", "ada", "Bank")
    assert view.scopes == {
        "accounts:read": "See accounts",
        "offline_access": "Keep this access while you are away",
    }
    assert view.user_code == device.user_code
    assert (view.asked_at, view.minutes) == (h.clock.time() - 125, 2)
    assert (view.address, view.browser_address, view.same_place) == ("127.0.0.1", "127.0.0.1", True)


@pytest.mark.parametrize(
    ("asked_from", "same"),
    [("203.0.113.7", False), ("127.0.0.1", True), ("::ffff:127.0.0.1", True), ("", False)],
)
def test_where_the_request_came_from_is_held_against_where_the_browser_is(tmp_path, asked_from, same):
    async def look(h: House):
        device = await asking(await tv(h))
        state = await h.issuer.store.device_code(device.token_id)
        code = user_code.new()
        other = replace(
            state.code,
            token_id="0" * 11,
            user_code_hash=user_code.keyed_hash(h.issuer.peppers[0], code),
            address=asked_from,
        )
        await h.issuer.store.add_device_code(other)
        await enter(h, code)
        assert (h.pages.view.address, h.pages.view.same_place) == (asked_from, same)

    lived(look)(tmp_path)


@pytest.mark.parametrize("form", ["as shown", "small", "no hyphen", "spaces", "full width", "dots"])
def test_case_and_punctuation_are_forgiven(tmp_path, form):
    async def type_it(h: House):
        device = await asking(await tv(h))
        code = device.user_code
        typed = {
            "as shown": code,
            "small": code.lower(),
            "no hyphen": code.replace("-", ""),
            "spaces": f"  {' '.join(code)} ",
            "full width": "".join(chr(ord(each) + 0xFEE0) for each in code),
            "dots": ".".join(code.lower()),
        }[form]
        assert (await enter(h, typed)).text == "device consent"

    lived(type_it)(tmp_path)


@lived
async def test_what_can_be_no_code_is_told_so_and_costs_nothing(h: House):
    device = await asking(await tv(h))
    for typed in ("", "W", "AEIO-UAEI", "1234-5678", device.user_code + "B", "B" * 2000, "БББББББ Б", "%00"):
        page = await enter(h, typed)
        assert (page.status_code, page.text) == (403, "device unknown_device_request")
        assert h.pages.view.user_code == "", "nothing that is no code is written into the page"
    assert (await enter(h, device.user_code)).text == "device consent"


@lived
async def test_unknown_expired_used_and_denied_codes_have_one_answer(h: House):
    caller = await tv(h)
    expired, used, denied, gone = [await asking(caller) for _ in range(4)]
    await answered(h, used)
    await answered(h, denied, "deny")
    h.clock.advance(600 + USED_KEPT)
    for people, code in enumerate((WRONG, expired.user_code, used.user_code, denied.user_code)):
        h.browser.person = Person(user_id=f"u{people}", session_id=f"s{people}")
        page = await enter(h, code)
        assert (page.status_code, page.text) == (403, "device unknown_device_request")
    fresh = await asking(caller)
    await h.issuer.store.remove_client(caller.id, h.clock.time())
    assert (await enter(h, fresh.user_code)).text == "device unknown_device_request"
    assert gone.told


# Guessing


@lived
async def test_five_codes_in_ten_minutes_are_all_that_an_account_tries(h: House):
    device = await asking(await tv(h))
    for number in range(ATTEMPTS):
        h.browser.person = Person(session_id=f"session-{number}")  # signing in again changes nothing
        assert (await enter(h, WRONG)).status_code == 403
    h.browser.person = Person(session_id="another")
    page = await enter(h, device.user_code)
    assert (page.status_code, page.text, page.headers["retry-after"]) == (429, "device too_many_codes", "600")
    h.browser.person = Person(user_id="user-2", session_id="hers")
    assert (await enter(h, device.user_code)).text == "device consent", "somebody else is not in the way"


@lived
async def test_many_guesses_at_once_count_as_many(h: House):
    await h.http.get("/device")
    form = {"request": h.pages.view.sealed_request, "user_code": WRONG}
    answers = await asyncio.gather(*(h.http.post("/device", data=form) for _ in range(20)))
    assert sorted(each.status_code for each in answers) == [403] * ATTEMPTS + [429] * (20 - ATTEMPTS)


@lived
async def test_an_address_tries_twenty_codes_and_then_one_a_minute_whoever_signs_in_there(h: House):
    statuses = []
    for number in range(25):
        h.browser.person = Person(user_id=f"user-{number}", session_id=f"session-{number}")
        statuses.append((await enter(h, WRONG)).status_code)
    assert statuses == [403] * 20 + [429] * 5
    h.clock.advance(60)
    assert [(await enter(h, WRONG)).status_code for _ in range(2)] == [403, 429]


@lived
async def test_a_session_cannot_keep_the_store_busy(h: House):
    first_use, asked = h.issuer.store.first_use, []

    async def counted(*arguments, **more):
        asked.append(1)
        return await first_use(*arguments, **more)

    h.issuer.store.first_use = counted
    for _ in range(ATTEMPTS):
        await enter(h, WRONG)
    after = len(asked)
    for _ in range(10):
        assert (await enter(h, WRONG)).status_code == 429
    assert len(asked) == after


@on_two_processes
async def test_guesses_at_two_processes_count_together(here, there):
    for number in range(ATTEMPTS):
        assert (await enter((here, there)[number % 2], WRONG)).status_code == 403
    for process in (here, there):
        process.browser.person = Person(session_id="new")
        assert (await enter(process, WRONG)).status_code == 429


@on_two_processes
async def test_the_interval_holds_at_every_process(here, there):
    device = await asking(await tv(here))
    other = Device(at(there, device.caller), device.told)
    assert error(await device.poll()) == PENDING
    here.clock.advance(4)
    assert error(await other.poll()) == SLOW_DOWN
    here.clock.advance(9)
    assert error(await device.poll()) == SLOW_DOWN
    here.clock.advance(15)
    assert error(await other.poll()) == PENDING


@on_two_processes
async def test_of_fifty_polls_at_two_processes_one_gets_tokens(here, there):
    device = await asking(await tv(here), "accounts:read offline_access")
    other = Device(at(there, device.caller), device.told)
    await answered(here, device)
    polls = await asyncio.gather(*((device, other)[number % 2].poll() for number in range(50)))
    won = [each.json() for each in polls if each.status_code == 200]
    assert len(won) == 1
    assert {error(each) for each in polls if each.status_code != 200} == {INVALID_GRANT}
    assert not await device.caller.live(won[0]["access_token"])


@on_two_processes
async def test_of_many_who_say_yes_at_once_one_is_heard(here, there):
    device = await asking(await tv(here))
    await enter(here, device.user_code)
    form = {"request": here.pages.view.sealed_request, "decision": "allow"}
    answers = await asyncio.gather(
        *((here, there)[number % 2].http.post("/device/decision", data=form) for number in range(10))
    )
    assert sorted(each.text for each in answers) == ["allowed"] + ["device unknown_device_request"] * 9
    assert len(await here.issuer.store.grants_of("user-1", here.clock.time())) == 1


# Other people's codes, late and stale answers


@lived
async def test_another_client_gets_nothing_by_a_device_code_and_slows_nobody_down(h: House):
    device, thief = await asking(await tv(h)), await tv(h)
    stolen = Device(thief, device.told)
    for _ in range(3):
        assert error(await stolen.poll()) == INVALID_GRANT
    await answered(h, device)
    assert error(await stolen.poll()) == INVALID_GRANT
    assert (await device.poll()).status_code == 200


@lived
async def test_a_yes_cannot_become_a_no_nor_the_other_way_round(h: House):
    caller = await tv(h)
    for first, second in (("allow", "deny"), ("deny", "allow")):
        device = await asking(caller)
        await enter(h, device.user_code)
        assert (await decide(h, first)).status_code == 200
        again = await decide(h, second)
        assert (again.status_code, again.text) == (403, "device unknown_device_request")
        told = await device.poll()
        assert told.status_code == 200 if first == "allow" else error(told) == DENIED


@lived
async def test_a_yes_after_the_end_is_too_late(h: House):
    device = await asking(await tv(h))
    h.clock.advance(590)
    await enter(h, device.user_code)
    h.clock.advance(10)
    page = await decide(h, "allow")
    assert (page.status_code, page.text) == (403, "device unknown_device_request")
    assert error(await device.poll()) == EXPIRED
    assert await h.issuer.store.grants_of("user-1", h.clock.time()) == []


@lived
async def test_a_person_who_was_disabled_lets_nobody_in(h: House):
    device, before = await asking(await tv(h)), await asking(await tv(h))
    await answered(h, before)
    await enter(h, device.user_code)
    now = h.clock.time()
    await h.issuer.store.revoke_issued_for_user("user-1", before=float("inf"), at=now)  # as disabling does
    assert (await decide(h, "allow")).text == "allowed"
    for each in (device, before):
        assert error(await each.poll()) == INVALID_GRANT


@lived
async def test_a_session_that_ended_meanwhile_lets_nobody_in(h: House):
    device = await asking(await tv(h))
    await enter(h, device.user_code)
    form = {"request": h.pages.view.sealed_request, "decision": "allow"}
    h.browser.person = None
    assert (await h.http.post("/device/decision", data=form)).status_code == 303
    h.browser.person = Person(session_id="a-newer-one")
    page = await h.http.post("/device/decision", data=form)
    assert (page.status_code, page.text) == (400, "device expired_form")
    h.browser.person = Person(auth_time=h.clock.time() - 1_000_000)
    page = await h.http.post("/device/decision", data=form)
    assert (page.status_code, page.text) == (400, "device expired_form"), "it shows less than it did"
    assert error(await device.poll()) == PENDING


@lived
async def test_a_client_that_was_removed_meanwhile_gets_nothing(h: House):
    caller = await tv(h)
    device, approved = await asking(caller), await asking(caller)
    await answered(h, approved)
    await enter(h, device.user_code)
    await h.issuer.store.remove_client(caller.id, h.clock.time())
    page = await decide(h, "allow")
    assert (page.status_code, page.text) == (403, "device unknown_device_request")
    for each in (device, approved):
        assert error(await each.poll()) == (401, "invalid_client")
    h.clock.advance(1)
    again = Caller(h, (await tv(h, client_id=caller.id)).client, None)
    assert again.id == caller.id
    assert error(await Device(again, device.told).poll()) == PENDING
    assert (await enter(h, device.user_code)).text == "device unknown_device_request"
    assert error(await Device(again, approved.told).poll()) == INVALID_GRANT


@lived
async def test_what_the_client_may_no_longer_ask_for_is_not_given(h: House):
    device = await asking(await tv(h))
    bank = h.issuer.settings.resources[BANK]
    await enter(h, device.user_code)
    fewer = {**h.issuer.settings.resources, BANK: replace(bank, scopes={"transfers:write": "Pay"})}
    object.__setattr__(h.issuer, "settings", replace(h.issuer.settings, resources=fewer))
    assert (await decide(h, "allow")).text == "device invalid_scope"
    assert error(await device.poll()) == PENDING


@lived
async def test_a_person_whose_groups_changed_meanwhile_is_asked_again(h: House):
    device = await asking(await tv(h, "accounts:read", "transfers:write"), "accounts:read transfers:write")
    await enter(h, device.user_code)
    h.browser.person = Person(scopes=frozenset({"accounts:read"}))
    assert (await decide(h, "allow")).text == "device expired_form"
    h.browser.person = Person(scopes=frozenset())
    assert (await enter(h, device.user_code)).text == "device access_denied"
    assert error(await device.poll()) == PENDING


@lived
async def test_consent_is_asked_for_every_time(h: House):
    caller = await tv(h)
    for _ in range(2):
        await answered(h, await asking(caller))
    assert await h.issuer.store.consents_of("user-1") == []


# Forms


@lived
async def test_a_form_of_another_site_is_refused(h: House):
    device = await asking(await tv(h))
    await enter(h, device.user_code)
    form = {"request": h.pages.view.sealed_request, "decision": "allow"}
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        for path in ("/device", "/device/decision"):
            page = await h.http.post(path, data={**form, "user_code": device.user_code}, headers=headers)
            assert (page.status_code, page.text) == (400, "expired_form")
    assert error(await device.poll()) == PENDING
    ours = await h.http.post("/device/decision", data=form, headers={"origin": URL})
    assert ours.text == "allowed"


@lived
async def test_forged_stale_and_strange_fields_answer_with_the_page_again(h: House):
    device = await asking(await tv(h))
    await enter(h, device.user_code)
    good = h.pages.view.sealed_request
    await h.http.get("/device")
    of_the_code = h.pages.view.sealed_request
    for sealed in ("", "x", "!", good[:-2], f"{good}A", of_the_code):
        for decision in ("allow", "deny"):
            form = {"request": sealed, "decision": decision}
            page = await h.http.post("/device/decision", data=form)
            assert (page.status_code, page.text) == (400, "device expired_form")
    for sealed in ("", "x", good):
        page = await h.http.post("/device", data={"request": sealed, "user_code": device.user_code})
        assert (page.status_code, page.text) == (400, "device expired_form")
        assert h.pages.view.user_code == device.user_code, "what was typed is not lost"
    for decision in ("", "Allow", "yes"):
        page = await h.http.post("/device/decision", data={"request": good, "decision": decision})
        assert (page.status_code, page.text) == (400, "device malformed_request")
    assert error(await device.poll()) == PENDING
    h.clock.advance(601)
    page = await h.http.post("/device/decision", data={"request": good, "decision": "allow"})
    assert page.text == "device expired_form"


@lived
async def test_what_is_no_form_answers_with_the_page_again(h: House):
    kind = {"content-type": "application/x-www-form-urlencoded"}
    big = urlencode({"user_code": "B" * 5000})
    for path in ("/device", "/device/decision"):
        for content, headers, answer in (
            ("user_code=a&user_code=b", kind, (400, "device duplicate_parameter")),
            (big, kind, (413, "device too_large")),
            ("user_code=%FF", kind, (400, "device malformed_request")),
            ("{}", {"content-type": "application/json"}, (415, "device wrong_media_type")),
            ("", {}, (415, "device wrong_media_type")),
        ):
            page = await h.http.post(path, content=content, headers=headers)
            assert (page.status_code, page.text) == answer
    page = await h.http.get("/device?user_code=A&user_code=B")
    assert (page.status_code, page.text) == (400, "device duplicate_parameter")
