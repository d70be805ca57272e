"""How a person signed in reaches the gateway, and decides at an operation of tier `critical`."""

import asyncio
from dataclasses import replace

import pytest

from app.test_compromised_key import AUDIENCE, configured
from app.test_dpop import process
from tokenward.app.config import load
from tokenward.app.foundation import foundation
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.secret import Secret
from tokenward.flows.dpop import DpopProver
from tokenward.store.records import AccessToken, AuthorizationCode, Grant
from tokenward.tokens import opaque
from tokenward.tokens.binding import Confirmation


async def issued(ground, prover, amr, ago):
    """A bound token of a client that proved itself by a key, for a person who signed in like that."""
    now = SYSTEM_CLOCK.time()
    code, token = opaque.new("ac"), opaque.new("at")
    scope = ("notes:read",)
    grant = Grant(f"g-{code.token_id}", "app", "ada", scope, AUDIENCE, amr, now - ago, now, now + 600)
    await ground.store.add_grant(
        grant, AuthorizationCode(code.token_id, b"", grant.grant_id, "", "", None, now + 60)
    )
    access = AccessToken(
        token.token_id,
        opaque.keyed_hash(ground.peppers[0], token.secret.reveal()),
        grant.grant_id,
        "app",
        "ada",
        scope,
        AUDIENCE,
        "private_key_jwt",
        now,
        now + 600,
        Confirmation("jkt", prover.thumbprint),
    )
    await ground.store.redeem_code(code.token_id, access, None, at=now)
    return Secret(token.secret.reveal())


@pytest.mark.parametrize(
    ("amr", "ago", "code"),
    [
        (("pwd", "otp"), 0, "allow"),
        (("pwd",), 0, "step_up_needed"),
        (("pwd", "otp"), 400, "step_up_needed"),
    ],
)
def test_critical_looks_at_how_and_when_the_person_signed_in(tmp_path, amr, ago, code):
    configured(tmp_path)
    path = tmp_path / "tokenward.yaml"
    path.write_text(path.read_text().replace("risk: moderate", "risk: critical"))
    configuration = load(path).configuration

    async def story():
        prover, url = DpopProver(), f"{AUDIENCE}/notes"
        async with foundation(configuration) as ground:
            token = await issued(ground, prover, amr, ago)
        async with process(configuration) as here:
            prover.must_repeat(url, 200, (await here.decide([])).headers, b"")
            decision = await here.decide(prover.headers("GET", url, token))
            assert (decision.problem.code if hasattr(decision, "problem") else "allow") == code

    asyncio.run(story())


@pytest.mark.parametrize(("bound", "code"), [(True, "allow"), (False, "insufficient_tier")], ids=str)
def test_a_bound_token_that_came_of_an_unbound_one_stays_below_high(tmp_path, bound, code):
    configured(tmp_path)
    path = tmp_path / "tokenward.yaml"
    path.write_text(path.read_text().replace("risk: moderate", "risk: high"))
    configuration = load(path).configuration

    async def story():
        prover, url = DpopProver(), f"{AUDIENCE}/notes"
        async with foundation(configuration) as ground:
            root = await issued(ground, DpopProver(), ("pwd",), 0)
            subject = (await ground.store.access_token(root.reveal().split("_")[2][:11])).token
            proved = Confirmation("jkt", prover.thumbprint)
            # The last two are bound in both cases: all that is behind counts, however far.
            for key in (subject.cnf if bound else None, subject.cnf, proved):
                token = opaque.new("at")
                subject = replace(
                    subject,
                    token_id=token.token_id,
                    keyed_hash=opaque.keyed_hash(ground.peppers[0], token.secret.reveal()),
                    cnf=key,
                    ancestors=(subject.token_id, *subject.ancestors),
                )
                await ground.store.add_access_token(subject)
        async with process(configuration) as here:
            prover.must_repeat(url, 200, (await here.decide([])).headers, b"")
            decision = await here.decide(prover.headers("GET", url, token.secret))
            assert (decision.problem.code if hasattr(decision, "problem") else "allow") == code

    asyncio.run(story())
