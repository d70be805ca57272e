"""What the sources of trust mean together: every credential must have one judge, and the right one."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from tokenward.app.findings import Remark
from tokenward.app.settings import Settings
from tokenward.app.trust_settings import ForeignIssuer, IntrospectionTrust, IssuerKeys, TrustSource
from tokenward.base.documents.source import Keys
from tokenward.tokens.algorithms import known

OWN_TOKENS = "tkw_"


def trust_is_clear(settings: Settings) -> Iterator[Remark]:
    """Everything about `trust` that does not fit together."""
    for name, api in settings.apis.items():
        place: Keys = ("apis", name, "trust")
        if not api.own_issuer and not api.trust:
            yield _error(
                ("apis", name, "own_issuer"),
                "nobody's credentials count here",
                "name a source under `trust`, or leave own_issuer out",
            )
        if sum(it.basic is not None for it in api.trust) > 1:
            yield _error(place, "there are two lists of users", "keep one of them")
        yield from _issuers(settings, place, api.trust)
        yield from _prefixes(place, api.trust)
        for number, source in enumerate(api.trust):
            if source.jwt is not None:
                yield from keys_are_clear((*place, number, "jwt"), source.jwt)
            if source.introspection is not None:
                yield from _introspection((*place, number, "introspection"), source.introspection)


def _issuers(settings: Settings, place: Keys, sources: Sequence[TrustSource]) -> Iterator[Remark]:
    seen = set()
    for number, source in enumerate(sources):
        for kind, said in (("jwt", source.jwt), ("introspection", source.introspection)):
            if said is None:
                continue
            keys = (*place, number, kind, "issuer")
            if said.issuer == settings.issuer.url or said.issuer.startswith(settings.gateway.url):
                # Above all the inside one: what a backend gets must be worth nothing at the door.
                yield _error(keys, "this issuer is one of ours", "leave it out: ours needs no mention")
            if (kind, said.issuer) in seen:
                yield _error(keys, "this issuer is named twice", "keep one of them")
            seen.add((kind, said.issuer))
            yield from _foreign((*place, number, kind), said)


def _foreign(place: Keys, said: ForeignIssuer) -> Iterator[Remark]:
    if said.scope_prefix and said.scope_map:
        yield _error((*place, "scope_map"), "scopes are translated in two ways", "keep one of them")
    if said.two_factors_acr and not said.sign_in:
        yield _error(
            (*place, "two_factors_acr"),
            "nobody believes what this issuer says of a sign-in",
            "add sign_in: true, or leave two_factors_acr out",
        )


def _prefixes(place: Keys, sources: Sequence[TrustSource]) -> Iterator[Remark]:
    said = [(number, it.introspection) for number, it in enumerate(sources) if it.introspection is not None]
    for number, one in said:
        if one.prefix and (one.prefix.startswith(OWN_TOKENS) or OWN_TOKENS.startswith(one.prefix)):
            yield _error(
                (*place, number, "introspection", "prefix"),
                "our own tokens begin like this",
                "name what only the tokens of this issuer begin with",
            )
    for (_, one), (number, other) in combinations(said, 2):
        if one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix):
            yield _error(
                (*place, number, "introspection", "prefix"),
                f"a token could be shown to {one.issuer} and to {other.issuer}",
                "give each a prefix that tells its tokens from the other's",
            )


def _introspection(place: Keys, said: IntrospectionTrust) -> Iterator[Remark]:
    if (said.client_secret is None) is (said.private_key is None):
        yield _error(
            place,
            "there is no way, or more than one, to authenticate there",
            "name one of client_secret and private_key",
        )
    if said.signed is not None:
        yield from keys_are_clear((*place, "signed"), said.signed)


def keys_are_clear(place: Keys, said: IssuerKeys) -> Iterator[Remark]:
    """What does not fit together about where the keys of an issuer are."""
    if said.jwks is not None and said.jwks_uri is not None:
        yield _error((*place, "jwks"), "there are two places for its keys", "keep one of them")
    try:
        known(said.algorithms)
    except ValueError as error:
        yield _error((*place, "algorithms"), str(error), "name each once, such as [RS256, ES256]")


def _error(keys: Keys, text: str, remedy: str) -> Remark:
    return Remark(keys, "error", "trust", text, remedy)
