"""An API's own algorithm and encryption key, from the configuration to the backend that decrypts."""

import asyncio
import json
import re

import pytest

from tokenward.app.config import load
from tokenward.app.foundation import foundation
from tokenward.app.initialise import initialise
from tokenward.app.servers import INSIDE_PATH, gateway_engine
from tokenward.backend import InsideVerifier
from tokenward.base.problems import Refusal
from tokenward.gateway.access import TokenFacts
from tokenward.tokens.encryption_keys import DecryptionKey
from tokenward.tokens.keys import SigningKey

DOCUMENT = """\
openapi: 3.1.0
info: {title: Notes, version: "1"}
paths:
  /notes: {get: {operationId: listNotes, responses: {200: {description: ok}}}}
"""
API = """
apis:
  notes:
    openapi: notes.yaml
    upstream: http://127.0.0.1:9003
    risk: low
    signing_alg: EdDSA
    encryption_key: notes.jwk
    operations: {listNotes: {scopes: [notes:read]}}
"""
AUDIENCE = "http://127.0.0.1:8000/notes"
KEY = DecryptionKey.generate(kid="notes-1")
RSA = DecryptionKey.generate("RSA-OAEP-256")


def opened(directory, jwk):
    initialise(directory)
    path = directory / "tokenward.yaml"
    path.write_text(re.sub(r"\napis: {}\n", API, path.read_text()))
    (directory / "notes.yaml").write_text(DOCUMENT)
    (directory / "notes.jwk").write_text(jwk if isinstance(jwk, str) else json.dumps(jwk))
    return load(path)


def without(jwk, name):
    return {member: value for member, value in jwk.items() if member != name}


PUBLIC = KEY.public_jwk()
SIGNS = SigningKey.generate().public_jwk()


@pytest.mark.parametrize(
    "jwk",
    [
        PUBLIC,
        without(PUBLIC, "kid"),
        RSA.public_jwk(),
        {"keys": [SIGNS, PUBLIC]},
    ],
    ids=["a key", "without a name", "RSA", "a set with one for encryption"],
)
def test_a_public_key_is_registered(tmp_path, jwk):
    loaded = opened(tmp_path, jwk)
    assert loaded.configuration is not None, loaded.findings
    assert loaded.configuration.protections[AUDIENCE].encryption_key is not None


@pytest.mark.parametrize(
    ("jwk", "text"),
    [
        (PUBLIC | {"d": PUBLIC["x"]}, "must be public"),
        ({"kty": "oct", "k": "AAAA", "alg": "dir"}, "must be public"),
        (SIGNS, "alg"),
        (PUBLIC | {"use": "sig"}, "not for encryption"),
        (without(PUBLIC, "alg"), "must say by `alg`"),
        (PUBLIC | {"alg": "RSA1_5"}, "alg"),
        (PUBLIC | {"y": PUBLIC["x"]}, "curve"),
        (PUBLIC | {"crv": "P-384"}, "P-256"),
        ({"kty": "RSA", "n": "AQAB", "e": "AQAB", "alg": "RSA-OAEP-256"}, "RSA"),
        ({"kty": "RSA", "n": "_" * 170 + "8", "e": "AQAB", "alg": "RSA-OAEP-256"}, "weak"),
        ({"keys": [SIGNS | {"d": SIGNS["x"]}, PUBLIC]}, "must be public"),
        ({"keys": [{"kty": "oct", "k": "AAAA"}, PUBLIC]}, "must be public"),
        ({"keys": [SIGNS]}, "0 keys"),
        ({"keys": [PUBLIC, RSA.public_jwk()]}, "2 keys"),
        ({"keys": 7}, "0 keys"),
        ("[]", "no JSON object"),
        ('{"kty": "EC", "kty": "EC"}', "no JSON object"),
        (" " * 65_537, "too large"),
    ],
)
def test_a_key_that_is_bad_or_not_public_is_found_where_it_is_named(tmp_path, jwk, text):
    loaded = opened(tmp_path, jwk)
    assert loaded.configuration is None
    (finding,) = [it for it in loaded.findings if it.severity == "error"]
    assert finding.code == "encryption-key"
    assert text in finding.text
    assert "encryption_key" in (tmp_path / "tokenward.yaml").read_text().splitlines()[finding.line - 1]
    assert PUBLIC["x"] not in finding.text + finding.remedy


def test_a_file_that_is_not_there_is_found(tmp_path):
    opened(tmp_path, PUBLIC)
    (tmp_path / "notes.jwk").unlink()
    (finding,) = [it for it in load(tmp_path / "tokenward.yaml").findings if it.severity == "error"]
    assert "cannot be read" in finding.text


def test_what_the_gateway_mints_only_the_backend_reads(tmp_path):
    configuration = opened(tmp_path, PUBLIC).configuration

    async def run():
        async with foundation(configuration) as ground:
            engine, follower = await gateway_engine(ground)
            following = asyncio.create_task(follower.run())
            async with asyncio.timeout(20):
                while not follower.confirmed:  # noqa: ASYNC110 - the follower tells nobody when
                    await asyncio.sleep(0.01)
            now = ground.clock.time()
            facts = TokenFacts(
                token_id="0" * 11, grant_id=None, client_id="app", user_id="ann",
                scope=frozenset({"notes:read"}), audience=AUDIENCE, credential="client_secret",
                issued_at=now, expires_at=now + 60,
            )  # fmt: skip
            jwt, jwks = engine.minter.mint(facts).text, json.dumps(engine.minter.jwks()).encode()
            following.cancel()
        assert jwt.count(".") == 4
        assert [key["alg"] for key in json.loads(jwks)["keys"]] == ["EdDSA"]

        async def ask(token, *keys):
            verifier = InsideVerifier(
                issuer=configuration.settings.gateway.url + INSIDE_PATH,
                audience=AUDIENCE,
                jwks_url="https://gateway.example/jwks.json",
                decryption_keys=keys,
                fetch=lambda _url: jwks,
            )
            bearer = [(b"authorization", f"Bearer {token}".encode())]
            return await verifier.authenticate({"type": "http", "headers": bearer})

        assert (await ask(jwt, KEY)).subject == "ann"
        assert (await ask(jwt, DecryptionKey.generate(kid="next"), KEY)).subject == "ann"
        for keys in ((), (RSA,), (DecryptionKey.generate(kid="notes-1"),)):
            with pytest.raises(Refusal, match="invalid_token"):
                await ask(jwt, *keys)

    asyncio.run(run())
