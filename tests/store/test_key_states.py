"""The rules by themselves: what each order makes of the keys, at which moment they are what."""

from dataclasses import replace

import pytest

from store.values import NOW, signing_key
from tokenward.app.settings import TokenLifetimes
from tokenward.backend.verifier import LEEWAY
from tokenward.base.problems import Refusal
from tokenward.gateway.inside import LIFETIME
from tokenward.store import key_states
from tokenward.store.key_states import TERMS, KeyState, state

AHEAD, KEPT = TERMS["outside"].ahead, TERMS["outside"].kept
DAY = 86_400.0
IN_USE = ("ES256",)


class Maker:
    """Makes keys named new1, new2, … that are active from `at` on."""

    def __init__(self, at):
        self.at = at
        self.made = []

    def __call__(self, algorithm):
        name = f"new{len(self.made) + 1}"
        key = signing_key(kid=name, algorithm=algorithm, created_at=self.at, activates_at=self.at)
        self.made.append(key)
        return key


def order(rule, keys, at, **how):
    return list(rule(keys, Maker(at), at, **how))


def states(keys, at):
    return {key.kid: state(key, at).value for key in keys}


FIRST = signing_key(kid="first")
ROTATED = order(key_states.rotate, [FIRST], NOW, algorithm="ES256")
TAKEN_OVER = NOW + AHEAD


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (NOW, {"first": "active", "new1": "pending"}),
        (TAKEN_OVER - 0.001, {"first": "active", "new1": "pending"}),
        (TAKEN_OVER, {"first": "retired", "new1": "active"}),
        (TAKEN_OVER + KEPT - 0.001, {"first": "retired", "new1": "active"}),
        (TAKEN_OVER + KEPT, {"first": "removed", "new1": "active"}),
        (TAKEN_OVER + 1000 * DAY, {"first": "removed", "new1": "active"}),
    ],
)
def test_rotation_is_a_matter_of_time_alone(at, expected):
    assert states(ROTATED, at) == expected


def test_a_retired_key_outlasts_what_it_signed_and_a_pending_one_the_caches():
    longest_id_token = max(bound.longest for bound in TokenLifetimes.model_fields["access_token"].metadata)
    assert TERMS["outside"].kept >= longest_id_token + 60
    assert TERMS["inside"].kept >= LIFETIME + LEEWAY + 60
    assert TERMS["outside"].ahead >= DAY  # longer than the five minutes that /jwks.json may be kept
    assert TERMS["inside"].ahead >= 3600  # longer than the five minutes that a JwksSource keeps a set


def test_a_compromised_key_is_removed_by_any_clock():
    (key, _) = order(key_states.remove_compromised, [FIRST], NOW + 100, kid="first", algorithms=IN_USE)
    assert state(key, NOW) is KeyState.REMOVED


def test_a_key_without_its_private_half_is_removed_by_any_clock():
    kept = order(key_states.remove, ROTATED, NOW + 5, kid="new1")
    assert states(kept, NOW) == {"first": "active", "new1": "removed"}


def test_what_is_missing_is_made_and_nothing_else():
    keys = order(key_states.ensure, [], NOW, algorithms=["ES256", "EdDSA"])
    assert [(key.algorithm, state(key, NOW)) for key in keys] == [
        ("ES256", KeyState.ACTIVE), ("EdDSA", KeyState.ACTIVE),
    ]  # fmt: skip
    assert order(key_states.ensure, keys, NOW + DAY, algorithms=["ES256"]) == keys
    assert order(key_states.ensure, ROTATED, NOW, algorithms=["ES256"]) == ROTATED


def test_where_only_a_pending_key_is_left_it_takes_over():
    pending = replace(FIRST, activates_at=NOW + DAY)
    assert order(key_states.ensure, [pending], NOW, algorithms=IN_USE) == [replace(pending, activates_at=NOW)]


def test_one_successor_at_a_time():
    with pytest.raises(Refusal, match="new1 is published"):
        order(key_states.rotate, ROTATED, NOW + 1, algorithm="ES256")
    with pytest.raises(Refusal, match="no EdDSA key"):
        order(key_states.rotate, ROTATED, NOW, algorithm="EdDSA")


@pytest.mark.parametrize(
    ("age", "algorithms", "expected"),
    [
        (90 * DAY - AHEAD - 1, IN_USE, {"first": "active"}),
        (90 * DAY - AHEAD, IN_USE, {"first": "active", "new1": "pending"}),
        (400 * DAY, IN_USE, {"first": "active", "new1": "pending"}),
        (90 * DAY - 1, ("EdDSA",), {"first": "active"}),
        (90 * DAY, ("EdDSA",), {"first": "retired"}),
    ],
    ids=["young", "due", "long due", "young and not in use", "old and not in use"],
)
def test_rotation_by_age(age, algorithms, expected):
    at = NOW + age
    keys = order(key_states.rotate_by_age, [FIRST], at, algorithms=algorithms, rotate_after=90 * DAY)
    assert states(keys, at) == expected
    assert order(key_states.rotate_by_age, keys, at, algorithms=algorithms, rotate_after=90 * DAY) == keys


