"""Secrets in configuration are named by where they are kept, never written down.

`env:NAME`, `file:PATH`, `cmd:COMMAND ARGUMENTS`, `keyring:SERVICE/NAME`. Whatever looks different is taken
for an inline secret and refused, without repeating it.
"""

import os
import re
import shlex
import stat
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.keyrings import look_up
from tokenward.base.secret import Secret

MAX_BYTES = 64_000
COMMAND_SECONDS = 10.0

_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a secret is kept: `scheme` is a key of `SCHEMES`, `place` what follows the colon."""

    scheme: str
    place: str


def parse(reference: str) -> Reference:
    """Take a reference apart without looking up what it names.

    Raises:
        ValueError: it is not a reference. The message says how to write one and does not repeat it.
    """
    scheme, colon, place = reference.partition(":")
    if not colon or scheme not in SCHEMES:
        raise ValueError(
            "a secret written inline is refused: keep it elsewhere and name the place, as one of "
            "env:NAME, file:PATH, cmd:COMMAND ARGUMENTS, keyring:SERVICE/NAME"
        )
    if not place.strip() or "\0" in place:
        raise ValueError(f"{scheme}: must be followed by {SCHEMES[scheme][0]}")
    return Reference(scheme, place)


def is_reference(text: str) -> bool:
    """Whether `parse` would take it."""
    try:
        parse(text)
    except ValueError:
        return False
    return True


def resolve(reference: str, *, base_dir: Path) -> Secret:
    """Fetch the secret that `reference` names; one trailing newline is not part of it.

    `base_dir` is where relative paths start and commands run: the directory of the configuration file.

    Raises:
        ValueError: it is not a reference, or what it names is missing, empty, over 64 kB, not UTF-8, or
            open to other users. The message names the place and never the secret.
    """
    parsed = parse(reference)
    text = _text(SCHEMES[parsed.scheme][1](parsed.place, base_dir))
    if not text:
        raise ValueError(f"what {parsed.scheme}: names is empty, over {MAX_BYTES} bytes or not UTF-8")
    return Secret(text)


def _text(raw: bytes) -> str:
    """The secret in `raw`, or "": an exception from here would carry the bytes."""
    if len(raw) > MAX_BYTES:
        return ""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return ""
    return text.removesuffix("\n").removesuffix("\r")


def _from_environment(name: str, _base_dir: Path) -> bytes:
    if not _ENVIRONMENT_NAME.fullmatch(name):
        raise ValueError("env: must be followed by the name of an environment variable")
    if name not in os.environ:
        raise ValueError(f"the environment variable {name} is not set")
    return os.fsencode(os.environ[name])


def _from_file(place: str, base_dir: Path) -> bytes:
    path = base_dir / place
    try:
        if not path.is_file():  # before opening: opening a pipe would wait
            raise ValueError(f"there is no file {path}")
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
                raise ValueError(f"{path} can be read by other users: chmod 600 {shlex.quote(str(path))}")
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None


def _from_command(command: str, base_dir: Path) -> bytes:
    try:
        arguments = shlex.split(command)
    except ValueError as error:
        raise ValueError(f"the command of a cmd: reference cannot be read: {error}") from None
    if not arguments:
        raise ValueError("cmd: must be followed by a command")
    program = arguments[0]
    try:
        process = subprocess.Popen(  # noqa: S603 - the operator's own command, without a shell
            arguments,
            cwd=base_dir,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # its complaints may quote the secret
        )
    except (OSError, ValueError):
        raise ValueError(f"the command {program} cannot be run") from None
    deadline = SYSTEM_CLOCK.monotonic() + COMMAND_SECONDS
    output: list[bytes] = []
    # On a thread: a child that outlives the command and keeps its output open must not hold us.
    reader = threading.Thread(target=_read, args=(process, output), daemon=True)
    reader.start()
    reader.join(COMMAND_SECONDS)
    if output:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - SYSTEM_CLOCK.monotonic()))
    if process.poll() is None or not output:
        process.kill()
        process.wait()
        raise ValueError(f"the command {program} did not finish within {COMMAND_SECONDS:g} s")
    if process.returncode != 0 and len(output[0]) <= MAX_BYTES:  # over it, we broke its pipe
        raise ValueError(f"the command {program} failed with exit status {process.returncode}")
    return output[0]


def _read(process: subprocess.Popen[bytes], output: list[bytes]) -> None:
    if process.stdout:
        # Closed after the limit, so that an endless writer gets a broken pipe instead of our memory.
        with process.stdout as pipe:
            output.append(pipe.read(MAX_BYTES + 1))


def _from_keyring(place: str, _base_dir: Path) -> bytes:
    service, name = keyring_entry(place)
    found = look_up(service, name)
    if found is None:
        raise ValueError(f"the keyring holds no {name} of {service}")
    return found.reveal().encode()


def keyring_entry(place: str) -> tuple[str, str]:
    """Service and name of what follows `keyring:`.

    Raises:
        ValueError: one of them is missing.
    """
    service, slash, name = place.rpartition("/")
    if not (slash and service and name):
        raise ValueError("keyring: must be followed by SERVICE/NAME")
    return service, name


SCHEMES: dict[str, tuple[str, Callable[[str, Path], bytes]]] = {
    "env": ("the name of an environment variable", _from_environment),
    "file": ("a path", _from_file),
    "cmd": ("a command", _from_command),
    "keyring": ("SERVICE/NAME", _from_keyring),
}
