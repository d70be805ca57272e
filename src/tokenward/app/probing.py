"""What `tokenward probe` does, whoever calls it: from a URL and a credential to a report."""

import shlex
import ssl
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from tokenward.app import key_sets
from tokenward.app.reports.audits import audit_report
from tokenward.app.reports.model import Report
from tokenward.app.reports.progress import Meter, progress
from tokenward.auditor.openapi.nodes import File
from tokenward.auditor.openapi.reading import NotOpenApi, read_api
from tokenward.auditor.openapi.references import BOUNDS, Library, read_file
from tokenward.auditor.openapi.view import Api
from tokenward.auditor.probing.asked import Asked, Watcher
from tokenward.auditor.probing.callers import Certificate
from tokenward.auditor.probing.cross_site import SAFE
from tokenward.auditor.probing.probe import probe
from tokenward.auditor.probing.wire import CannotProbe
from tokenward.base.addresses import LOOPBACK, is_within
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.documents.reading import parse_leniently
from tokenward.base.documents.source import SourceError
from tokenward.base.outbound import system_resolver
from tokenward.tokens.algorithms import ALGORITHMS
from tokenward.tokens.certificates import BadCertificate, parse_pem
from tokenward.tokens.keys import SigningKey
from tokenward.tokens.private_jwks import private_key
from tokenward.tokens.strict_json import read_object

_REVOKE_SECONDS = 60
_MOST_PEM = 1_000_000  # bytes


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
        CannotProbe: it cannot be had, or is none.
    """
    try:
        return key_sets.key_set(source)
    except ValueError as error:
        raise CannotProbe(f"--jwks: {error}") from None


def dpop_key(octets: bytes) -> SigningKey:
    """The private key that a token is bound to: PEM, or a JWK.

    Raises:
        CannotProbe: it is none, needs a password, or is of a kind that signs no proofs.
    """
    private: object
    named = ""
    try:
        if octets.lstrip().startswith(b"{"):
            jwk = read_object(octets)
            private, named = private_key(jwk), str(jwk.get("alg") or "")
        else:
            private = serialization.load_pem_private_key(octets, password=None)
    # The library's text may describe the key.
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CannotProbe(
            "--dpop-key is no private key that can be read: PEM without a password, or a JWK"
        ) from None
    for row in ALGORITHMS.values():
        if not row.symmetric and row.fits(private) and named in {"", row.name}:
            return SigningKey("dpop", row.name, private)  # type: ignore[arg-type]  # it fits
    raise CannotProbe("--dpop-key is of a kind that signs no proofs: P-256, Ed25519 and RSA do")


def certificate(chain: Path, key: Path) -> Certificate:
    """A client's certificate and its key.

    Raises:
        CannotProbe: a file cannot be read, or the two do not belong together.
    """
    try:
        leaf = parse_pem(chain.read_bytes()[:_MOST_PEM])[0]
        # An encrypted key must not make OpenSSL ask the terminal for a password.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(chain, key, password=lambda: "")
    except BadCertificate as error:
        raise CannotProbe(f"{chain} cannot be used: {error}") from None
    except ssl.SSLError:
        raise CannotProbe(
            f"{key} is no private key (PEM, without a password) of the certificate in {chain}"
        ) from None
    except OSError as error:
        raise CannotProbe(f"{error.filename or key} cannot be read: {error.strerror}") from None
    return Certificate(chain, key, leaf)


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
        return read_object(octets)
    except ValueError:
        raise CannotProbe("the claims are no JSON object") from None


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
