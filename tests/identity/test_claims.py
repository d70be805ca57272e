import asyncio

import pytest

from store.values import opened
from tokenward.base.problems import Refusal
from tokenward.identity.claims import MAX_BYTES, MAX_CLAIMS, change_claims, check_claim, read_claim
from tokenward.store.people_records import User


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("email=ada@example.com", ("email", "ada@example.com")),
        ("name=Ada = Countess", ("name", "Ada = Countess")),
        ("team=", ("team", "")),
        ("email_verified=true", ("email_verified", True)),
        ("updated_at=1800000000", ("updated_at", 1_800_000_000)),
        ('address={"formatted": "Here 1"}', ("address", {"formatted": "Here 1"})),
        ('teams:=["red", "blue"]', ("teams", ["red", "blue"])),
        ("level:=7", ("level", 7)),
        ("https://example.com/claims/level=7", ("https://example.com/claims/level", "7")),
        ("https://example.com/claims/level:=7", ("https://example.com/claims/level", 7)),
        ('quote:="a=b"', ("quote", "a=b")),
    ],
)
def test_a_claim_is_read_as_it_is_typed(text, claim):
    assert read_claim(text) == claim


@pytest.mark.parametrize(
    "text",
    [
        "email",
        "",
        "teams:=[1",
        'x:=1}, "y": {"a": 2',
        "x:=",
        'x:=1, "value": 2',
        'x:=1, "y": 2',
        "email_verified=yes",
        "x:=NaN",
    ],
)
def test_what_is_no_claim(text):
    with pytest.raises(Refusal) as refused:
        read_claim(text)
    assert refused.value.problem.code == "invalid_input"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sub", "root"),
        ("auth_time", 1),
        ("preferred_username", "root"),
        ("iss", "x"),
        ("cnf", {}),
        ("1st", "x"),
        ("", "x"),
        ("a b", "x"),
        ("email", ["x"]),
        ("email", ""),
        ("email_verified", "true"),
        ("updated_at", True),
        ("address", "Here 1"),
        ("team", None),
        ("team", "x" * MAX_BYTES),
        ("team", "\ud800"),
        ("team", float("nan")),
        ("team", {1, 2}),
        ("password", "x"),
        ("note", "4111111111111111"),
        ("notes", [{"api_key": "x"}]),
    ],
)
def test_what_no_person_may_have(name, value):
    with pytest.raises(Refusal) as refused:
        check_claim(name, value)
    assert refused.value.problem.code == "invalid_input"
    assert "4111111111111111" not in refused.value.detail


def test_claims_change_and_are_bounded(tmp_path):
    async def run():
        async with opened(f"sqlite:{tmp_path / 'people.db'}") as store:
            await store.add_user(User("u1", "ada", "$hash", 0))
            await change_claims(store, "ada", {"email": "ada@example.com", "team": "red"})
            await change_claims(store, "ada", {"team": None})
            assert await store.user_claims("u1") == {"email": "ada@example.com"}
            with pytest.raises(Refusal) as refused:
                await change_claims(store, "eve", {"team": "red"})
            assert refused.value.problem.code == "not_found"
            with pytest.raises(Refusal) as refused:
                await change_claims(store, "ada", {"team": "blue", "pin": "1234"})
            assert await store.user_claims("u1") == {"email": "ada@example.com"}, "all or nothing"
            many = {f"claim_{chr(97 + n // 26)}{chr(97 + n % 26)}": "x" for n in range(MAX_CLAIMS)}
            with pytest.raises(Refusal, match="at most"):
                await change_claims(store, "ada", many)
            await change_claims(store, "ada", {**many, "email": None})

    asyncio.run(run())
