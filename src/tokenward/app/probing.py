"""What `tokenward probe` does, whoever calls it: from a URL and a credential to a report."""

import ipaddress
import json
import shlex
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tokenward.app.reports.audits import audit_report
from tokenward.app.reports.model import Report
from tokenward.app.reports.progress import Meter, progress
from tokenward.auditor.openapi.nodes import File
from tokenward.auditor.openapi.reading import NotOpenApi, read_api
from tokenward.auditor.openapi.references import BOUNDS, Library, read_file
from tokenward.auditor.openapi.view import Api
from tokenward.auditor.probing.probe import Asked, Watcher, probe
from tokenward.auditor.probing.wire import CannotProbe
from tokenward.base.addresses import LOOPBACK, is_within
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.documents.reading import parse_leniently
from tokenward.base.documents.source import SourceError
from tokenward.base.outbound import OutboundClient, OutboundError, system_resolver

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110 §9.2.1)."""

_EVERYWHERE = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
_REVOKE_SECONDS = 60
_MOST_BYTES = 1_000_000


def report_on(asked: Asked, *, permitted: bool) -> Report:
    """Probe an API.

    Args:
        asked: what, and with what.
        permitted: whether the user says that a target on another machine is theirs to test.

    Raises:
        CannotProbe: nothing was found out; the message is for people.
    """
    there = _is_here(asked.url)
    if not there and not permitted:
        raise CannotProbe(
            f"{urlsplit(asked.url).netloc} is another machine. Hostile requests go only to what is yours, or "
            "what its owner lets you test: say so with --i-may-test-this"
        )
    if asked.method not in SAFE and not asked.unsafe:
        raise CannotProbe(f"{asked.method} may change things each time it is accepted: --unsafe-methods")
    with progress(f"probing {asked.url}") as meter:
        result = probe(asked, watcher=_Shown(meter))
    return audit_report("probe", "Probe of an API", result, at=SYSTEM_CLOCK.time())


class _Shown(Watcher):
    """Tells whoever watches."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def begins(self, trials: int) -> None:
        self._meter.expect(trials)

    def fired(self) -> None:
        self._meter.add(1)

    def listens(self, issuer: str) -> None:
        sys.stderr.write(f"test issuer: {issuer} (keys: {issuer}/jwks.json)\n")

    def waits(self) -> None:
        sys.stderr.write("waiting for the target to take its tokens\n")


def _is_here(url: str) -> bool:
    """Whether every address that the URL's host has is of this machine.

    Raises:
        CannotProbe: it is no URL of HTTP, or its host has no address.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if parts.scheme not in {"http", "https"} or not host:
        raise CannotProbe(f"{url!r} is no address: write it as https://api.example/accounts")
    try:
        addresses = system_resolver(host, port or 443)
    except (OSError, ValueError):  # ValueError: a label of over 63 characters
        raise CannotProbe(f"{host[:80]} has no address") from None
    return bool(addresses) and all(is_within(each, LOOPBACK) for each in addresses)


def is_here(url: str) -> bool:
    """Whether a target can reach our loopback addresses; False for what is no address."""
    with suppress(CannotProbe):
        return _is_here(url)
    return False


def address_of(text: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`.

    Raises:
        CannotProbe: it is none.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise CannotProbe(f"--test-issuer {text}: write it as 127.0.0.1:9400")
    return host.strip("[]"), int(port)


def key_set(source: str) -> Mapping[str, Any]:
    """The JWK Set in a file or at a URL.

    Raises:
        CannotProbe: it cannot be read, or is none.
    """
    try:
        if source.startswith(("http://", "https://")):
            # The user's own words: private addresses are as good as any.
            client = OutboundClient(allow=_EVERYWHERE, timeout=10.0, https_only=False, max_bytes=_MOST_BYTES)
            octets = client.get(source)
        else:
            octets = Path(source).read_bytes()[:_MOST_BYTES]
        found = json.loads(octets)
    except OutboundError as error:
        raise CannotProbe(f"the key set cannot be fetched: {error}") from None
    except OSError as error:
        raise CannotProbe(f"cannot read {source}: {error.strerror}") from None
    except ValueError:
        raise CannotProbe(f"{source} is no JSON") from None
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise CannotProbe(f"{source} is no JWK Set")
    return {"keys": keys}


def document(path: Path) -> Api:
    """The API that an OpenAPI document describes.

    Raises:
        CannotProbe: it cannot be read, or is none.
    """
    content = read_file(path, lambda why: CannotProbe(f"{path}: {why}"))
    try:
        source = parse_leniently(content, path, BOUNDS)
        whole = path.resolve()
        return read_api(Library(File(str(path), str(whole), source), whole.parent))
    except SourceError as error:
        raise CannotProbe(f"{path}:{error.line}:{error.column}: {error.text}: {error.remedy}") from None
    except NotOpenApi as error:
        raise CannotProbe(f"{path}: {error}") from None


def claims_of(octets: bytes) -> Mapping[str, Any]:
    """Claims out of a JSON object.

    Raises:
        CannotProbe: it is none.
    """
    try:
        found = json.loads(octets)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise CannotProbe("the claims are no JSON object")
    return found


def running(command: str) -> None:
    """Run the user's command, which revokes the token.

    Raises:
        CannotProbe: it cannot be run, or fails.
    """
    try:
        ended = subprocess.run(  # noqa: S603 - the user's own command
            shlex.split(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_REVOKE_SECONDS,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise CannotProbe(f"the command could not be run: {error}") from None
    if ended.returncode:
        told = ended.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2][:300]
        raise CannotProbe(f"the command failed with exit code {ended.returncode}{told and f': {told}'}")
