"""`tokenward audit`: what is wrong with a document, a server or a library, before somebody else finds it."""

import typer

from tokenward.app.cli.lazily import Room, lazy_group

ROOMS = {
    "openapi": Room("audit_openapi", "audit_openapi"),
    "server": Room("audit_server", "audit_server"),
    "library": Room("audit_library", "audit_library"),
}

commands = typer.Typer(
    cls=lazy_group(ROOMS),
    no_args_is_help=True,
    help="Look for what is wrong, before somebody else does: in an OpenAPI document,"
    " in an authorization server, in JWT libraries.",
)


@commands.callback()
def _audit() -> None:
    """A group, even of one command."""
