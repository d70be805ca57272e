"""A person's claims over real HTTP, through real processes: released by name, to one recipient each."""

import time

import httpx
import pytest

from e2e.bank import REDIRECT, bank, until
from tokenward import JwtValidator
from tokenward.app.story import Story
from tokenward.app.story_steps import sign_in_and_consent
from tokenward.base.secret import Secret
from tokenward.tokens.binding import VerifiedProof, token_hash
from tokenward.tokens.keys import SigningKey
from tokenward.tokens.release import MINIMUM

PASSWORD = "correct horse battery"
BANK = """
apis:
  bank:
    openapi: bank.json
    upstream: {upstream}
    risk: moderate
    claims:
      inside: [email, auth_time]
      introspection: [teams]
      subject: pairwise
"""


@pytest.fixture
def urls(tmp_path, command, backend):
    """Issuer and gateway, running with a release policy."""
    with bank(tmp_path, command, BANK.format(upstream=backend[0])) as running:
        yield running


SCOPES = [
    word for scope in ("openid", "offline_access", "accounts:read", "transfers:write")
    for word in ("--scope", scope)
]  # fmt: skip


def test_each_recipient_is_told_its_own_and_a_jwt_outside_can_be_revoked(urls, backend, command, client):
    issuer, gateway, _admin = urls
    command(
        "users", "add", "alice", "--claim", "email=alice@example.com", "--claim", 'teams:=["red"]',
        "--claim", "phone_number=+49 30 123456", stdin=f"{PASSWORD}\n",
    )  # fmt: skip
    app, _ = client(
        *SCOPES, "--id-token-claim", "teams", "--subject-type", "pairwise", "--sector", "app.example",
        "--access-token-format", "jwt", "--reason", "what is read here is the token",
    )  # fmt: skip
    server = client("--scope", f"introspect:{gateway}/bank", kind="service")
    with httpx.Client(trust_env=False, timeout=10) as web:

        def story():
            return Story(
                issuer=issuer,
                gateway=gateway,
                service=("", Secret("")),
                app=(app, REDIRECT),
                bank_app=("", "", SigningKey.generate("ES256")),
                person=("alice", Secret(PASSWORD)),
                api_key=Secret(""),
                inside_jwt=lambda: Secret(""),
                http=web,
            )

        def inside():
            answer = signed_in.bound_call("GET", f"{gateway}/bank/accounts", tokens.access_token)
            assert answer.status_code == 200, answer.text
            return validator.validate(backend[1][-1])

        def introspected(auth):
            form = {"token": tokens.access_token.reveal()}
            return web.post(f"{issuer}/introspect", data=form, auth=auth).json()

        signed_in = story()
        sign_in_and_consent(signed_in)
        tokens = signed_in.person_tokens
        published = {
            url: web.get(url).json()
            for url in (f"{issuer}/jwks.json", f"{gateway}/.well-known/tokenward/jwks.json")
        }
        outer_keys, inner_keys = published.values()
        text = tokens.access_token.reveal()
        proof = VerifiedProof(signed_in.prover.thumbprint, token_hash(text), "j-1", time.time())
        outer = JwtValidator(
            issuer=issuer, audience=f"{gateway}/bank", keys=outer_keys, algorithms=["ES256"]
        ).validate(text, proof=proof)
        validator = JwtValidator(
            issuer=f"{gateway}/.well-known/tokenward",
            audience=f"{gateway}/bank",
            keys=inner_keys,
            algorithms=["ES256"],
        )
        told = inside()
        assert set(outer) == {*MINIMUM["outside"], "cnf"}
        assert set(told) - set(MINIMUM["inside"]) == {"email", "auth_time"}
        assert told["email"] == "alice@example.com"
        answer = introspected(server)
        assert set(answer) - set(MINIMUM["introspection"]) == {"teams", "cnf"}
        assert answer["sub"] == told["sub"] != outer["sub"]

        command("users", "set", "alice", "--claim", "email=new@example.com")
        assert until(lambda: inside()["email"] == "new@example.com")

        copied = Secret(backend[1][-1])
        assert signed_in.call("GET", f"{gateway}/bank/accounts", bearer=copied).status_code == 401
        command("tokens", "revoke", "--user", "alice")

        def refused():
            answer = signed_in.bound_call("GET", f"{gateway}/bank/accounts", tokens.access_token)
            return answer.status_code == 401

        assert until(refused)
        assert introspected(server) == {"active": False}
