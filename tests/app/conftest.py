"""What tests of the configuration share."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def scanner_cache(tmp_path_factory):
    """A user's cache in which what the scanner keeps is there already, as it is after anybody's first scan.

    For tests of what a scan says: reading and proving all rules, and building the database over them, takes
    some seconds. One for all processes of the session, which nothing is written to afterwards.
    """
    root = tmp_path_factory.getbasetemp()
    cache = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "scanner-cache"
    kept = cache / "tokenward"
    nothing = tmp_path_factory.mktemp("nothing")
    program = Path(sys.executable).with_name("tokenward")
    environment = os.environ | {"XDG_CACHE_HOME": str(cache)}
    subprocess.run([program, "scan"], cwd=nothing, env=environment, check=True, capture_output=True)
    kept.chmod(0o500)
    return cache
