"""API keys at the gateway: how weak they are, where from and how often, and when they are forgotten."""

import asyncio
from email.utils import formatdate
from ipaddress import ip_network

import pytest

from gateway.wire import through
from gateway.world import BANK, START, World, code
from tokenward.gateway.access import Deny
from tokenward.gateway.credentials import Presented
from tokenward.store.records import API_KEY_CLIENT, FeedEvent
from tokenward.tokens import opaque

FORECAST = "/weather/forecast/bern"


def use(world, name, *headers, path=FORECAST, **how):
    return world.decide(path, headers=(("x-api-key", "{" + name + "}"), *headers), **how)


@pytest.mark.parametrize("name", ["apikey", "foreignkey"])
def test_a_key_says_whose_call_it_is_and_never_that_of_a_person(name):
    world = World()
    decision = use(world, name)
    key_id = decision.facts.key.key_id
    assert decision.facts.client_id == f"api_key/{key_id}"
    assert decision.facts.user_id is None
    assert decision.inside_jwt


@pytest.mark.parametrize("name", ["apikey", "foreignkey"])
def test_a_known_key_is_not_looked_up_again(name):
    world = World()
    assert [code(use(world, name)) for _ in range(3)] == ["allow"] * 3
    assert world.lookups == 1


def test_a_remembered_foreign_key_opens_nothing_as_a_bearer_token():
    """Also where it looks like a JWT, which would be verified as one, were it not remembered."""
    world = World()
    for name, text in (("plain", "sk_live_1"), ("jwt", "head.payload.signature")):
        world.add_key(name, text=text)
        assert code(use(world, name)) == "allow"
        assert code(world.decide(FORECAST, name)) == "invalid_token"


def test_a_remembered_token_is_no_api_key():
    world = World()
    assert code(world.decide(FORECAST, "weather")) == "allow"
    assert code(use(world, "weather")) == "invalid_token"


def test_a_remembered_key_is_still_too_weak_for_moderate():
    world = World()
    scope = frozenset({"transfers:write", "accounts:read"})
    world.add_key("key2", audience=BANK, scope=scope, expires_at=START + 300)  # its life is not what is wrong
    for path, method in (("/bank/accounts/7", "GET"), ("/bank/transfers", "POST")):
        for _ in range(2):
            assert code(use(world, "key2", path=path, method=method)) == "insufficient_tier"
    assert code(use(world, "key2", path="/bank/public/a")) == "allow"


@pytest.mark.parametrize("remembered", [False, True])
@pytest.mark.parametrize(
    ("peer", "allowed"),
    [
        ("192.0.2.1", True),
        ("::ffff:192.0.2.1", True),
        ("2001:db8::7", True),
        ("192.0.3.1", False),
        ("::1", False),
        ("", False),
        ("unix", False),
    ],
)
def test_a_key_is_good_from_its_addresses_only(remembered, peer, allowed):
    world = World()
    world.add_key("bound", addresses=(ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")))
    if remembered:
        assert code(use(world, "bound")) == "allow"
    assert code(use(world, "bound", peer=peer)) == ("allow" if allowed else "key_elsewhere")


def test_what_a_caller_says_of_its_address_does_not_count():
    world = World()
    world.add_key("bound", addresses=(ip_network("192.0.2.0/24"),))
    for name in ("x-forwarded-for", "forwarded", "x-real-ip", "client-ip"):
        header = (name, "for=192.0.2.1" if name == "forwarded" else "192.0.2.1")
        assert code(use(world, "bound", header, peer="203.0.113.9")) == "key_elsewhere"


@pytest.mark.parametrize("remembered", [False, True])
@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ([("origin", "https://app.example")], True),
        ([("origin", "https://b.example")], True),
        ([], False),
        ([("origin", "")], False),
        ([("origin", "null")], False),
        ([("origin", "http://app.example")], False),
        ([("origin", "https://app.example:8443")], False),
        ([("origin", "https://app.example.evil.example")], False),
        ([("origin", "https://app.example"), ("origin", "https://app.example")], False),
        ([("origin", "https://app.example, https://evil.example")], False),
        ([("referer", "https://app.example/")], False),
    ],
)
def test_a_key_is_good_in_pages_of_its_origins_only(remembered, headers, allowed):
    world = World()
    world.add_key("bound", origins=frozenset({b"https://app.example", b"https://b.example"}))
    if remembered:
        assert code(use(world, "bound", ("origin", "https://app.example"))) == "allow"
    assert code(use(world, "bound", *headers)) == ("allow" if allowed else "key_elsewhere")


