"""Asking at the terminal before production is touched. Without a terminal nobody can have said yes."""

import sys
from collections.abc import Sequence

import typer
from rich.console import Console

from tokenward.app.reports.leaks import location
from tokenward.app.reports.words import count, place, printable
from tokenward.leaks.result import Finding

_SHOWN = 5


def consents(host: str, findings: Sequence[Finding]) -> bool:
    """Whether its user wants that host to be asked about these findings."""
    err = Console(stderr=True, soft_wrap=True, highlight=False)
    many = count(len(findings), "credential")
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        told = f"{host} is not asked about {many} of production: --check-production permits it"
        err.print(told, markup=False)
        return False
    for finding in findings[:_SHOWN]:
        where = place(location(finding.places[0]))
        err.print(f"  {printable(finding.rule.what)}: {printable(finding.masked)} {where}", markup=False)
    if len(findings) > _SHOWN:
        err.print(f"  and {len(findings) - _SHOWN:,} more", markup=False)
    question = f"Ask {host} whether {many} of production {'is' if len(findings) == 1 else 'are'} live?"
    return typer.confirm(question, default=False, err=True)
