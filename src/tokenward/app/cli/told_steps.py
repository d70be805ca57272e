"""The steps of a decision, as people read them."""

from collections.abc import Iterable

from rich.markup import escape

from tokenward.app.cli.console import out
from tokenward.gateway.access import Step


def tell_steps(steps: Iterable[Step], *, indent: str = "") -> None:
    """How a decision was come to, a line for each step."""
    for step in steps:
        mark = "[green]✓[/]" if step.passed else "[red]✗[/]"
        out.print(f"{indent}{mark} {step.name:24} {escape(step.why)}")
