"""Whether anybody can reach an operation at all: whether tokens can be good enough for it."""

from collections.abc import Iterator, Sequence

from tokenward.app.api_settings import ApiSettings
from tokenward.app.findings import Remark
from tokenward.app.settings import Settings
from tokenward.gateway.policy import Api
from tokenward.gateway.tiers import Tier, two_factors
from tokenward.identity.signin import SIGN_INS


def out_of_reach(settings: Settings, apis: Sequence[Api]) -> Iterator[Remark]:
    """Operations of a tier that accepts no token as it is issued here, where no others are trusted."""
    yield from _without_two_factors(settings, apis)
    lifetime = settings.tokens.access_token
    apis = [api for api in apis if not settings.apis[api.name].trust]
    tiers = {operation.tier for api in apis for operation in api.operations}
    for tier in sorted(tiers, key=lambda it: it.name):
        if tier.max_lifetime is not None and lifetime > tier.max_lifetime:
            barred = [
                f"{api.name}: {operation.label}"
                for api in apis
                for operation in api.operations
                if operation.tier == tier
            ]
            yield Remark(
                ("tokens", "access_token"),
                "error",
                "unreachable",
                f"tokens live {lifetime} s, and tier {tier.name} accepts {tier.max_lifetime:.0f} s: "
                f"nobody could call {_some(barred)}",
                f"let access tokens live {tier.max_lifetime:.0f} s at most",
            )


def _without_two_factors(settings: Settings, apis: Sequence[Api]) -> Iterator[Remark]:
    """A tier that asks for two factors where nobody can show them is no tier: not even a weaker one."""
    if any(two_factors(amr) for amr in SIGN_INS):
        return
    for api in apis:
        barred = [
            operation.label
            for operation in api.operations
            if operation.tier.two_factors_within is not None
            and not _believed(settings.apis[api.name], operation.tier)
        ]
        if barred:
            yield Remark(
                ("apis", api.name),
                "error",
                "unreachable",
                f"nobody could call {_some(barred)}: people sign in with a password here, and critical asks "
                "for two factors",
                "choose high until there are two, or trust an issuer that is believed about the sign-in",
            )


def _believed(api: ApiSettings, tier: Tier) -> bool:
    """Whether tokens of another issuer could be good enough."""
    issuers = (each for source in api.trust for each in (source.jwt, source.introspection))
    return any(it is not None and it.sign_in and it.credential in tier.credentials for it in issuers)


def _some(names: Sequence[str]) -> str:
    """The first three, and how many more there are."""
    more = len(names) - 3
    return ", ".join(names[:3]) + (f" and {more} more" if more > 0 else "")
