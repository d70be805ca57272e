"""`tokenward hook`: scan what is committed, pushed or received, by git's own hooks."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from tokenward.app.cli.console import REFUSED, err, fail, out
from tokenward.app.git_hooks import (
    CLIENT,
    SERVER,
    HookError,
    State,
    hooks_directory,
    program,
    script,
    shared_by,
    status,
)
from tokenward.app.git_hooks import install as put_in
from tokenward.app.git_hooks import uninstall as take_away

commands = typer.Typer(
    no_args_is_help=True, help="Let git's hooks scan for credentials before a commit, a push or a receive."
)

Repository = Annotated[Path, typer.Argument(help="A directory in the repository.", file_okay=False)]
Server = Annotated[
    bool,
    typer.Option("--server", help="The pre-receive hook of a server instead of pre-commit and pre-push."),
]

_FRAMEWORK = """\
repos:
  - repo: https://git.example.org/tokenward  # where you have Tokenward from
    rev: v{version}
    hooks:
      - id: tokenward
"""


@commands.command("install")
def install(
    repository: Repository = Path(),
    *,
    server: Server = False,
    pre_commit_framework: Annotated[
        bool,
        typer.Option(
            "--pre-commit-framework", help="Print what to add to .pre-commit-config.yaml, and change nothing."
        ),
    ] = False,
    scan_options: Annotated[
        str,
        typer.Option(
            metavar="OPTIONS", help="More options of `tokenward scan`, such as '--baseline accepted.json'."
        ),
    ] = "",
    show: Annotated[
        bool, typer.Option("--print", help="Print the hooks, to be put in by hand, and change nothing.")
    ] = False,
) -> None:
    """Put the hooks in. Hooks that are there go on being called, before ours.

    `core.hooksPath` and linked working trees are heeded, and where the hooks are those of all your
    repositories, that is said. A second time changes nothing. What could not be scanned is stopped like what
    has a credential in it; `--no-verify` is git's way around a hook of a client.

    Examples: tokenward hook install; tokenward hook install --server /srv/git/shop.git
    """
    if pre_commit_framework:
        from importlib.metadata import version  # noqa: PLC0415 - costs 30 ms

        typer.echo(_FRAMEWORK.format(version=version("tokenward")), nl=False)
        return
    hooks = SERVER if server else CLIENT
    if show:
        for hook in hooks:
            typer.echo(script(hook, program(), _words(scan_options)))
        return
    try:
        directory = hooks_directory(repository)
        for hook in hooks:
            state = put_in(hook, directory, program(), _words(scan_options))
            called = f", after {state.other.name}" if state.other is not None else ""
            out.print(f"{state.path}: installed{called}", markup=False)
        _tell_if_shared(repository)
    except HookError as error:
        fail(str(error))


@commands.command("uninstall")
def uninstall(repository: Repository = Path(), *, server: Server = False) -> None:
    """Take the hooks away, and put back those that were there before. A hook of somebody else is left alone.

    Examples: tokenward hook uninstall
    """
    try:
        directory = hooks_directory(repository)
        for hook in SERVER if server else CLIENT:
            was = status(hook, directory)
            state = take_away(hook, directory)
            back = ", the one before is back" if was.installed and state.other is not None else ""
            said = f"taken away{back}" if was.installed else "not ours, left alone" if state.other else "none"
            out.print(f"{state.path}: {said}", markup=False)
    except HookError as error:
        fail(str(error))


@commands.command("status")
def show_status(repository: Repository = Path(), *, server: Server = False) -> None:
    """Tell which hooks scan. Exit code 1 if one does not.

    Examples: tokenward hook status
    """
    try:
        directory = hooks_directory(repository)
    except HookError as error:
        fail(str(error))
    states = [status(hook, directory) for hook in (SERVER if server else CLIENT)]
    for state in states:
        out.print(f"{state.path}: {_said(state)}", markup=False)
    _tell_if_shared(repository)
    if not all(state.installed for state in states):
        err.print("tokenward hook install puts in what is missing", markup=False)
        raise typer.Exit(REFUSED)


def _tell_if_shared(repository: Path) -> None:
    if file := shared_by(repository):
        err.print(
            f"These hooks are those of every repository: {file} sets core.hooksPath for all of them, "
            "and what is in this one's own .git/hooks is not called.",
            markup=False,
        )


def _words(options: str) -> list[str]:
    try:
        return shlex.split(options)
    except ValueError as error:
        fail(f"--scan-options: {error}")


def _said(state: State) -> str:
    if state.installed:
        return f"scans, after {state.other.name}" if state.other is not None else "scans"
    return "a hook of somebody else, which may or may not scan" if state.other is not None else "none"
