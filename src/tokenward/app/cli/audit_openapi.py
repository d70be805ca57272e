"""`tokenward audit openapi`: what an OpenAPI document leaves open."""

from enum import StrEnum
from typing import Annotated

import typer

from tokenward.app.audit_command import FailOn
from tokenward.app.cli.audit_openapi_at_once import Asked, run
from tokenward.app.cli.report_options import FailOnOption, FormOption, OutputOption
from tokenward.app.reports.writing import Format


class Profile(StrEnum):
    """What `--profile` takes."""

    PUBLIC = "public"
    PARTNER = "partner"
    INTERNAL = "internal"


def audit_openapi(
    document: Annotated[
        str,
        typer.Argument(metavar="FILE|URL", help="The document, YAML or JSON: OpenAPI 2.0, 3.0, 3.1 or 3.2."),
    ],
    *,
    profile: Annotated[
        Profile, typer.Option(help="Who may call: anybody, known parties, services of the same house.")
    ] = Profile.PUBLIC,
    fail_on: FailOnOption = FailOn.LOW,
    chosen: FormOption = Format.TERMINAL,
    output: OutputOption = None,
) -> None:
    """Look for what an OpenAPI document leaves open, and give it a score from 0 to 100.

    References to other files are followed inside the directory of the document, and nowhere else.
    What is accepted says so beside the place, as `x-tokenward-allow` with a reason and a last day.

    Exit codes: 0 clean, 1 findings, 2 it could not be read, or not all of it.

      tokenward audit openapi openapi.yaml

      tokenward audit openapi https://api.example/openapi.json --profile partner

      tokenward audit openapi openapi.yaml --fail-on high --format sarif --output openapi.sarif
    """
    raise typer.Exit(run(Asked(document, profile, fail_on, chosen, output)))
