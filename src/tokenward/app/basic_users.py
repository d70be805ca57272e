"""The file with the users of Basic authentication: lines of `NAME:HASH`, as `htpasswd` has them."""

import re
from collections.abc import Mapping

from argon2 import Parameters, PasswordHasher, Type, extract_parameters
from argon2.exceptions import InvalidHashError

from tokenward.base.secret import Secret

_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_LARGEST = 256 * 1024  # KiB of memory that one comparison may take


def read_users(text: Secret) -> Mapping[str, str]:
    """Name → PHC string. Empty lines and those that begin with `#` say nothing.

    All hashes have one cost: otherwise the time of an answer would tell whether a name exists.

    Raises:
        ValueError: a line is none of these; with its number, and nothing of what is in it.
    """
    users: dict[str, str] = {}
    costs: list[Parameters] = []
    for number, line in enumerate(text.reveal().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, phc = line.strip().partition(":")
        if not _NAME.fullmatch(name) or name in users:
            raise ValueError(f"line {number} does not begin with the name of another user and a colon")
        users[name] = phc
        costs.append(_cost(phc, number))
    if not costs or any(cost != costs[0] for cost in costs):
        raise ValueError("there are no users" if not costs else "the hashes differ in their cost")
    return users


def hasher(users: Mapping[str, str]) -> PasswordHasher:
    """What hashes at the cost of these users, also for a name that nobody has."""
    return PasswordHasher.from_parameters(extract_parameters(next(iter(users.values()))))


def _cost(phc: str, number: int) -> Parameters:
    try:
        cost = extract_parameters(phc)
    except (InvalidHashError, ValueError):  # the library's text may hold the hash
        raise ValueError(f"line {number} has no argon2id hash after the name") from None
    if cost.type is not Type.ID or cost.memory_cost > _LARGEST:
        raise ValueError(f"line {number} has a hash that is not argon2id, or asks for over 256 MiB")
    return cost
