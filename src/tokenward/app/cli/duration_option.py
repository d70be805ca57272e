"""Options that take a duration."""

import typer

from tokenward.app.quantities import HOW_TO_WRITE_ONE, duration


def duration_option(text: str) -> int:
    """The seconds of an option that is written as in tokenward.yaml.

    Raises:
        BadParameter: it is no duration.
    """
    try:
        return duration(text)
    except ValueError:
        raise typer.BadParameter(HOW_TO_WRITE_ONE) from None
