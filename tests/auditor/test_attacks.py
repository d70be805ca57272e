"""Our own validator against the whole table of attacks."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tokens.attacks import ALGORITHMS, AUDIENCE, ISSUER, NOW, Kit, b64
from tokenward import InvalidToken, JwtValidator
from tokenward.auditor.attacks import (
    ATTACKS,
    KEY_SETS,
    ON_ACCESS_TOKENS,
    Attack,
    KeyTrap,
    Unforgeable,
    proofs,
)
from tokenward.auditor.attacks.confusion import OTHER_ISSUER
from tokenward.auditor.attacks.sign_ins import SIGN_IN
from tokenward.auditor.attacks.vault import Vault
from tokenward.base.clock import ManualClock
from tokenward.tokens import DpopVerifier, IdTokenValidator, MultiIssuerValidator, verify_jws
from tokenward.tokens.encryption_keys import ENCRYPTIONS, KEY_MANAGEMENT
from tokenward.tokens.errors import CODES
from tokenward.tokens.jwe import EncryptedJwtValidator
from tokenward.tokens.jwk_set import NoUsableKey
from tokenward.tokens.kinds import KINDS
from tokenward.tokens.mistaken import WHY, AccessTokenGiven
from tokenward.tokens.replays import MemoryReplays

KIT = Kit()


def validator(keys: Any = KIT.jwks, algorithms: Sequence[str] = ALGORITHMS) -> JwtValidator:
    return JwtValidator(
        issuer=ISSUER, audience=AUDIENCE, keys=keys, algorithms=algorithms, clock=ManualClock(NOW)
    )


STRICT = validator()


def of_kind(kind: str) -> JwtValidator:
    return JwtValidator(
        issuer=ISSUER,
        audience=AUDIENCE,
        keys=KIT.jwks,
        algorithms=ALGORITHMS,
        kind=kind,
        clock=ManualClock(NOW),
    )


ID_TOKENS = IdTokenValidator(
    issuer=ISSUER, client_id=AUDIENCE, keys=KIT.jwks, algorithms=ALGORITHMS, clock=ManualClock(NOW)
)
ISSUERS = MultiIssuerValidator(
    [
        STRICT,
        JwtValidator(
            issuer=OTHER_ISSUER,
            audience=AUDIENCE,
            keys={"keys": [KIT.stranger.public_jwk()]},
            algorithms=["ES256"],
            clock=ManualClock(NOW),
        ),
    ]
)


def dpop() -> DpopVerifier:
    clock = ManualClock(NOW)  # a memory of its own, or the second use of a row's `jti` would be a replay
    return DpopVerifier(replays=MemoryReplays(clock=clock), nonces=None, clock=clock)


ENCRYPTED = EncryptedJwtValidator(
    STRICT, Vault(KIT).keys, algorithms=tuple(KEY_MANAGEMENT), encryptions=tuple(ENCRYPTIONS)
)
REQUEST: dict[str, Any] = {"method": proofs.METHOD, "url": proofs.URL, "access_token": KIT.good}
Check = tuple[Callable[[Any], object], Callable[[Any], Coroutine[Any, Any, object]]]
AGAINST: dict[str, Check] = {
    "at+jwt": (STRICT.validate, STRICT.validate_async),
    "jwe": (ENCRYPTED.validate, ENCRYPTED.validate_async),
    "multi_issuer": (ISSUERS.validate, ISSUERS.validate_async),
    "id_token": (
        lambda token: ID_TOKENS.validate(token, SIGN_IN),
        lambda token: ID_TOKENS.validate_async(token, SIGN_IN),
    ),
    "dpop": (
        lambda values: dpop().verify(values, **REQUEST),
        lambda values: dpop().verify_async(values, **REQUEST),
    ),
} | {
    kind: (of_kind(kind).validate, of_kind(kind).validate_async)
    for kind in {attack.against for attack in ATTACKS} & KINDS.keys() - {"at+jwt", "id_token"}
}

each_attack = pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.id)
each_on_access_tokens = pytest.mark.parametrize("attack", ON_ACCESS_TOKENS, ids=lambda attack: attack.id)
each_key_set = pytest.mark.parametrize("row", KEY_SETS, ids=lambda row: row.id)


def outcome(token: object, against: str = "at+jwt") -> str:
    """The code of the refusal, "" for acceptance; that it is the same both ways is checked, too."""
    blocking, waiting = AGAINST[against]
    code = refusal(lambda: blocking(token))
    assert refusal(lambda: asyncio.run(waiting(token))) == code
    return code


def refusal(validate: Callable[[], object]) -> str:
    try:
        validate()
    except InvalidToken as refused:
        # One text for all, but for a developer who confuses two tokens.
        said = WHY if isinstance(refused, AccessTokenGiven) else "the token is not valid"
        return refused.code if str(refused) == said else f"talks: {refused}"
    return ""


@each_attack
def test_a_token_meets_what_its_row_says(attack: Attack):
    # The good token first, so that whatever was remembered of it could be taken for this one.
    assert STRICT.validate(KIT.good).subject == "user-1"
    assert outcome(attack.forge(KIT), attack.against) == attack.code


def test_every_kind_that_we_validate_is_attacked():
    assert AGAINST.keys() >= KINDS.keys() | {"dpop", "multi_issuer", "jwe"}


@each_attack
def test_a_row_says_whether_it_needs_the_issuers_key(attack: Attack):
    if attack.needs_issuer_key:
        with pytest.raises(Unforgeable):
            attack.forge(KIT.without_keys())
    else:
        assert outcome(attack.forge(KIT.without_keys()), attack.against) == attack.code


@each_on_access_tokens
def test_against_another_kind_of_issuer_a_row_is_forged_or_says_that_it_cannot_be(attack: Attack):
    # Its one key is for RS256: an API as it is found in the wild, whose claims nobody can forge.
    key = KIT.key_for("RS256")
    kit = replace(
        KIT,
        good=KIT.token(KIT.header(alg="RS256", kid=key.kid), key=key),
        jwks={"keys": [key.public_jwk()]},
        keys={},
    )
    strict = validator(kit.jwks)
    try:
        token = attack.forge(kit)
    except Unforgeable:
        return
    if attack.verdict == "reject":
        with pytest.raises(InvalidToken):
            strict.validate(token)


def test_rows_have_ids_of_their_own_and_known_codes():
    rows = [*ATTACKS, *KEY_SETS]
    assert not [row_id for row_id, times in Counter(row.id for row in rows).items() if times > 1]
    assert {attack.code for attack in ATTACKS} - {""} <= CODES.keys()
    for row in rows:
        assert row.wrong, row.id
        assert row.reference or row.verdict == "accept", row.id


def test_what_is_rejected_has_a_code_and_what_is_accepted_has_none():
    for attack in ATTACKS:
        assert attack.verdict == "note" or bool(attack.code) == (attack.verdict == "reject"), attack.id


def test_each_family_has_a_control():
    families = {attack.entry[0] for attack in ATTACKS if attack.verdict == "reject"}
    assert {attack.entry[0] for attack in ATTACKS if attack.verdict == "accept"} == families
    assert [row for row in KEY_SETS if row.verdict == "accept"]


def test_no_line_of_the_catalogue_is_left_out():
    entries = {row.entry for row in (*ATTACKS, *KEY_SETS)}
    for family, last in {"S": 16, "F": 10, "C": 6, "T": 6, "E": 8, "K": 3, "X": 1}.items():
        assert {f"{family}{number:02}" for number in range(1, last + 1)} <= entries


@each_key_set
def test_a_key_set_meets_what_its_row_says(row: KeyTrap):
    jwks, token = row.make(KIT)
    if row.verdict == "accept":
        assert validator(jwks).validate(token).subject == "user-1"
        return
    with pytest.raises(ValueError, match=r".") as caught:
        validator(jwks, row.algorithms)
    assert isinstance(caught.value, NoUsableKey) == row.unusable
    with pytest.raises(ValueError, match=r"."):
        verify_jws(token, jwks, algorithms=list(row.algorithms))  # type: ignore[arg-type]


def test_the_same_kit_gives_the_same_attacks_but_for_nonces():
    def signing_input(token: object) -> object:
        return token.rpartition(".")[0] if isinstance(token, str) else repr(type(token))

    for attack in ATTACKS:
        # Random are: RSA-OAEP, the signature of a certificate, the first signature with a certain character.
        if attack.entry[0] != "E" and attack.entry != "S08" and attack.name != "plain base64 alphabet":
            assert signing_input(attack.forge(KIT)) == signing_input(attack.forge(KIT)), attack.id


def test_a_kit_at_another_time_is_good_then():
    later = KIT.at(NOW + 10_000)
    clock = ManualClock(NOW + 10_000)
    strict = JwtValidator(
        issuer=ISSUER, audience=AUDIENCE, keys=later.jwks, algorithms=ALGORITHMS, clock=clock
    )
    assert strict.validate(later.good).issued_at == NOW + 10_000
    assert outcome(later.good) == "issued_in_future"


def by_id(row_id: str) -> Attack:
    return next(attack for attack in ATTACKS if attack.id == row_id)


def test_a_twin_of_a_signature_is_the_same_token_to_whoever_goes_by_its_claims():
    twin = str(by_id("S14.n-less-s").forge(KIT))
    first, second = STRICT.validate(KIT.good), STRICT.validate(twin)
    assert twin != KIT.good
    assert dict(first) == dict(second)  # hence whoever keeps a list of `jti` sees the same one
    assert not hasattr(second, "signature")


def test_the_kit_writes_json_as_the_issuer_does():
    head, body, _ = KIT.good.split(".")
    assert b64(json.dumps(KIT.header(), separators=(",", ":")).encode()) == head
    assert b64(json.dumps(KIT.claims(), separators=(",", ":")).encode()) == body


def test_a_kit_without_a_key_says_so():
    with pytest.raises(Unforgeable):
        KIT.key_for("HS256")
    with pytest.raises(Unforgeable):
        KIT.jwk("HS256")
