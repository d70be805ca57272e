"""What the rest of the house may ask of the store about the device flow (RFC 8628).

The promises of `port` hold here, too. A code is answered once, by one conditional statement: of any number of
people and clicks, one approves or denies it, and of any number of polls, one fetches what was approved.
"""

from collections.abc import Sequence
from typing import Protocol

from tokenward.store.device_records import DeviceCode, DeviceCodeState, Poll
from tokenward.store.records import AccessToken, Consumption, Grant, RefreshToken
from tokenward.tokens.binding import Confirmation

SLOWER = 5
"""Seconds by which the interval grows with each poll that comes too soon (RFC 8628 §3.5)."""


class DeviceCodes(Protocol):
    """Devices that ask."""

    async def add_device_code(self, code: DeviceCode) -> None:
        """Add a device that asks.

        Raises:
            AlreadyExists: the locator, or the user code, is taken.
        """

    async def device_code(self, token_id: str) -> DeviceCodeState | None:
        """A device code by its locator: answered, fetched and expired ones, too; None if there is none."""

    async def asking_device(self, user_code_hashes: Sequence[bytes], at: float) -> DeviceCode | None:
        """The device whose user code has one of these hashes, and that still waits for an answer.

        None for everything else alike: unknown, expired, answered, or of a client that was removed, or whose
        secret got into strange hands, since it asked.
        """

    async def approve_device(self, token_id: str, grant: Grant) -> bool:
        """Answer a device that still waits, at the moment of the grant, with this grant.

        False, and nothing changes, for all that `asking_device` gives None for.

        Raises:
            AlreadyExists: the grant_id is taken.
        """

    async def deny_device(self, token_id: str, at: float) -> bool:
        """Answer a device that still waits with a no; False, and nothing, as `approve_device`."""

    async def poll_device(self, token_id: str, cnf: Confirmation | None, at: float) -> Poll:
        """Note a poll of a device that waits, with the key that it proved.

        The first poll's key is that of all. One that comes sooner after the last than the interval says makes
        the interval longer by `SLOWER`, whatever process each of them came to.
        """

    async def redeem_device_code(
        self,
        token_id: str,
        access: AccessToken,
        refresh: RefreshToken | None,
        *,
        cnf: Confirmation | None,
        at: float,
    ) -> Consumption:
        """Consume an approved device code and insert what it gives, in one unit.

        REVOKED_OR_EXPIRED also where an earlier poll proved another key than `cnf`. ALREADY_CONSUMED revokes
        the grant, in the same unit, as `Tokens.redeem_code` does.

        Raises:
            AlreadyExists: a locator is taken; nothing was consumed.
        """
