import asyncio
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from tokens.attacks import ABSENT, ALGORITHMS, ATTACKS, AUDIENCE, ISSUER, NOW, Kit
from tokenward import InvalidToken, JwksSource, JwtValidator, VerifiedClaims
from tokenward.base.clock import ManualClock
from tokenward.tokens.binding import ClientCertificate
from tokenward.tokens.encryption_keys import DecryptionKey
from tokenward.tokens.jwe import EncryptedJwtValidator, encrypt_nested
from tokenward.tokens.kinds import KINDS
from tokenward.tokens.verified_cache import CachedValidator

KIT = Kit()


class Counting:
    """A validator that counts what it is asked, and can be told what happens meanwhile."""

    def __init__(self, inner: JwtValidator) -> None:
        self.inner, self.keys, self.once = inner, inner.keys, inner.once
        self.asked = 0
        self.meanwhile: Callable[[], object] = lambda: None

    def validate(self, token: object, *, proof: Any = None) -> VerifiedClaims:
        self.asked += 1
        claims = self.inner.validate(token, proof=proof)
        self.meanwhile()
        return claims

    async def validate_async(self, token: object, *, proof: Any = None) -> VerifiedClaims:
        self.asked += 1
        claims = await self.inner.validate_async(token, proof=proof)
        self.meanwhile()
        return claims


class World:
    def __init__(self, *, keys: Any = None, audience: str = AUDIENCE, **settings: Any) -> None:
        self.clock = ManualClock(NOW)
        self.validator = Counting(
            JwtValidator(
                issuer=ISSUER,
                audience=audience,
                keys=keys or KIT.jwks,
                algorithms=ALGORITHMS,
                clock=self.clock,
            )
        )
        self.cached = CachedValidator(self.validator, clock=self.clock, **settings)


WAYS = {
    "blocking": lambda world, token, **proof: world.cached.validate(token, **proof),
    "async": lambda world, token, **proof: asyncio.run(world.cached.validate_async(token, **proof)),
}
both_ways = pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)
Ask = Callable[..., VerifiedClaims]


@both_ways
def test_a_good_token_is_verified_once_in_a_minute(ask: Ask):
    world, token = World(), KIT.token(claims=KIT.claims(exp=NOW + 600))
    first = ask(world, token)
    for _ in range(3):
        assert ask(world, token) is first
    assert world.validator.asked == 1
    world.clock.advance(59.9)
    ask(world, token)
    assert world.validator.asked == 1
    world.clock.advance(0.1)
    ask(world, token)
    assert world.validator.asked == 2


@both_ways
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.id)
def test_a_hostile_token_is_refused_as_without_a_cache_and_never_kept(ask: Ask, attack: Any):
    world = World()
    ask(world, KIT.token())
    for _ in range(2):
        with pytest.raises(InvalidToken) as caught:
            ask(world, attack.forge(KIT))
        assert caught.value.code == attack.code
    assert len(world.cached) == 1


@both_ways
def test_only_the_whole_token_is_the_key(ask: Ask):  # X01
    world, token = World(), KIT.token()
    ask(world, token)
    head, payload, signature = token.split(".")
    other = KIT.token(claims=KIT.claims(sub="admin")).split(".")
    for forged in (
        token[:-1],
        token[:20] + "A" * (len(token) - 20),
        f"{head}.{payload}.{other[2]}",
        f"{head}.{other[1]}.{signature}",
        f"{head}.{payload}.",
        token + "=",
        f" {token}",
        type("Text", (str,), {})(token),
        token.encode(),
    ):
        with pytest.raises(InvalidToken):
            ask(world, forged)


@both_ways
def test_a_verdict_does_not_outlive_exp_by_leeway(ask: Ask):  # X02
    world, token = World(), KIT.token(claims=KIT.claims(exp=NOW + 10))
    ask(world, token)
    world.clock.advance(9.9)
    ask(world, token)
    assert world.validator.asked == 1
    world.clock.advance(0.1)
    for _ in range(2):  # good within the leeway, and asked each time
        ask(world, token)
    assert world.validator.asked == 3
    world.cached.bump()
    ask(world, token)
    assert len(world.cached) == 0
    world.clock.advance(30)
    with pytest.raises(InvalidToken) as caught:
        ask(world, token)
    assert caught.value.code == "expired"


