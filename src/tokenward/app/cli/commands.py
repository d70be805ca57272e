"""All commands, each imported when it is called."""

from typing import Annotated

import typer

from tokenward.app.cli.lazily import Room, lazy_group

ROOMS = {
    "init": Room("init", "init"),
    "up": Room("run", "up"),
    "demo": Room("run", "demo"),
    "protect": Room("protect", "protect"),
    "check": Room("check", "check"),
    "render": Room("render", "render"),
    "decide": Room("decide", "decide"),
    "test": Room("policy_test", "run_tests"),
    "scan": Room("scan", "scan"),
    "fix": Room("fix", "fix"),
    "audit": Room("audit", "commands"),
    "probe": Room("probe", "probe"),
    "ci": Room("ci", "ci"),
    "inspect": Room("inspect", "inspect"),
    "login": Room("login", "login"),
    "whoami": Room("whoami", "whoami"),
    "token": Room("token", "token"),
    "curl": Room("curl", "curl", passes_on=True),
    "run": Room("run_with_token", "run", passes_on=True),
    "logout": Room("login", "logout"),
    "hook": Room("hook", "commands"),
    "clients": Room("clients", "commands"),
    "keys": Room("keys", "commands"),
    "tokens": Room("tokens", "commands"),
    "leaks": Room("leaks", "commands"),
    "users": Room("users", "commands"),
    "signing-keys": Room("signing_keys", "commands"),
    "master-key": Room("master_key", "commands"),
}


application = typer.Typer(
    name="tokenward",
    cls=lazy_group(ROOMS),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a pretty traceback prints local variables
    rich_markup_mode="rich",
    help="Issues API tokens, and guards APIs with them: issuer, gateway, validator.",
    epilog="Start with `tokenward demo`, or protect an API of yours with `tokenward protect openapi.yaml`. "
    "Exit codes: 0 good, 1 findings or refused, 2 could not run.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - costs 30 ms that other commands need not pay

        typer.echo(f"tokenward {version('tokenward')}")
        raise typer.Exit


@application.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of the whole command."""
