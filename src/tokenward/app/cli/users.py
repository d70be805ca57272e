"""`tokenward users`: people who can sign in, and what is known of them."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from tokenward.app.cli.console import (
    DEFAULT_CONFIG,
    REFUSED,
    ConfigPath,
    date,
    err,
    fail,
    out,
    read_credential,
)
from tokenward.app.cli.opening import open_configuration, with_foundation
from tokenward.app.foundation import Foundation
from tokenward.app.people import passwords_of, session_limits
from tokenward.base.problems import CONFLICT, INVALID_INPUT, NOT_FOUND, Refusal
from tokenward.base.secret import Secret
from tokenward.identity.claims import change_claims, check_claim, read_claim
from tokenward.identity.links import Links
from tokenward.identity.passwords import Passwords
from tokenward.identity.people import add_user
from tokenward.store.people_records import Session, UpstreamLink, User
from tokenward.tokens.release import PERSONAL

commands = typer.Typer(no_args_is_help=True, help="Manage the people who can sign in.")

Username = Annotated[str, typer.Argument(help="The name to sign in with.")]
Claims = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=TEXT", help="What is known of them, NAME:=JSON for other types; repeat."),
]


@commands.command("add")
def add(
    username: Username,
    password: Annotated[
        str | None,
        typer.Option(
            metavar="-|@FILE", help="Where the password is read from; - asks at a terminal.", show_default="-"
        ),
    ] = None,
    claim: Claims = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Add a person. The password, of 12 characters at least, is asked for or read from a file.

    Where nobody has a password (people.passwords), none is asked for.

    Examples: tokenward users add alice; tokenward users add alice --password @password.txt
    """
    secret = None
    if open_configuration(config).settings.people.passwords:
        secret = read_credential(password or "-", what="password", confirm=True)
    elif password is not None:
        fail("there are no passwords (people.passwords is false): leave --password out", code=REFUSED)

    async def work(ground: Foundation) -> User:
        claims = dict(map(read_claim, claim or []))
        for name, value in claims.items():
            check_claim(name, value)  # before anybody is added
        passwords = passwords_of(ground.configuration)
        try:
            user = await add_user(
                ground.store,
                username,
                secret,
                passwords=passwords,
                issuer=ground.configuration.settings.name,
                clock=ground.clock,
            )
        finally:
            passwords.close()
        if claims:
            await change_claims(ground.store, username, claims, clock=ground.clock)
        return user

    user = with_foundation(config, work)
    out.print(f"user_id {user.user_id}", markup=False)
    err.print(_through_provider(username) if secret is None else f"{username} can sign in now", markup=False)


