import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.masking import LEAST_HIDDEN, masked
from tokenward.leaks.prefixes import prefix_of
from tokenward.leaks.rule import Rule
from tokenward.tokens import opaque


def rule(pattern: str = "", *, provider: str = "Somebody", guessable: bool = False) -> Rule:
    return Rule(
        "some-rule", provider, "some secret", pattern, Severity.HIGH, Confidence.HIGH, "", guessable=guessable
    )


@pytest.mark.parametrize(
    ("pattern", "secret", "shown"),
    [
        (r"\b(ghp_[0-9A-Za-z]{36})\b", b"ghp_" + b"x" * 36, "ghp_… (40 characters)"),
        (r"\bgh[pousr]_[0-9A-Za-z]{36}", b"gho_" + b"x" * 36, "gho_… (40 characters)"),
        (r"((?:AKIA|ASIA)[0-9A-Z]{16})", b"ASIA" + b"X" * 16, "ASIA… (20 characters)"),
        (r"(?i)key\s*=\s*(sk-live-[a-z]{24})", b"SK-live-" + b"x" * 24, "SK-live-… (32 characters)"),
        (r"(SG\.[\w-]{22}\.[\w-]{43})", b"SG." + b"x" * 66, "SG.… (69 characters)"),
        (r"[(]key=(?P<it>abcdef_[a-z]{20})", b"abcdef_" + b"x" * 20, "abcdef_… (27 characters)"),
        (r"token=([0-9a-f]{40})", b"0123456789" * 4, "0123… (40 characters)"),
        (r"([0-9a-f]{19})", b"0123456789012345678", "… (19 characters)"),
        (
            "",
            b"-----BEGIN RSA PRIVATE KEY-----\nMIIE" + b"x" * 100,
            "-----BEGIN RSA PRIVATE KEY-----… (136 characters)",
        ),
        (r"(ab?[0-9a-z]{29,30})", b"abcdefghij" * 3, "a… (30 characters)"),
        (r"(\x00{30})", b"\x00\x1b" * 15, "....… (30 characters)"),
        (r"(abcd_[a-z]{12})", b"abcd_" + b"x" * 12, "… (17 characters)"),
    ],
)
def test_the_prefix_is_shown_and_nothing_of_the_secret_that_would_help(pattern, secret, shown):
    assert masked(secret, rule(pattern)) == shown


def test_of_a_token_of_ours_its_public_name_is_shown():
    token = opaque.new("at", prefix="acme")
    shown = masked(token.secret.reveal().encode(), rule(provider="Tokenward"))
    assert shown == f"acme_at_{token.token_id}… ({len('acme_at_') + 60} characters)"


def test_a_longer_text_in_the_place_of_a_token_of_ours_has_no_public_name():
    text = opaque.new("at").secret.reveal().encode() + b"0"
    assert masked(text, rule(provider="Tokenward")) == "tkw_… (68 characters)"


def test_what_another_issues_in_the_form_of_ours_has_no_public_name():
    assert masked(opaque.new("at").secret.reveal().encode(), rule()) == "tkw_… (67 characters)"


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (3, "under 8"),
        (8, "8 to 15"),
        (15, "8 to 15"),
        (16, "16 to 31"),
        (32, "32 or more"),
        (900, "32 or more"),
    ],
)
def test_of_what_a_person_chose_nothing_is_shown_and_its_length_roughly(length, words):
    assert masked(b"p" * length, rule("(p+)", guessable=True)) == f"… ({words} characters)"


@given(st.binary(min_size=1, max_size=64), st.sampled_from(["", "([a-z]{3,})", "[abcdef][abcdef]x", "(.+)"]))
def test_without_a_prefix_at_most_four_characters_are_shown_and_enough_stays_hidden(secret, pattern):
    shown = masked(secret, rule(pattern)).split("…")[0]
    assert len(shown) <= 4
    assert not shown or len(secret) - len(shown) >= LEAST_HIDDEN
    assert shown.isascii()
    assert shown.isprintable() or not shown


def test_choices_among_many_are_no_prefix():
    assert prefix_of("(x[abcdefgh][abcdefgh][abcdefgh]y)").pattern == b"x[abcdefgh][abcdefgh]"
    assert prefix_of("([0-9]y)").pattern == prefix_of("").pattern


def test_a_prefix_holds_for_everything_that_the_pattern_matches():
    pattern = r"\b(xox[bpe]-(?:1|2)-[a-z]{10,})"
    secret = b"xoxp-2-abcdefghijkl"
    assert re.match(pattern.encode(), secret)
    assert prefix_of(pattern).match(secret)[0] == b"xoxp-2-"
