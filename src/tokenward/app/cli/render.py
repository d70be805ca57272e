"""`tokenward render`: the configuration of an engine in front that somebody else runs."""

from pathlib import Path
from typing import Annotated

import typer

from tokenward.app.cli.console import DEFAULT_CONFIG, REFUSED, ConfigPath, err, fail
from tokenward.app.cli.opening import open_configuration
from tokenward.app.engines.program import EngineMissing, engine
from tokenward.app.engines.render import rendered


def render(
    name: Annotated[str, typer.Argument(metavar="envoy|nginx", help="The engine.")],
    config: ConfigPath = DEFAULT_CONFIG,
    output: Annotated[
        Path | None,
        typer.Option(help="A file for the configuration; a directory where the engine takes several files."),
    ] = None,
) -> None:
    """Print what an engine in front is told, so that it asks the gateway about every request.

    The engine listens where the gateway's URL says, asks at gateway.decisions.listen, and passes on to the
    gateway itself, at gateway.listen, what only that can answer. `tokenward up --engine` needs none of this.

    Examples: tokenward render envoy; tokenward render envoy --output envoy.yaml
    """
    configuration = open_configuration(config)
    try:
        files = engine(name).render(rendered(configuration))
    except (EngineMissing, ValueError) as error:
        fail(str(error))
    if output is None and len(files) > 1:
        fail(f"{name} takes {len(files)} files: name a directory with --output")
    if output is None:
        typer.echo(next(iter(files.values())), nl=False)
        return
    try:
        if len(files) > 1 or output.is_dir():
            output.mkdir(parents=True, exist_ok=True)
            written = {output / file: text for file, text in files.items()}
        else:
            written = {output: next(iter(files.values()))}
        for path, text in written.items():
            path.write_text(text, encoding="utf-8")
            err.print(f"{path} was written", markup=False)
    except OSError as error:
        fail(f"cannot write {output}: {error.strerror}", code=REFUSED)
