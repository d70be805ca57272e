"""The kit of the attack table, with the names and the moment that the tests of tokens agree on."""

from functools import partial

from tokenward.auditor import attacks
from tokenward.auditor.attacks.kit import ABSENT, ALGORITHMS, b64, compact

__all__ = ["ABSENT", "ALGORITHMS", "ATTACKS", "AUDIENCE", "ISSUER", "NOW", "Kit", "b64", "compact"]

NOW = 1_800_000_000
ISSUER = "https://inside.example"
AUDIENCE = "https://bank.example"

Kit = partial(attacks.Kit.issue, issuer=ISSUER, audience=AUDIENCE, now=NOW)

ATTACKS = [attack for attack in attacks.ON_ACCESS_TOKENS if attack.code]
"""The rows on access tokens that our validator refuses, whoever else may accept them."""
