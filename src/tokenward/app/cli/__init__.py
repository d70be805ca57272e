"""The command line."""

from typing import Annotated

import typer

from tokenward.app.cli import (
    check,
    clients,
    decide,
    init,
    keys,
    master_key,
    policy_test,
    protect,
    run,
    signing_keys,
    tokens,
    users,
)

application = typer.Typer(
    name="tokenward",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a pretty traceback prints local variables
    rich_markup_mode="rich",
    help="Issues API tokens, and guards APIs with them: issuer, gateway, validator.",
    epilog="Start with `tokenward demo`, or protect an API of yours with `tokenward protect openapi.yaml`. "
    "Exit codes: 0 good, 1 findings or refused, 2 could not run.",
)
application.command("init")(init.init)
application.command("up")(run.up)
application.command("demo")(run.demo)
application.command("protect")(protect.protect)
application.command("check")(check.check)
application.command("decide")(decide.decide)
application.command("test")(policy_test.run_tests)
application.add_typer(clients.commands, name="clients")
application.add_typer(keys.commands, name="keys")
application.add_typer(tokens.commands, name="tokens")
application.add_typer(users.commands, name="users")
application.add_typer(signing_keys.commands, name="signing-keys")
application.add_typer(master_key.commands, name="master-key")


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


def main() -> None:
    """Run the command line."""
    application()
