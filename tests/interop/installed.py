"""Where scripts/client-libraries.sh has put the libraries of others, and what runs them."""

import os
import shutil
from pathlib import Path

WORK = Path(__file__).parents[2] / ".cache" / "interop"


def python() -> str | None:
    """The Python that has the libraries in Python; None where they are not installed."""
    return str(WORK / "venv" / "bin" / "python") if (WORK / "requirements.txt").exists() else None


def node() -> str | None:
    """What runs the libraries on Node; None where they are not installed.

    It is the Node that npm has for this platform, and where it has none the one that is there.
    """
    if not (WORK / "installed-lock.json").exists():
        return None
    here = WORK / "node_modules" / ".bin"
    return shutil.which("node", path=f"{here}{os.pathsep}{os.environ['PATH']}")
