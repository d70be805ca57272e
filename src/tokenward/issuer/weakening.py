"""What makes a client weaker than its type is: the one table, and the reason that whoever wants it gives.

A type sets safe defaults (docs/how-to/connect-an-agent.md has them side by side). What can be turned to
something less safe needs a reason when the client is registered, which is kept and shown with the client.
docs/decisions/0016-what-needs-a-reason.md says what is in the table and what is not.
"""

from collections.abc import Callable

from tokenward.base.problems import INVALID_INPUT, Refusal
from tokenward.store.records import Client

SHORTEST_REASON, LONGEST_REASON = 10, 300
"""Characters."""

_WEAKER: tuple[tuple[Callable[[Client], bool], str], ...] = (
    (
        lambda client: client.access_token_format == "jwt",  # noqa: S105 - a form, not a token
        "whoever holds one of its access tokens can read it, and who verifies it alone sees no revocation",
    ),
)


def weaker(client: Client) -> tuple[str, ...]:
    """What is weaker about it than its type is, a sentence each."""
    return tuple(means for is_so, means in _WEAKER if is_so(client))


def check_reason(client: Client) -> None:
    """A client that is weaker has a reason, and no other has one.

    Raises:
        Refusal: INVALID_INPUT, whose detail says what to mend.
    """
    means = weaker(client)
    if not means and client.reason:
        raise Refusal(INVALID_INPUT, "a reason for nothing: it is as its type is, so leave it out")
    if means and not client.reason:
        raise Refusal(INVALID_INPUT, f"{means[0]}: give a reason why that is good enough, or leave it out")
    if not client.reason:
        return
    size = len(client.reason.strip())
    if not SHORTEST_REASON <= size <= LONGEST_REASON or not client.reason.isprintable():
        raise Refusal(
            INVALID_INPUT,
            f"a reason has {SHORTEST_REASON} to {LONGEST_REASON} printable characters",
        )
