"""Formats with checksums, against tokens that others published as examples."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.leaks.rulebook.checksums import CHECKSUMS
from tokenward.leaks.rulebook.templates import sample
from tokenward.tokens.opaque import new

# Put together here, so that no scanner finds them in this file. None of them opens anything.
PUBLISHED = {
    # From the discussion of GitHub's format; one that its finder made and let expire.
    ("crc-of-body", "ghp_" + "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ" + "0mLq17"),
    # From the tests of osv-scalibr: the format with a version, and the one before it.
    ("gitlab-routable", "glpat-" + "bzox79Of-KE9FD2LjoXXF4CvyxA" + ".01.0r0l8l6ir"),
    ("gitlab-routable", "glpat-" + "bzox79Of-KE9FD2LjoXXF4CvyxA" + ".0r03gxo7s"),
    # The key of age's own test kit.
    ("age", "AGE-SECRET-" + "KEY-1" + "GFPYYSJZ" * 6 + "GFPQ4EGAEX"),
}

# What stands behind the name of a checksum in a template.
ARGUMENTS = {"crc-of-body": "npm_", "grafana": "glsa_", "gitlab-routable": "glpat-", "tokenward": "acme_ak_"}


@pytest.mark.parametrize(("name", "token"), sorted(PUBLISHED), ids=lambda value: value[:5])
def test_a_published_token_is_valid(name, token):
    assert CHECKSUMS[name].valid(token.encode())


@pytest.mark.parametrize(("name", "seed"), list(product(sorted(CHECKSUMS), "abc")))
def test_what_is_made_is_valid_and_nothing_one_character_away_from_it(name, seed):
    token = sample(f"{{checksum:{name} {ARGUMENTS.get(name, '')}}}", seed).data
    assert CHECKSUMS[name].valid(token)
    for at in range(len(token)) if name != "pypi" else ():
        if chr(token[at]).isalnum():
            other = b"b" if token[at] != ord("b") else b"c"
            changed = token[:at] + other + token[at + 1 :]
            # The prefix of GitHub's kind is not in the sum.
            assert not CHECKSUMS[name].valid(changed) or (name == "crc-of-body" and at < 3)


@pytest.mark.parametrize("name", sorted(CHECKSUMS))
@given(noise=st.binary(max_size=120))
def test_noise_is_refused_and_never_an_error(name, noise):
    assert not CHECKSUMS[name].valid(noise)


@pytest.mark.parametrize("name", sorted(CHECKSUMS))
def test_a_token_that_was_cut_off_is_refused(name):
    token = sample(f"{{checksum:{name} {ARGUMENTS.get(name, '')}}}", "cut").data
    assert not any(CHECKSUMS[name].valid(token[:end]) for end in range(len(token)))


def test_a_token_of_our_own_is_valid_under_any_prefix():
    for prefix in ("tkw", "acme", "a1"):
        assert CHECKSUMS["tokenward"].valid(new("ak", prefix=prefix).secret.reveal().encode())


def test_a_macaroon_of_another_index_is_refused():
    assert CHECKSUMS["pypi"].valid(sample("{checksum:pypi test.pypi.org}", "seed").data)
    assert not CHECKSUMS["pypi"].valid(sample("{checksum:pypi example.org}", "seed").data)
