"""Masked output: a secret is never shown, in however many pieces it comes, and everything else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.app.workstation.masking import Masked, Secrets
from tokenward.base.secret import Secret
from tokenward.tokens import opaque

TOKEN = opaque.new("at").secret.reveal()
HEADER = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9"
ONE = f"{HEADER}.eyJzdWIiOiJhbGljZSJ9.AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHHIIIIJJJJKKKKLLLLMMMM"
TWO = f"{HEADER}.eyJzdWIiOiJhbGljZSJ9.AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHHzzzzyyyyxxxxwwwwvvvv"
SHORT = "s3cret-of-20-letters"


def masked(*secrets):
    known = Secrets()
    for secret in secrets:
        known.add(Secret(secret))
    return Masked(known)


def shown(stream, *pieces):
    return b"".join([*(stream.feed(piece.encode()) for piece in pieces), stream.end()]).decode()


@pytest.mark.parametrize("secret", [TOKEN, ONE, TWO, SHORT], ids=["opaque", "jwt", "other-jwt", "short"])
@given(data=st.data())
def test_in_whatever_pieces_a_secret_comes_it_is_masked_and_the_rest_is_whole(secret, data):
    text = f"the token is {secret}, and again:{secret}{secret}\n{secret[:5]} ends here"
    cuts = sorted(data.draw(st.sets(st.integers(1, len(text) - 1), max_size=12)))
    stream = masked(TOKEN, ONE, TWO, SHORT)
    out = ""
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        out += stream.feed(text[start:end].encode()).decode()
        if data.draw(st.booleans()):
            out += stream.idle().decode()
    out += stream.end().decode()
    assert not any(secret[at : at + 12] in out for at in range(len(secret) - 12))
    assert out.count("[secret]") == 3
    for kept in ("the token is ", ", and again:", f"{secret[:5]} ends here"):
        assert kept in out


@given(st.text(alphabet="tkw_a0Qs3 \n", max_size=60), st.integers(0, 60))
def test_what_is_no_secret_comes_through_unchanged(text, cut):
    stream = masked(TOKEN, SHORT)
    assert shown(stream, text[:cut], text[cut:]) == text


def test_byte_by_byte_with_pauses_it_is_masked():
    stream, out = masked(TOKEN), b""
    for byte in f"x{TOKEN}y".encode():
        out += stream.feed(bytes([byte])) + stream.idle()
    assert out + stream.end() == b"xtkw_at_[secret]y"


def test_a_long_piece_of_a_secret_is_masked_and_one_that_tells_nothing_is_not():
    assert shown(masked(TOKEN), f"{TOKEN[:40]}...") == "[secret]..."
    assert shown(masked(TOKEN), TOKEN[:40]) == "[secret]"
    assert shown(masked(TOKEN), f"{TOKEN[:18]}...") == f"{TOKEN[:18]}..."
    assert shown(masked(TOKEN), TOKEN[:18]) == TOKEN[:18]


def test_of_two_that_begin_alike_the_one_that_comes_is_masked_to_its_end():
    # Beyond the head of both, so that which it is shows only in a later piece.
    middle = len(TWO) - 22
    assert shown(masked(ONE, TWO), TWO[:middle], TWO[middle:], "!") == "[secret]!"
    assert shown(masked(ONE, TWO), ONE[:middle], ONE[middle:], "!") == "[secret]!"


def test_another_token_with_the_same_header_is_not_taken_for_it():
    other = f"{HEADER}.eyJzdWIiOiJib2IifQ.0000"
    assert shown(masked(ONE), other) == other


def test_a_prompt_that_ends_like_a_beginning_is_shown_when_nothing_follows():
    stream = masked(TOKEN)
    assert stream.feed(b"What? tk") == b"What? "
    assert stream.is_waiting
    assert stream.idle() == b"tk"
    assert not stream.is_waiting
    assert stream.feed(b"x") == b"x"


def test_a_secret_that_is_learnt_later_is_masked_from_then_on():
    known = Secrets()
    stream = Masked(known)
    assert stream.feed(TOKEN.encode()) == TOKEN.encode()
    known.add(Secret(TOKEN))
    assert stream.feed(TOKEN.encode()) == b"[secret]"