def test_a_key_is_good_so_many_times_a_minute():
    world = World()
    world.add_key("slow", rate=3)
    world.add_key("other", rate=3)
    assert [code(use(world, "slow")) for _ in range(4)] == ["allow"] * 3 + ["key_rate"]
    denied = use(world, "slow")
    assert isinstance(denied, Deny)
    assert denied.problem.status == 429
    assert denied.headers["retry-after"] == "20"
    assert code(use(world, "other")) == "allow", "each key for itself"
    world.clock.advance(20)
    assert [code(use(world, "slow")) for _ in range(2)] == ["allow", "key_rate"]
    world.clock.advance(3600)
    assert [code(use(world, "slow")) for _ in range(4)] == ["allow"] * 3 + ["key_rate"]


def test_a_call_that_is_refused_for_another_reason_does_not_count():
    world = World()
    world.add_key("slow", rate=1, audience=BANK, scope=frozenset({"accounts:read"}))
    assert [code(use(world, "slow", path="/bank/accounts/7")) for _ in range(3)] == ["insufficient_tier"] * 3
    assert code(use(world, "slow", path="/bank/public/a")) == "allow"


def test_a_key_that_ended_is_refused_remembered_or_not():
    world = World()
    world.add_key("short", expires_at=START + 60)
    world.add_key("unseen", expires_at=START + 60)
    assert code(use(world, "short")) == "allow"
    world.clock.advance(60)
    assert code(use(world, "short")) == "invalid_token"
    assert code(use(world, "unseen")) == "invalid_token"


@pytest.mark.parametrize("name", ["apikey", "foreignkey"])
def test_a_revoked_key_is_forgotten_and_nothing_else(name):
    world = World()
    for each in ("apikey", "foreignkey"):
        use(world, each)
    world.decide()
    key_id = world.known.pop(world.tokens[name]).key.key_id
    world.engine.verified.on_event(FeedEvent(1, "api_key", key_id, 0))
    assert len(world.engine.verified) == 2
    assert code(use(world, name)) == "invalid_token"


def test_with_a_key_goes_what_was_exchanged_for_it():
    world = World()
    world.add("exchanged", ancestors=(f"{API_KEY_CLIENT}4U9WEWqebqm",), grant_id="g")
    world.decide(token="exchanged")
    # tokenward:allow reason=the public name of a key
    world.engine.verified.on_event(FeedEvent(1, "api_key", "4U9WEWqebqm", 0))
    assert len(world.engine.verified) == len(world.engine.verified._index.family) == 0


def test_a_token_is_not_forgotten_for_a_key_of_the_same_id():
    """Both are locators, and could be the same."""
    world = World()
    world.decide()
    token_id = world.known[world.tokens["reader"]].token_id
    world.engine.verified.on_event(FeedEvent(1, "api_key", token_id, 0))
    assert len(world.engine.verified) == 1


def test_with_everything_go_the_keys():
    world = World()
    use(world, "apikey")
    world.engine.verified.on_event(FeedEvent(1, "all", "", START))
    assert len(world.engine.verified) == 0


def test_unknown_keys_are_throttled_as_unknown_tokens_are():
    world = World()
    for number in range(20):
        world.tokens["guess"] = opaque.new("ak").secret.reveal() if number % 2 else f"guess-{number}"
        assert code(use(world, "guess")) == "invalid_token"
    assert code(use(world, "unknownkey")) == "too_many_requests"
    assert code(use(world, "apikey")) == "allow", "a good key is never told to wait"
    assert code(use(world, "unknownkey", peer="198.51.100.1")) == "invalid_token"


@pytest.mark.parametrize("text", ["", "a" * 513, "sk live", "sk_\t1"], ids=ascii)
def test_what_no_server_writes_as_a_key_costs_no_lookup(text):
    world = World()
    decision = world.decide(FORECAST, headers=(("x-api-key", text),))
    assert code(decision) == "invalid_token"
    assert world.lookups == 0


def test_guessing_at_imported_keys_finds_none_faster_than_the_throttle_allows():
    """They may be short: there the right guess waits too. Whoever is remembered does not."""
    world = World()
    world.add_key("weak", text="12345678")
    world.add_key("remembered", text="87654321")
    assert code(use(world, "remembered")) == "allow"
    for number in range(20):
        world.tokens["guess"] = f"guess-{number}"
        assert code(use(world, "guess")) == "invalid_token"
    lookups = world.lookups
    denied = use(world, "weak")
    assert (code(denied), denied.headers["retry-after"]) == ("too_many_requests", "1")
    assert world.lookups == lookups
    assert code(use(world, "remembered")) == "allow"
    assert code(use(world, "apikey")) == "allow", "nobody guesses one of ours"
    assert code(use(world, "weak", peer="198.51.100.1")) == "allow"


