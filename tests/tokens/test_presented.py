"""Which row a presented text could be, before anything of it is believed."""

import json

import pytest

from tokenward.tokens import base64url, opaque
from tokenward.tokens.jws import MAX_TOKEN
from tokenward.tokens.presented import claimed_token_id

TOKEN = opaque.new("at")


def jwt(signature="c2ln", **claims):
    return f"e30.{base64url.encode(json.dumps(claims).encode())}.{signature}"


def test_an_opaque_token_and_a_jwt_name_their_row():
    assert claimed_token_id(TOKEN.secret.reveal()) == TOKEN.token_id
    assert claimed_token_id(jwt(jti=TOKEN.token_id)) == TOKEN.token_id


def test_a_text_that_is_too_long_is_not_read():
    short = jwt(jti=TOKEN.token_id, signature="")
    longest = short + "A" * (MAX_TOKEN - len(short))
    assert claimed_token_id(longest) == TOKEN.token_id
    assert claimed_token_id(longest + "A") is None


@pytest.mark.parametrize(
    "text",
    [
        "", "..", "e30.e30.", "e30.?.c2ln", "e30.W10.c2ln", "tkw_at_short", jwt(jti=7),
        jwt(jti="another"), jwt(),
    ],
)  # fmt: skip
def test_what_can_be_no_access_token_names_none(text):
    assert claimed_token_id(text) is None


def test_another_kind_and_a_damaged_token_name_none():
    assert claimed_token_id(opaque.new("rt").secret.reveal()) is None
    assert claimed_token_id(TOKEN.secret.reveal() + "x") is None
