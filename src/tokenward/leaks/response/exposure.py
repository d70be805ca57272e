"""Since when a credential was exposed, and from where it was used: what a person asks first."""

from collections.abc import Mapping, Sequence

from tokenward.store.leak_records import Incident, Leaked, LeakKind, Seen
from tokenward.store.records import Usage, UsageKind
from tokenward.store.usage_port import Usages

USED_AS: Mapping[LeakKind, UsageKind] = {
    "access_token": "access_token",
    "refresh_token": "refresh_token",
    "api_key": "api_key",
    "client_secret": "client_secret",
}
"""Kinds of which it is written down from where they were used."""


def exposed_since(incident: Incident, seen: Sequence[Seen]) -> float:
    """Since when strangers may have had it, in seconds since 1970.

    Reporters say what they like. So it is never later than the first report, and never before there was such
    a credential.
    """
    told = [each.evidence.since for each in seen if each.evidence.since is not None]
    earliest = min((incident.reported_at, *told))
    issued_at = incident.leaked.issued_at
    return earliest if issued_at is None else max(earliest, min(issued_at, incident.reported_at))


async def uses_of(store: Usages, leaked: Leaked) -> list[Usage]:
    """From where it was used, as far as that is known, the latest first.

    Raises:
        StoreUnavailable: nobody can know.
    """
    kind = USED_AS.get(leaked.kind)
    return [] if kind is None else await store.usages(kind, leaked.subject)
