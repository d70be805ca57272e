import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.tokens import user_code


def test_codes_have_every_letter_at_every_place_and_are_new_each_time():
    codes = [user_code.new() for _ in range(2000)]
    assert len(set(codes)) == len(codes)
    for place in range(user_code.LENGTH):
        assert {code[place] for code in codes} == set(user_code.ALPHABET)


def test_no_letter_is_a_vowel_or_stands_for_another():
    assert len(set(user_code.ALPHABET)) == 20
    assert not set(user_code.ALPHABET) & set("AEIOUY0123456789")


def test_a_code_is_shown_in_two_halves_and_read_as_it_was_shown():
    code = user_code.new()
    assert re.fullmatch("[A-Z]{4}-[A-Z]{4}", user_code.shown(code))
    assert user_code.typed(user_code.shown(code)) == code


@given(st.text(max_size=100))
def test_whatever_is_typed_is_a_code_or_none(text):
    code = user_code.typed(text)
    assert code is None or (len(code) == 8 and set(code) <= set(user_code.ALPHABET))


@pytest.mark.parametrize("text", ["", "BCDF", "BCDFGHJKL", "BCDFGHJ1", "BCDFGHJA", "B" * 8 + " " * 60, "ßß"])
def test_what_can_be_no_code(text):
    assert user_code.typed(text) is None


def test_a_keyed_hash_hangs_on_the_pepper_and_is_of_no_other_kind():
    code, peppers = user_code.new(), (b"a" * 32, b"b" * 32)
    first, second = user_code.keyed_hashes(peppers, code)
    assert len({first, second}) == 2
    assert first == user_code.keyed_hash(peppers[0], code)
    assert code.encode() not in first
