"""A real Secret Service: gnome-keyring on a bus of its own, for as long as a test needs it."""

import os
import shutil
import subprocess
import sys

import pytest

PROGRAMS = ("dbus-run-session", "gnome-keyring-daemon")

# The daemon ends with the session. In the foreground it is a child that somebody waits for.
_SESSION = """
ring() { exec gnome-keyring-daemon --foreground --components=secrets "$@" >/dev/null 2>&1; }
if [ "$1" = unlocked ]; then
    printf 'a password of the tests' | ring --unlock &
else
    ring &
fi
daemon=$!
shift
for _ in $(seq 200); do
    "$PYTHON" -c 'import jeepney.io.blocking as io, jeepney.bus_messages as bus
with io.open_dbus_connection() as c:
    raise SystemExit(not io.Proxy(bus.message_bus, c).NameHasOwner("org.freedesktop.secrets")[0])' && break
    sleep 0.05
done
"$@"
status=$?
kill $daemon
wait $daemon 2>/dev/null
exit $status
"""


def environment(directory):
    """That of a person whose files are all in `directory`, without a screen."""
    runtime = directory / "run"
    runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
    home = {"HOME": directory, "XDG_DATA_HOME": directory / "data", "XDG_CONFIG_HOME": directory / "config"}
    home |= {"XDG_STATE_HOME": directory / "state", "XDG_RUNTIME_DIR": runtime, "PYTHON": sys.executable}
    without = ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "PYTHON_KEYRING_BACKEND")
    kept = {name: value for name, value in os.environ.items() if name not in without}
    return kept | {name: str(value) for name, value in home.items()}


def in_session(directory, *command, unlocked=True, **changes):
    """Run a command where there is a Secret Service, whose collection lies in `directory`.

    Without the programs the test is skipped; with CI=true it fails, so that it is never skipped unseen.
    """
    if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{', '.join(missing)} is missing")
        pytest.skip(f"no {', '.join(missing)}: scripts/test-tools.sh installs them")
    state = "unlocked" if unlocked else "locked"
    return subprocess.run(
        ["dbus-run-session", "--", "sh", "-c", _SESSION, "sh", state, *map(str, command)],
        env=environment(directory) | changes.pop("env", {}),
        capture_output=True, text=True, timeout=120, check=False, **changes,
    )  # fmt: skip
