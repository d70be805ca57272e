"""The store's port for what is kept sealed. The promises of `port` hold here, too."""

from collections.abc import Sequence
from typing import Protocol

from tokenward.store.records import KeyPurpose, SealedContents, SigningKeyRecord


class Keys(Protocol):
    """The data key, sealed under the master key; signing keys and peppers, sealed under the data key.

    Nothing gets here before it was sealed.
    """

    async def data_key(self) -> bytes | None:
        """The sealed data key; None before there is one."""

    async def add_data_key(self, sealed: bytes, contents: SealedContents) -> bool:
        """Add the data key, with all that was sealed before there was one sealed anew, in one unit.

        Returns False, and changes nothing, if there is a data key: another process was first.
        """

    async def replace_data_key(self, old: bytes, new: bytes) -> bool:
        """Put `new` where `old` is; False, and nothing changed, if it is not there any more."""

    async def signing_keys(self, purpose: KeyPurpose) -> list[SigningKeyRecord]:
        """The keys of a purpose, in whatever state, by age."""

    async def change_signing_keys(
        self,
        purpose: KeyPurpose,
        old: Sequence[SigningKeyRecord],
        new: Sequence[SigningKeyRecord],
        *,
        at: float,
    ) -> bool:
        """Turn the keys of a purpose, which were read as `old`, into `new`, and tell the feed, in one unit.

        Keys are added and changed, never deleted: `new` has all of `old`. Returns False, and changes and
        tells nothing, if the keys are not `old` any more: another process was faster.
        """

    async def peppers(self) -> list[bytes]:
        """The sealed peppers, the one that writes first."""

    async def add_first_pepper(self, sealed: bytes) -> bool:
        """Add a pepper unless there is one; False if another process was first."""

    async def lasting_secret(self, name: str) -> bytes | None:
        """A sealed secret that never changes, or None."""

    async def add_lasting_secret(self, name: str, sealed: bytes) -> bool:
        """Add the secret unless there is one of that name; False if another process was first."""
