import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.base.entropy import random_bytes
from tokenward.tokens.sealing import SealBroken, Sealer, derive_key

SEALER = Sealer(random_bytes(32))


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_what_was_sealed_is_opened(plaintext: bytes, context: bytes):
    assert SEALER.open(SEALER.seal(plaintext, context=context), context=context) == plaintext


@given(st.binary(max_size=50), st.integers(min_value=0), st.integers(1, 255))
def test_a_changed_seal_is_broken(plaintext: bytes, position: int, change: int):
    sealed = bytearray(SEALER.seal(plaintext, context=b"c"))
    sealed[position % len(sealed)] ^= change
    with pytest.raises(SealBroken):
        SEALER.open(bytes(sealed), context=b"c")


@given(st.binary(max_size=60))
def test_any_bytes_are_answered(sealed: bytes):
    with pytest.raises(SealBroken):
        SEALER.open(sealed, context=b"")


def test_another_context_or_key_breaks_the_seal_with_the_same_words():
    sealed = SEALER.seal(b"x", context=b"row 1")
    with pytest.raises(SealBroken, match=r"^the seal is broken$"):
        SEALER.open(sealed, context=b"row 2")
    with pytest.raises(SealBroken, match=r"^the seal is broken$"):
        Sealer(random_bytes(32)).open(sealed, context=b"row 1")


def test_sealing_twice_gives_two_texts():
    assert SEALER.seal(b"x", context=b"") != SEALER.seal(b"x", context=b"")


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_key_of_another_size_is_refused(size: int):
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(bytes(size))


def test_hkdf_is_that_of_rfc_5869():
    # Appendix A.1 and A.3, first 32 octets.
    assert derive_key(
        b"\x0b" * 22, info=bytes.fromhex("f0f1f2f3f4f5f6f7f8f9"), salt=bytes(range(13))
    ) == bytes.fromhex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf")
    assert derive_key(b"\x0b" * 22, info=b"") == bytes.fromhex(
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
    )
