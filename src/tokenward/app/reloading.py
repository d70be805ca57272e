"""Taking up a changed configuration without a restart, or not at all.

    a file changed, or SIGHUP → read all anew → any error: keep what runs, and say so
    → new processes beside the old ones → one is not ready: likewise → the old ones finish and end

No process ever holds half of a policy: each knows the one that it was started with.
"""

import threading
from collections.abc import Callable

from tokenward.app.config import Configuration, Loaded, load
from tokenward.app.differences import differences, needs_restart
from tokenward.app.findings import errors
from tokenward.app.snapshot import Snapshot, stamp
from tokenward.app.supervisor import CannotStart


class Reloader:
    """Looks after the files of a running configuration.

    Args:
        configuration: what runs.
        start: starts servers by another one, and ends those that run; raises `CannotStart` and changes
            nothing where that cannot be.
        tell: gets every line that people should read.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        start: Callable[[Configuration], None],
        tell: Callable[[str], None],
    ) -> None:
        self.configuration = configuration
        self._start = start
        self._tell = tell
        self._paths = configuration.files.paths
        self._done = self._before = stamp(self._paths)
        self._asked = threading.Event()

    def ask(self) -> None:
        """Load it anew at the next look, changed or not: what a reference names may have changed."""
        self._asked.set()

    def look(self) -> None:
        """Load the configuration anew if its files have changed, and are not being written any more."""
        now, self._before, before = stamp(self._paths), stamp(self._paths), self._before
        if not self._asked.is_set() and (now == self._done or now != before):
            return
        asked = self._asked.is_set()
        self._asked.clear()
        files = Snapshot()
        loaded = load(self.configuration.path, files)
        self._paths = files.paths
        self._done = self._before = stamp(self._paths)
        if loaded.configuration is None:
            self._keep(loaded)
        else:
            self._take_up(loaded.configuration, asked=asked)

    def _keep(self, loaded: Loaded) -> None:
        first = loaded.findings[0]
        count = errors(loaded.findings)
        problems = f"{count} error{'s' if count > 1 else ''}"
        self._tell(f"the configuration was changed and has {problems}; what runs is kept")
        self._tell(f"    {first.file.name}:{first.line}:{first.column}: {first.text}; {first.remedy}")

    def _take_up(self, after: Configuration, *, asked: bool) -> None:
        told = differences(self.configuration, after)
        if not told and not asked:
            return
        if fixed := needs_restart(self.configuration, after):
            self._tell(f"{', '.join(fixed)}: such a change needs a restart; what runs is kept")
            return
        try:
            self._start(after)
        except CannotStart as error:
            self._tell(f"the configuration was changed, but {error}; what ran before is kept")
            return
        self.configuration = after
        self._tell("the configuration was loaded anew" + (":" if told else ""))
        for line in told:
            self._tell(f"    {line}")
