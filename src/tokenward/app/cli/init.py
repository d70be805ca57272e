"""`tokenward init`: a first configuration, and the keys it names."""

from pathlib import Path
from typing import Annotated

import typer

from tokenward.app.cli.console import fail, out
from tokenward.app.initialise import initialise


def init(
    directory: Annotated[
        Path, typer.Argument(help="Where to make it; the current directory by default.")
    ] = Path(),
) -> None:
    """Make tokenward.yaml, a master key and an admin token; what exists already is left alone.

    The configuration is commented and protects no API yet. Keys and tokens go to data/, readable by you only;
    keep a copy of data/master.key apart from the database, which cannot be opened without it.

    Examples: tokenward init; tokenward init /etc/tokenward
    """
    try:
        result = initialise(directory)
    except OSError as error:
        fail(f"{error.filename or directory}: {error.strerror or error}")
    for path in result.made:
        out.print(f"made  {path}", markup=False)
    for path in result.kept:
        out.print(f"kept  {path}, which was there", markup=False)
    out.print(
        "\nNext: add an API below `apis` in tokenward.yaml, or let `tokenward protect` propose it; "
        "then `tokenward check` and `tokenward up`.",
        markup=False,
    )
