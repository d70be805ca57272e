import ast
import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwe as joserfc
from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWK

from tokens.attacks import ALGORITHMS, AUDIENCE, ISSUER, NOW, Kit, b64
from tokens.attacks import ATTACKS as SIGNED_ATTACKS
from tokenward import InvalidToken, JwtValidator
from tokenward.auditor.attacks import ATTACKS as EVERY_ATTACK
from tokenward.auditor.attacks import Attack
from tokenward.auditor.attacks.vault import Vault
from tokenward.base.clock import ManualClock
from tokenward.tokens.encryption_keys import ENCRYPTIONS, KEY_MANAGEMENT, DecryptionKey, encryption_key
from tokenward.tokens.jwe import (
    MAX_TOKEN,
    EncryptedJwtValidator,
    decrypt,
    decrypt_nested,
    encrypt,
    encrypt_nested,
)
from tokenward.tokens.jws import MAX_TOKEN as MAX_JWS

VAULT = Vault(Kit())
ATTACKS = [attack for attack in EVERY_ATTACK if attack.against == "jwe" and attack.code]
ANY: dict[str, Any] = {"algorithms": tuple(KEY_MANAGEMENT), "encryptions": tuple(ENCRYPTIONS)}
STRICT = JwtValidator(
    issuer=ISSUER,
    audience=AUDIENCE,
    keys=VAULT.kit.jwks,
    algorithms=ALGORITHMS,
    clock=ManualClock(NOW),
)
NESTED = EncryptedJwtValidator(STRICT, VAULT.keys, **ANY)


def fitting(key: DecryptionKey) -> list[str]:
    secret = key.key
    return [
        name for name, row in ENCRYPTIONS.items() if not isinstance(secret, bytes) or len(secret) == row.key
    ]


PAIRS = [(key, enc) for key in VAULT.keys for enc in fitting(key)]
EVERY_PAIR = pytest.mark.parametrize(("key", "enc"), PAIRS, ids=[f"{key.kid} {enc}" for key, enc in PAIRS])


def refusal(token: object) -> str:
    with pytest.raises(InvalidToken) as caught:
        NESTED.validate(token)
    assert str(caught.value) == "the token is not valid"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value.code


# Well-formed in every way; only the cryptography can refuse these.
CRYPTOGRAPHIC = {
    "RSA-OAEP with SHA-1",
    "an encrypted key of nothing",
    "an encrypted key beyond the modulus",
    "another tag",
    "a changed ciphertext",
    "no ciphertext",
    "bad padding under a good tag",
    "half a CBC block",
    "a content key of 16 octets for A256GCM",
    "a content key of 64 octets for A256GCM",
}
BEFORE_IT = [row for row in ATTACKS if row.code != "not_nested" and row.name not in CRYPTOGRAPHIC]


@pytest.mark.parametrize("attack", BEFORE_IT, ids=lambda attack: attack.id)
def test_the_library_sees_nothing_that_a_rule_refuses(attack: Attack, monkeypatch: pytest.MonkeyPatch):
    token = attack.forge(VAULT.kit)
    reached: list[object] = []
    monkeypatch.setattr(joserfc, "decrypt_compact", lambda *given, **_: reached.append(given))
    assert refusal(token) == attack.code
    assert not reached


def test_what_the_attacks_are_made_with_makes_good_tokens():
    for token in (VAULT.direct(), VAULT.cut(), VAULT.nested):
        assert NESTED.validate(token).subject == "user-1"


@pytest.mark.parametrize("attack", SIGNED_ATTACKS, ids=lambda attack: attack.id)
def test_a_hostile_jwt_is_no_better_inside(attack: Any):
    token = attack.forge(VAULT.kit)
    content = token.encode("utf-8", "surrogatepass") if type(token) is str else b"\xff"
    if len(content) < MAX_JWS:
        with pytest.raises(InvalidToken) as caught:
            NESTED.validate(VAULT.direct(content or b"."))
        assert caught.value.code in {attack.code, "not_nested"}


def test_a_jwe_is_nothing_where_a_signed_token_is_expected():
    for token in (VAULT.nested, VAULT.direct()):  # E01
        with pytest.raises(InvalidToken) as caught:
            STRICT.validate(token)
        assert caught.value.code == "malformed"


