"""Quotes of a shell inside of others, and what looks like a here-document and is none."""

import pytest

from tokenward.base.references import Reference
from tokenward.leaks.fixing.shell import rewrite
from tokenward.leaks.fixing.spot import ByHand, Spot

SECRET = "s3cr3t-value"
KEPT = Reference("keyring", "shop/KEY")


def rewritten(text: str) -> str:
    at = text.index(SECRET)
    return rewrite(Spot("a.sh", text, at, at + len(SECRET)), KEPT, "KEY").text


def test_single_quotes_of_a_command_inside_of_double_ones_are_left_to_people():
    with pytest.raises(ByHand, match="single quotes of a command"):
        rewritten(f"A=\"$(curl -H 'X: {SECRET}' u)\"\n")
    assert rewritten(f"ssh host \"curl -H 'X: {SECRET}'\"\n").count("$(keyring get shop KEY)") == 1


def test_a_shift_of_bits_begins_no_here_document():
    assert rewritten(f"x=$((1<<2))\nKEY='{SECRET}'\n").endswith('KEY="$(keyring get shop KEY)"\n')
