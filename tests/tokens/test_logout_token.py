"""OpenID Back-Channel Logout §2.4 and §2.6: what a provider may say, and whom it means."""

import asyncio

import pytest

from tokens.minting import ABSENT, JWKS, NOW, changed, mint
from tokenward import InvalidToken
from tokenward.base.clock import ManualClock
from tokenward.tokens.logout_token import LogoutNotice, LogoutTokenValidator

GOOD = {
    "iss": "https://op.example",
    "aud": "shop",
    "iat": NOW,
    "exp": NOW + 120,
    "jti": "j-1",
    "sub": "alice",
    "sid": "s-1",
    "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
}


def validator(**changes):
    settings = {
        "issuer": "https://op.example",
        "client_id": "shop",
        "keys": JWKS,
        "algorithms": ["ES256"],
        "clock": ManualClock(NOW),
    }
    return LogoutTokenValidator(**settings | changes)


def test_what_it_says_and_until_when_it_must_be_remembered():
    notice = validator().validate(mint(GOOD, typ="logout+jwt"))
    assert notice == LogoutNotice("alice", "s-1", "j-1", NOW, NOW + 150)
    again = asyncio.run(validator().validate_async(mint(changed(GOOD, {"sub": ABSENT}), typ="logout+jwt")))
    assert (again.subject, again.sid) == ("", "s-1")
    clock = ManualClock(notice.ends_at)
    with pytest.raises(InvalidToken, match="not valid") as refused:
        validator(clock=clock).validate(mint(GOOD, typ="logout+jwt"))
    assert refused.value.code == "expired", "what is forgotten must not pass any more"


@pytest.mark.parametrize(
    ("session", "meant"),
    [
        ({}, True),
        ({"sid": "s-2"}, False),
        ({"subject": "bob"}, False),
        ({"issued_at": NOW + 1}, False),
    ],
    ids=["itself", "sid", "subject", "later"],
)
def test_whom_it_means(session, meant):
    notice = LogoutNotice("alice", "s-1", "j", NOW, NOW + 150)
    assert notice.means(**{"subject": "alice", "sid": "s-1", "issued_at": NOW} | session) is meant
    everywhere = LogoutNotice("alice", "", "j", NOW, NOW + 150)
    assert everywhere.means(subject="alice", sid="s-9", issued_at=NOW)
