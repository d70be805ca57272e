"""`tokenward master-key`: another key over everything that the database keeps sealed."""

import asyncio
from typing import Annotated

import typer

from tokenward.app.cli.console import DEFAULT_CONFIG, REFUSED, ConfigPath, err, fail
from tokenward.app.cli.opening import open_configuration
from tokenward.app.foundation import master_key, store_url
from tokenward.store.keeping import WrongMasterKey, replace_master_key
from tokenward.store.port import StoreUnavailable
from tokenward.store.sql import open_store

commands = typer.Typer(no_args_is_help=True, help="Replace the master key.")


@commands.callback()
def _group() -> None:
    """Keep `rotate` a subcommand although it is the only one."""


@commands.command("rotate")
def rotate(
    reference: Annotated[
        str,
        typer.Argument(metavar="REFERENCE", help="Where the new key is: env:, file:, cmd: or keyring:."),
    ],
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Seal the database's data key under another master key; the old one opens nothing from then on.

    The new key is 32 random bytes in base64, kept wherever the reference says. Running servers go on; what
    is started afterwards needs the new reference as master_key in tokenward.yaml. It happens whole or not at
    all, and giving the same command again is safe.

    For example:

      (umask 077; openssl rand -base64 32 > data/master-2.key)

      tokenward master-key rotate file:data/master-2.key
    """
    configuration = open_configuration(config)
    base_dir = configuration.base_dir

    async def run(old: bytes, new: bytes) -> bool:
        store = await open_store(store_url(configuration))
        try:
            return await replace_master_key(store, old, new)
        finally:
            await store.close()

    try:
        old = master_key(configuration.settings.master_key, base_dir=base_dir)
        new = master_key(reference, base_dir=base_dir)
        if old == new:
            fail(f"{config} names that key: leave the old one there until this command is done", code=REFUSED)
        replaced = asyncio.run(run(old, new))
    except StoreUnavailable as error:
        fail(f"the store cannot be opened: {error}")
    except (ValueError, WrongMasterKey) as error:
        fail(str(error))
    err.print(
        "the data key is sealed under the new master key"
        if replaced
        else "the data key was sealed under the new master key before",
        markup=False,
    )
    err.print(
        f"now set `master_key: {reference}` in {config}, and destroy the old key and its copies", markup=False
    )
