"""A person signs in elsewhere: the code is shown, polls wait as they are told, and the end is said."""

import functools
import logging
import time

import pytest

from client.test_presenting import pem_of
from flows.test_device import TOLD as CODES
from tokenward.base.clock import ManualClock
from tokenward.client import (
    DeviceSignIn,
    PrivateKeyJwt,
    Server,
    ServerUnavailable,
    SignIn,
    SignInRequired,
    TokenError,
)
from tokenward.client.flow import drive
from tokenward.flows.device import GRANT_TYPE
from tokenward.tokens.keys import SigningKey

PENDING = (400, {"error": "authorization_pending"})


@pytest.fixture
def fake(fake):
    fake.lets_people_in()
    fake.scripts = [(200, CODES)]
    return fake


class Waits(list):
    """The pauses that were made, in whole seconds; none of them takes time."""

    def __init__(self):
        super().__init__()
        self.clock = ManualClock(time.time())

    def __call__(self, seconds):
        self.append(round(seconds))
        self.clock.advance(seconds)


@pytest.fixture
def waits(monkeypatch):
    made = Waits()
    monkeypatch.setattr("tokenward.client.flow.drive", functools.partial(drive, pause=made))
    return made


@pytest.fixture
def television(fake, waits):
    def make(**changes):
        server = Server(fake.issuer, clock=waits.clock)
        return DeviceSignIn(server, client_id="notes", **({"scope": ["notes:read"]} | changes))

    return make


def unseen(_device):
    """Shows it to nobody."""


def test_the_code_is_shown_and_polls_wait_and_slow_down_as_they_are_told(fake, television, waits):
    fake.scripts += [PENDING, (400, {"error": "slow_down"}), (503, {}), PENDING]
    shown = []
    notes = television(resource=f"{fake.api}/api")
    assert notes.sign_in(show=shown.append) is None
    assert notes.token().value.reveal() == "access-1"
    (device,) = shown
    assert (device.user_code, device.verification_uri) == ("WDJB-MJHT", "https://id.example/device")
    assert device.verification_uri_complete.endswith("WDJB-MJHT")
    (asked, _), *polls = fake.forms
    assert asked == {"client_id": "notes", "scope": "notes:read", "resource": f"{fake.api}/api"}
    expected = {"grant_type": GRANT_TYPE, "client_id": "notes", "device_code": "the-device-code"}
    assert [form for form, _ in polls] == [expected | {"resource": f"{fake.api}/api"}] * 5
    assert waits == [5, 5, 10, 20, 20]


def test_by_default_address_and_code_are_written_to_stderr(television, capsys):
    television().sign_in()
    assert capsys.readouterr() == ("", "Open https://id.example/device and enter WDJB-MJHT\n")


@pytest.mark.parametrize("error", ["access_denied", "expired_token"])
def test_a_no_and_an_end_are_told_and_nobody_is_signed_in(fake, television, error):
    fake.scripts += [PENDING, (400, {"error": error})]
    notes = television()
    with pytest.raises(SignInRequired, match=error):
        notes.sign_in(show=unseen)
    assert fake.issued == 3
    with pytest.raises(SignInRequired, match=r"call sign_in\(\)"):
        notes.token()


def test_a_code_that_nobody_enters_ends_here_too(fake, television, waits):
    fake.scripts += [PENDING] * 200
    with pytest.raises(SignInRequired, match="expired_token: nobody answered in time"):
        television().sign_in(show=unseen)
    assert sum(waits) < 600
    assert fake.issued == 1 + 119


def test_other_refusals_end_it_with_what_mends_it(fake, television):
    fake.scripts = [(400, {"error": "unauthorized_client"})]
    with pytest.raises(TokenError, match="unauthorized_client: let the client use this grant"):
        television().sign_in(show=unseen)
    assert fake.issued == 1


def test_a_server_that_takes_no_devices_is_said_so(fake, television):
    del fake.metadata["device_authorization_endpoint"]
    with pytest.raises(TokenError, match="takes no devices"):
        television().sign_in(show=unseen)


def test_trouble_before_there_is_a_code_is_tried_again_and_told(fake, television):
    fake.scripts = [(500, {})] * 3
    with pytest.raises(ServerUnavailable, match="answered 500"):
        television().sign_in(show=unseen)
    assert fake.issued == 3


@pytest.mark.parametrize(
    "uri", ["javascript:alert(1)", "http://id.example/device", "https://id.example/\x1b[2J"]
)
def test_what_could_harm_who_sees_it_is_not_shown(fake, television, uri):
    fake.scripts = [(200, CODES | {"verification_uri": uri})]
    shown = []
    with pytest.raises(TokenError, match="malformed_response"):
        television().sign_in(show=shown.append)
    assert not shown


def test_who_signed_in_is_what_the_id_token_says_and_it_answers_no_other_request(fake, television):
    fake.scripts.append((200, fake.token(id_token=fake.id_token())))
    assert television(scope="openid").sign_in(show=unseen).subject == "alice"
    fake.scripts = [(200, CODES), (200, fake.token(id_token=fake.id_token(nonce="of a browser")))]
    with pytest.raises(TokenError, match="wrong_id_token: nonce_mismatch"):
        television(scope="openid").sign_in(show=unseen)


def test_a_better_sign_in_is_asked_for_and_one_that_is_none_is_refused(fake, television):
    fake.scripts.append((200, fake.token(id_token=fake.id_token(acr="one"))))
    notes = television(scope="openid")
    with pytest.raises(TokenError, match="sign_in_too_weak"):
        notes.sign_in(show=unseen, acr_values=["three", "two"], max_age=60)
    assert {"acr_values": "three two", "max_age": "60"}.items() <= fake.forms[0][0].items()
    with pytest.raises(SignInRequired):
        notes.token()


def test_polls_prove_the_key_and_repeat_one_for_a_nonce_at_once(fake, television, waits):
    fake.token_type = "DPoP"
    fake.scripts.append((400, {"error": "use_dpop_nonce"}, {"dpop-nonce": "n"}))
    notes = television(dpop=True)
    notes.sign_in(show=unseen)
    assert notes.token().kind == "DPoP"
    assert ["dpop" in headers for _, headers in fake.forms] == [False, True, True]
    assert waits == [5]


def test_a_device_with_a_key_of_its_own_proves_it_each_time(fake, television, tmp_path):
    pem = tmp_path / "key.pem"
    pem.write_text(pem_of(SigningKey.generate()))
    pem.chmod(0o600)
    television(authentication=PrivateKeyJwt(f"file:{pem}")).sign_in(show=unseen)
    assert len({form["client_assertion"] for form, _ in fake.forms}) == 2


def test_a_later_run_refreshes_however_they_signed_in(fake, television, vault, waits):
    fake.scripts.append((200, fake.token(refresh_token="r", expires_in=1)))
    television(vault=vault).sign_in(show=unseen)
    waits.clock.advance(2)
    server = Server(fake.issuer, clock=waits.clock)
    assert SignIn(server, client_id="notes", scope=["notes:read"], vault=vault).token()
    assert fake.forms[-1][0]["refresh_token"] == "r"
    television(vault=vault).sign_out()
    with pytest.raises(SignInRequired):
        television(vault=vault).token()


def test_that_nobody_is_signed_in_is_no_trouble_to_be_logged(television, caplog):
    with pytest.raises(SignInRequired):
        television().token()
    assert [record.levelname for record in caplog.records if record.levelno >= logging.WARNING] == []
