"""The identity providers that the configuration names, ready to be asked."""

from tokenward.app.config import Configuration
from tokenward.app.issuer_keys import issuer_keys, outbound
from tokenward.app.people_settings import GroupSettings, UpstreamSettings
from tokenward.app.trust import authenticating
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.identity.upstream.provider import Connection, Groups, Provider
from tokenward.tokens.jwks import MAX_BYTES


def providers(configuration: Configuration, clock: Clock = SYSTEM_CLOCK) -> tuple[Connection, ...]:
    """Everything under `people.upstream`. Nothing is fetched yet.

    Raises:
        ValueError: a file or a secret that is named cannot be used.
    """
    base_dir = configuration.base_dir
    return tuple(
        Connection(
            provider(each),
            # Token responses and userinfo are no larger than sets of keys.
            outbound(each.issuer, each.networks, max_bytes=MAX_BYTES),
            issuer_keys(each, each.issuer, each.networks, base_dir, clock),
            authenticating(each, base_dir, clock),
        )
        for each in configuration.settings.people.upstream
    )


def provider(said: UpstreamSettings) -> Provider:
    """One provider, as the room knows it."""
    return Provider(
        name=said.name,
        label=said.label,
        issuer=said.issuer,
        client_id=said.client_id,
        scopes=said.scopes,
        algorithms=said.algorithms,
        link=said.link,
        email_domains=frozenset(said.email_domains),
        create=said.create,
        username_claim=said.username_claim,
        claims=said.claims,
        believed=said.believed,
        two_factors_acr=said.two_factors_acr,
        groups=_groups(said.groups),
        sign_out=said.sign_out,
    )


def _groups(said: GroupSettings | None) -> Groups | None:
    if said is None:
        return None
    return Groups(said.claim, {group: frozenset(scopes) for group, scopes in said.scopes.items()})