def test_a_key_that_took_its_turn_signs_for_the_whole_age():
    keys = order(
        key_states.rotate_by_age, [FIRST], NOW + 90 * DAY - AHEAD, algorithms=IN_USE, rotate_after=90 * DAY
    )
    assert keys[0].retires_at == NOW + 90 * DAY


ACTIVE_ALONE = [FIRST]
ACTIVE_WITH_PENDING = ROTATED
RETIRED = TAKEN_OVER + 1  # a moment at which `first` is retired and `new1` active
REMOVED = TAKEN_OVER + KEPT


@pytest.mark.parametrize(
    ("keys", "at", "kid", "expected"),
    [
        (ACTIVE_ALONE, NOW, "first", {"first": "retired", "new1": "active"}),
        (ACTIVE_WITH_PENDING, NOW, "first", {"first": "retired", "new1": "active"}),
        (ACTIVE_WITH_PENDING, NOW, "new1", {"first": "active", "new1": "removed"}),
        (ACTIVE_WITH_PENDING, RETIRED, "first", "first is retired"),
        (ACTIVE_WITH_PENDING, REMOVED, "first", "first is removed"),
        (ACTIVE_ALONE, NOW, "nobody", "no signing key is named nobody"),
    ],
)
def test_retire(keys, at, kid, expected):
    if isinstance(expected, str):
        with pytest.raises(Refusal, match=expected):
            order(key_states.retire, keys, at, kid=kid, algorithms=IN_USE)
    else:
        left = order(key_states.retire, keys, at, kid=kid, algorithms=IN_USE)
        assert states(left, at) == expected
        assert len([key for key in left if state(key, at + 1000 * DAY) is KeyState.ACTIVE]) == 1


@pytest.mark.parametrize(
    ("keys", "at", "kid", "expected"),
    [
        (ACTIVE_ALONE, NOW, "first", "retire it first"),
        (ACTIVE_WITH_PENDING, NOW, "new1", {"first": "active", "new1": "removed"}),
        (ACTIVE_WITH_PENDING, RETIRED, "first", {"first": "removed", "new1": "active"}),
        (ACTIVE_WITH_PENDING, REMOVED, "first", "first is removed"),
        (ACTIVE_ALONE, NOW, "nobody", "no signing key is named nobody"),
    ],
)
def test_remove(keys, at, kid, expected):
    if isinstance(expected, str):
        with pytest.raises(Refusal, match=expected):
            order(key_states.remove, keys, at, kid=kid)
    else:
        left = order(key_states.remove, keys, at, kid=kid)
        assert states(left, at) == expected
        assert [key.sealed_private for key in left if state(key, at) is KeyState.REMOVED] == [b""]
        assert len([key for key in left if state(key, at + 1000 * DAY) is KeyState.ACTIVE]) == 1


@pytest.mark.parametrize(
    ("keys", "at", "kid", "expected"),
    [
        (ACTIVE_ALONE, NOW, "first", {"first": "removed", "new1": "active"}),
        (ACTIVE_WITH_PENDING, RETIRED, "first", {"first": "removed", "new1": "active"}),
        (ACTIVE_WITH_PENDING, NOW, "new1", {"first": "active", "new1": "removed"}),
        (ACTIVE_WITH_PENDING, REMOVED, "first", "first is removed"),
        (ACTIVE_ALONE, NOW, "nobody", "no signing key is named nobody"),
    ],
)
def test_remove_compromised(keys, at, kid, expected):
    if isinstance(expected, str):
        with pytest.raises(Refusal, match=expected):
            order(key_states.remove_compromised, keys, at, kid=kid, algorithms=IN_USE)
    else:
        left = order(key_states.remove_compromised, keys, at, kid=kid, algorithms=IN_USE)
        assert states(left, at) == expected
        assert [(key.compromised_at, key.sealed_private) for key in left if key.kid == kid] == [(at, b"")]
        assert len([key for key in left if state(key, at + 1000 * DAY) is KeyState.ACTIVE]) == 1


def test_a_fresh_key_takes_the_place_of_a_compromised_one_and_the_pending_one_keeps_its_turn():
    """A key that no cache has heard of makes verifiers fetch the set, and lose the compromised one."""
    made = signing_key(kid="fresh", created_at=NOW + 5, activates_at=NOW + 5)
    keys = key_states.remove_compromised(
        ROTATED, lambda _algorithm: made, NOW + 5, kid="first", algorithms=IN_USE
    )
    assert states(keys, NOW + 5) == {"first": "removed", "new1": "pending", "fresh": "active"}
    assert states(keys, TAKEN_OVER) == {"first": "removed", "new1": "active", "fresh": "retired"}
    assert states(keys, REMOVED) == {"first": "removed", "new1": "active", "fresh": "removed"}


def test_what_is_not_in_use_any_more_gets_no_successor():
    retired = order(key_states.retire, [FIRST], NOW, kid="first", algorithms=["EdDSA"])
    assert states(retired, NOW) == {"first": "retired"}
    removed = order(key_states.remove_compromised, [FIRST], NOW, kid="first", algorithms=["EdDSA"])
    assert states(removed, NOW) == {"first": "removed"}
