import asyncio
from dataclasses import replace

import pytest

from gateway.cases import COOKIE
from gateway.wire import through
from gateway.world import ORIGIN, World, code, operation
from tokenward.base.problems import UNAVAILABLE, Refusal
from tokenward.gateway.access import Allow
from tokenward.gateway.cors import Cors
from tokenward.gateway.policy import Policy
from tokenward.gateway.tiers import TIERS

UPGRADE = ("upgrade", "websocket")
OWN = ("origin", ORIGIN)


def cookie(token="reader"):
    return ("cookie", f"{COOKIE}=of-{{{token}}}")


def session(*more, token="reader"):
    return [cookie(token), ("tokenward-csrf", "1"), *more]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([UPGRADE, cookie(), OWN], "allow"),
        ([UPGRADE, cookie()], "foreign_origin"),
        ([UPGRADE, cookie(), ("sec-fetch-site", "same-origin")], "foreign_origin"),
        ([UPGRADE, cookie(), ("origin", "https://evil.example")], "foreign_origin"),
        ([UPGRADE, cookie(), ("origin", "https://pages.bank.example")], "foreign_origin"),
        ([UPGRADE, cookie(), ("origin", "null")], "foreign_origin"),
        ([UPGRADE, cookie(), OWN, OWN], "foreign_origin"),
        ([UPGRADE, OWN], "no_credential"),
        ([UPGRADE, cookie("nothing"), OWN], "session_ended"),
    ],
    ids=str,
)
def test_a_websocket_is_for_pages_of_exactly_the_applications_origin(headers, expected):
    """Another origin, which `cors` lets in with a token, is not let in with a session."""
    world = World()
    partner = Cors(frozenset({b"https://pages.bank.example"}))
    world.engine.policy = Policy(
        [replace(api, cors=partner) if api.name == "bank" else api for api in world.policy.apis]
    )
    assert code(world.decide("/bank/ticker", headers=headers)) == expected


def test_what_is_added_at_runtime_is_checked_like_everything_else():
    world = World()
    added = operation("POST /added", "moderate", "transfers:write")
    world.engine.policy = Policy(
        [
            replace(api, operations=(*api.operations, added)) if api.name == "bank" else api
            for api in world.policy.apis
        ]
    )
    call = {"method": "POST", "headers": session(token="writer")}
    assert code(world.decide("/bank/added", **call)) == "foreign_page"
    call["headers"].append(OWN)
    assert code(world.decide("/bank/added", **call)) == "allow"


def test_the_decision_is_nobodys_to_keep():
    decision = World().decide(headers=session())
    assert isinstance(decision, Allow)
    assert (decision.max_age, decision.session, decision.facts.client_id) == (0, True, "shop")
    assert decision.inside_jwt


def test_a_session_is_looked_at_only_where_its_pages_are():
    world = World()
    apps = {"shop.example": world.sessions.app}
    world.engine.policy = Policy([replace(api, apps=apps) for api in world.policy.apis if api.name == "bank"])
    request = world.request(headers=session())
    for host, expected in (
        ("shop.example", "allow"),
        ("SHOP.example", "allow"),
        ("evil.example", "no_credential"),
        ("", "no_credential"),
    ):
        assert code(asyncio.run(world.engine.decide(request._replace(host=host)))) == expected


def test_a_token_that_was_revoked_is_replaced_once():
    world = World()
    good, bad = world.tokens["reader"], world.tokens["unknown"]

    async def token(_session, *, refused=""):
        asked.append(refused)
        return next(given)

    world.sessions.token = token
    for answers, expected in (([bad, good], "allow"), ([bad, bad], "invalid_token")):
        given, asked = iter(answers), []
        assert code(world.decide(headers=session())) == expected
        assert asked == ["", bad]


def test_a_provider_that_does_not_answer_signs_nobody_out():
    world = World()

    async def token(_session, *, refused=""):
        raise Refusal(UNAVAILABLE, "the provider")

    world.sessions.token = token
    decision = world.decide(headers=session())
    assert (code(decision), decision.problem.status) == ("unavailable", 503)


