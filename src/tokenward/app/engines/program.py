"""The engines that there are, and what each has to do to run beside the gateway."""

import subprocess
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from tokenward.app.engines.plan import EnginePlan

NAMES = ("envoy", "nginx")


class EngineMissing(Exception):  # noqa: N818 - reads as the condition it is
    """The engine cannot be used here; the message says what to do."""


class Refused(Exception):  # noqa: N818 - reads as the condition it is
    """The engine does not take up what it is told; the message says why, as far as it does."""


class Engine(Protocol):
    """An engine, as `tokenward render` and `tokenward up --engine` use it: a module of this package."""

    def render(self, plan: EnginePlan) -> dict[str, str]:
        """The files for one that somebody else runs: name → text."""

    def check(self) -> None:
        """Raises EngineMissing."""

    def write(self, plan: EnginePlan, directory: Path) -> None:
        """Put all that it is told into a directory that is ours alone; it starts from there.

        Raises:
            Refused: it would not start.
        """

    def command(self, directory: Path) -> list[str]:
        """What starts it, in the foreground."""

    def is_ready(self, directory: Path) -> bool:
        """Whether it answers clients."""

    def leave(self, process: "subprocess.Popen[bytes]", directory: Path, seconds: float) -> None:
        """Take no more clients, let running requests finish for so long, and end."""

    def change(self, before: EnginePlan, after: EnginePlan, directory: Path) -> None:
        """Make it go by another plan, without losing a request.

        Raises:
            Refused: it goes by the former one.
        """

    def tidy(self, plan: EnginePlan, directory: Path) -> None:
        """Called each second: forget what was left of former plans, and take up renewed certificates."""


def engine(name: str) -> Engine:
    """The engine of that name.

    Raises:
        EngineMissing: there is none, or not yet.
    """
    if name not in NAMES:
        raise EngineMissing(f"there is no engine {name}: choose from {', '.join(NAMES)}")
    try:
        module = import_module(f"tokenward.app.engines.{name}")
    except ModuleNotFoundError:
        raise EngineMissing(f"{name} cannot be an engine yet") from None
    return cast("Engine", module)
