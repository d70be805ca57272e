"""Formats with checksums, against tokens that others published as examples."""

import base64
import json
from binascii import crc_hqx
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.leaks.rulebook.azure import SEEDS, marvin
from tokenward.leaks.rulebook.checksums import CHECKSUMS
from tokenward.leaks.rulebook.templates import sample
from tokenward.tokens.opaque import new

# In pieces, so that no scanner finds them in this file. None of them opens anything.
PUBLISHED = (
    # From the discussion of GitHub's format; one that its finder made and let expire.
    ("crc-of-body", ("ghp_", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ", "0mLq17")),
    # From the tests of osv-scalibr: the format with a version, and the one before it.
    ("gitlab-routable", ("glpat-", "bzox79Of-KE9FD2LjoXXF4CvyxA", ".01.0r0l8l6ir")),
    ("gitlab-routable", ("glpat-", "bzox79Of-KE9FD2LjoXXF4CvyxA", ".0r03gxo7s")),
    # The key of age's own test kit.
    ("age", ("AGE-SECRET-", "KEY-1", *6 * ("GFPYYSJZ",), "GFPQ4EGAEX")),
)

# What stands behind the name of a checksum in a template.
ARGUMENTS = {
    "atlassian": "ATBB",
    "azure-annotated": "ACDb",
    "azure-key": "+ASt 64",
    "base58check": "80",
    "cloudflare": "cfut_",
    "crc-of-body": "npm_",
    "gitlab-routable": "glpat-",
    "grafana": "glsa_",
    "matrix": "syt_",
    "tokenward": "acme_ak_",
}
# Those that say what is inside, not what the last characters are: one other character may be as good.
PARSED = {
    "azure-old-key",
    "discord",
    "elastic",
    "grafana-cloud",
    "grafana-key",
    "one-password",
    "pypi",
    "sentry",
}


@pytest.mark.parametrize(("name", "pieces"), PUBLISHED)
def test_a_published_token_is_valid(name, pieces):
    assert CHECKSUMS[name].valid("".join(pieces).encode())


@pytest.mark.parametrize(("name", "seed"), list(product(sorted(CHECKSUMS), "abc")))
def test_what_is_made_is_valid_and_nothing_one_character_away_from_it(name, seed):
    token = sample(f"{{checksum:{name} {ARGUMENTS.get(name, '')}}}", seed).data
    assert CHECKSUMS[name].valid(token)
    for at in range(len(token)) if name not in PARSED else ():
        if chr(token[at]).isalnum():
            other = b"b" if token[at] != ord("b") else b"c"
            changed = token[:at] + other + token[at + 1 :]
            # The prefix of GitHub's kind is not in the sum.
            outside = name in {"crc-of-body", "cloudflare"} and at < token.index(b"_")
            assert CHECKSUMS[name].valid(changed) is outside


@pytest.mark.parametrize("name", sorted(CHECKSUMS))
@given(noise=st.binary(max_size=120))
def test_noise_is_refused_and_never_an_error(name, noise):
    assert not CHECKSUMS[name].valid(noise)


@pytest.mark.parametrize("name", sorted(CHECKSUMS.keys() - {"discord"}))  # of which it reads the head alone
def test_a_token_that_was_cut_off_is_refused(name):
    token = sample(f"{{checksum:{name} {ARGUMENTS.get(name, '')}}}", "cut").data
    assert not any(CHECKSUMS[name].valid(token[:end]) for end in range(len(token)))


def test_a_token_of_our_own_is_valid_under_any_prefix():
    for prefix in ("tkw", "acme", "a1"):
        assert CHECKSUMS["tokenward"].valid(new("ak", prefix=prefix).secret.reveal().encode())


# From the tests of .NET: what Marvin32 makes of these bytes.
MARVIN = {
    "": 0x302009BC,
    "af": 0x3592E206,
    "e70f": 0xFDAB5E04,
    "37f495": 0x6B3C8B90,
    "8642dc59": 0x0E9407BE,
    "153fb79826": 0x446F25FA,
    "0932e6246c47": 0x31A6FF7A,
    "ab427ea8d10fc7": 0x117FCBA5,
}


@pytest.mark.parametrize(("data", "expected"), MARVIN.items())
def test_marvin_agrees_with_the_tests_of_its_makers(data, expected):
    assert marvin(bytes.fromhex(data), bytes.fromhex("004fb61a001bdbcc").decode("latin-1")) == expected


@pytest.mark.parametrize("signature", SEEDS)
@pytest.mark.parametrize("size", [32, 39, 40, 64])
def test_keys_of_azure_carry_their_signature_where_it_belongs(signature, size):
    key = sample(f"{{checksum:azure-key {signature} {size}}}", "seed").data
    assert CHECKSUMS["azure-key"].valid(key)
    assert key.rstrip(b"=")[-10:-6].decode() == signature
    other = next(one for one in SEEDS if not set(SEEDS[one]) & set(SEEDS[signature]))
    assert not CHECKSUMS["azure-key"].valid(key.replace(signature.encode(), other.encode()))


def test_an_extended_key_of_bitcoin_is_one_too():
    key = sample("{checksum:base58check 0488ade4}", "seed").data
    assert key.startswith(b"xprv")
    assert CHECKSUMS["base58check"].valid(key)


@pytest.mark.parametrize("name", sorted(PARSED - {"azure-old-key", "discord", "elastic", "pypi"}))
def test_an_envelope_without_one_of_its_fields_is_refused(name):
    token = sample(f"{{checksum:{name}}}", "seed").data
    body = (token[:-44] if name == "sentry" else token).rpartition(b"_")[2]
    inside = json.loads(base64.urlsafe_b64decode(body + b"=" * (-len(body) % 4)))
    for field in inside:
        fewer = json.dumps({key: value for key, value in inside.items() if key != field}).encode()
        assert CHECKSUMS[name].valid(token.replace(body, base64.b64encode(json.dumps(inside).encode())))
        assert not CHECKSUMS[name].valid(token.replace(body, base64.b64encode(fewer)))


def test_a_public_key_of_stellar_is_no_seed():
    seed = base64.b32decode(sample("{checksum:stellar}", "seed").data)
    body = bytes([6 << 3]) + seed[1:-2]
    public = base64.b32encode(body + crc_hqx(body, 0).to_bytes(2, "little"))
    assert public.startswith(b"G")
    assert not CHECKSUMS["stellar"].valid(public)


def test_a_macaroon_of_another_index_is_refused():
    assert CHECKSUMS["pypi"].valid(sample("{checksum:pypi test.pypi.org}", "seed").data)
    assert not CHECKSUMS["pypi"].valid(sample("{checksum:pypi example.org}", "seed").data)
