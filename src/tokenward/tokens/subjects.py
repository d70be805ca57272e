"""Subject identifiers: one for all, or another for each sector (OpenID Connect Core §8).

A pairwise subject is the same for one person within one sector and says nothing about the person's subject in
another: two applications, or two APIs, that put what they know together find no common number.
"""

import hmac
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from tokenward.tokens import base64url

SubjectType = Literal["public", "pairwise"]


def subject(key: bytes, user_id: str, sector: str) -> str:
    """The subject under which a sector knows the person: for the sector "" the public one.

    A pairwise one is the HMAC-SHA256 of sector and person under a key that never changes (§8.1), 43
    characters of base64url. A sector is the host of a client or the audience of an API: no text is both.
    """
    if not sector:
        return user_id
    # The length in front: no two pairs of texts give the same message.
    message = f"{len(sector)}:{sector}{user_id}".encode()
    return base64url.encode(hmac.digest(key, message, "sha256"))


def sector_identifier(redirect_uris: Sequence[str], named: str = "") -> str:
    """The sector of a client (OpenID Connect Core §8.1): the host of all its redirect addresses.

    Several hosts, custom schemes and loopback addresses make no sector, so that the operator has to name it.
    That stands in for `sector_identifier_uri`, whose document would vouch for the addresses: here the
    operator does.

    Args:
        redirect_uris: the registered ones.
        named: a host name that the operator chose, or "".

    Raises:
        ValueError: whose text says what to mend.
    """
    if named:
        if not _is_host(named):
            raise ValueError("a sector is a host name in lower case, such as shop.example")
        return named
    hosts = {urlsplit(uri).hostname or "" for uri in redirect_uris}
    if len(hosts) != 1:
        raise ValueError("redirect addresses on several hosts, or none, make no sector: name one")
    host = hosts.pop()
    if not _is_host(host) or _is_loopback(host):
        raise ValueError("custom schemes and loopback addresses belong to everybody: name a sector")
    return host


def _is_host(text: str) -> bool:
    labels = text.split(".")
    return len(text) <= 253 and all(
        label and label.isascii() and label.replace("-", "").isalnum() and label == label.lower()
        for label in labels
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