@EVERY_PAIR
def test_what_is_encrypted_can_be_read(key: DecryptionKey, enc: str):
    token = encrypt(b"\x00\xff anything", key.encryption_key(), enc=enc)
    assert decrypt(token, VAULT.keys, **ANY) == b"\x00\xff anything"
    assert token != encrypt(b"\x00\xff anything", key.encryption_key(), enc=enc)
    nested = encrypt_nested(VAULT.kit.token(), key.encryption_key(), enc=enc)
    assert NESTED.validate(nested).subject == "user-1"
    assert asyncio.run(NESTED.validate_async(nested)).subject == "user-1"


@given(
    content=st.binary(max_size=200), pair=st.sampled_from([pair for pair in PAIRS if pair[0].kid != "rsa"])
)
@settings(deadline=None, max_examples=60)
def test_any_octets_come_back(content: bytes, pair: tuple[DecryptionKey, str]):
    key, enc = pair
    assert decrypt(encrypt(content, key.encryption_key(), enc=enc), [key], **ANY) == content


@given(st.text() | st.binary() | st.none() | st.integers() | st.lists(st.text(), max_size=6).map(".".join))
@settings(deadline=None)
def test_nothing_but_invalid_token_is_raised_for_any_object(token: object):
    refusal(token)


@given(st.data())
@settings(deadline=None, max_examples=150)
def test_no_changed_character_leaves_a_good_token(data: st.DataObject):
    token = data.draw(st.sampled_from(UNCHANGED))
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters().filter(lambda character: character != token[place]))
    refusal(token[:place] + other + token[place + 1 :])


UNCHANGED = [
    encrypt_nested(VAULT.kit.token(), key.encryption_key())
    for key in (VAULT.ec, VAULT.wrap, VAULT.x, VAULT.dir)
]


def test_only_listed_algorithms_and_encryptions_are_taken():
    token = encrypt(b"x", VAULT.ec.encryption_key(), enc="A128GCM")
    lists = {"algorithms": ["ECDH-ES"], "encryptions": ["A128GCM"]}
    assert decrypt(token, VAULT.keys, **lists) == b"x"
    for change, code in (
        ({"algorithms": ["dir"]}, "algorithm_refused"),
        ({"encryptions": ["A256GCM"]}, "encryption_refused"),
    ):
        with pytest.raises(InvalidToken) as caught:
            decrypt(token, VAULT.keys, **(lists | change))
        assert caught.value.code == code


@pytest.mark.parametrize("names", [[], "dir", None, ["RSA1_5"], ["PBES2-HS256+A128KW"], ["A192GCM"], [1]])
@pytest.mark.parametrize("setting", ["algorithms", "encryptions"])
def test_a_bad_list_is_the_callers_fault(setting: str, names: Any):
    for read in (decrypt, decrypt_nested):
        with pytest.raises(ValueError, match=setting):
            read(VAULT.nested, VAULT.keys, **(ANY | {setting: names}))
    with pytest.raises(ValueError, match=setting):
        EncryptedJwtValidator(STRICT, VAULT.keys, **(ANY | {setting: names}))


def test_bad_keys_of_a_validator_are_the_callers_fault():
    for keys, lists in (
        ([], ANY),
        ([VAULT.ec, DecryptionKey("ec", "dir", VAULT.dir.key)], ANY),
        ([VAULT.rsa], ANY | {"algorithms": ["dir"]}),
    ):
        with pytest.raises(ValueError, match=r"key"):
            EncryptedJwtValidator(STRICT, keys, **lists)


def test_without_a_kid_the_one_eligible_key_is_taken():
    key = VAULT.rsa.encryption_key()
    nameless = encryption_key({k: v for k, v in VAULT.rsa.public_jwk().items() if k != "kid"})
    assert decrypt(encrypt(b"x", nameless), [VAULT.ec, VAULT.rsa], **ANY) == b"x"
    assert decrypt(encrypt(b"x", key), [VAULT.ec, VAULT.rsa], **ANY) == b"x"
    with pytest.raises(InvalidToken) as caught:
        decrypt(
            encrypt(b"x", nameless), [DecryptionKey("other", "RSA-OAEP-256", VAULT.rsa.key), VAULT.rsa], **ANY
        )
    assert caught.value.code == "no_kid"


