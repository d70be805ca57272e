"""A day on the command line."""

from datetime import date

import typer


def day(text: str) -> date:
    """The day that is written as YYYY-MM-DD.

    Raises:
        typer.BadParameter: it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("a day is written as 2026-12-31") from None
