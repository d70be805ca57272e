"""Where tokens are kept and shared by processes: sealed files, with their key in the system's keyring.

The tokens lie in files, because some keyrings hold 2.5 kB an entry, ask a daemon for each look, or ask the
person; the keyring holds the one key that opens them. Where there is no keyring, as on a server, the key is a
file that only its owner can read. Then whoever can run programs as this user can read the tokens, as with any
file of theirs; sealing still keeps them out of what is copied or searched without the key, such as a backup
of the one directory, and makes a file that was changed or moved to another client's place worthless.
"""

# ruff: noqa: PLC0415 - what does the work is imported when a token is asked for

import base64
import contextlib
import hashlib
import logging
import os
import stat
import sys
from collections.abc import Generator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tokenward.base import keyrings
from tokenward.base.entropy import random_bytes
from tokenward.base.files import draft, publish, read_private
from tokenward.base.references import parse, resolve
from tokenward.base.secret import Secret
from tokenward.client.errors import ServerUnavailable, TokenError

if TYPE_CHECKING:
    from tokenward.tokens.sealing import Sealer

KEY_FILE = "vault.key"
"""Where the key is, in the directory of the tokens, if no keyring keeps it."""
LOCK_SECONDS = 30.0
"""How long a process waits for another that is fetching a token."""
MAX_BYTES = 262_144

_SERVICE = "tokenward"
_INFO = b"tokenward client vault"
_SHORTEST = 32  # characters of a key that somebody else made

_log = logging.getLogger(__name__)


class Vault:
    """Keeps tokens, each bound to the issuer, client, audience and scopes that it was obtained for.

    Args:
        directory: where the files are; by default one of this user's. Nobody else may have access to it.
        key: a reference to the key, such as `env:VAULT_KEY`: 32 characters at least that nobody can guess.
            By default the system's keyring keeps one, or else a file in the directory.

    Raises:
        ValueError: `key` is no reference.
        TokenError: no directory was named, and this user has no home.
    """

    def __init__(self, directory: Path | None = None, *, key: str = "") -> None:
        if key:
            parse(key)
        self.directory = directory or _default_directory()
        self._reference = key

    def load(self, binding: bytes) -> bytes | None:
        """What is kept for this binding; None where nothing is, or nothing that can be trusted.

        Raises:
            TokenError: others have access to the place, or the key cannot be had.
        """
        from tokenward.tokens.sealing import SealBroken

        self._check_directory()
        path = self._path(binding)
        try:
            sealed = read_private(path, MAX_BYTES)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(path, error) from None
        try:
            return self._sealer.open(sealed, context=binding)
        except SealBroken:
            _log.warning("%s was changed, or sealed under another key, and is ignored", path)
            return None

    def save(self, binding: bytes, content: bytes) -> None:
        """Keep `content`, whole or not at all, so that it is there after a crash.

        Raises:
            TokenError: it cannot be written.
        """
        self._check_directory()
        sealed = self._sealer.seal(content, context=binding)
        try:
            _write_private(self._path(binding), sealed)
        except OSError as error:
            raise _unusable(self.directory, error) from None

    def forget(self, binding: bytes) -> None:
        """Keep nothing for this binding."""
        with contextlib.suppress(OSError):
            self._path(binding).unlink(missing_ok=True)

    @contextlib.contextmanager
    def locked(self, binding: bytes) -> Generator[None]:
        """Keep other processes from obtaining a token for this binding.

        Raises:
            ServerUnavailable: another one does, for too long.
            TokenError: the place cannot be used.
        """
        self._check_directory()
        with self._lock(self._path(binding).with_suffix(".lock")):
            yield

    @contextlib.contextmanager
    def _lock(self, path: Path) -> Generator[None]:
        from tokenward.client.process_lock import locked

        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(locked(path, LOCK_SECONDS))
            except TimeoutError as error:
                raise ServerUnavailable("busy", str(error)) from None
            except OSError as error:
                raise _unusable(path, error) from None
            yield

    def _path(self, binding: bytes) -> Path:
        return self.directory / f"{hashlib.sha256(binding).hexdigest()[:32]}.token"

    def _check_directory(self) -> None:
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = self.directory.lstat()
        except OSError as error:
            raise _unusable(self.directory, error) from None
        if not stat.S_ISDIR(found.st_mode):
            raise TokenError("storage_unsafe", f"{self.directory} is no directory of its own")
        if os.name == "posix" and (found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077):
            raise TokenError(
                "storage_unsafe", f"others have access to {self.directory}: chmod 700, and own it"
            )

    @cached_property
    def _sealer(self) -> "Sealer":
        from tokenward.tokens.sealing import Sealer, derive_key

        return Sealer(derive_key(self._secret(), info=_INFO))

    def _secret(self) -> bytes:
        if self._reference:
            try:
                given = resolve(self._reference, base_dir=Path.cwd()).reveal()
            except ValueError as error:
                raise TokenError("secret_unavailable", str(error)) from None
            if len(given) < _SHORTEST:
                raise TokenError(
                    "secret_unavailable", f"the key of the vault is under {_SHORTEST} characters"
                )
            return given.encode()
        self._check_directory()
        path = self.directory / KEY_FILE
        with self._lock(self.directory / "vault.lock"):  # of those that begin together, one makes the key
            try:
                if path.exists() or not keyrings.usable():
                    return _key_file(path)
            except OSError as error:
                raise _unusable(path, error) from None
            return _key_in_keyring(str(self.directory))


def _key_file(path: Path) -> bytes:
    with contextlib.suppress(FileNotFoundError):
        return read_private(path, MAX_BYTES)
    _write_private(path, base64.b64encode(random_bytes(32)))
    return read_private(path, MAX_BYTES)


def _key_in_keyring(name: str) -> bytes:
    try:
        found = keyrings.look_up(_SERVICE, name)
        if found is None:
            found = Secret(base64.b64encode(random_bytes(32)).decode())
            keyrings.keep(_SERVICE, name, found)
    except ValueError as error:
        raise TokenError("secret_unavailable", str(error)) from None
    if not found:
        raise TokenError("secret_unavailable", f"the keyring holds an empty {name} of {_SERVICE}")
    return found.reveal().encode()


def _write_private(path: Path, content: bytes) -> None:
    with draft(path, content, private=True) as written:
        publish(written, path, replace=True)


def _default_directory() -> Path:
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", "~/AppData/Local"))
    elif sys.platform == "darwin":
        base = Path("~/Library/Application Support")
    else:
        base = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state")
    try:
        return base.expanduser() / "tokenward" / "tokens"
    except RuntimeError:  # a container may run as a user of whom nobody knows
        raise TokenError(
            "storage_unusable", "this user has no home directory: set HOME, or XDG_STATE_HOME"
        ) from None


def _unusable(path: Path, error: OSError) -> TokenError:
    return TokenError("storage_unusable", f"{path}: {error.strerror or type(error).__name__}")