def test_a_nested_jwt_is_not_read_as_octets():
    for cty in ("JWT", "jwt", "application/JWT"):
        with pytest.raises(InvalidToken) as caught:
            decrypt(VAULT.direct(cty=cty), VAULT.keys, **ANY)
        assert caught.value.code == "not_nested"
        jwt = VAULT.kit.token()
        assert decrypt_nested(VAULT.direct(jwt.encode(), cty=cty), VAULT.keys, **ANY) == jwt


def test_only_a_signed_jwt_is_nested():
    # tokenward:allow reason=unsigned and empty
    for content in ("", "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", VAULT.nested, None):
        with pytest.raises(ValueError, match="signed"):
            encrypt_nested(content, VAULT.ec.encryption_key())  # type: ignore[arg-type]


def test_a_bad_encryption_is_the_callers_fault():
    with pytest.raises(ValueError, match="unknown encryption"):
        encrypt(b"x", VAULT.ec.encryption_key(), enc="A192GCM")
    with pytest.raises(ValueError, match="64 octets"):
        encrypt(b"x", VAULT.dir.encryption_key(), enc="A256CBC-HS512")


def test_what_nobody_would_accept_is_not_made():
    largest = VAULT.kit.token(claims=VAULT.kit.claims(x="x" * 11_800))
    assert MAX_JWS - 200 < len(largest) <= MAX_JWS
    assert decrypt_nested(encrypt_nested(largest, VAULT.rsa.encryption_key()), VAULT.keys, **ANY) == largest
    with pytest.raises(ValueError, match="too large"):
        encrypt(bytes(MAX_TOKEN), VAULT.ec.encryption_key())
    with pytest.raises(ValueError, match="too large"):  # a header of which every character becomes six
        encrypt(b"x", DecryptionKey.generate("ECDH-ES", kid="é" * 256).encryption_key())


def foreign(key: DecryptionKey) -> JWK:
    """The same key in the hands of another library."""
    if isinstance(key.key, bytes):
        return JWK(kty="oct", k=b64(key.key))
    pkcs8 = serialization.PrivateFormat.PKCS8
    return JWK.from_pem(
        key.key.private_bytes(serialization.Encoding.PEM, pkcs8, serialization.NoEncryption())
    )


@EVERY_PAIR
def test_another_library_reads_ours_and_we_read_its(key: DecryptionKey, enc: str):
    theirs = foreign(key)
    token = JWE()
    token.deserialize(encrypt(b"from us", key.encryption_key(), enc=enc), theirs)
    assert token.payload == b"from us"
    made = JWE(b"from them", json.dumps({"alg": key.algorithm, "enc": enc, "kid": key.kid}), recipient=theirs)
    assert decrypt(made.serialize(compact=True), VAULT.keys, **ANY) == b"from them"


def test_the_example_of_rfc_7518_appendix_c_agrees():
    # Bob's key and Alice's ephemeral one; the agreed key is the one that the appendix computes.
    # tokenward:allow reason=RFC 7518 prints it
    members = {
        "kty": "EC",
        "crv": "P-256",
        "x": "weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ",
        "y": "e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck",
        "d": "VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw",
    }
    bob = JWK(**members)
    private = serialization.load_pem_private_key(bob.export_to_pem(private_key=True, password=None), None)
    key = DecryptionKey("bob", "ECDH-ES", private)  # type: ignore[arg-type]
    header = {
        "alg": "ECDH-ES",
        "enc": "A128GCM",
        "apu": "QWxpY2U",
        "apv": "Qm9i",
        "epk": {
            "kty": "EC",
            "crv": "P-256",
            "x": "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0",
            "y": "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps",
        },
    }
    agreed = bytes([86, 170, 141, 234, 248, 35, 109, 32, 92, 34, 40, 205, 113, 167, 16, 26])
    assert decrypt(VAULT.sealed(header, b"hello", agreed), [key], **ANY) == b"hello"


def test_joserfc_is_loaded_by_one_module_and_only_when_that_is():
    root = Path(__file__).parents[2] / "src" / "tokenward"
    users = {
        path.name
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("joserfc"))
        or (isinstance(node, ast.Import) and any(alias.name.startswith("joserfc") for alias in node.names))
    }
    assert users == {"jwe.py", "python_libraries.py"}  # the latter runs beside the libraries that it tries
    modules = "tokenward, tokenward.backend, tokenward.tokens.encryption_keys"
    program = f"import sys, {modules}; print('joserfc' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
