"""The platforms whose word about workloads counts, as the configuration names them, ready to judge."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from tokenward.app.config import Configuration
from tokenward.app.settings import WorkloadIssuerSettings
from tokenward.app.values import is_loopback
from tokenward.base.addresses import LOOPBACK
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.outbound import OutboundClient
from tokenward.issuer.workloads import TrustedPlatform, WorkloadRule, Workloads
from tokenward.tokens import strict_json
from tokenward.tokens.jwks import MAX_BYTES, JwksSource
from tokenward.tokens.validator import JwtValidator
from tokenward.tokens.workloads import PLATFORMS

ALGORITHMS = ("RS256", "ES256")
"""What platforms sign with. A key that does not name its algorithm fits exactly one of them."""

DISCOVERY = "/.well-known/openid-configuration"


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
                    keys=_keys(each, configuration.base_dir, clock),
                    algorithms=ALGORITHMS,
                    kind=each.platform,
                    clock=clock,
                ),
                tuple(WorkloadRule(rule.client, rule.claims.rules) for rule in each.rules),
            )
            for each in settings.workload_identity
        ]
    )


def _keys(each: WorkloadIssuerSettings, base_dir: Path, clock: Clock) -> JwksSource | dict[str, object]:
    if each.jwks is not None:
        try:
            return strict_json.read_object((base_dir / each.jwks).read_bytes())
        except OSError as error:
            raise ValueError(f"{each.jwks} cannot be read: {error.strerror}") from None
    url = each.jwks_uri or each.trusted_issuer + DISCOVERY
    loopback = is_loopback(urlsplit(url).hostname or "")
    networks = (*each.networks, *(LOOPBACK if loopback else ()))
    get = OutboundClient(allow=networks, https_only=not loopback, max_bytes=MAX_BYTES).get
    return JwksSource(url, fetch=get if each.jwks_uri else discovered(each.trusted_issuer, get), clock=clock)


def discovered(issuer: str, get: Callable[[str], bytes]) -> Callable[[str], bytes]:
    """Fetches the keys that an issuer's metadata names (OpenID Connect Discovery §4)."""

    def fetch(url: str) -> bytes:
        metadata = strict_json.read_object(get(url))
        if metadata["issuer"] != issuer:  # §4.3: exactly
            raise ValueError("the metadata is another issuer's")
        return get(metadata["jwks_uri"])

    return fetch
