"""What the ways in which people sign in mean together: somebody must get in, and the right one."""

from collections.abc import Iterator, Mapping

from tokenward.app.findings import Remark
from tokenward.app.people_settings import GroupSettings, UpstreamSettings
from tokenward.app.settings import Settings
from tokenward.app.trust_consistency import keys_are_clear
from tokenward.base.documents.source import Keys
from tokenward.base.problems import Refusal
from tokenward.identity.claims import check_claim
from tokenward.identity.factors.passkeys import relying_party
from tokenward.issuer.settings import Resource


def people_get_in(settings: Settings) -> Iterator[Remark]:
    """Everything about `people` that does not fit together."""
    people = settings.people
    if not people.passwords and not people.upstream:
        passkeys = relying_party(settings.issuer.url, settings.name) is not None
        yield Remark(
            ("people", "passwords"),
            "warning" if passkeys else "error",
            "people",
            "nobody gets in but who has a passkey already" if passkeys else "nobody gets in",
            "name a provider under `upstream`, or leave passwords on",
        )
    names: set[str] = set()
    claims: set[str] = set()
    for number, each in enumerate(people.upstream):
        place: Keys = ("people", "upstream", number)
        if each.name in names:
            yield _error((*place, "name"), "two providers have this name", "give each its own")
        names.add(each.name)
        if each.issuer == settings.issuer.url:
            yield _error((*place, "issuer"), "this issuer is ours", "leave it out")
        yield from _upstream(place, each)
        if each.groups is not None:
            if each.groups.claim in claims:
                yield _error(
                    (*place, "groups", "claim"),
                    "two providers would write their groups into this claim",
                    "let one of them send them under another name",
                )
            claims.add(each.groups.claim)
    for number, each in enumerate(people.upstream):
        own = {each.groups.claim} if each.groups is not None else set()
        if (claims - own) & set(each.claims):
            yield _error(
                ("people", "upstream", number, "claims"),
                "this provider would write what another one's groups stand in",
                "leave the claim out, or let that other one send its groups under another name",
            )


def people_secrets(settings: Settings) -> Iterator[tuple[Keys, str]]:
    """The references among it, with their places."""
    for number, each in enumerate(settings.people.upstream):
        for name, reference in (("client_secret", each.client_secret), ("private_key", each.private_key)):
            if reference is not None:
                yield ("people", "upstream", number, name), reference


def unknown_group_scopes(settings: Settings, resources: Mapping[str, Resource]) -> Iterator[Remark]:
    """Scopes, or types of authorization details, that groups give, and that no API has."""
    known = frozenset[str]().union(*((*it.scopes, *it.details) for it in resources.values()))
    for number, each in enumerate(settings.people.upstream):
        for group, scopes in (each.groups.scopes if each.groups is not None else {}).items():
            for scope in scopes:
                if scope not in known:
                    yield _error(
                        ("people", "upstream", number, "groups", "scopes", group),
                        f"no API has a scope {scope}",
                        "name scopes that operations ask for",
                    )


def _upstream(place: Keys, said: UpstreamSettings) -> Iterator[Remark]:
    if (said.client_secret is None) is (said.private_key is None):
        yield _error(
            place,
            "there is no way, or more than one, to authenticate there",
            "name one of client_secret and private_key",
        )
    if "openid" not in said.scopes:
        yield _error(
            (*place, "scopes"), "without openid it tells nobody who signed in", "add openid to the scopes"
        )
    if said.link == "email" and not said.email_domains:
        yield _error(
            (*place, "link"),
            "nobody says of which addresses it may say that they are verified",
            "name their domains under email_domains",
        )
    if said.link == "none" and not said.create:
        yield Remark(
            place,
            "warning",
            "people",
            "nobody gets in through it but who did before",
            "say how people are recognised the first time (link: email), or let them get an account (create)",
        )
    if said.groups is not None:
        yield from _groups((*place, "groups"), said, said.groups)
    yield from keys_are_clear(place, said)


def _groups(place: Keys, said: UpstreamSettings, groups: GroupSettings) -> Iterator[Remark]:
    if groups.claim in said.claims:
        yield _error(
            (*place, "claim"), "this claim is copied as well", "leave it out of the provider's `claims`"
        )
    try:
        check_claim(groups.claim, sorted(groups.scopes))  # somebody may be in all of them
    except Refusal as refusal:
        yield _error((*place, "scopes"), refusal.detail, "name fewer groups, or another claim")


def _error(keys: Keys, text: str, remedy: str) -> Remark:
    return Remark(keys, "error", "people", text, remedy)
