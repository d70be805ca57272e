"""A home of its own for real runs of the command line, with nothing of whoever runs the tests."""

import json
import os
import subprocess
import sys
from pathlib import Path

TOKENWARD = Path(sys.executable).with_name("tokenward")
KEPT = ("PATH", "LANG", "SYSTEMROOT", "PYTHONPATH", "COVERAGE_PROCESS_START")


class Home:
    """Runs commands in it."""

    def __init__(self, path):
        self.path = path
        self.environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        self.environment |= {
            "HOME": str(path),
            "XDG_CONFIG_HOME": str(path / "config"),
            "XDG_STATE_HOME": str(path / "state"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "COLUMNS": "80",
        }

    @property
    def file(self):
        return self.path / "config" / "tokenward" / "profiles.json"

    @property
    def profiles(self):
        return json.loads(self.file.read_text())["profiles"]

    def write(self, default="", /, **profiles):
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps({"default": default or next(iter(profiles)), "profiles": profiles}))
        self.file.chmod(0o600)

    def run(self, *arguments, **options):
        """A run of `tokenward`, with its output as text."""
        options = {"capture_output": True, "text": True, "timeout": 60} | options
        environment = self.environment | options.pop("env", {})
        return subprocess.run([TOKENWARD, *arguments], env=environment, check=False, **options)
