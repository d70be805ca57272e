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
from tokenward.app.config import Configuration
from tokenward.app.policy_tests import SUFFIX, Suite, beside, read_suites, schema
from tokenward.app.policy_trial import Outcome, Trial


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
    failed = asyncio.run(_tried(configuration, read.suites))
    if failed:
        raise typer.Exit(REFUSED)


async def _tried(configuration: Configuration, suites: tuple[Suite, ...]) -> int:
    trial = Trial(configuration)
    asked: set[tuple[str, str]] = set()
    count = failed = 0
    for suite in suites:
        for number, each in enumerate(suite.tests):
            outcome = await trial.run(each)
            asked.add((outcome.api, outcome.operation))
            count += 1
            if not outcome.passed:
                failed += 1
                _tell(
                    f"{suite.place(number)}: {each.name}", each.request, each.expect, each.operation, outcome
                )
    colour = "red" if failed else "green"
    out.print(f"[bold {colour}]{count - failed} passed, {failed} failed[/]")
    _tell_untested(configuration, asked)
    return failed


def _tell(place: str, request: str, expect: str, operation: str | None, outcome: Outcome) -> None:
    wanted = f"{expect} {operation}" if operation else expect
    out.print(f"[bold red]failed[/] {escape(place)}")
    decided = f"{outcome.decided} {outcome.operation}".rstrip()
    out.print(f"  {escape(request)}: expected {escape(wanted)}, decided {escape(decided)}")
    tell_steps(outcome.steps, indent="    ")


def _tell_untested(configuration: Configuration, asked: set[tuple[str, str]]) -> None:
    untested = [
        f"{api.name}: {operation.label}"
        for policy in (configuration.policy, *configuration.in_process.values())
        for api in policy.apis
        for operation in api.operations
        if (api.name, operation.label) not in asked
    ]
    if untested:
        err.print(f"no test asks for {len(untested)} operations:", style="yellow", markup=False)
    for line in untested:
        err.print(f"  {line}", style="yellow", markup=False)
