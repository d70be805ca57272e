"""Where the calls of schemathesis come from; imported without Tokenward."""

import itertools
from ipaddress import IPv4Address

# No `random`: schemathesis sets its seed anew for each example, and all would come from the same few places.
_NUMBERS = itertools.count(int(IPv4Address("10.0.0.1")))


def come_from_elsewhere(case) -> None:
    """An address that was not seen before: what one may do is bounded, and tried elsewhere."""
    case.headers["X-Forwarded-For"] = str(IPv4Address(next(_NUMBERS)))
