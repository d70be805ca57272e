"""How reports get to an issuer that the operator names, and as whom."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from tokenward.base.addresses import LOOPBACK, PRIVATE, is_loopback
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.outbound import OutboundClient
from tokenward.base.references import resolve
from tokenward.base.secret import Secret
from tokenward.leaks.response.reporting import (
    Authenticate,
    CannotReport,
    Sighting,
    Told,
    by_key,
    by_secret,
    report,
    sightings,
)
from tokenward.leaks.result import ScanResult, Validity

_STATES: dict[str, tuple[Literal["valid", "refused", "ended", "unknown"], str]] = {
    "revoked": ("ended", "its issuer has ended it"),
    "over": ("refused", "it was over before"),
    "unknown": ("refused", "its issuer does not know it"),
    "confirm": ("valid", "its end waits for a person at the issuer"),
    "alert": ("valid", "its issuer keeps it alive, and watches"),
    "accepted": ("unknown", "its issuer took the report, and tells this client no more"),
}
"""What an issuer answers → the state of the credential, and why."""


def credential_of(
    *, client_id: str = "", client_secret: str = "", client_key: str = "", access_token: str = ""
) -> Secret | Authenticate:
    """As whom to report: all but the client's id are references, such as `env:NAME`.

    Args:
        client_id: of a client with the scope `leaks:report`.
        client_secret: its secret.
        client_key: its private key in PEM, unencrypted; registered under its thumbprint.
        access_token: in the place of all that.

    Raises:
        ValueError: not exactly one way is there, or what a reference names is not.
    """
    ways = [way for way in (client_secret, client_key, access_token) if way]
    if len(ways) != 1 or bool(client_id) is bool(access_token):
        raise ValueError(
            "one way to say who reports: a client's id with its secret or key, or an access token"
        )
    kept = resolve(ways[0], base_dir=Path.cwd())
    if access_token:
        return kept
    if client_secret:
        return by_secret(client_id, kept)
    from tokenward.app.trust import read_private_key  # noqa: PLC0415 - brings the whole gateway along

    return by_key(client_id, read_private_key(kept))


async def report_to(issuer: str, seen: Sequence[Sighting], credential: Secret | Authenticate) -> list[Told]:
    """Tell the issuer at that URL; what became of each.

    Raises:
        ValueError: that is no https URL, nor an http one of this machine.
        CannotReport: it did not take it.
    """
    local = is_local(issuer)
    # An issuer may well be inside: the operator has named it. Plain HTTP is for this machine.
    client = OutboundClient(
        allow=LOOPBACK if local else (*PRIVATE, *LOOPBACK), https_only=not local, timeout=30.0
    )
    return await report(seen, issuer=issuer.rstrip("/"), credential=credential, client=client)


def is_local(issuer: str) -> bool:
    """Whether an issuer's URL is plain HTTP to this machine.

    Raises:
        ValueError: as `report_to`.
    """
    parts = urlsplit(issuer)
    local = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if parts.scheme != "https" and not local:
        raise ValueError("the issuer's URL is https, or http on this machine: a secret goes there")
    return local


def tell_issuer(
    result: ScanResult, issuer: str, credential: Secret | Authenticate, *, clock: Clock = SYSTEM_CLOCK
) -> tuple[ScanResult, str]:
    """Tell an issuer what a scan found of its credentials: their ids, fingerprints and places.

    Accepted findings are not told: whoever accepted them wants them to live.

    Returns:
        The result with what was answered, and why something could not be told; "" where all was.

    Raises:
        ValueError: as `report_to`.
    """
    seen = sightings(result.findings)
    if not seen:
        return result, ""
    host, failure = urlsplit(issuer).netloc, ""
    answers: list[Told] = []
    try:
        answers = asyncio.run(report_to(issuer, seen, credential))
    except CannotReport as error:
        failure = str(error)
    told = {
        each.fingerprint: Validity("unknown", host, "it did not take the report", clock.time())
        for each in seen
    }
    for each, answer in zip(seen, answers, strict=False):
        state, why = _STATES.get(answer.status, ("unknown", "its issuer says nothing that is known here"))
        if answer.incident:
            why += f" (incident {answer.incident})"
        told[each.fingerprint] = Validity(state, host, why, clock.time())
    return result.told(told), failure
