"""`tokenward protect`: a proposed configuration for an API that exists."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from tokenward.app.check import rendered, summary
from tokenward.app.cli.console import REFUSED, err, fail, out
from tokenward.app.initialise import CONFIGURATION
from tokenward.app.proposals import Proposal
from tokenward.app.protect import protect as write_configuration


def protect(
    document: Annotated[
        Path,
        typer.Argument(
            help="The API's OpenAPI 3.0 or 3.1 document, YAML or JSON.", exists=True, dir_okay=False
        ),
    ],
    upstream: Annotated[str, typer.Option(help="Where the API listens, such as http://127.0.0.1:9000.")],
    name: Annotated[
        str, typer.Option(help="The API's name and path at the gateway; from its title by default.")
    ] = "",
    output: Annotated[Path, typer.Option(help="The configuration to write.")] = Path(CONFIGURATION),
    force: Annotated[bool, typer.Option("--force", help="Replace the configuration if it exists.")] = False,
) -> None:
    """Propose a risk tier and a scope for each operation of an API, and write them as tokenward.yaml.

    Each proposal comes with its reason as a comment: review them, above all what is public or low. Keys and
    tokens are made beside the file where they are missing. What is written passes `tokenward check`.

    Example: tokenward protect openapi.yaml --upstream http://127.0.0.1:9000
    """
    try:
        with err.status("reading the document …"):
            result = write_configuration(document, upstream, output=output, name=name, force=force)
    except FileExistsError:
        fail(f"{output} exists: --force replaces it, --output writes elsewhere", code=REFUSED)
    except ValueError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or output}: {error.strerror or error}")
    for finding in result.findings:
        err.print(rendered(finding))
    if result.secrets is None:
        fail(f"nothing was written: {summary(result.findings)}; mend them and try again", code=REFUSED)
    out.print(_table(result.proposals), soft_wrap=False)
    out.print(f"wrote {output}", markup=False)
    for path in result.secrets.made:
        out.print(f"made  {path}", markup=False)
    out.print(
        f"""
Next:
  1. review {output}: each tier has its reason beside it
  2. tokenward check --config {output}
  3. tokenward up --config {output}
  4. tokenward clients add, for the first application that may call""",
        markup=False,
    )


def _table(proposals: tuple[Proposal, ...]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("operation", "tier", "scope"):
        table.add_column(heading, no_wrap=True, overflow="fold")
    table.add_column("why", min_width=20)
    for proposal in proposals:
        row = (
            proposal.label,
            proposal.tier,
            " ".join(proposal.needed) or "none",
            "; ".join(proposal.reasons),
        )
        table.add_row(*(Text(cell) for cell in row))
    return table
