"""How reports get to an issuer that the operator names."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from tokenward.app.locations import is_loopback
from tokenward.base.addresses import LOOPBACK
from tokenward.base.outbound import OutboundClient
from tokenward.base.secret import Secret
from tokenward.leaks.response.reporting import Sighting, Told, report

_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
"""An issuer may well be inside: the operator has named it. Plain HTTP is for this machine."""


async def report_to(issuer: str, seen: Sequence[Sighting], *, client_id: str, secret: Secret) -> list[Told]:
    """Tell the issuer at that URL; what became of each.

    Raises:
        ValueError: that is no https URL, nor an http one of this machine.
        CannotReport: it did not take it.
    """
    parts = urlsplit(issuer)
    local = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if parts.scheme != "https" and not local:
        raise ValueError("the issuer's URL is https, or http on this machine: a secret goes there")
    client = OutboundClient(
        allow=LOOPBACK if local else (*_PRIVATE, *LOOPBACK), https_only=not local, timeout=30.0
    )
    return await report(seen, issuer=issuer.rstrip("/"), client_id=client_id, secret=secret, client=client)
