"""`tokenward keys`: API keys, from the first day to the last."""

from collections.abc import Iterator
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
from tokenward.app.cli.duration_option import duration_option
from tokenward.app.cli.opening import with_foundation
from tokenward.app.foundation import Foundation
from tokenward.app.revocation import revoke
from tokenward.base.secret import Secret
from tokenward.issuer.api_keys import Terms, add_key, rotate_key
from tokenward.issuer.key_imports import import_keys, read_table
from tokenward.store.live import known_api_key
from tokenward.store.records import ApiKey, ApiKeyState

commands = typer.Typer(
    no_args_is_help=True, help="Give out API keys, rotate and revoke them, take over those of others."
)

_DAY = 86_400
_SOON = 14 * _DAY

KeyId = Annotated[str, typer.Argument(help="The key_id, as `tokenward keys list` shows it.")]
Api = Annotated[str, typer.Option(help="The API that it is for, by its name in tokenward.yaml.")]
Scopes = Annotated[list[str] | None, typer.Option("--scope", help="A scope of that API; repeat for more.")]
Addresses = Annotated[
    list[str] | None,
    typer.Option("--address", help="An address or network that it may be used from; repeat for more."),
]
Origins = Annotated[
    list[str] | None,
    typer.Option("--origin", help="The origin of a page that it may be used in; repeat for more."),
]
Rate = Annotated[int | None, typer.Option(min=1, help="Calls a minute.")]


