"""An API key, for an API that takes nothing better: kept elsewhere, and shown to that API only."""

# ruff: noqa: PLC0415 - what does the work is imported when a key is asked for

import math
import re
from typing import ClassVar

from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.references import parse
from tokenward.client.errors import TokenError
from tokenward.client.token import Token
from tokenward.client.token_source import TokenSource

LOOKED_UP_AGAIN = 5.0
"""Seconds in which only one refusal by an API leads to another look: a key that is dead stays so."""

_HEADER = re.compile(r"[A-Za-z0-9-]+")


class ApiKey(TokenSource):
    """A key that whoever holds it can use, for as long as it lives.

    It is looked up when it is needed first, and again when the API refuses it, so that a rotated key is
    picked up without a restart. With a short token in its place (`TokenExchange`) it seldom travels.

    Args:
        reference: where it is kept: `keyring:SERVICE/NAME`, `env:NAME`, `file:PATH`, `cmd:COMMAND`.
        resource: the API that it is for, an absolute URL. It is shown to nobody else.
        header: in which header it goes as it is, such as `X-API-Key`; by default as `Authorization: Bearer`.

    Raises:
        ValueError: it is no reference, or the header is none.
    """

    exchanged_as: ClassVar[str] = "urn:tokenward:token-type:api_key"

    def __init__(self, reference: str, *, resource: str, header: str = "") -> None:
        parse(reference)
        if header and (not _HEADER.fullmatch(header) or header.lower() in _OTHERS):
            raise ValueError("header must be the name of a header for the key, such as X-API-Key")
        self.resource = resource
        self._reference = reference
        self._header = header
        self._kept: Token | None = None
        self._looked_up_at = float("-inf")

    def token(self) -> Token:
        """The key.

        Raises:
            TokenError: it cannot be had.
        """
        kept = self._kept
        if kept is None:
            kept = self._kept = self._looked_up()
        return kept

    async def token_async(self) -> Token:
        """As `token`, without blocking the event loop: a keyring or a command may take its time.

        Raises:
            TokenError: as `token`.
        """
        from asyncio import to_thread

        kept = self._kept
        return kept if kept is not None else await to_thread(self.token)

    def reject(self, token: Token) -> bool:
        """Look it up once more, unless that was done a moment ago."""
        if self._kept is not token:
            return True
        if SYSTEM_CLOCK.monotonic() - self._looked_up_at < LOOKED_UP_AGAIN:
            return False
        self._kept = None
        return True

    def _looked_up(self) -> Token:
        from tokenward.client.authentication import looked_up

        self._looked_up_at = SYSTEM_CLOCK.monotonic()
        key = looked_up(self._reference)
        text = key.reveal()
        if not (text.isascii() and text.isprintable()) or " " in text:
            # Found here, since who sends it would repeat it in the complaint.
            raise TokenError(
                "secret_unavailable", "what is kept there is no API key: it has other characters"
            )
        return Token(key, (), SYSTEM_CLOCK.time(), math.inf, header=self._header)


# What a client sets itself, or an intermediary reads.
_OTHERS = frozenset({"authorization", "connection", "content-length", "cookie", "host", "transfer-encoding"})