@both_ways
@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_a_verdict_does_not_come_before_its_time(ask: Ask, claim: str):
    world = World()
    token = KIT.token(claims=KIT.claims(**{claim: NOW + 20}))
    for _ in range(2):
        ask(world, token)  # good within the leeway
    assert world.validator.asked == 2
    world.clock.advance(20)
    for _ in range(2):
        ask(world, token)
    assert world.validator.asked == 2
    world.clock.advance(-60)
    with pytest.raises(InvalidToken):
        ask(world, token)


@both_ways
def test_a_clock_that_is_set_back_prolongs_nothing(ask: Ask):
    world, token = World(), KIT.token(claims=KIT.claims(iat=NOW - 60, nbf=ABSENT, exp=NOW + 600))
    ask(world, token)
    world.clock.advance(-20)
    ask(world, token)
    assert world.validator.asked == 2


@both_ways
def test_a_verdict_ends_when_policy_changes(ask: Ask):  # X02
    world, token = World(), KIT.token()
    ask(world, token)
    world.cached.bump()
    assert len(world.cached) == 0
    ask(world, token)
    assert world.validator.asked == 2


@both_ways
def test_what_was_verified_before_a_change_is_not_kept_after_it(ask: Ask):
    world, token = World(), KIT.token()
    world.validator.meanwhile = world.cached.bump
    ask(world, token)
    assert len(world.cached) == 0
    world.validator.meanwhile = lambda: None
    ask(world, token)
    ask(world, token)
    assert world.validator.asked == 2


class Issuer:
    def __init__(self, *keys: Any) -> None:
        self.keys = keys

    def get(self, _: str) -> bytes:
        return json.dumps({"keys": [key.public_jwk() for key in self.keys]}).encode()


def settle(source: JwksSource) -> None:
    flight = source._flight
    if flight is not None:
        assert flight.wait(5)


@both_ways
def test_a_verdict_ends_with_the_key_that_signed_it(ask: Ask):  # X02
    issuer, clock = Issuer(KIT.key, KIT.stranger), ManualClock(NOW)
    source = JwksSource("https://issuer.example", fetch=issuer.get, clock=clock)
    world = World(keys=source)
    token = KIT.token(claims=KIT.claims(iat=NOW, exp=NOW + 3000))
    for _ in range(3):  # the first brings the keys, the second is kept
        ask(world, token)
    assert world.validator.asked == 2
    issuer.keys = (KIT.stranger,)
    clock.advance(250)
    with suppress(InvalidToken):  # the keys are about to be old: the validator is asked, and fetches them
        ask(world, token)
    assert world.validator.asked == 3
    settle(source)
    with pytest.raises(InvalidToken) as caught:
        ask(world, token)
    assert caught.value.code == "unknown_key"


@both_ways
def test_what_was_verified_under_keys_that_changed_meanwhile_is_not_believed(ask: Ask):
    issuer, clock = Issuer(KIT.key), ManualClock(NOW)
    source = JwksSource("https://issuer.example", fetch=issuer.get, clock=clock)
    world, token = World(keys=source), KIT.token()
    source.find(None)

    def rotate() -> None:
        issuer.keys = (KIT.stranger,)
        clock.advance(11)
        source.find(KIT.stranger.kid)

    world.validator.meanwhile = rotate
    ask(world, token)
    with pytest.raises(InvalidToken):
        ask(world, token)


@both_ways
def test_nothing_is_kept_or_recalled_while_the_keys_are_old(ask: Ask):
    world, token = World(), KIT.token()
    world.cached._keys = SimpleNamespace(generation=None)  # type: ignore[assignment]
    for _ in range(2):
        ask(world, token)
    assert (world.validator.asked, len(world.cached)) == (2, 0)


@both_ways
def test_another_audience_has_verdicts_of_its_own(ask: Ask):  # X02
    world, other = World(), World(audience="https://other.example")
    ask(world, KIT.token())
    with pytest.raises(InvalidToken) as caught:
        ask(other, KIT.token())
    assert caught.value.code == "wrong_audience"


