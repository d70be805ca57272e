"""JWK Sets that a person names for the auditor: in a file, or at a URL."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tokenward.app.jwk_files import read_key_file
from tokenward.base.addresses import LOOPBACK, PRIVATE
from tokenward.base.outbound import OutboundClient, OutboundError
from tokenward.tokens import strict_json
from tokenward.tokens.jwks import MAX_BYTES

_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def is_url(source: str) -> bool:
    """Whether a person means a URL, and not a file."""
    return "://" in source


def key_set(source: str) -> Mapping[str, Any]:
    """The JWK Set in a file, or at a URL.

    Raises:
        ValueError: it cannot be had, or is none; the message is for people.
    """
    if not is_url(source):
        return key_set_in(Path(source))
    if why := why_not_fetched(source, source):
        raise ValueError(why)
    try:
        return key_set_at(source, named=source)
    except OutboundError as error:
        raise ValueError(f"the key set at {source} cannot be had: {error.detail}") from None
    except ValueError as error:
        raise ValueError(f"the key set at {source} cannot be used: {error}") from None


def key_set_in(path: Path) -> dict[str, Any]:
    """The JWK Set in a file.

    Raises:
        ValueError: it cannot be read, or is none; the message is for people.
    """
    return _checked(read_key_file(path, MAX_BYTES), path.name)


def key_set_at(url: str, *, named: str) -> dict[str, Any]:
    """The JWK Set at a URL.

    Args:
        url: where it is.
        named: what the person named: this URL, or that of the issuer whose metadata leads to it.

    Raises:
        OutboundError: it cannot be fetched.
        ValueError: it is none, or at an address that may not be fetched; the message is for people.
    """
    return _checked(fetched(url, named), "what is there")


def fetched(url: str, named: str) -> bytes:
    """What is at a URL. Addresses inside are for the origin that was named, never for one it leads to.

    Raises:
        OutboundError: it cannot be fetched.
        ValueError: it may not be; the message is for people.
    """
    if why := why_not_fetched(url, named):
        raise ValueError(why)
    theirs, local = _is_theirs(url, named)
    allow = (*LOOPBACK, *PRIVATE) if theirs else ()
    return OutboundClient(allow=allow, https_only=not local, max_bytes=MAX_BYTES).get(url)


def why_not_fetched(url: str, named: str) -> str:
    """Why keys are not fetched there, in words; "" if they are."""
    try:
        local, scheme = _is_theirs(url, named)[1], urlsplit(url).scheme
    except ValueError:
        return "that is no URL"
    if scheme == "https" or (local and scheme == "http"):
        return ""
    return "keys are fetched by https, or by http from this machine: any other line can be changed"


def _is_theirs(url: str, named: str) -> tuple[bool, bool]:
    """Whether `url` has the origin that was named, and whether that is this machine."""
    parts, origin = urlsplit(url), urlsplit(named)
    theirs = (parts.scheme, parts.netloc) == (origin.scheme, origin.netloc)
    return theirs, theirs and parts.hostname in _LOCAL_HOSTS


def _checked(data: bytes, name: str) -> dict[str, Any]:
    try:
        found = strict_json.read_object(data)
    except ValueError:
        raise ValueError(f"{name} is no JSON object, and a JWK Set is") from None
    keys = found.get("keys")
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise ValueError(f"{name} is no JWK Set: it has no list of `keys`")
    return found
