"""Git hooks that scan: scripts of a few lines, put beside hooks that were there and never over them."""

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenward.app.working_tree import NoGit, asked

_MARK = "# Written by `tokenward hook install`; `tokenward hook uninstall` takes it away."
_BEFORE = ".before-tokenward"


class HookError(Exception):
    """A hook cannot be put in or taken away; the message says why, for people."""


@dataclass(frozen=True, slots=True)
class Hook:
    """One of git's hooks.

    Attributes:
        name: as git calls it.
        scan: the options of `tokenward scan`, in shell syntax.
        told: git tells it what it is about on standard input.
        refused: what is said after the report, if something was found.
        otherwise: how to go on without a scan; "" where nobody may.
        limit: seconds that it may take; 0 for as long as it takes.
    """

    name: str
    scan: str
    told: bool
    refused: str
    otherwise: str
    limit: int = 0


PRE_COMMIT = Hook(
    "pre-commit",
    scan="--staged",
    told=False,
    refused="Nothing was committed.",
    otherwise="git commit --no-verify",
)
PRE_PUSH = Hook(
    "pre-push",
    scan='--pre-push="$1"',
    told=True,
    refused="Nothing was pushed. The commit that has the secret must change: git rebase --interactive.",
    otherwise="git push --no-verify",
)
PRE_RECEIVE = Hook(
    "pre-receive",
    scan="--pre-receive",
    told=True,
    refused="Nothing was taken in. Exchange the credential, take it out of the commits, and push again.",
    otherwise="",
    limit=60,
)

CLIENT = (PRE_COMMIT, PRE_PUSH)
SERVER = (PRE_RECEIVE,)


@dataclass(frozen=True, slots=True)
class State:
    """How it stands with one hook.

    Attributes:
        hook: which.
        path: of its file.
        installed: the file is ours.
        other: somebody else's hook, which ours calls first, or which stands where ours would; None for none.
    """

    hook: Hook
    path: Path
    installed: bool
    other: Path | None


def script(hook: Hook, program: Path, options: Sequence[str] = ()) -> str:
    """The hook's text, for a POSIX shell.

    It calls the hook that was there before, with the same arguments and input, and ends as that one does if
    it refuses. A scan that could not be made stops what was going on, like one that found something: nobody
    knows what was not looked at.
    """
    told = hook.told
    give = "printf '%s\\n' \"$lines\" | " if told else ""
    limited = "$limited " if hook.limit else ""
    lines = [
        "#!/bin/sh",
        _MARK,
        *(["lines=$(cat)"] if told else []),
        f'before="$(dirname "$0")/{hook.name}{_BEFORE}"',
        f'if [ -x "$before" ]; then {give}"$before" "$@" || exit $?; fi',
        *(['[ -n "$lines" ] || exit 0'] if told else []),
        f"tokenward={shlex.quote(str(program))}",
        '[ -x "$tokenward" ] || tokenward=tokenward',
        *(
            [f"limited=; if command -v timeout > /dev/null 2>&1; then limited='timeout {hook.limit}'; fi"]
            if hook.limit
            else []
        ),
        f'{give}{limited}"$tokenward" scan {" ".join((hook.scan, *map(shlex.quote, options)))} >&2',
        "status=$?",
        "case $status in",
        "0) exit 0 ;;",
        f"1) echo {shlex.quote(hook.refused)} >&2 ;;",
        *(
            [f"124) echo 'It could not be scanned within {hook.limit} seconds, and is refused.' >&2 ;;"]
            if hook.limit
            else []
        ),
        f"*) echo {shlex.quote(_not_scanned(hook))} >&2 ;;",
        "esac",
        "exit $status",
    ]
    return "\n".join(lines) + "\n"


def install(hook: Hook, directory: Path, program: Path, options: Sequence[str] = ()) -> State:
    """Put the hook in, or renew it. A hook that is there keeps its content and mode under another name.

    Raises:
        HookError: the name for the hook that was there before is taken, or the directory cannot be written.
    """
    state = status(hook, directory)
    before = _before(state.path)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not state.installed and state.other is not None:
            if before.is_symlink() or before.exists():
                raise HookError(
                    f"{state.path} is not ours, and {before} exists too: put what you need of both into one"
                )
            state.path.rename(before)
        _write(state.path, script(hook, program, options))
    except OSError as error:
        raise HookError(f"{error.filename}: {error.strerror}") from error
    return status(hook, directory)


def uninstall(hook: Hook, directory: Path) -> State:
    """Take the hook away, and put back the one that was there before.

    Raises:
        HookError: the directory cannot be written.
    """
    state = status(hook, directory)
    before = _before(state.path)
    try:
        if state.installed:
            state.path.unlink()
            if before.is_symlink() or before.exists():
                before.rename(state.path)
    except OSError as error:
        raise HookError(f"{error.filename}: {error.strerror}") from error
    return status(hook, directory)


def status(hook: Hook, directory: Path) -> State:
    """How it stands with the hook."""
    path = directory / hook.name
    before = _before(path)
    installed = _ours(path)
    other = before if installed else path
    return State(hook, path, installed, other if other.is_symlink() or other.exists() else None)


def hooks_directory(repository: Path) -> Path:
    """Where git looks for the hooks of that repository: `core.hooksPath` and linked working trees count.

    Raises:
        HookError: there is no repository, or no git.
    """
    # Git runs hooks at the top of the working tree, and takes a relative core.hooksPath from there.
    top = _top(repository)
    hooks = _asked(Path(top), "rev-parse", "--git-path", "hooks") if top else ""
    if not hooks:
        raise HookError(f"{repository} is no git repository, or one that git refuses: git status says which")
    return Path(top) / hooks


def shared_by(repository: Path) -> str:
    """The file in which `core.hooksPath` is set for every repository; "" where the hooks are this one's own.

    Raises:
        HookError: there is no git.
    """
    said = _asked(repository, "config", "--show-scope", "--show-origin", "-z", "--get", "core.hooksPath")
    scope, _, rest = said.partition("\0")
    return rest.partition("\0")[0].removeprefix("file:") if scope in {"system", "global"} else ""


def program() -> Path:
    """The `tokenward` that runs now."""
    beside = Path(sys.executable).with_name("tokenward")
    return beside if beside.exists() else Path(shutil.which("tokenward") or "tokenward")


def _top(repository: Path) -> str:
    """The top of the working tree, or of a repository without one."""
    shown = _asked(repository, "rev-parse", "--show-toplevel")
    return shown or _asked(repository, "rev-parse", "--absolute-git-dir")


def _asked(directory: Path, *arguments: str) -> str:
    try:
        return asked(directory, *arguments)
    except NoGit as error:
        raise HookError(str(error)) from error


def _not_scanned(hook: Hook) -> str:
    if not hook.otherwise:
        return "It could not be scanned for credentials, and is refused."
    return f"It could not be scanned for credentials, and is stopped. Without a scan: {hook.otherwise}"


def _before(path: Path) -> Path:
    return path.with_name(path.name + _BEFORE)


def _ours(path: Path) -> bool:
    try:
        return not path.is_symlink() and _MARK.encode() in path.read_bytes()[:4096]
    except OSError:
        return False


def _write(path: Path, text: str) -> None:
    """All or nothing, and never through a link."""
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_text(text, encoding="utf-8", newline="\n")
    partial.chmod(0o755)
    partial.replace(path)
