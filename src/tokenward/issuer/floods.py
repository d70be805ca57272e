"""What costs a row of the store before anybody is known: counted, over all processes that share counters.

Without Redis each process counts for itself, as for the limits of APIs; the store is bounded all the same,
since rows like these end soon.
"""

from inspect import isawaitable
from math import ceil
from typing import NamedTuple

from tokenward.base.problems import TOO_MANY_REQUESTS, Refusal
from tokenward.base.rates import Count, Counters, Rate


class Flood(NamedTuple):
    """One way to fill the store.

    Attributes:
        what: is counted, for the log.
        rate: how many a subject may have at once, and how soon again.
    """

    what: str
    rate: Rate


DEVICES = Flood("devices that ask", Rate(30, 300))
"""Of clients that prove nothing, by peer: each costs a row for an hour."""

PUSHING_PEERS = Flood("requests that are pushed by who proves nothing", Rate(30, 120))
"""By peer: each costs a row for half an hour."""

PUSHING_CLIENTS = Flood("requests that a client pushes", Rate(5000, 50))
"""By client, of those that prove themselves."""

REGISTERING = Flood("registrations", Rate(20, 1200))
"""By peer."""


async def count(counters: Counters, flood: Flood, subject: str) -> None:
    """Count one more of a subject's.

    Raises:
        Refusal: TOO_MANY_REQUESTS.
    """
    tally = counters.take([Count(f"issuer: {flood.what}", subject, flood.rate)])
    if isawaitable(tally):
        tally = await tally
    if not tally.taken:
        raise Refusal(TOO_MANY_REQUESTS, flood.what, retry_after=ceil(tally.levels[0].wait))