def test_many_guesses_at_once_count_as_many():
    world = World()

    async def story():
        world.gate = asyncio.Event()
        for number in range(30):
            world.tokens[f"guess{number}"] = f"guess-{number}"
        asking = [
            asyncio.create_task(
                world.engine.decide(world.request(FORECAST, headers=(("x-api-key", f"{{guess{number}}}"),)))
            )
            for number in range(30)
        ]
        for _ in range(3):
            await asyncio.sleep(0)
        world.gate.set()
        return [code(decision) for decision in await asyncio.gather(*asking)]

    assert asyncio.run(story()) == ["invalid_token"] * 20 + ["too_many_requests"] * 10
    assert world.lookups == 20, "the others could have been right"


def test_a_damaged_key_costs_no_lookup():
    world = World()
    assert code(use(world, "damagedkey")) == "invalid_token"
    assert world.lookups == 0


def test_without_the_feed_no_key_is_judged():
    world = World()
    use(world, "apikey")
    world.fresh = False
    assert code(use(world, "apikey")) == "unavailable"


def test_a_key_that_was_revoked_while_it_was_looked_up_is_not_remembered():
    world = World()

    async def story():
        world.gate = asyncio.Event()
        asking = asyncio.create_task(
            world.engine.decide(world.request(FORECAST, headers=(("x-api-key", "{apikey}"),)))
        )
        await asyncio.sleep(0)
        key_id = world.known[world.tokens["apikey"]].key.key_id
        world.engine.verified.on_event(FeedEvent(1, "api_key", key_id, 0))
        world.gate.set()
        await asking

    asyncio.run(story())
    assert len(world.engine.verified) == 0


def test_what_was_presented_is_not_shown():
    for presented in (Presented("sk_live_1", foreign=True), Presented("tkw_ak_1")):
        assert presented.text not in repr(presented)


def test_no_explanation_shows_a_key():
    world = World()
    for name in ("apikey", "foreignkey", "damagedkey"):
        request = world.request(FORECAST, headers=(("x-api-key", "{" + name + "}"),))
        _, steps = asyncio.run(world.engine.explain(request))
        assert not any(world.tokens[name] in step.why for step in steps)


@pytest.mark.parametrize(("left", "told"), [(14 * 86400, True), (60, True), (14 * 86400 + 1, False)])
def test_a_caller_is_told_that_its_key_ends_soon(left, told):
    world = World()
    world.add_key("soon", expires_at=START + left)
    end = formatdate(START + left, usegmt=True).encode()
    assert use(world, "soon").told == (((b"sunset", end),) if told else ())
    assert world.decide().told == (), "a token that ends soon is nothing special"


@pytest.mark.parametrize("own", [None, "Sat, 31 Dec 2030 23:59:59 GMT"])
def test_the_answer_says_when_the_key_ends_unless_the_api_says_the_same_of_itself(own):
    async def story(gateway):
        async def answer(_reader, writer):
            line = f"Sunset: {own}\r\n" if own else ""
            writer.write(f"HTTP/1.1 200 OK\r\n{line}Content-Length: 2\r\n\r\nok".encode())
            await writer.drain()

        gateway.backend.answer = answer
        gateway.world.add_key("soon", expires_at=START + 86400)
        _, headers, _ = await gateway.ask(FORECAST, headers=[("x-api-key", "{soon}")])
        expected = own or formatdate(START + 86400, usegmt=True)
        assert [value for name, value in headers if name == "sunset"] == [expected]
        _, headers, _ = await gateway.ask(FORECAST, headers=[("x-api-key", "{apikey}")])
        assert [value for name, value in headers if name == "sunset"] == ([own] if own else [])
        assert [value for name, value in gateway.backend.headers() if name == "x-api-key"] == []

    through(story)


@pytest.mark.parametrize("text", ["", "k" * 513, "two words", "k\u00e9y", "k\ty"])
def test_what_no_server_writes_as_a_key_is_not_even_looked_up(text):
    world = World()
    world.tokens["odd"] = text
    headers = ((b"x-api-key", text.encode()),)
    request = world.request(FORECAST, None)._replace(headers=headers)
    assert code(asyncio.run(world.engine.decide(request))) == "invalid_token"
    assert world.lookups == 0
