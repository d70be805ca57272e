"""What a server's address says about where it is."""

import re
from ipaddress import ip_address

from tokenward.auditor.openapi.words import words
from tokenward.base.addresses import is_loopback

_AUTHORITY = re.compile(r"^[A-Za-z{][A-Za-z0-9+.{}_-]*://([^/?#]*)|^//([^/?#]*)")
_LOCAL = ("localhost", ".localhost", "host.docker.internal")
_INTERNAL = (".local", ".internal", ".intranet", ".corp", ".lan", ".home", ".private", ".svc", ".localdomain")
_TRIAL = frozenset({
    "dev", "develop", "development", "test", "testing", "stage", "staging", "stg", "qa", "uat",
    "preprod", "preview", "nonprod", "beta", "alpha", "int", "integration",
})  # fmt: skip


def host_of(url: str, *, whole: bool = False) -> str:
    """The host of an address, in lower case; "" where it has none. `whole`: as it stands there."""
    match = _AUTHORITY.match(url)
    if match is None:
        return ""
    authority = (match[1] if match[1] is not None else match[2]).rpartition("@")[2]
    if whole:
        return authority
    if authority.startswith("["):
        return authority[1:].partition("]")[0].lower()
    return authority.partition(":")[0].lower()


def is_local(host: str) -> bool:
    """This machine."""
    return is_loopback(host) or host.endswith(_LOCAL)


def is_internal(host: str) -> bool:
    """A name or an address that means something only inside a network."""
    if host.endswith(_INTERNAL):
        return True
    try:
        return not ip_address(host).is_global
    except ValueError:
        return False


def is_trial(host: str, description: str) -> bool:
    """Not where real data is, by its name or by what is said of it."""
    labels = host.split(".")[:-1]  # `.dev` is also a top-level domain
    return any(word in _TRIAL for label in labels for word in words(label)) or any(
        word in _TRIAL for word in words(description)
    )
