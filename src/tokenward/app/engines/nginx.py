"""nginx as the engine in front: where it is, and how it is started, told of changes, and ended."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tokenward.app.engines.keeper import asked
from tokenward.app.engines.nginx_configuration import configuration, generation
from tokenward.app.engines.plan import EnginePlan
from tokenward.app.engines.program import EngineMissing, Refused
from tokenward.base.clock import SYSTEM_CLOCK

CONFIGURATION = "nginx.conf"
_PID = "nginx.pid"
_READY = "nginx.sock"
_STAMP = "nginx.tls"
_TAKE_UP_SECONDS = 10.0
_STOP_SECONDS = 2.0
_PLACES = ("/usr/sbin", "/usr/local/sbin", "/usr/local/openresty/nginx/sbin")
_INSTALL = "install nginx and its Lua module (Debian: apt install nginx libnginx-mod-http-lua), or OpenResty"


class Found(NamedTuple):
    """The program, and the modules that it has to load, in this order."""

    program: str
    modules: tuple[Path, ...] = ()


def found() -> Found:
    """Where nginx is installed.

    Raises:
        EngineMissing: it is not, or not with its Lua module.
    """
    path = os.pathsep.join([os.environ.get("PATH", ""), *_PLACES])
    program = shutil.which("openresty", path=path) or shutil.which("nginx", path=path)
    if program is None:
        raise EngineMissing(f"there is no nginx here: {_INSTALL}")
    built = subprocess.run([program, "-V"], capture_output=True, text=True, check=False).stderr  # noqa: S603
    if "ngx_lua" in built or "lua-nginx-module" in built:
        return Found(program)
    stated = re.search(r"--modules-path=(\S+)", built)
    directory = Path(stated[1] if stated else "/usr/lib/nginx/modules")
    modules = [directory / f"{name}.so" for name in ("ndk_http_module", "ngx_http_lua_module")]
    if not modules[-1].exists():
        raise EngineMissing(f"{program} has no Lua module: {_INSTALL}")
    return Found(program, tuple(module for module in modules if module.exists()))


def render(plan: EnginePlan) -> dict[str, str]:
    """The files for an nginx that somebody else runs: name → text."""
    return {CONFIGURATION: configuration(plan, Path("/var/lib/tokenward-nginx"), found().modules)}


def check() -> None:
    """Raises EngineMissing where there is no nginx, or not with its Lua module."""
    found()


def write(plan: EnginePlan, directory: Path) -> None:
    """Put all that nginx is told into the directory, and let it look at that.

    Raises:
        Refused: it would not start.
    """
    text = configuration(plan, directory, found().modules, ready=directory / _READY)
    _try(text, directory)
    written = directory / f"{CONFIGURATION}.new"
    written.write_text(text, encoding="utf-8")
    written.replace(directory / CONFIGURATION)
    (directory / _STAMP).write_text(_stamp(plan), encoding="utf-8")


def command(directory: Path) -> list[str]:
    """What starts it, in the foreground."""
    (directory / _READY).unlink(
        missing_ok=True
    )  # left by one that was killed; nginx would not take its place
    return _command(directory, directory / CONFIGURATION)


def is_ready(directory: Path) -> bool:
    """Whether it answers clients."""
    return asked(directory / _READY, "/")[0] == 200


def leave(process: "subprocess.Popen[bytes]", directory: Path, seconds: float) -> None:
    """Take no more connections, let running requests finish for so long, and end."""
    del directory
    process.send_signal(signal.SIGQUIT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
        return
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)


def change(before: EnginePlan, after: EnginePlan, directory: Path) -> None:
    """Make it go by another plan. Its old workers finish what they have begun.

    Raises:
        Refused: it goes by the former one.
    """
    if after == before:
        return
    write(after, directory)
    _reload(directory)
    if not _within(_TAKE_UP_SECONDS, lambda: asked(directory / _READY, "/")[1] == generation(after).encode()):
        write(before, directory)
        raise Refused(f"the configuration was not taken up within {_TAKE_UP_SECONDS:.0f} seconds")


def tidy(plan: EnginePlan, directory: Path) -> None:
    """Called each second: take up a renewed certificate."""
    stamp = _stamp(plan)
    if stamp != (directory / _STAMP).read_text(encoding="utf-8"):
        with contextlib.suppress(Refused):  # half replaced: the next second
            write(plan, directory)
            _reload(directory)


def _reload(directory: Path) -> None:
    with contextlib.suppress(OSError, ValueError):  # one that is being started reads the new one anyway
        os.kill(int((directory / _PID).read_text(encoding="ascii")), signal.SIGHUP)


def _within(seconds: float, reached: Callable[[], bool]) -> bool:
    deadline = SYSTEM_CLOCK.monotonic() + seconds
    while SYSTEM_CLOCK.monotonic() < deadline:
        if reached():
            return True
        time.sleep(0.02)
    return False


def _stamp(plan: EnginePlan) -> str:
    """Changes with the files of the certificate."""
    if plan.tls is None:
        return ""
    try:
        return " ".join(str(file.stat().st_mtime_ns) for file in (plan.tls.certificate, plan.tls.key))
    except OSError:
        return "half replaced"


def _command(directory: Path, file: Path) -> list[str]:
    return [found().program, "-e", "stderr", "-p", str(directory), "-c", str(file)]


def _try(text: str, directory: Path) -> None:
    """Let an nginx that does nothing else look at it, so that what runs is never at stake."""
    trial = directory / f"{CONFIGURATION}.trial"
    trial.write_text(text, encoding="utf-8")
    looked = subprocess.run(  # noqa: S603 - nginx, and a file of ours
        [*_command(directory, trial), "-t"], capture_output=True, text=True, check=False
    )
    trial.unlink()
    if looked.returncode != 0:
        said = [line for line in looked.stderr.splitlines() if "[emerg]" in line or "[alert]" in line]
        raise Refused(said[0].partition(": ")[2] if said else f"exit code {looked.returncode}")
