"""Where scripts/client-libraries.sh has put the libraries of others, and what runs them."""

import os
import shutil
from pathlib import Path

from interop.page import CLIENTS

WORK = Path(__file__).parents[2] / ".cache" / "interop"


def python() -> str | None:
    """The Python that has the libraries in Python; None where those that are pinned are not installed."""
    same = _same(CLIENTS / "requirements.txt", WORK / "requirements.txt")
    return str(WORK / "venv" / "bin" / "python") if same else None


def node() -> str | None:
    """What runs the libraries on Node; None where those that are pinned are not installed.

    It is the Node that npm has for this platform, and where it has none the one that is there.
    """
    if not _same(CLIENTS / "package-lock.json", WORK / "installed-lock.json"):
        return None
    here = WORK / "node_modules" / ".bin"
    return shutil.which("node", path=f"{here}{os.pathsep}{os.environ['PATH']}")


def _same(pinned: Path, installed: Path) -> bool:
    return installed.exists() and installed.read_bytes() == pinned.read_bytes()
