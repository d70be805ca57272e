"""Templates give the same text each time, and another one for another seed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.leaks.rulebook.templates import ALPHABETS, TemplateError, fill, sample


@pytest.mark.parametrize("name", sorted(ALPHABETS))
def test_a_field_draws_from_its_alphabet(name):
    text = fill(f"<{{{name}:400}}>", "seed").decode()
    assert (text[0], text[-1], len(text)) == ("<", ">", 402)
    assert set(text[1:-1]) <= set(ALPHABETS[name])
    assert len(set(text[1:-1])) > len(ALPHABETS[name]) * 0.9


def test_no_character_is_favoured():
    text = fill("{base58:20000}", "seed").decode()
    first = sum(text.count(character) for character in ALPHABETS["base58"][:24])
    assert abs(first / 20000 - 24 / 58) < 0.01


@given(st.text(), st.text())
def test_the_text_follows_from_the_seed(one, other):
    template = "{base62:36} {uuid} {hex:8-30}"
    assert fill(template, one) == fill(template, one)
    assert (fill(template, one) == fill(template, other)) == (one == other)


def test_two_fields_of_one_template_differ():
    one, other = fill("{hex:32} {hex:32}", "seed").split()
    assert one != other


def test_a_long_field_goes_on_without_repeating():
    text = fill("{base64:5000}", "seed")
    assert len({text[at : at + 20] for at in range(0, 5000, 20)}) == 250


def test_a_count_may_be_a_range():
    sizes = {len(fill("{hex:3-5}", str(seed))) for seed in range(50)}
    assert sizes == {3, 4, 5}


def test_a_uuid_is_one_of_version_four():
    text = fill("{uuid}", "seed").decode()
    assert (len(text), text[14], text[19] in "89ab") == (36, "4", True)


def test_marks_and_path_say_where_and_leave_nothing():
    made = sample("{path:a/.npmrc}key=é{<}{hex:4}{>};{{}}", "seed")
    assert made.secret is not None
    begin, end = made.secret
    assert made.data[:begin] == "key=é".encode()
    assert made.data[end:] == b";{}"
    assert end - begin == 4
    assert made.path == "a/.npmrc"


BROKEN = "{ } {} {hex} {hex:} {hex:x} {hex:5-3} {rune:4} {checksum:none} {<}a a{>} {>}a{<} {<}{<}a{>} {a{b}}"


@pytest.mark.parametrize("template", BROKEN.split())
def test_a_template_that_says_nothing_is_an_error(template):
    with pytest.raises(TemplateError):
        fill(template, "seed")
