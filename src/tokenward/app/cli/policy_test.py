"""`tokenward test`: whether the policy decides what its tests expect."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from tokenward.app.check import rendered, summary
from tokenward.app.cli.console import DEFAULT_CONFIG, REFUSED, ConfigPath, err, fail, out
from tokenward.app.cli.opening import open_configuration
from tokenward.app.cli.told_steps import tell_steps
from tokenward.app.policy_tests import SUFFIX, beside, read_suites, schema
from tokenward.app.policy_trial import Tried, try_suites, untested


def run_tests(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help=f"Files of tests; by default every *{SUFFIX} beside tokenward.yaml and below."),
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    print_schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of a file of tests instead, for editors.")
    ] = False,
) -> None:
    """Decide on the requests of policy tests, and tell which decisions are not the expected ones.

    A test says what is asked and what the caller's token stands for; nothing is started, looked up or sent,
    and no secret is needed. Exit code 1 if any test fails, 2 if they cannot be read. Operations that no test
    asks for are listed.

    Examples: tokenward test; tokenward test bank.policytest.yaml; tokenward test --schema > schema.json
    """
    if print_schema:
        typer.echo(json.dumps(schema(), indent=2))
        return
    configuration = open_configuration(config)
    paths = files or beside(config)
    if not paths:
        fail(f"there is no file *{SUFFIX} beside {config}")
    read = read_suites(paths, configuration.settings)
    for finding in read.findings:
        out.print(rendered(finding))
    if read.findings:
        fail(f"{summary(read.findings)} in the tests themselves; nothing was tried")
    tried = asyncio.run(try_suites(configuration, read.suites))
    failed = [each for each in tried if not each.outcome.passed]
    for each in failed:
        _tell(each)
    colour = "red" if failed else "green"
    out.print(f"[bold {colour}]{len(tried) - len(failed)} passed, {len(failed)} failed[/]")
    _tell_untested(untested(configuration, tried))
    if failed:
        raise typer.Exit(REFUSED)


def _tell(tried: Tried) -> None:
    test, outcome = tried.test, tried.outcome
    wanted = f"{test.expect} {test.operation}" if test.operation else test.expect
    out.print(f"[bold red]failed[/] {escape(f'{tried.suite.source.path}:{tried.line}: {test.name}')}")
    decided = f"{outcome.decided} {outcome.operation}".rstrip()
    out.print(f"  {escape(test.request)}: expected {escape(wanted)}, decided {escape(decided)}")
    tell_steps(outcome.steps, indent="    ")


def _tell_untested(operations: list[str]) -> None:
    if operations:
        err.print(f"no test asks for {len(operations)} operations:", style="yellow", markup=False)
    for operation in operations:
        err.print(f"  {operation}", style="yellow", markup=False)
