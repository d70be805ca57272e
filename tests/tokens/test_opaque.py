from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.base.clock import ManualClock
from tokenward.base.entropy import base62
from tokenward.base.redaction import redact
from tokenward.tokens import opaque

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
kinds = st.sampled_from(sorted(opaque.KINDS))
prefixes = st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True)


@given(kinds, prefixes)
def test_a_new_token_is_parsed_back(kind: str, prefix: str):
    token = opaque.new(kind, prefix=prefix)
    text = token.secret.reveal()
    assert len(text) == len(prefix) + 64
    found = opaque.parse(text, kind=kind, prefix=prefix)
    assert found is not None
    assert (found.kind, found.token_id, found.secret.reveal()) == (kind, token.token_id, text)
    assert text.startswith(f"{prefix}_{kind}_{token.token_id}")


def test_the_format_is_the_documented_one():
    # Written down once, computed bit by bit from the definition: a change of format must show here.
    body = "tkw_at_" + "0" * 54
    assert opaque.parse(body + "0v5o06") is not None
    assert opaque.parse(body + "0v5o07") is None


@given(kinds, st.integers(min_value=0), st.sampled_from(BASE62 + "_-. é\n"))
def test_a_token_with_one_character_changed_is_no_token(kind: str, position: int, character: str):
    text = opaque.new(kind).secret.reveal()
    at = position % len(text)
    damaged = text[:at] + character + text[at + 1 :]
    assert (opaque.parse(damaged) is None) == (damaged != text)


@given(kinds, st.integers(0, 66))
def test_a_token_cut_or_extended_is_no_token(kind: str, length: int):
    text = opaque.new(kind).secret.reveal()
    assert opaque.parse(text[:length]) is None
    assert opaque.parse(text + "0") is None
    assert opaque.parse(" " + text) is None


@given(st.text())
def test_any_text_is_answered(text: str):
    assert opaque.parse(text) is None
    assert len(opaque.fingerprint(text)) == 32


@given(
    st.text(min_size=67, max_size=67) | st.text("٣０१", min_size=60, max_size=60).map(lambda t: f"tkw_at_{t}")
)
def test_any_text_of_the_right_length_is_answered(text: str):
    assert opaque.parse(text) is None


@pytest.mark.parametrize("character", ["_", "-", " ", "\n", "é", "٣", "\ud800"])
def test_a_foreign_character_is_refused_even_under_a_good_checksum(character: str):
    body = "tkw_at_" + "0" * 53 + character
    checksum = base62(crc32(body.encode("utf-8", "surrogatepass")), 6)
    assert opaque.parse(body + checksum) is None


def test_another_kind_or_prefix_is_refused():
    text = opaque.new("at").secret.reveal()
    assert opaque.parse(text, kind="rt") is None
    assert opaque.parse(text, prefix="abc") is None
    assert opaque.parse(text, prefix="tk") is None


def test_an_unknown_kind_is_neither_made_nor_read():
    with pytest.raises(ValueError, match="kind"):
        opaque.new("zz")
    body = "tkw_zz_" + "0" * 54
    assert opaque.parse(body + opaque._checksum(body)) is None


def test_the_locator_tells_the_time_and_sorts_by_it():
    clock = ManualClock(1_800_000_000.123)
    first = opaque.new("at", clock=clock)
    clock.advance(0.001)
    second = opaque.new("at", clock=clock)
    assert opaque.issued_at(first.token_id) == 1_800_000_000.123
    assert first.token_id < second.token_id


@pytest.mark.parametrize("token_id", ["", "0", "0" * 12, "0000000000_", "0000000000é", "٣" * 11])
def test_what_is_no_locator_has_no_time(token_id: str):
    with pytest.raises(ValueError, match="eleven"):
        opaque.issued_at(token_id)


def test_tokens_do_not_repeat():
    assert len({opaque.new("at").secret.reveal()[18:] for _ in range(1000)}) == 1000


def test_a_token_does_not_show_its_secret():
    token = opaque.new("at")
    assert token.secret.reveal() not in repr(token)


def test_the_first_pepper_writes_and_all_read():
    text = opaque.new("at").secret.reveal()
    old, new, other = b"o" * 32, b"n" * 32, b"x" * 32
    stored = opaque.keyed_hash(old, text)
    assert len(stored) == 32
    assert opaque.matches([new, old], text, stored)
    assert opaque.matches([old], text, stored)
    assert not opaque.matches([new, other], text, stored)
    assert not opaque.matches([], text, stored)
    assert not opaque.matches([old], text + "0", stored)
    assert not opaque.matches([old], text, opaque.fingerprint(text))
    assert not opaque.matches([old], text, b"")


@pytest.mark.parametrize("kind", opaque.KINDS)
def test_every_kind_is_masked_in_logs_and_keeps_its_name(kind):
    token = opaque.new(kind)
    assert redact(f"got {token.secret.reveal()}") == f"got tkw_{kind}_{token.token_id}[\u2026]"
