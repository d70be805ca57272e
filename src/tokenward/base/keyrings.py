"""The system's key store: where secrets lie that no file holds.

Whoever reads a `keyring:` reference and whoever moves a secret there meet here. Back ends of `keyring`
are plug-ins and raise what they like. What they say may quote what they were given: only its kind is told.
"""

# ruff: noqa: PLC0415 - the back ends take a tenth of a second to load, and few need them

from collections.abc import Callable
from typing import TypeVar

from tokenward.base.secret import Secret

T = TypeVar("T")

# Any other back end may write in the clear, and some do (`keyrings.alt`).
_SEALED = frozenset({"SecretService", "kwallet", "libsecret", "macOS", "Windows"})


def usable() -> bool:
    """Whether there is a key store that keeps secrets sealed. A locked one is usable once it is unlocked."""
    import keyring

    chosen = keyring.get_keyring()
    # The first of a chain is the one that is written to.
    backend = next(iter(getattr(chosen, "backends", [])), chosen)
    package, _, module = type(backend).__module__.rpartition(".")
    return package == "keyring.backends" and module in _SEALED


def look_up(service: str, name: str) -> Secret | None:
    """What is kept under that name; None for nothing.

    Raises:
        ValueError: the key store cannot be read. The message holds nothing of what is in it.
    """
    import keyring

    found = _told("read", lambda: keyring.get_password(service, name))
    if found is not None and any("\ud800" <= each <= "\udfff" for each in found):
        raise ValueError("what the keyring holds is not UTF-8")
    return None if found is None else Secret(found)


def keep(service: str, name: str, secret: Secret) -> None:
    """Keep a secret under that name, in the place of what was there, and see that it is there.

    Raises:
        ValueError: it cannot be written, or is not there afterwards.
    """
    import keyring

    _told("written", lambda: keyring.set_password(service, name, secret.reveal()))
    kept = look_up(service, name)
    if kept is None or kept.reveal() != secret.reveal():
        raise ValueError("the keyring forgot what it was given")


def _told(done: str, work: Callable[[], T]) -> T:
    import keyring.errors

    try:
        return work()
    except keyring.errors.KeyringLocked:
        raise ValueError("the keyring is locked: unlock it, and try again") from None
    except Exception as error:  # noqa: BLE001 - see above
        raise ValueError(f"the keyring cannot be {done}: {type(error).__name__}") from None
