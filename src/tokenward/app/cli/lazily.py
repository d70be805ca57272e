"""Commands that are imported when they are called: `scan --staged` may not wait for a server's imports."""

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any, NamedTuple, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

Command = TyperCommand | TyperGroup


class Room(NamedTuple):
    """Where a command lives.

    Attributes:
        module: under `tokenward.app.cli`.
        name: of the function, or of the `Typer` that holds subcommands.
        passes_on: whether it runs another command: from the first argument on, options are that one's.
    """

    module: str
    name: str
    passes_on: bool = False


class Commands(MutableMapping[str, Any]):
    """Commands by name, each imported at its first use."""

    def __init__(self, rooms: dict[str, Room]) -> None:
        self._rooms = rooms
        self._loaded: dict[str, Command] = {}

    def __getitem__(self, name: str) -> Command:
        if name not in self._loaded:
            self._loaded[name] = _load(name, self._rooms[name])
        return self._loaded[name]

    def __setitem__(self, name: str, command: Command) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._rooms[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rooms)

    def __len__(self) -> int:
        return len(self._rooms)


def lazy_group(rooms: dict[str, Room]) -> type[TyperGroup]:
    """A group of these commands, for `Typer(cls=...)`."""

    class _Group(TyperGroup):
        def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - what Typer passes on
            super().__init__(**attributes)
            self.commands = Commands(dict(rooms))

    return _Group


def _load(name: str, room: Room) -> Command:
    found = getattr(import_module(f"tokenward.app.cli.{room.module}"), room.name)
    commands = found
    if not isinstance(found, typer.Typer):
        commands = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
        settings = {"allow_interspersed_args": False, "ignore_unknown_options": True}
        commands.command(name, context_settings=settings if room.passes_on else None)(found)
    command = cast("Command", get_command(commands))
    command.name = name
    return command