@both_ways
def test_where_a_proof_took_part_nothing_is_kept_and_nothing_recalled(ask: Ask):
    world = World()
    bound = KIT.token(claims=KIT.claims(cnf={"x5t#S256": "A" * 43}))
    proof = ClientCertificate("A" * 43)
    for _ in range(2):
        ask(world, bound, proof=proof)
    assert (world.validator.asked, len(world.cached)) == (2, 0)
    with pytest.raises(InvalidToken) as caught:
        ask(world, bound)
    assert caught.value.code == "binding_required"
    plain = KIT.token()
    ask(world, plain)
    with pytest.raises(InvalidToken):
        ask(world, plain, proof=proof)


def test_a_bound_token_is_not_kept_even_by_a_validator_that_asks_for_no_proof():
    world = World()
    claims = world.validator.inner.validate(KIT.token())
    bound = VerifiedClaims({**claims, "cnf": {}}, *_rest(claims))
    world.validator.validate = lambda _, **__: bound  # type: ignore[method-assign]
    assert world.cached.validate(KIT.token()) is bound
    assert len(world.cached) == 0


def _rest(claims: VerifiedClaims) -> tuple[Any, ...]:
    return tuple(getattr(claims, name) for name in VerifiedClaims.__dataclass_fields__)[1:]


@both_ways
def test_the_oldest_goes_first(ask: Ask):
    world = World(max_entries=3)
    tokens = [KIT.token() for _ in range(5)]
    for token in tokens:
        ask(world, token)
    assert len(world.cached) == 3
    for token in tokens[2:]:
        ask(world, token)
    assert world.validator.asked == 5
    ask(world, tokens[0])
    assert world.validator.asked == 6


def test_a_token_that_is_no_ascii_or_too_long_goes_to_the_validator():
    world = World()
    for token in ("\ud800", "é", "x" * 1_000_000, None, 7):
        with pytest.raises(InvalidToken):
            world.cached.validate(token)
    assert len(world.cached) == 0


def test_threads_need_no_lock():
    world = World(max_entries=1)
    tokens = [KIT.token(claims=KIT.claims(jti=str(number))) for number in range(8)]
    failures: list[BaseException] = []

    def ask(start: int) -> None:
        try:
            for number in range(60):
                token = tokens[(start + number) % 8]
                assert world.cached.validate(token)["jti"] == str((start + number) % 8)
                if number % 20 == 0:
                    world.cached.bump()
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = [threading.Thread(target=ask, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failures
    assert len(world.cached) <= 4


def test_another_thread_may_have_made_room_first():
    world = World(max_entries=1)

    class Emptied(type(world.cached._entries)):  # type: ignore[misc]
        def popitem(self, last: bool = True) -> Any:
            self.clear()
            return super().popitem(last)

    world.cached._entries = Emptied({b"": None})
    assert world.cached.validate(KIT.token())
    assert len(world.cached) == 1


def test_nested_tokens_can_be_remembered_too():
    key = DecryptionKey.generate()
    clock = ManualClock(NOW)
    inner = JwtValidator(issuer=ISSUER, audience=AUDIENCE, keys=KIT.jwks, algorithms=["ES256"], clock=clock)
    nested = EncryptedJwtValidator(inner, [key], algorithms=[key.algorithm], encryptions=["A256GCM"])
    cached = CachedValidator(nested, clock=clock)
    token = encrypt_nested(KIT.token(), key.encryption_key())
    assert cached.validate(token) is cached.validate(token)


def test_bad_settings_are_the_callers_fault():
    with pytest.raises(ValueError, match="keys"):
        CachedValidator(object())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="max_entries"):
        CachedValidator(World().validator, max_entries=0)


@pytest.mark.parametrize(
    "kind", [kind.name for kind in KINDS.values() if kind.once and kind.name != "id_token"]
)
def test_what_answers_one_request_is_not_remembered(kind: str):
    once = JwtValidator(issuer=ISSUER, audience=AUDIENCE, keys=KIT.jwks, algorithms=ALGORITHMS, kind=kind)
    key = DecryptionKey.generate()
    nested = EncryptedJwtValidator(once, [key], algorithms=[key.algorithm], encryptions=["A256GCM"])
    for validator in (once, nested):
        with pytest.raises(ValueError, match="one request"):
            CachedValidator(validator)