def test_names_of_sessions_are_not_guessed_for_ever():
    world = World()
    codes = [code(world.decide(headers=session(token="nothing"))) for _ in range(25)]
    assert codes[:20] == ["session_ended"] * 20
    assert codes[-1] == "too_many_requests"


def test_nobody_is_shown_the_name_of_a_session(caplog):
    world = World()
    request = world.request(headers=session(token="nothing"))
    decision, steps = asyncio.run(world.engine.explain(request))
    assert code(decision) == "session_ended"
    assert "of-{nothing}" not in f"{decision!r} {steps!r} {caplog.text}"
    _, steps = asyncio.run(world.engine.explain(world.request(headers=session())))
    assert [step.why for step in steps if step.name == "extract one credential"] == ["a session of app"]


def test_what_goes_on_ends_with_its_session():
    world = World()
    request = world.request("/bank/ticker", headers=[UPGRADE, cookie(), OWN])
    assert code(asyncio.run(world.engine.decide(request))) == "allow"
    assert asyncio.run(world.engine.outlives(request)).client_id == "shop"
    del world.known[world.tokens["reader"]]  # the session
    assert asyncio.run(world.engine.outlives(request)).problem.code == "session_ended"


def test_a_tier_that_takes_sessions_takes_them_instead_of_a_key_and_nothing_else():
    world = World()
    tier = replace(TIERS["critical"], sessions=True)
    paying = operation("POST /payouts", "critical", "transfers:write")
    world.engine.policy = Policy(
        [
            replace(api, operations=(replace(paying, tier=tier),))
            for api in world.policy.apis
            if api.name == "bank"
        ]
    )
    person = {
        "scope": frozenset({"transfers:write"}),
        "credential": "private_key_jwt",
        "user_id": "u1",
        "grant_id": "g1",
        "auth_time": world.start,
    }
    world.add("good", **person, amr=("pwd", "otp"))
    world.add("onefactor", **person, amr=("pwd",))
    world.add("weak", **person | {"credential": "client_secret"}, amr=("pwd", "otp"))
    for token, expected in (
        ("good", "allow"),
        ("onefactor", "step_up_needed"),
        ("weak", "insufficient_tier"),
    ):
        decision = world.decide("/bank/payouts", method="POST", headers=session(OWN, token=token))
        assert code(decision) == expected
        if expected == "step_up_needed":
            assert 'acr_values="urn:tokenward:acr:two-factor"' in decision.challenge
            assert 'max_age="300"' in decision.challenge
    bearer = [("authorization", "Bearer {good}")]
    assert code(world.decide("/bank/payouts", method="POST", headers=bearer)) == "insufficient_tier"


def test_what_is_public_and_changes_something_takes_a_cookie_from_no_other_page():
    world = World()
    open_to_all = operation("POST /feedback", "public")
    world.engine.policy = Policy(
        [replace(api, operations=(open_to_all,)) for api in world.policy.apis if api.name == "bank"]
    )
    for headers, expected in (
        ([], "allow"),
        ([cookie()], "foreign_page"),
        ([cookie(), OWN], "foreign_page"),
        (session(OWN), "allow"),
    ):
        assert code(world.decide("/bank/feedback", method="POST", headers=headers)) == expected


def test_the_name_of_a_session_stays_between_browser_and_gateway():
    async def scenario(gateway):
        shown = (("cookie", f"a=b; {COOKIE}=of-{{reader}}; c=d"), ("tokenward-csrf", "1"))
        planted = f"Set-Cookie: x=y\r\nSet-Cookie: {COOKIE}=planted; Path=/\r\n".encode()

        async def respond(_reader, writer):
            writer.write(b"HTTP/1.1 200 OK\r\n" + planted + b"Content-Length: 0\r\n\r\n")
            await writer.drain()

        gateway.backend.answer = respond
        status, headers, _ = await gateway.ask(headers=shown)
        assert status == 200
        head = gateway.backend.heads[-1].lower()
        assert b"cookie: a=b; c=d\r\n" in head
        assert b"tokenward" not in head
        assert [value for name, value in headers if name == "set-cookie"] == ["x=y"]

    through(scenario)
