"""`tokenward users`: people who can sign in, and what is known of them."""

import json
from typing import Annotated

import typer

from tokenward.app.cli.console import DEFAULT_CONFIG, ConfigPath, date, err, out, read_credential
from tokenward.app.cli.opening import with_foundation
from tokenward.app.foundation import Foundation
from tokenward.base.problems import NOT_FOUND, Refusal
from tokenward.identity.claims import change_claims, check_claim, read_claim
from tokenward.identity.passwords import Passwords
from tokenward.identity.people import add_user
from tokenward.store.people_records import User
from tokenward.tokens.release import PERSONAL

commands = typer.Typer(no_args_is_help=True, help="Manage the people who can sign in.")

Claims = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=TEXT", help="What is known of them, NAME:=JSON for other types; repeat."),
]


@commands.command("add")
def add(
    username: Annotated[str, typer.Argument(help="The name to sign in with.")],
    password: Annotated[
        str, typer.Option(metavar="-|@FILE", help="Where the password is read from; - asks at a terminal.")
    ] = "-",  # noqa: S107 - where to read it, not what it is
    claim: Claims = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Add a person. The password, of 12 characters at least, is asked for or read from a file.

    Examples: tokenward users add alice; tokenward users add alice --password @password.txt
    """
    secret = read_credential(password, what="password", confirm=True)

    async def work(ground: Foundation) -> User:
        claims = dict(map(read_claim, claim or []))
        for name, value in claims.items():
            check_claim(name, value)  # before anybody is added
        passwords = Passwords()
        try:
            user = await add_user(ground.store, username, secret, passwords=passwords, clock=ground.clock)
        finally:
            passwords.close()
        if claims:
            await change_claims(ground.store, username, claims, clock=ground.clock)
        return user

    user = with_foundation(config, work)
    out.print(f"user_id {user.user_id}", markup=False)
    err.print(f"{username} can sign in now", markup=False)


@commands.command("set")
def set_claims(
    username: Annotated[str, typer.Argument(help="The name to sign in with.")],
    claim: Claims = None,
    remove: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A claim to forget; repeat for more.")
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Set what is known of a person: claims by their standard names (OpenID Connect Core 5.1), or others.

    A claim goes nowhere by being set: policies release it by name, to an API or to a client's ID tokens. What
    changes here is in new tokens at once, and in inside JWTs within a second.

    For example:

      tokenward users set alice --claim email=alice@example.com --claim email_verified=true

      tokenward users set alice --claim teams:='["red", "blue"]' --remove phone_number
    """

    async def work(ground: Foundation) -> None:
        changes = {**dict.fromkeys(remove or []), **dict(map(read_claim, claim or []))}
        await change_claims(ground.store, username, changes, clock=ground.clock)

    with_foundation(config, work)
    err.print(f"what is known of {username} has changed", markup=False)


@commands.command("show")
def show(
    username: Annotated[str, typer.Argument(help="The name to sign in with.")],
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Show what is known of a person, and who is told which of it.

    Example: tokenward users show alice
    """

    async def work(ground: Foundation) -> tuple[User, dict[str, object], dict[str, list[str]]]:
        user = await ground.store.user_by_name(username)
        if user is None:
            raise Refusal(NOT_FOUND, "no person has this user name")
        return user, await ground.store.user_claims(user.user_id), await _told(ground)

    user, claims, told = with_foundation(config, work)
    out.print(f"user_id {user.user_id}\nsince   {date(user.created_at)}", markup=False)
    for name, value in sorted({**claims, "preferred_username": user.username}.items()):
        personal = f" (personal: {PERSONAL[name]})" if name in PERSONAL else ""
        readers = ", ".join(told.get(name, [])) or "nobody"
        out.print(f"{name}{personal}: {json.dumps(value, ensure_ascii=False)}", markup=False)
        out.print(f"    told to {readers}", style="dim", markup=False)


async def _told(ground: Foundation) -> dict[str, list[str]]:
    """Claim → who is told it."""
    told: dict[str, list[str]] = {}
    for api, settings in ground.configuration.settings.apis.items():
        for name in settings.claims.inside:
            told.setdefault(name, []).append(f"{api} (inside JWT)")
        for name in settings.claims.introspection:
            told.setdefault(name, []).append(f"{api} (introspection)")
    for client in await ground.store.clients():
        for name in client.id_token_claims:
            told.setdefault(name, []).append(f"{client.client_id} (ID token)")
    return told
