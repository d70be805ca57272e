"""`tokenward check`: every problem of a configuration, with its place and its remedy."""

import json
from typing import Annotated

import typer

from tokenward.app.check import check as find_problems
from tokenward.app.check import rendered, summary
from tokenward.app.cli.console import DEFAULT_CONFIG, REFUSED, ConfigPath, err, fail, out
from tokenward.app.config import schema
from tokenward.app.findings import errors
from tokenward.app.recipients import recipients


def check(
    config: ConfigPath = DEFAULT_CONFIG,
    print_schema: Annotated[
        bool,
        typer.Option("--schema", help="Print the JSON Schema of the configuration instead, for editors."),
    ] = False,
) -> None:
    """Look at tokenward.yaml and the OpenAPI documents it names, and tell every problem at once.

    Each one comes as file:line:column with the way to mend it. Without an error it also tells what each API
    receives of a person. Nothing is started, no command of a cmd: reference is run, and no secret is shown.
    Exit code 1 if there is an error; warnings alone are 0.

    Examples: tokenward check; tokenward check -c staging.yaml; tokenward check --schema > schema.json
    """
    if print_schema:
        typer.echo(json.dumps(schema(), indent=2))
        return
    if not config.exists():
        fail(f"{config} does not exist: `tokenward init` makes one, `--config` names another")
    with err.status("checking …"):
        loaded = find_problems(config)
    findings = loaded.findings
    for finding in findings:
        out.print(rendered(finding))
    if loaded.configuration is not None:
        for line in recipients(loaded.configuration.settings):
            out.print(line, markup=False)
    out.print(f"{config}: {summary(findings)}", markup=False)
    if errors(findings):
        raise typer.Exit(REFUSED)
