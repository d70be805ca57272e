import asyncio

import pytest

from store.values import grant, user
from tokenward.store.facts import person_facts
from tokenward.tokens.acr import ACR

ANN, GRANT = user(username="ann"), grant(user_id="ann", amr=("pwd", "otp"), auth_time=1_800_000_000.7)


class Asked:
    """Answers like a store, and remembers what it was asked."""

    def __init__(self):
        self.asked = []

    async def user(self, user_id):
        self.asked.append("user")
        return ANN

    async def user_claims(self, user_id):
        self.asked.append("claims")
        return {"email": "ann@example", "team": "red", "auth_time": 1, "preferred_username": "root"}

    async def grant(self, grant_id):
        self.asked.append("grant")
        return GRANT


def facts(names, user_id="ann", grant_id="g"):
    store = Asked()
    return dict(asyncio.run(person_facts(store, names, user_id=user_id, grant_id=grant_id))), store.asked


@pytest.mark.parametrize(
    ("names", "expected", "asked"),
    [
        ((), {}, []),
        (
            ("auth_time", "amr"),
            {"auth_time": 1_800_000_000, "amr": ["pwd", "otp"], "acr": ACR["two-factor"]},
            ["grant"],
        ),
        (("preferred_username",), {"preferred_username": "ann"}, ["user"]),
    ],
)
def test_only_what_is_named_is_looked_up(names, expected, asked):
    assert facts(names) == (expected, asked)


def test_a_client_that_acts_for_itself_has_no_facts():
    assert facts(("email", "auth_time"), user_id=None) == ({}, [])


def test_what_the_house_knows_itself_wins_over_an_attribute():
    found, _ = facts(("email", "auth_time", "preferred_username"))
    assert found["email"] == "ann@example"
    assert (found["auth_time"], found["preferred_username"]) == (1_800_000_000, "ann")
