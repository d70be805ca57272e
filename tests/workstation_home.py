"""A home of its own for real runs of the command line, with nothing of whoever runs the tests."""

import json
import os
import pty
import subprocess
import sys
import termios
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

    def on_a_terminal(self, *arguments, typed=b"", when=b"", size=(24, 80)):
        """What stands on the screen, and the exit code.

        `typed` is typed once `when` stands there.
        """
        controller, terminal = pty.openpty()
        termios.tcsetwinsize(terminal, size)
        with subprocess.Popen(
            [TOKENWARD, *arguments], env=self.environment, stdin=terminal, stdout=terminal, stderr=terminal,
            start_new_session=True,
        ) as running:  # fmt: skip
            os.close(terminal)
            shown = b""
            while True:
                try:
                    shown += (piece := os.read(controller, 4096))
                except OSError:  # nobody holds the terminal any more
                    break
                if not piece:
                    break
                if typed and when in shown:
                    os.write(controller, typed)
                    typed = b""
        os.close(controller)
        return shown.decode(), running.returncode
