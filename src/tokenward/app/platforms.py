"""The platforms whose word about workloads counts, as the configuration names them, ready to judge."""

from tokenward.app.config import Configuration
from tokenward.app.issuer_keys import issuer_keys
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.issuer.workloads import TrustedPlatform, WorkloadRule, Workloads
from tokenward.tokens.validator import JwtValidator
from tokenward.tokens.workloads import PLATFORMS

ALGORITHMS = ("RS256", "ES256")
"""What platforms sign with. A key that does not name its algorithm fits exactly one of them."""


def workloads(configuration: Configuration, clock: Clock = SYSTEM_CLOCK) -> Workloads:
    """Everything that `workload_identity` trusts. Nothing is fetched yet.

    Raises:
        ValueError: a file of keys cannot be used, or two platforms have an issuer or a key in common.
    """
    settings = configuration.settings
    return Workloads(
        [
            TrustedPlatform(
                PLATFORMS[each.platform],
                JwtValidator(
                    issuer=each.trusted_issuer,
                    audience=each.audience or settings.issuer.url,
                    keys=issuer_keys(each, each.trusted_issuer, each.networks, configuration.base_dir, clock),
                    algorithms=ALGORITHMS,
                    kind=each.platform,
                    clock=clock,
                ),
                tuple(WorkloadRule(rule.client, rule.claims.rules) for rule in each.rules),
            )
            for each in settings.workload_identity
        ]
    )
