"""Replays what fuzzing kept, and gives every target inputs that `hypothesis` makes up."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.corpus import kept
from fuzz.target import expanded
from fuzz.targets import TARGETS, WORDS
from tokenward.tokens import strict_json, validator

EACH = pytest.mark.parametrize("name", TARGETS)

_WORDS = st.sampled_from(WORDS) | st.text(max_size=4)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3),
    max_leaves=5,
)
_OBJECTS = st.dictionaries(_WORDS, _VALUES, max_size=5).map(lambda value: json.dumps(value).encode())


@EACH
def test_what_fuzzing_kept_raises_nothing_but_refusals(name: str):
    outcomes = Counter(TARGETS[name].run(data) for data in [*TARGETS[name].seeds, *kept(name)])
    # Otherwise the inputs would not get far enough to tell anything.
    assert outcomes["accepted"] > 0
    assert len(outcomes) > 1


@EACH
@given(data=st.data())
def test_no_input_raises_anything_but_a_refusal(name: str, data: st.DataObject):
    mode = data.draw(st.binary(max_size=3))
    body = data.draw(_OBJECTS | st.binary(max_size=60) | st.tuples(_OBJECTS, _OBJECTS).map(b"\n".join))
    assert isinstance(TARGETS[name].run(mode + body), str)


def test_what_fuzzing_kept_meets_every_check_of_claims_and_header():
    outcomes = {TARGETS["validator"].run(data) for data in kept("validator")}
    assert outcomes >= {
        "accepted",
        "malformed",
        "too_large",
        "bad_base64",
        "bad_json",
        "header_refused",
        "header_type",
        "algorithm_refused",
        "typ_mismatch",
        "unknown_key",
        "bad_signature",
        "claim_missing",
        "claim_type",
        "claim_forbidden",
        "wrong_issuer",
        "wrong_audience",
        "expired",
        "issued_in_future",
        "not_yet_valid",
        "lifetime_too_long",
        "binding_required",
        "proof_refused",
    }


def test_another_exception_is_a_finding(monkeypatch: pytest.MonkeyPatch):
    def read_object(_data: bytes) -> None:
        raise KeyError

    monkeypatch.setattr(validator.strict_json, "read_object", read_object)
    with pytest.raises(KeyError):
        TARGETS["validator"].run(TARGETS["validator"].seeds[0])


def test_another_reading_of_json_is_a_finding(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(strict_json, "read_object", lambda _data: {"a": 2})
    with pytest.raises(AssertionError, match="something else"):
        TARGETS["strict_json"].run(b'{"a":1}')


def test_parts_between_nuls_are_repeated_up_to_a_limit():
    assert expanded(b"a\0\5b\0c") == b"a" + b"b" * 32 + b"c"
    assert expanded(b"a\0\0bc\0") == b"abc"
    assert len(expanded(b"\0\15abcdef\0")) == 40_000
