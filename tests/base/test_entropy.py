import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.base import entropy
from tokenward.base.entropy import (
    BASE62,
    base62,
    identifier,
    locator,
    random_base62,
    random_bits,
    random_bytes,
)


def value(text):
    number = 0
    for character in text:
        number = number * 62 + BASE62.index(character)
    return number


@given(st.integers(min_value=0, max_value=2**300))
def test_base62_can_be_read_back(number):
    assert value(base62(number, 60)) == number


@given(st.integers(0, 62**11 - 1), st.integers(0, 62**11 - 1))
def test_equally_wide_texts_sort_as_their_numbers(first, second):
    assert (base62(first, 11) < base62(second, 11)) == (first < second)


@given(st.integers(1, 50))
def test_base62_fills_its_width_and_no_more(width):
    assert base62(0, width) == "0" * width
    assert base62(62**width - 1, width) == "z" * width
    with pytest.raises(ValueError, match="does not fit"):
        base62(62**width, width)


@given(st.integers(max_value=-1))
def test_a_negative_number_does_not_fit(number):
    with pytest.raises(ValueError, match="does not fit"):
        base62(number, 50)


def test_256_bits_fit_into_43_characters():
    assert len(base62(2**256 - 1, 43)) == 43


@given(st.integers(0, 2**44 - 1))
def test_a_locator_is_eleven_characters_that_tell_the_millisecond(milliseconds):
    text = locator(milliseconds)
    assert re.fullmatch(r"[0-9A-Za-z]{11}", text)
    assert value(text) >> 21 == milliseconds


@given(st.integers(0, 2**44 - 2))
def test_locators_sort_by_time(milliseconds):
    assert locator(milliseconds) < locator(milliseconds + 1)


def test_a_locator_ends_in_21_random_bits(monkeypatch):
    asked = []
    monkeypatch.setattr(entropy, "random_bits", lambda bits: asked.append(bits) or 5)
    assert value(locator(1)) == (1 << 21) + 5
    assert asked == [21]


def test_random_values_have_the_size_asked_for_and_differ():
    assert len(random_bytes(32)) == 32
    assert random_bytes(32) != random_bytes(32)
    assert len({identifier() for _ in range(100)}) == 100
    assert all(random_bits(8) < 256 for _ in range(100))


def test_an_identifier_is_22_base62_characters():
    assert re.fullmatch(r"[0-9A-Za-z]{22}", identifier())


def test_random_digits_have_the_width_asked_for_and_are_all_as_likely():
    digits = random_base62(62 * 400)
    assert len(digits) == 62 * 400
    counts = [digits.count(digit) for digit in BASE62]
    assert min(counts) > 280, "six standard deviations below the mean of 400"
    assert max(counts) < 520


def test_no_byte_is_handed_out_twice(monkeypatch):
    fetched = iter(range(1, 1000))
    monkeypatch.setattr(entropy, "_bytes_reserve", entropy._Reserve(entropy._themselves))
    monkeypatch.setattr(
        entropy.os, "urandom", lambda count: b"".join(next(fetched).to_bytes(2) for _ in range(count // 2))
    )
    monkeypatch.setattr(entropy, "_FETCHED", 40)
    taken = [random_bytes(2 * size) for size in (1, 3, 7, 2, 9, 9, 9, 1)]
    pairs = [each[at : at + 2] for each in taken for at in range(0, len(each), 2)]
    assert len(set(pairs)) == len(pairs) == 41


def test_no_digit_is_handed_out_twice(monkeypatch):
    fetched = iter(range(1_000))
    monkeypatch.setattr(entropy, "_digits_reserve", entropy._Reserve(lambda _random: b"%03d" % next(fetched)))
    taken = "".join(random_base62(3 * size) for size in (1, 3, 7, 2, 9, 1))
    assert sorted(taken[at : at + 3] for at in range(0, len(taken), 3)) == [f"{n:03}" for n in range(23)]


def test_a_forked_child_hands_out_other_bytes_than_its_parent():
    random_bytes(1), random_base62(1)  # so that there is something to inherit
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, random_bytes(32) + random_base62(32).encode())
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert os.read(reading, 32) != random_bytes(32)
    assert os.read(reading, 32) != random_base62(32).encode()
    os.close(reading)
    os.close(writing)
