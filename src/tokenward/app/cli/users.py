"""`tokenward users`: people who can sign in."""

from typing import Annotated

import typer

from tokenward.app.cli.console import DEFAULT_CONFIG, ConfigPath, err, out, read_credential, with_foundation
from tokenward.app.foundation import Foundation
from tokenward.identity.passwords import Passwords
from tokenward.identity.people import add_user
from tokenward.store.records import User

commands = typer.Typer(no_args_is_help=True, help="Manage the people who can sign in.")


@commands.callback()
def _group() -> None:
    """Keep `add` a subcommand although it is the only one."""


@commands.command("add")
def add(
    username: Annotated[str, typer.Argument(help="The name to sign in with.")],
    password: Annotated[
        str, typer.Option(metavar="-|@FILE", help="Where the password is read from; - asks at a terminal.")
    ] = "-",  # noqa: S107 - where to read it, not what it is
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Add a person. The password, of 12 characters at least, is asked for or read from a file.

    Examples: tokenward users add alice; tokenward users add alice --password @password.txt
    """
    secret = read_credential(password, what="password", confirm=True)

    async def work(ground: Foundation) -> User:
        passwords = Passwords()
        try:
            return await add_user(ground.store, username, secret, passwords=passwords, clock=ground.clock)
        finally:
            passwords.close()

    user = with_foundation(config, work)
    out.print(f"user_id {user.user_id}", markup=False)
    err.print(f"{username} can sign in now", markup=False)
