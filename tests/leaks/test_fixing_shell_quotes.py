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


@pytest.mark.parametrize(
    "text",
    [
        f"perl -e '\n  my $k = \"{SECRET}\";\n'\n",
        f"awk '\nBEGIN {{ k = {SECRET} }}\n' f\n",
        f"ssh host \"\n  KEY='{SECRET}' run\n\"\n",
        f"cat <<EOF\nit's\nEOF\nperl -e '\n print q({SECRET})'\n",
    ],
    ids=["perl", "awk", "ssh", "after-a-here-document"],
)
def test_quotes_that_opened_on_a_line_before_are_left_to_people(text):
    with pytest.raises(ByHand, match="line before"):
        rewritten(text)


@pytest.mark.parametrize(
    "before",
    [
        "# it's\n",
        "echo hi # it's\n",
        "perl -e '\n1;\n'\n",
        "cat <<EOF\nit's\nEOF\n",
        "cat <<-'EOF'\r\n\tit's\r\n\tEOF\r\n",
        "echo it\\'s\n",
        "x=$((1<<2))\ncat <<EOF\nit's\nEOF\n",
    ],
    ids=["comment", "comment-after", "perl", "here", "here-crlf", "backslash", "shift"],
)
def test_what_closed_before_keeps_nothing_from_being_rewritten(before):
    text = rewritten(f"{before}KEY='{SECRET}'\n")
    assert text == f'{before}KEY="$(keyring get shop KEY)"\n'


def test_a_quote_in_a_here_document_is_no_quote():
    text = rewritten(f"cat <<EOF\nit's\n{SECRET}\nEOF\n")
    assert text == "cat <<EOF\nit's\n$(keyring get shop KEY)\nEOF\n"
