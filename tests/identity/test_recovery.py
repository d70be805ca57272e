import re
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.identity.factors.recovery import keyed_hash, new_codes, normal

CODE = "01234-56789-ABCDE-FGHJK"
PLAIN = "0123456789ABCDEFGHJK"


def test_codes_are_long_and_never_the_same():
    codes = [code.reveal() for _ in range(30) for code in new_codes()]
    assert len(set(codes)) == len(codes) == 300
    for code in codes:
        assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{5}(-[0-9A-HJKMNP-TV-Z]{5}){3}", code)
        assert normal(code) == code.replace("-", "")
    for place in range(len(CODE)):  # every character of every place is drawn
        assert len({code[place] for code in codes}) > 20 or CODE[place] == "-"


@pytest.mark.parametrize(
    "typed",
    [
        CODE,
        PLAIN,
        CODE.lower(),
        CODE.replace("-", " "),
        f"  {CODE}\n",
        "01234 - 56789 - abcde - fghjk",
        CODE.replace("-", "\u2013"),
        "\u00a0".join(PLAIN),
        "O1234-56789-ABCDE-FGHJK",
        "oI234-56789-ABCDE-FGHJK",
        "ol234-56789-ABCDE-FGHJK",
    ],
)
def test_how_people_type_does_not_matter(typed):
    assert normal(typed) == PLAIN


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "-",
        PLAIN[:-1],
        PLAIN + "0",
        "U" + PLAIN[1:],
        "_" + PLAIN[1:],
        "\u0660" + PLAIN[1:],
        "\uff21" * 20,
        "\ufb01" * 20,
    ],
)
def test_what_is_no_code_is_none(typed):
    assert normal(typed) is None


def test_what_is_too_long_is_not_looked_at():
    assert normal(PLAIN + " " * 44) == PLAIN
    assert normal(PLAIN + " " * 45) is None


@given(st.text(max_size=70))
def test_a_normal_code_is_its_own_normal_form(typed):
    plain = normal(typed)
    assert plain is None or normal(plain) == plain


def test_a_stored_code_is_one_persons_under_one_pepper():
    pepper, other = secrets.token_bytes(32), secrets.token_bytes(32)
    stored = keyed_hash(pepper, "ada", PLAIN)
    assert len(stored) == 32
    assert stored == keyed_hash(pepper, "ada", PLAIN)
    assert (
        len(
            {
                stored,
                keyed_hash(other, "ada", PLAIN),
                keyed_hash(pepper, "bob", PLAIN),
                keyed_hash(pepper, "ada", "x"),
            }
        )
        == 4
    )
