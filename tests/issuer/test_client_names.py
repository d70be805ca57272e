"""What is told of a name by which a stranger could imitate another."""

import pytest

from tokenward.issuer.client_names import MOST_TOLD, odd_letters


@pytest.mark.parametrize("name", ["Bank", "My App 2 (beta)", "c++"])
def test_a_plain_name_has_nothing_to_tell(name):
    assert odd_letters(name) is None


@pytest.mark.parametrize(
    ("name", "mixed"),
    [
        ("B\u0430nk", ("Latin", "Cyrillic")),
        ("P\u0430yP\u03b1l", ("Latin", "Cyrillic", "Greek")),
        ("\U0001d401ank", ("Mathematical", "Latin")),
        ("\uff22ank", ("Fullwidth", "Latin")),
        ("\u0431\u0430\u043d\u043a", ()),
        ("B\u00fcro", ()),
        ("\u9280\u884c\u306e\u30a2", ()),
    ],
    ids=["cyrillic-a", "three", "mathematical", "fullwidth", "all-cyrillic", "umlaut", "japanese"],
)
def test_scripts_that_are_not_written_together_are_told(name, mixed):
    assert odd_letters(name).mixed == mixed


def test_every_letter_that_is_no_plain_one_is_named_up_to_a_bound():
    assert odd_letters("B\u0430n\u0430k").letters == (("\u0430", "CYRILLIC SMALL LETTER A"),)
    assert len(odd_letters("".join(map(chr, range(0x430, 0x450)))).letters) == MOST_TOLD