@commands.command("set")
def set_claims(
    username: Username,
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
    username: Username,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Show what is known of a person, who is told which of it, and their accounts at identity providers.

    Example: tokenward users show alice
    """

    async def work(ground: Foundation) -> tuple[User, list[UpstreamLink], dict[str, object], _Told]:
        user = await _known(ground, username)
        links = await ground.store.upstream_links(user.user_id)
        return user, links, await ground.store.user_claims(user.user_id), await _told(ground)

    user, links, claims, told = with_foundation(config, work)
    out.print(f"user_id {user.user_id}\nsince   {date(user.created_at)}", markup=False)
    for link in links:
        used = f"last used {date(link.last_used_at)}" if link.last_used_at is not None else "not used yet"
        out.print(f"account at {link.upstream}: {link.subject}", markup=False)
        out.print(f"    linked {date(link.linked_at)}, {used}", style="dim", markup=False)
    for name, value in sorted({**claims, "preferred_username": user.username}.items()):
        personal = f" (personal: {PERSONAL[name]})" if name in PERSONAL else ""
        readers = ", ".join(told.get(name, [])) or "nobody"
        out.print(f"{name}{personal}: {json.dumps(value, ensure_ascii=False)}", markup=False)
        out.print(f"    told to {readers}", style="dim", markup=False)


@commands.command("list")
def list_users(config: ConfigPath = DEFAULT_CONFIG) -> None:
    """List the people who can sign in, and by what.

    Example: tokenward users list
    """

    async def work(ground: Foundation) -> list[tuple[User, str]]:
        return [(user, await _ways(ground, user)) for user in await ground.store.users()]

    table = Table(box=None, pad_edge=False)
    for heading in ("name", "user_id", "since", "signs in by", ""):
        # An id or an address is needed whole: what is narrow folds, and leaves nothing out.
        table.add_column(heading, overflow="fold", no_wrap=heading == "user_id")
    for user, ways in with_foundation(config, work):
        disabled = "disabled" if user.disabled_at is not None else ""
        cells = (user.username, user.user_id, date(user.created_at), ways, disabled)
        table.add_row(*map(Text, cells))
    out.print(table)


@commands.command("invite")
def invite(
    username: Username,
    claim: Claims = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Print a link by which a person chooses a password: a new one, or one who lost theirs.

    The link is good once, for seven days, and for half an hour where the person has a password already. Give
    it to nobody else. Second factors that they have are asked for all the same. Where nobody has a password
    (people.passwords), the person is added, and signs in through a provider that recognises them.

    For example:

      tokenward users invite alice --claim email=alice@example.com --claim email_verified=true
    """

    async def work(ground: Foundation) -> Secret | None:
        claims = dict(map(read_claim, claim or []))
        for name, value in claims.items():
            check_claim(name, value)  # before anybody is added
        user = await ground.store.user_by_name(username)
        if user is None:
            passwords = Passwords()
            try:
                user = await add_user(ground.store, username, None, passwords=passwords, clock=ground.clock)
            finally:
                passwords.close()
        if claims:
            await change_claims(ground.store, username, claims, clock=ground.clock)
        if not ground.configuration.settings.people.passwords:
            return None
        links = Links(
            ground.store, ground.peppers, ground.configuration.settings.issuer.url, clock=ground.clock
        )
        return await links.new(user.user_id, "reset" if user.password_hash else "invite")

    link = with_foundation(config, work)
    if link is None:
        err.print(_through_provider(username), markup=False)
        return
    out.print(link.reveal(), markup=False)
    err.print(f"whoever opens it signs in as {username}", markup=False)


@commands.command("disable")
def disable(
    username: Username,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Let a person no longer sign in, end their sign-ins, and revoke all that acts for them, within a second.

    Example: tokenward users disable alice
    """
    _change(
        config, username, lambda ground, user: ground.store.disable_user(user.user_id, ground.clock.time())
    )
    err.print(f"{username} cannot sign in any more, and nothing acts for them", markup=False)


@commands.command("enable")
def enable(
    username: Username,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Let a disabled person sign in again. What was revoked stays revoked.

    Example: tokenward users enable alice
    """
    _change(
        config, username, lambda ground, user: ground.store.enable_user(user.user_id, ground.clock.time())
    )
    err.print(f"{username} can sign in again", markup=False)


@commands.command("reset-factors")
def reset_factors(
    username: Username,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Remove passkeys, authenticator app and recovery codes of a person who lost them; end their sign-ins.

    Afterwards a password, or an account at a provider, alone signs them in: make sure first that it is they
    who ask.

    Example: tokenward users reset-factors alice
    """

    async def work(ground: Foundation) -> str:
        user = await _known(ground, username)
        await ground.store.reset_factors(user.user_id)
        return await _ways(ground, user)

    err.print(f"{username} signs in by: {with_foundation(config, work)}", markup=False)


@commands.command("unlink")
def unlink(
    username: Username,
    provider: Annotated[str, typer.Argument(help="The provider's name in people.upstream.")],
    subject: Annotated[
        str | None, typer.Option(metavar="SUB", help="Which account, where there are several there.")
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Unlink a person's account at an identity provider, and end the sign-ins that came through it.

    Where `link: email` or `create` is on for the provider, the next sign-in there may link it again, or make
    somebody new of it.

    For example:

      tokenward users unlink alice corp
    """

    async def work(ground: Foundation) -> str:
        user = await _known(ground, username)
        found = [
            link
            for link in await ground.store.upstream_links(user.user_id)
            if link.upstream == provider and subject in (None, link.subject)
        ]
        if not found:
            raise Refusal(NOT_FOUND, "no such account is linked to them: `tokenward users show` tells which")
        if len(found) > 1:
            raise Refusal(INVALID_INPUT, "they have several accounts there: name one by --subject")
        if not await ground.store.remove_upstream_link(provider, found[0].subject, version=user.version):
            raise Refusal(CONFLICT, "how they sign in was changed at this moment: look, and try again")
        return await _ways(ground, user)

    err.print(f"{username} signs in by: {with_foundation(config, work)}", markup=False)


@commands.command("sessions")
def sessions(
    username: Username,
    end: Annotated[bool, typer.Option("--end", help="End all of them.")] = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """List where a person is signed in, or end all of it.

    Example: tokenward users sessions alice --end
    """

    async def work(ground: Foundation) -> tuple[list[Session], int]:
        user = await _known(ground, username)
        limits, now = session_limits(ground.configuration.settings), ground.clock.time()
        found = [
            session for session in await ground.store.sessions_of(user.user_id) if limits.allow(session, now)
        ]
        return found, await ground.store.end_sessions(user.user_id) if end else 0

    found, ended = with_foundation(config, work)
    if end:
        err.print(f"{ended} sign-ins of {username} ended", markup=False)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("device", "address", "since", "last used", "by"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "address")
    for session in found:
        done = " ".join(method for proof in session.proofs for method in proof.amr)
        cells = (session.device, session.address, date(session.created_at), date(session.last_seen_at), done)
        table.add_row(*map(Text, cells))
    out.print(table)


def _change(config: Path, username: str, change: Callable[[Foundation, User], Awaitable[bool]]) -> None:
    """Change a person, or say that there was nothing to change."""

    async def work(ground: Foundation) -> bool:
        return await change(ground, await _known(ground, username))

    if not with_foundation(config, work):
        fail(f"nothing to change: {username} is so already", code=REFUSED)


async def _known(ground: Foundation, username: str) -> User:
    user = await ground.store.user_by_name(username)
    if user is None:
        raise Refusal(NOT_FOUND, "no person has this user name")
    return user


def _through_provider(username: str) -> str:
    return f"there are no passwords: {username} signs in through a provider that recognises them"


async def _ways(ground: Foundation, user: User) -> str:
    """What the person signs in by: what is configured, and they have."""
    people = ground.configuration.settings.people
    names = {provider.name for provider in people.upstream}
    linked = {link.upstream for link in await ground.store.upstream_links(user.user_id)}
    factors = await ground.store.has_factors(user.user_id)
    ways = (
        ("password", factors.password and people.passwords),
        *((name, True) for name in sorted(linked & names)),
        (f"{factors.passkeys} passkeys", factors.passkeys),
        ("app", factors.totp),
        (f"{factors.recovery_codes} recovery codes", factors.recovery_codes),
    )
    return ", ".join(way for way, there in ways if there) or "nothing yet"


_Told = dict[str, list[str]]


async def _told(ground: Foundation) -> _Told:
    """Claim → who is told it."""
    told: _Told = {}
    for api, settings in ground.configuration.settings.apis.items():
        for name in settings.claims.inside:
            told.setdefault(name, []).append(f"{api} (inside JWT)")
        for name in settings.claims.introspection:
            told.setdefault(name, []).append(f"{api} (introspection)")
    for client in await ground.store.clients():
        for name in client.id_token_claims:
            told.setdefault(name, []).append(f"{client.client_id} (ID token)")
    return told
