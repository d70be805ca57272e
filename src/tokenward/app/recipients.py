"""Who is told what of a person, in words: the release policy as `tokenward check` tells it."""

from collections.abc import Iterator, Sequence

from tokenward.app.settings import Settings
from tokenward.tokens.release import PERSONAL


def recipients(settings: Settings) -> Iterator[str]:
    """A line for each API: what it receives beyond the minimum, and which of it is personal data."""
    for name, api in settings.apis.items():
        claims = api.claims
        told = [
            f"{way}: {described(names)}"
            for way, names in (("inside JWT", claims.inside), ("introspection", claims.introspection))
            if names
        ]
        if claims.subject == "pairwise":
            told.append("pairwise subjects")
        yield f"{name} receives {'; '.join(told) if told else 'the minimum'}"


def described(names: Sequence[str]) -> str:
    """The claims, those that are personal data with what they are."""
    return ", ".join(f"{name} (personal: {PERSONAL[name]})" if name in PERSONAL else name for name in names)
