import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.flows import pkce


def test_the_challenge_is_that_of_rfc_7636_appendix_b():
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert pkce.challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_a_new_verifier_is_one_and_never_the_same():
    verifiers = {pkce.new_verifier().reveal() for _ in range(100)}
    assert len(verifiers) == 100
    assert all(pkce.is_verifier(verifier) for verifier in verifiers)


@given(st.from_regex(r"[A-Za-z0-9\-._~]{43,128}", fullmatch=True))
def test_each_verifier_has_a_challenge(verifier: str):
    assert pkce.is_verifier(verifier)
    assert pkce.is_challenge(pkce.challenge(verifier))


@pytest.mark.parametrize(
    "text", ["", "a" * 42, "a" * 129, "a" * 43 + "\n", "a" * 42 + "+", "a" * 42 + "é", "٣" * 43]
)
def test_what_is_no_verifier(text: str):
    assert not pkce.is_verifier(text)
    with pytest.raises(ValueError, match="verifier"):
        pkce.challenge(text)


@pytest.mark.parametrize(
    "text", ["", "A" * 42, "A" * 44, "A" * 42 + "B", "A" * 42 + "=", "A" * 42 + "+", "é" * 43]
)
def test_what_is_no_challenge(text: str):
    assert not pkce.is_challenge(text)


@given(st.text(max_size=140))
def test_any_text_is_answered(text: str):
    assert pkce.is_verifier(text) in (True, False)
    assert pkce.is_challenge(text) in (True, False)