@commands.command("add")
def add(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    owner: Annotated[
        str, typer.Option(help="Who answers for it: an e-mail address, to which notices go, or another name.")
    ],
    api: Api,
    scope: Scopes = None,
    days: Annotated[
        int | None, typer.Option(min=1, help="How long it lives; as tokenward.yaml says by default.")
    ] = None,
    address: Addresses = None,
    origin: Origins = None,
    rate: Rate = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Give out a key. It is printed once and kept only as a keyed hash; it always has an end.

    A key opens operations of tier `low` and `public`, never more. Callers send it as `X-API-Key`.

    For example:

      tokenward keys add "Forecast widget" --owner ann@example.com --api weather --scope forecast:read

      tokenward keys add "Batch" --owner ops --api weather --days 30 --address 192.0.2.0/24 --rate 60
    """

    async def work(ground: Foundation) -> tuple[ApiKey, Secret]:
        terms = _terms(ground, api, scope, address, origin, rate)
        lifetime = days * _DAY if days else None
        return await add_key(ground.api_key_desk, terms, name=name, owner=owner, lifetime=lifetime)

    _print_once(*with_foundation(config, work))


@commands.command("list")
def list_keys(config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Show every key: whose it is, what for, when it ends, and when it was last used.

    What ends within two weeks is yellow, what is over is dim. The keys themselves are not among it: only
    their keyed hashes are kept. Of uses the last few seconds may be missing.
    """

    async def work(ground: Foundation) -> tuple[list[ApiKeyState], dict[str, str], float]:
        settings = ground.configuration.settings
        names = {settings.audience(name): name for name in settings.apis}
        return await ground.store.api_keys(), names, ground.clock.time()

    states, names, now = with_foundation(config, work)
    table = Table()
    for heading in ("key", "opens", "ends", "last used"):
        table.add_column(heading, overflow="fold")  # whole, on several lines if need be: people copy them
    for state in states:
        key = state.key
        standing, style = _standing(state, now)
        cells = (
            (key.key_id, f"{key.name} …{key.last_four}" if key.last_four else key.name, key.owner),
            (names.get(key.audience, key.audience), *key.scopes, *_restrictions(key)),
            (date(key.expires_at), *standing),
            (date(state.last_used_at), f"uses: {state.uses}") if state.last_used_at else ("never",),
        )
        table.add_row(*(Text("\n".join(lines)) for lines in cells), style=style, end_section=True)
    out.print(table)


@commands.command("rotate")
def rotate(
    key_id: KeyId,
    overlap: Annotated[
        int | None,
        typer.Option(
            parser=duration_option,
            metavar="DURATION",
            help="How long the old key stays valid, like 12h; 30d at most.",
        ),
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Give out a successor on the same terms; the old key ends at once, or after the overlap.

    The new key lives as long as the old one was meant to, and neither longer than tokenward.yaml allows.

    Example: tokenward keys rotate 4U9WEWqebqm --overlap 1d
    """

    async def work(ground: Foundation) -> tuple[ApiKey, Secret]:
        return await rotate_key(ground.api_key_desk, key_id, overlap=overlap or 0)

    _print_once(*with_foundation(config, work))


@commands.command("revoke")
def revoke_key(
    credential: Annotated[
        str | None,
        typer.Argument(metavar="[-|@FILE]", help="The key itself, from standard input or a file."),
    ] = None,
    key_id: Annotated[str | None, typer.Option(help="Its key_id.")] = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """End a key; every gateway refuses it within a second.

    Name it by its id, or give the key itself, on standard input or in a file, never as an argument:

      tokenward keys revoke --key-id 4U9WEWqebqm

      tokenward keys revoke - < leaked.txt
    """
    if (credential is None) == (key_id is None):
        fail("name exactly one: --key-id, or the key itself as - or @FILE")
    text = read_credential(credential, what="key").reveal() if credential is not None else ""

    async def work(ground: Foundation) -> str:
        subject = key_id or ""
        if key_id is None:
            state = await known_api_key(ground.store, ground.peppers, text)
            if state is None:
                fail("nobody was given this key here", code=REFUSED)
            subject = state.key.key_id
        await revoke(ground.store, "api_key", subject, before=None, at=ground.clock.time())
        return subject

    err.print(f"revoked API key {with_foundation(config, work)}", markup=False)


@commands.command("import")
def import_table(
    sha256: Annotated[
        Path,
        typer.Option("--sha256", help="A CSV file with columns name, owner, sha256, expires, last_four."),
    ],
    api: Api,
    scope: Scopes = None,
    address: Addresses = None,
    origin: Origins = None,
    rate: Rate = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Take over keys that something else gave out, from a table of their SHA-256; all of them, or none.

    The first line names the columns: name, owner and sha256 (of the key, in hexadecimal), and perhaps
    expires (a date of ISO 8601; without it, tokenward.yaml's default) and last_four. Callers go on with their
    keys, as X-API-Key only. They are marked as imported until they are rotated.

    Example: tokenward keys import --sha256 old-keys.csv --api weather --scope forecast:read
    """
    try:
        text = sha256.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"cannot read {sha256}: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}")

    async def work(ground: Foundation) -> list[ApiKey]:
        terms = _terms(ground, api, scope, address, origin, rate)
        return await import_keys(ground.api_key_desk, terms, read_table(text))

    for key in with_foundation(config, work):
        out.print(f"{key.key_id} {key.name}", markup=False)
    err.print("rotate them one by one: until then nobody can recognise one that leaked", style="dim")


def _terms(
    ground: Foundation,
    api: str,
    scopes: list[str] | None,
    addresses: list[str] | None,
    origins: list[str] | None,
    rate: int | None,
) -> Terms:
    settings = ground.configuration.settings
    if api not in settings.apis:
        fail(f"no API is named {api}; there are: {', '.join(settings.apis) or 'none'}", code=REFUSED)
    return Terms(
        settings.audience(api), tuple(scopes or ()), tuple(addresses or ()), tuple(origins or ()), rate
    )


def _restrictions(key: ApiKey) -> Iterator[str]:
    yield from key.addresses
    yield from key.origins
    if key.rate is not None:
        yield f"{key.rate} a minute"


def _standing(state: ApiKeyState, now: float) -> tuple[list[str], str]:
    """What state a key is in, in words, and the style of its row."""
    left = state.key.expires_at - now
    if state.revoked:
        return ["revoked"], "dim"
    if left <= 0:
        return ["ended"], "dim"
    marks = ["imported"] if state.key.imported else []
    if state.rotated_at is not None:
        return ["rotated", *marks], "yellow"
    if left <= _SOON:
        return [f"in {int(left // _DAY)} days", *marks], "yellow"
    return marks, ""


def _print_once(key: ApiKey, secret: Secret) -> None:
    out.print(f"key_id  {key.key_id}", markup=False)
    out.print(f"api_key {secret.reveal()}", markup=False)
    err.print(f"it ends on {date(key.expires_at)}", markup=False)
    err.print("the key is shown this once: put it where secrets are kept", style="dim")
