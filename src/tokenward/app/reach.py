"""Whether anybody can reach an operation at all: whether tokens can be good enough for it."""

from collections.abc import Iterator, Sequence

from tokenward.app.findings import Remark
from tokenward.app.settings import Settings
from tokenward.gateway.policy import Api


def out_of_reach(settings: Settings, apis: Sequence[Api]) -> Iterator[Remark]:
    """Operations of a tier that accepts no token as it is issued here, where no others are trusted."""
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


def _some(names: Sequence[str]) -> str:
    """The first three, and how many more there are."""
    more = len(names) - 3
    return ", ".join(names[:3]) + (f" and {more} more" if more > 0 else "")
