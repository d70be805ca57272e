"""How a command opens the configuration and its store."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from tokenward.app.cli.console import DEFAULT_CONFIG, REFUSED, fail
from tokenward.app.config import Configuration, load
from tokenward.app.foundation import Foundation, foundation
from tokenward.base.problems import Refusal
from tokenward.store.keeping import WrongMasterKey
from tokenward.store.port import AlreadyExists, StoreUnavailable

T = TypeVar("T")


def open_configuration(path: Path) -> Configuration:
    """The configuration, or the end of the command with the first problem and the way to see all."""
    if not path.exists():
        fail(f"{path} does not exist: `tokenward init` makes one, `--config` names another")
    loaded = load(path)
    if loaded.configuration is None:
        first = loaded.findings[0]
        command = "tokenward check" if path == DEFAULT_CONFIG else f"tokenward check --config {path}"
        fail(f"{first.file}:{first.line}: {first.text}\n    {first.remedy}\n`{command}` tells every problem")
    return loaded.configuration


def with_foundation(path: Path, work: Callable[[Foundation], Awaitable[T]]) -> T:
    """Open the configuration and its store, do the work, close; refusals and faults end the command."""
    configuration = open_configuration(path)

    async def run() -> T:
        async with foundation(configuration) as ground:
            return await work(ground)

    try:
        return asyncio.run(run())
    except Refusal as refusal:
        fail(refusal.detail or refusal.problem.text, code=REFUSED)
    except AlreadyExists:
        fail("that exists already", code=REFUSED)
    except StoreUnavailable as error:
        fail(f"the store cannot be opened: {error}")
    except (ValueError, WrongMasterKey) as error:
        fail(str(error))
