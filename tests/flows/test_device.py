import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.test_token import GOOD, fields
from tokenward.base.clock import ManualClock
from tokenward.base.secret import Secret
from tokenward.flows import device
from tokenward.flows.device import DeviceAuthorization, Polling
from tokenward.flows.errors import FlowError

TOLD = {
    "device_code": "the-device-code",
    "user_code": "WDJB-MJHT",
    "verification_uri": "https://id.example/device",
    "verification_uri_complete": "https://id.example/device?user_code=WDJB-MJHT",
    "expires_in": 600,
    "interval": 5,
}


def parsed(**changes):
    told = {name: value for name, value in {**TOLD, **changes}.items() if value is not ...}
    return DeviceAuthorization.parse(200, json.dumps(told).encode())


def refused(code):
    return 400, json.dumps({"error": code}).encode()


def polling(clock, **changes):
    return Polling(parsed(**changes), client_id="tv", clock=clock)


def test_the_request():
    assert fields(device.request(scope=["a:read", "openid"], resource="https://a/", client_id="tv")) == {
        "scope": "a:read openid",
        "resource": "https://a/",
        "client_id": "tv",
    }
    assert device.request() == b""


def test_an_answer_is_read():
    answer = parsed()
    assert answer.device_code.reveal() == "the-device-code"
    assert (answer.user_code, answer.verification_uri) == ("WDJB-MJHT", "https://id.example/device")
    assert answer.verification_uri_complete.endswith("WDJB-MJHT")
    assert (answer.expires_in, answer.interval) == (600, 5)
    assert "the-device-code" not in repr(answer)


def test_what_may_be_missing():
    answer = parsed(verification_uri_complete=..., interval=...)
    assert (answer.verification_uri_complete, answer.interval) == ("", 5)


@pytest.mark.parametrize(
    "changes",
    [
        *({name: ...} for name in ("device_code", "user_code", "verification_uri", "expires_in")),
        *({name: ""} for name in ("device_code", "user_code", "verification_uri")),
        {"device_code": 7},
        {"user_code": "\x1b[2J"},
        {"user_code": "W" * 65},
        {"verification_uri": "http://id.example/device"},
        {"verification_uri": "javascript:alert(1)"},
        {"verification_uri": "https://"},
        {"verification_uri": "https://[x/"},
        {"verification_uri": "https://id.example/ \x1b]0;x"},
        {"verification_uri_complete": "file:///etc/passwd"},
        {"expires_in": 0},
        {"expires_in": "600"},
        {"expires_in": True},
        {"expires_in": 10**9},
        {"interval": 0},
        {"interval": -5},
        {"interval": 1.5},
    ],
    ids=lambda changes: "-".join(f"{name}={value!r:.30}" for name, value in changes.items()),
)
def test_an_answer_that_is_none_is_refused(changes):
    with pytest.raises(FlowError) as raised:
        parsed(**changes)
    assert raised.value.code == "malformed_response"


def test_the_page_may_be_on_this_machine():
    assert parsed(verification_uri="http://127.0.0.1:8000/device").verification_uri
    assert parsed(verification_uri="http://localhost/device").verification_uri


def test_the_server_can_refuse():
    with pytest.raises(FlowError) as raised:
        DeviceAuthorization.parse(*refused("unauthorized_client"))
    assert raised.value.code == "unauthorized_client"


@given(st.integers(100, 599), st.binary(max_size=100))
def test_whatever_comes_back_is_an_answer_or_a_flow_error(status, body):
    with contextlib.suppress(FlowError):
        DeviceAuthorization.parse(status, body)


def test_a_poll():
    body = Polling(parsed(), client_id="tv", resource="https://a/").body
    assert fields(body) == {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "device_code": "the-device-code",
        "resource": "https://a/",
        "client_id": "tv",
    }


def test_the_interval_lies_before_every_poll_the_first_one_too():
    clock = ManualClock()
    polls = polling(clock)
    assert polls.wait == 5
    clock.advance(3)
    assert polls.wait == 2
    clock.advance(4)
    assert polls.wait == 0
    assert polls.heard(*refused("authorization_pending")) is None
    assert polls.wait == 5


def test_slow_down_makes_the_interval_longer_for_good():
    clock = ManualClock()
    polls = polling(clock)
    waits = []
    for code in ("slow_down", "authorization_pending", "slow_down", "authorization_pending"):
        assert polls.heard(*refused(code)) is None
        waits.append(polls.wait)
        clock.advance(polls.wait)
    assert waits == [10, 10, 15, 15]


def test_a_connection_that_times_out_doubles_the_interval_up_to_a_minute():
    clock = ManualClock()
    polls = polling(clock)
    waits = []
    for _ in range(6):
        polls.timed_out()
        waits.append(polls.wait)
    assert waits == [10, 20, 40, 60, 60, 60]
    slow = polling(clock, interval=90)
    slow.timed_out()
    assert slow.wait == 90, "never less than the server asked for"


def test_it_ends_with_tokens():
    polls = polling(ManualClock())
    tokens = polls.heard(200, json.dumps(GOOD).encode())
    assert tokens.access_token.reveal() == "the-token"
    with pytest.raises(FlowError):
        polls.heard(200, json.dumps(GOOD).encode(), token_type="DPoP")


@pytest.mark.parametrize("code", ["access_denied", "expired_token", "invalid_grant", "invalid_client"])
def test_it_ends_with_any_other_answer(code):
    with pytest.raises(FlowError) as raised:
        polling(ManualClock()).heard(*refused(code))
    assert raised.value.code == code


def test_no_poll_is_sent_that_comes_too_late():
    clock = ManualClock()
    polls = polling(clock, expires_in=12)
    clock.advance(5)
    polls.heard(*refused("authorization_pending"))
    assert polls.wait == 5
    clock.advance(5)
    polls.heard(*refused("authorization_pending"))
    with pytest.raises(FlowError) as raised:  # the next one would come after 15 seconds
        assert polls.wait
    assert raised.value.code == "expired_token"


def test_time_that_passes_unused_counts():
    clock = ManualClock()
    polls = polling(clock)
    clock.advance(600)
    with pytest.raises(FlowError, match="expired_token"):
        assert polls.wait


def test_the_device_code_is_in_no_message():
    polls = Polling(parsed(device_code="s3cret"), clock=ManualClock())
    assert "s3cret" not in repr(polls)
    with pytest.raises(FlowError) as raised:
        polls.heard(200, b"{}")
    assert "s3cret" not in str(raised.value)
    assert isinstance(parsed().device_code, Secret)
