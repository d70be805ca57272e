"""Runs git so that a hostile repository can neither run a program nor fetch anything, and says why it fails.

What a repository's own configuration may name (hooks, filters, pagers, helpers, transports) is overridden on
the command line, which wins. Where git itself refuses a repository, because it belongs to somebody else, so
do we: `safe.directory` is never set here.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from tokenward.leaks.sources.source import CannotScan

_OVERRIDES = (
    "core.fsmonitor=false",  # may name a program
    "core.hooksPath=/dev/null",
    "core.sshCommand=false",
    "core.askPass=",
    "core.pager=cat",
    "core.attributesFile=/dev/null",
    "core.alternateRefsCommand=false",
    "credential.helper=",
    "diff.external=",
    "log.showSignature=false",  # would run gpg.program
    "protocol.allow=never",  # a missing object stays missing
    "submodule.recurse=false",
    "core.quotePath=false",
)

_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",  # what is stored counts, not what is shown in its place
    "GIT_GRAFT_FILE": os.devnull,  # the same: a graft hides history
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
    "GIT_FLUSH": "0",
    "LC_ALL": "C",  # messages are read below
}

_WHERE = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_PREFIX",
    "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH",
)  # fmt: skip
"""What git tells a hook about the repository it runs in."""

_NEVER = (
    "GIT_EXTERNAL_DIFF", "GIT_DIFF_OPTS", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS", "GIT_SHALLOW_FILE",
    "GIT_LITERAL_PATHSPECS", "GIT_REPLACE_REF_BASE", "GIT_DEFAULT_HASH",
)  # fmt: skip

ZEROS = frozenset({"0" * 40, "0" * 64})


class GitFailed(Exception):  # noqa: N818 - says what it is
    """A git command ended badly; the message is what it wrote, in one line."""


@dataclass(frozen=True, slots=True)
class Git:
    """A repository to ask.

    Attributes:
        where: a directory in it; None for the one that the current directory is in, or that a hook's
            environment names.
    """

    where: Path | None = None

    def environment(self) -> dict[str, str]:
        """What git gets: without what would lead it elsewhere, or make it run something."""
        away = _NEVER if self.where is None else (*_NEVER, *_WHERE)
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in away and not name.startswith("GIT_TRACE")
        }
        return kept | _ENVIRONMENT

    def command(self, *arguments: str, overrides: Sequence[str] = ()) -> list[str]:
        """The command line, with everything switched off that could run something."""
        start = ["git", "--no-pager"]
        if self.where is not None:
            start += ["-C", str(self.where)]
        for override in (*_OVERRIDES, *overrides):
            start += ["-c", override]
        return [*start, *arguments]

    def output(self, *arguments: str, given: bytes = b"", overrides: Sequence[str] = ()) -> bytes:
        """What the command writes.

        Raises:
            GitFailed: it ended with another status than 0.
            CannotScan: there is no git, no repository, or one that git refuses.
        """
        try:
            done = subprocess.run(  # noqa: S603 - our own command line
                self.command(*arguments, overrides=overrides),
                input=given,
                capture_output=True,
                env=self.environment(),
                check=False,
            )
        except FileNotFoundError as error:
            raise CannotScan(_NO_GIT) from error
        if done.returncode:
            raise _failure(done.stderr, done.returncode)
        return done.stdout

    @contextmanager
    def pipeline(self, *commands: Sequence[str], given: bytes | None = None) -> Iterator[IO[bytes]]:
        """Commands that read each other's output; yields what the last one writes.

        Args:
            commands: the arguments of each.
            given: what the first one reads.

        Raises:
            GitFailed: one ended with another status than 0, and all that was written has been read.
            CannotScan: as in `output`.
        """
        from tempfile import TemporaryFile  # noqa: PLC0415 - a commit hook has no use for it, and is in a hurry

        running: list[subprocess.Popen[bytes]] = []
        with TemporaryFile() as complaints, TemporaryFile() as first:
            first.write(given or b"")
            first.seek(0)
            before: IO[bytes] = first
            try:
                for command in commands:
                    running.append(self._start(command, before, complaints))
                    if before is not first:
                        before.close()
                    before = cast("IO[bytes]", running[-1].stdout)
                yield before
                finished = before.read(1) == b""
            finally:
                before.close()
                statuses = [process.wait() for process in running]
            # One that is cut off because nobody reads on ends by SIGPIPE, which is nobody's fault.
            bad = [status for status in statuses if status]
            if finished and bad:
                complaints.seek(0)
                raise _failure(complaints.read(), bad[0])

    def _start(
        self, command: Sequence[str], given: IO[bytes] | int, complaints: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(  # noqa: S603 - our own command line
                self.command(*command),
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env=self.environment(),
                bufsize=1 << 16,
            )
        except FileNotFoundError as error:
            raise CannotScan(_NO_GIT) from error

    @contextmanager
    def conversation(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """A command that is asked and answers, until the context ends it."""
        process = subprocess.Popen(  # noqa: S603 - our own command line
            self.command(*arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self.environment(),
            bufsize=1 << 16,
        )
        try:
            yield process
        finally:
            process.kill()
            cast("IO[bytes]", process.stdout).close()
            _close(cast("IO[bytes]", process.stdin))
            process.wait()


@dataclass(frozen=True, slots=True)
class Layout:
    """What kind of repository it is.

    Attributes:
        directory: of this working tree's own data; `.git` or elsewhere.
        common: the directory that all its working trees share, with objects and configuration.
        bare: it has no working tree.
        shallow: its history is cut.
    """

    directory: Path
    common: Path
    bare: bool
    shallow: bool


def layout(git: Git) -> Layout:
    """Look at the repository, which is also the check that git accepts it.

    Raises:
        CannotScan: there is none, or git refuses it.
    """
    asked = ("--git-dir", "--git-common-dir", "--is-bare-repository", "--is-shallow-repository")
    try:
        lines = git.output("rev-parse", *asked).split(b"\n")
    except GitFailed as error:
        raise CannotScan(str(error)) from error
    here = git.where or Path()
    return Layout(
        directory=here / os.fsdecode(lines[0]),
        common=here / os.fsdecode(lines[1]),
        bare=lines[2] == b"true",
        shallow=lines[3] == b"true",
    )


def working_tree(git: Git) -> Path:
    """The top of the working tree, without asking git: the environment says it, or a `.git` does."""
    if git.where is None and (named := os.environ.get("GIT_WORK_TREE")):
        return Path(named)
    here = (git.where or Path()).resolve()
    return next((above for above in (here, *here.parents) if (above / ".git").exists()), here)


def merging(git: Git) -> bool:
    """Whether a merge is under way, without asking git."""
    if git.where is None and (named := os.environ.get("GIT_DIR")):
        directory = Path(named)
    else:
        directory = working_tree(git) / ".git"
        if directory.is_file():  # of a linked working tree, or of a submodule
            said = directory.read_bytes()[:4096].removeprefix(b"gitdir: ").rstrip(b"\n")
            directory = directory.parent / os.fsdecode(said)
    return (directory / "MERGE_HEAD").exists()


def text(raw: bytes) -> str:
    """A path or a name as git gave it, with surrogate escapes where it is no UTF-8."""
    return raw.decode("utf-8", "surrogateescape")


def _close(pipe: IO[bytes]) -> None:
    with suppress(BrokenPipeError):  # it ended first; what it had not read is lost to nobody
        pipe.close()


_NO_GIT = "git is not installed, or not on the PATH"


def _failure(complaint: bytes, status: int) -> CannotScan | GitFailed:
    words = complaint.decode("utf-8", "replace")
    owned = re.search(r"dubious ownership in repository at '([^']*)'", words)
    if owned:
        return CannotScan(
            f"git refuses {owned[1]} because it belongs to another user; if you trust it, run "
            f"git config --global --add safe.directory '{owned[1]}'"
        )
    if "not a git repository" in words:
        return CannotScan("this is no git repository")
    lines = [line for line in words.splitlines() if line.strip() and not line.startswith("hint: ")]
    # Warnings come before what it failed of.
    faults = [line for line in lines if line.startswith(("fatal: ", "error: "))]
    first = next(iter([*faults, *lines]), f"git ended with status {status}")
    return GitFailed(first.removeprefix("fatal: ").removeprefix("error: "))
