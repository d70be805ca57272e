"""GitHub's public keys, from their list; nobody is believed while it cannot be had."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.outbound import OutboundError
from tokenward.base.problems import UNAVAILABLE, Refusal
from tokenward.tokens import strict_json

KEYS_KEPT = 3600.0  # seconds
KEYS_AGAIN = 120.0  # seconds between two fetches for keys that are not in the list
FAILED_AGAIN = 5.0  # seconds between two fetches of a list that could not be had
_MOST_KEYS = 50

Fetch = Callable[[str], Awaitable[bytes]]


class GithubKeys:
    """Remembers the keys for `KEYS_KEPT` seconds, and then fetches them anew.

    Args:
        url: of the list.
        fetch: gives the bytes at a URL.
        clock: its monotonic reading counts.
    """

    def __init__(self, url: str, fetch: Fetch, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._url = url
        self._fetch = fetch
        self._clock = clock
        self._keys: Mapping[str, ec.EllipticCurvePublicKey] = {}
        self._fetched_at = -math.inf
        self._failed_at = -math.inf
        self._fetching = asyncio.Lock()

    async def key(self, identifier: str) -> ec.EllipticCurvePublicKey | None:
        """The key of that name; None if GitHub publishes none such.

        A name that is not known may be that of a new key, for which the list is fetched again, at most every
        `KEYS_AGAIN` seconds: strangers can ask for any name.

        Raises:
            Refusal: UNAVAILABLE, that cannot be known now.
        """
        async with self._fetching:
            age = self._clock.monotonic() - self._fetched_at
            if age > KEYS_KEPT or (identifier not in self._keys and age > KEYS_AGAIN):
                await self._renew()
            return self._keys.get(identifier)

    async def _renew(self) -> None:
        now = self._clock.monotonic()
        if now - self._failed_at < FAILED_AGAIN:
            raise Refusal(UNAVAILABLE, "GitHub's keys could not be had a moment ago", retry_after=5)
        try:
            self._keys = _read_keys(await self._fetch(self._url))
        except (OutboundError, OSError, ValueError) as error:
            self._failed_at = now
            why = error.code if isinstance(error, OutboundError) else "not a list of keys"
            raise Refusal(UNAVAILABLE, f"GitHub's keys: {why}", retry_after=5) from None
        self._fetched_at = now


def _read_keys(data: bytes) -> dict[str, ec.EllipticCurvePublicKey]:
    """Keys by name. Those that are no longer current count, too: what is under way was signed with them.

    Raises:
        ValueError: it is no list of keys, or holds none on P-256.
    """
    listed = strict_json.read_object(data).get("public_keys")
    if not isinstance(listed, list) or len(listed) > _MOST_KEYS:
        raise ValueError("no list of keys")
    keys = {}
    for each in listed:
        entry = each if isinstance(each, dict) else {}
        identifier, text = entry.get("key_identifier"), entry.get("key")
        if not isinstance(identifier, str) or not isinstance(text, str):
            raise ValueError("a key without name or text")  # noqa: TRY004 - JSON from outside
        try:
            key = load_pem_public_key(text.encode())
        except UnsupportedAlgorithm:
            continue
        if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
            keys[identifier] = key
    if not keys:
        raise ValueError("none of the keys is on P-256")
    return keys
