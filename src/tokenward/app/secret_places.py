"""The places that a secret is moved to: the system's keyring, or a file that only its owner can read.

Not where git would take it along, and never over another secret.
"""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from tokenward.app.working_tree import ignored, top
from tokenward.base import keyrings
from tokenward.base.files import draft, publish, write_new
from tokenward.base.references import Reference, keyring_entry, parse, resolve
from tokenward.base.secret import Secret


class CannotKeep(ValueError):  # noqa: N818 - says what it is
    """The secret cannot be kept there; the message says why and holds nothing of it."""


@dataclass
class Places:
    """Keeps secrets, each once.

    Attributes:
        root: of what is mended; relative paths begin there.
        mine: what was put somewhere in this run, which may be replaced by its successor.
    """

    root: Path
    mine: set[Reference] = field(default_factory=set)

    @property
    def service(self) -> str:
        """What the secrets of this project are filed under."""
        above = top(self.root) or self.root
        return re.sub(r"[^A-Za-z0-9._-]+", "-", above.resolve().name).strip("-.") or "project"

    def reference(self, wanted: str, name: str) -> Reference:
        """The place that somebody asked for: a whole reference, a scheme alone, or nothing.

        Raises:
            CannotKeep: it is no reference, or there is no default for that scheme.
        """
        scheme = wanted or ("keyring" if keyrings.usable() else "file")
        defaults = {
            "env": name,
            "keyring": f"{self.service}/{name}",
            "file": str(_private_directory() / self.service / name),
        }
        try:
            return Reference(scheme, defaults[scheme]) if scheme in defaults else parse(wanted)
        except ValueError as error:
            raise CannotKeep(str(error)) from None

    def home(self, reference: Reference, name: str) -> Reference:
        """Where the secret itself goes: an environment variable keeps nothing."""
        return self.reference("", name) if reference.scheme == "env" else reference

    def free(self, reference: Reference, secret: Secret) -> bool:
        """Whether the place is empty, or holds that secret already.

        Raises:
            CannotKeep: it cannot be looked at.
        """
        if reference.scheme == "cmd":
            return True
        try:
            if reference.scheme == "keyring":
                found = keyrings.look_up(*keyring_entry(reference.place))
                return found is None or found.reveal() == secret.reveal()
            if not os.path.lexists(self._path(reference)):
                return True
            return self._held(reference).reveal() == secret.reveal()
        except ValueError as error:
            raise CannotKeep(str(error)) from None

    def keep(self, reference: Reference, secret: Secret) -> None:
        """Put the secret there, and see that the reference leads to it.

        Raises:
            CannotKeep: there it is not safe, another secret is there, or it cannot be written.
        """
        if reference not in self.mine and not self.free(reference, secret):
            raise CannotKeep(f"{reference.scheme}:{reference.place} holds another secret: name another place")
        try:
            if reference.scheme == "keyring":
                self._in_keyring(reference, secret)
            elif reference.scheme == "file":
                self._in_file(reference, secret)
            kept = self._held(reference)
        except ValueError as error:
            raise CannotKeep(str(error)) from None
        except OSError as error:
            raise CannotKeep(f"{error.filename}: {error.strerror}") from None
        if reference.scheme != "cmd" and kept.reveal() != secret.reveal():
            raise CannotKeep("what is kept there is not what was put there: it ends in a line break, perhaps")
        self.mine.add(reference)

    def _held(self, reference: Reference) -> Secret:
        return resolve(f"{reference.scheme}:{reference.place}", base_dir=self.root)

    def _in_keyring(self, reference: Reference, secret: Secret) -> None:
        if not keyrings.usable():
            raise CannotKeep("there is no keyring that keeps secrets sealed: take file:PATH, or cmd:COMMAND")
        keyrings.keep(*keyring_entry(reference.place), secret)

    def _path(self, reference: Reference) -> Path:
        return self.root / reference.place

    def _in_file(self, reference: Reference, secret: Secret) -> None:
        path = self._path(reference)
        within = path.resolve().is_relative_to((top(self.root) or self.root).resolve())
        if within and not ignored(path):
            raise CannotKeep(f"{path} is in the tree, and git does not ignore it: add it to .gitignore first")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if reference in self.mine:
            with draft(path, secret.reveal(), private=True) as written:
                publish(written, path, replace=True)
        elif not write_new(path, secret.reveal(), private=True) and not self.free(reference, secret):
            raise CannotKeep(f"{path} was made meanwhile")


def _private_directory() -> Path:
    base = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config")
    try:
        return base.expanduser() / "tokenward" / "secrets"
    except RuntimeError:
        raise CannotKeep("this user has no home directory: set HOME, or say where with --to") from None
