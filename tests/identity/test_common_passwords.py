import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.identity.common_passwords import DATA, HASH, hash_of, is_common, normal, why_guessable

# tokenward:allow reason=passwords that everybody tries
COMMON = ["mailcreated5240", "administrator", "Password1234", "1Q2w3e4r5t6Y", "\uff50assword1234"]
REPEATED = [
    "aaaaaaaaaaaa",
    "abcabcabcabca",
    "passpasspassp",
    "abababababab",
    "aabbaabbccaa",
    "Dragon!DRAGON!",
]
REGULAR = [
    "abcdefghijkl",
    "lkjihgfedcba",
    "098765432109",
    "qwertyuiop12",
    "QWERTYuiop[]",
    "asdfghjkl;'\\",
    "1qaz2wsx3edc",
    "zaq1xsw2cde3",
    "qwertzuiop123",
    "azertyuiop123",
    "abcd1234efgh",
]
FINE = [
    "four words of fish",
    "correct horse battery staple",
    "k7!wP2-vQ9zT",
    "monkeys eat bananas",
    "0000-tulip-mania-1637",
    "aaaabbbbccccddddeeee-x",
]


@pytest.mark.parametrize("password", COMMON)
def test_common_passwords_are_refused_in_capitals_too(password):
    assert "most common" in why_guessable(password)


@pytest.mark.parametrize("password", REPEATED)
def test_repetitions_are_refused(password):
    why = why_guessable(password)
    assert "repeats" in why or "most common" in why


@pytest.mark.parametrize("password", REGULAR)
def test_sequences_are_refused(password):
    why = why_guessable(password)
    assert "keyboard" in why or "most common" in why


@pytest.mark.parametrize("password", ["vutsrqponmlk", "/.,mnbvcxz321", "8ik,9ol.7ujm", "nhy6bgt5vfr4"])
def test_sequences_that_nobody_uses_are_refused_too(password):
    assert "keyboard" in why_guessable(password)


@pytest.mark.parametrize(
    ("password", "facts"),
    [
        ("ada.lovelace", {"username": "ada.lovelace"}),
        ("Ada.Lovelace1815", {"username": "ada.lovelace"}),
        ("!lovelace!42!", {"username": "lovelace"}),
        ("EXAMPLE-2026", {"issuer": "Example & Sons"}),
        ("ExampleSons!", {"issuer": "Example Sons"}),
        ("adalovelaceexample", {"username": "adalovelace", "issuer": "Example"}),
    ],
)
def test_names_of_persons_and_services_are_refused(password, facts):
    assert not why_guessable(password)
    assert "name of a person" in why_guessable(password, **facts)


@pytest.mark.parametrize("password", FINE)
def test_others_are_fine(password):
    assert not why_guessable(password, username="ada", issuer="Fish")


def test_a_name_within_more_than_that_is_fine():
    assert not why_guessable("ada.lovelace likes tea", username="ada.lovelace")
    assert not why_guessable("four words of fish", username="fish")
    assert not why_guessable("k7!wP2-vQ9zT", username="k7!")


def test_what_a_password_manager_makes_is_never_refused():
    for _ in range(2000):
        assert not why_guessable(secrets.token_urlsafe(12), username="ada", issuer="Example")


@given(st.text(st.characters(), min_size=12, max_size=200), st.text(max_size=64), st.text(max_size=64))
def test_any_text_has_an_answer(password, username, issuer):
    assert isinstance(why_guessable(password, username=username, issuer=issuer), str)


def test_the_list_is_sorted_whole_and_as_long_as_it_says():
    data = DATA.read_bytes()
    hashes = [data[at : at + HASH] for at in range(0, len(data), HASH)]
    assert len(data) == 20_000 * HASH
    assert hashes == sorted(set(hashes))
    assert hash_of(normal("PASSWORD1234")) in hashes


@pytest.mark.parametrize("place", [0, 1, 2, 3, 4])
def test_a_hash_at_any_place_is_found(monkeypatch, place):
    words = sorted(["one", "two", "three", "four", "five"], key=hash_of)
    monkeypatch.setattr("tokenward.identity.common_passwords._hashes", lambda: b"".join(map(hash_of, words)))
    assert is_common(words[place])
    assert not is_common("six")
