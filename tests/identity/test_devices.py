import base64
import json
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.base.clock import ManualClock
from tokenward.base.cookies import cookie
from tokenward.identity.devices import LIFETIME, MOST_PEOPLE, Devices, device_name
from tokenward.tokens import base64url
from tokenward.tokens.sealing import Sealer

KEY = secrets.token_bytes(32)
COOKIE = cookie("tokenward_device", secure=True, max_age=LIFETIME)


def devices(key=KEY, clock=None):
    return Devices(Sealer(key), COOKIE, clock=clock or ManualClock())


def sent(header):
    """The request of the browser that got this header."""
    return {"headers": [(b"cookie", header[1].partition(b";")[0])]}


def value_of(header):
    return header[1].partition(b";")[0].partition(b"=")[2].decode()


NOBODY = {"headers": []}


def test_who_signed_in_here_is_known_here_and_nobody_else_is():
    room = devices()
    browser = sent(room.with_user(NOBODY, "ada"))
    assert room.known(browser, "ada")
    assert room.id_for(browser, "ada")
    assert not room.known(browser, "bob")
    assert not room.known(NOBODY, "ada")
    assert room.id_for(browser, "bob") == room.id_for(NOBODY, "ada") == ""


def test_a_device_keeps_its_id_and_two_have_two():
    room = devices()
    browser = sent(room.with_user(NOBODY, "ada"))
    again = sent(room.with_user(browser, "bob"))
    assert room.id_for(browser, "ada") == room.id_for(again, "ada") == room.id_for(again, "bob")
    assert room.id_for(browser, "ada") != room.id_for(sent(room.with_user(NOBODY, "ada")), "ada")


def test_the_last_ten_people_are_remembered():
    room, browser = devices(), NOBODY
    people = [f"person-{n:022}" for n in range(MOST_PEOPLE + 1)]
    for user_id in [*people[:2], people[0], *people[2:]]:
        header = room.with_user(browser, user_id)
        browser = sent(header)
    assert [room.known(browser, each) for each in people] == [True, False] + [True] * 9
    assert len(header[1]) < 1024


def test_who_signs_in_often_pushes_nobody_out():
    room, browser = devices(), NOBODY
    for user_id in ["bob", *["ada"] * MOST_PEOPLE]:
        browser = sent(room.with_user(browser, user_id))
    assert room.known(browser, "bob")


def test_the_cookie_lives_long_and_is_as_narrow_as_the_others():
    _, header = devices().with_user(NOBODY, "ada")
    assert header.endswith(b"; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=34560000")
    assert header.startswith(b"__Host-tokenward_device=")
    assert b"Max-Age" not in cookie("other", secure=True).set("x")[1]


def test_an_old_cookie_is_none_and_each_sign_in_renews_it():
    clock = ManualClock()
    room = devices(clock=clock)
    browser = sent(room.with_user(NOBODY, "ada"))
    clock.advance(LIFETIME)
    assert room.known(browser, "ada")
    renewed = sent(room.with_user(browser, "ada"))
    clock.advance(1)
    assert not room.known(browser, "ada")
    assert room.known(renewed, "ada")


@pytest.mark.parametrize(
    "forge",
    [
        lambda value: value[:-1] + ("A" if value[-1] != "A" else "B"),
        lambda value: value + "=",
        lambda value: "",
        lambda value: "x" * 5000,
        lambda value: base64url.encode(json.dumps({"id": "x", "at": 2**40, "people": ["ada"]}).encode()),
        lambda value: value_of(devices(secrets.token_bytes(32)).with_user(NOBODY, "ada")),
        lambda value: base64url.encode(
            Sealer(KEY).seal(base64.urlsafe_b64decode(value + "==")[12:-16], context=b"x")
        ),
    ],
)
def test_a_cookie_that_we_did_not_write_is_none(forge):
    room = devices()
    value = forge(value_of(room.with_user(NOBODY, "ada")))
    assert not room.known({"headers": [(b"cookie", f"{COOKIE.name}={value}".encode())]}, "ada")


def test_two_cookies_are_none():
    room = devices()
    pair = sent(room.with_user(NOBODY, "ada"))["headers"][0][1]
    assert not room.known({"headers": [(b"cookie", pair + b"; " + pair)]}, "ada")


def test_who_reads_the_cookie_learns_nobodys_id():
    header = devices().with_user(NOBODY, "ada")
    assert b"ada" not in header[1]
    assert b"ada" not in base64.urlsafe_b64decode(value_of(header) + "==")


APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
GOOGLE = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Linux"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {GOOGLE} Safari/537.36", "Chrome on Windows"),
        (
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {GOOGLE} Safari/537.36 Edg/142.0.0.0",
            "Edge on Windows",
        ),
        (
            f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {APPLE} Version/18.6 Safari/605.1.15",
            "Safari on macOS",
        ),
        (
            f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6) {APPLE} Version/18.6 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        (
            f"Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) {APPLE} CriOS/142.0 Mobile/15E148 Safari/604.1",
            "Chrome on iPad",
        ),
        (f"Mozilla/5.0 (Linux; Android 10; K) {GOOGLE} Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0", "Firefox on Android"),
        (
            "Mozilla/5.0 (Linux; Android 10; K) SamsungBrowser/28.0 Chrome/130.0 Mobile Safari/537.36",
            "Samsung Internet on Android",
        ),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {GOOGLE} Safari/537.36", "Chrome on ChromeOS"),
        (f"Mozilla/5.0 (X11; Linux x86_64) {GOOGLE} Safari/537.36 OPR/120.0", "Opera on Linux"),
        ("Firefox/145.0", "Firefox"),
        ("curl/8.14.1", "curl/8.14.1"),
        ("", ""),
        ("x" * 500, "x" * 40),
        ("\x1b[31mred\u202e\r\nSet-Cookie: x", "[31mredSet-Cookie: x"),
    ],
)
def test_what_people_call_their_browsers(user_agent, name):
    assert device_name(user_agent) == name


@given(st.text(max_size=600))
def test_a_name_is_short_and_in_one_line(user_agent):
    name = device_name(user_agent)
    assert len(name) <= 40
    assert name.isprintable() or not name.isascii()
    assert not set(name) & set("\r\n\t\x00\x1b\u202e\u200b")
