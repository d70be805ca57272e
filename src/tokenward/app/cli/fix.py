"""`tokenward fix`: mend what the scanner found."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from tokenward.app.cli.console import DEFAULT_CONFIG, REFUSED, ConfigPath, err, fail, out, read_data
from tokenward.app.cli.opening import with_foundation
from tokenward.app.cli.report_options import COUNTS, BaselineKeyOption, BaselineOption
from tokenward.app.cli.scan import Level
from tokenward.app.fix_leaks import CannotFix, Leak, ground, reported, scanned
from tokenward.app.fix_steps import OURS, Desk, Outcome, Renewal, afterwards, mend
from tokenward.app.reports.words import printable
from tokenward.app.scan_command import ScanFailed, failures_told
from tokenward.app.scanning import searcher
from tokenward.app.secret_places import CannotKeep, Places
from tokenward.base.redaction import redact
from tokenward.base.severity import Confidence
from tokenward.leaks.response.reporting import MAX_DOCUMENT

_HOW = "How it is mended"


def fix(
    path: Annotated[
        Path, typer.Argument(help="The directory or file to mend; with --report, the one that was scanned.")
    ] = Path(),
    *,
    report: Annotated[
        str,
        typer.Option(
            metavar="[-|@FILE]", help="What `tokenward scan --format json` wrote; without it, a scan is made."
        ),
    ] = "",
    finding: Annotated[
        str,
        typer.Option(
            metavar="WHICH",
            help="With --report: one finding, by its number or the beginning of its fingerprint.",
        ),
    ] = "",
    to: Annotated[
        str,
        typer.Option(
            metavar="REFERENCE",
            help="Where the secret goes: keyring:SERVICE/NAME, file:PATH, env:NAME or cmd:COMMAND, or one of "
            "those words alone. Otherwise the keyring, or a file of yours where there is none.",
            rich_help_panel=_HOW,
        ),
    ] = "",
    name: Annotated[
        str, typer.Option(help="What to call it; otherwise as on its line.", rich_help_panel=_HOW)
    ] = "",
    yes: Annotated[
        bool, typer.Option("--yes", help="Take every step without asking.", rich_help_panel=_HOW)
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be done.", rich_help_panel=_HOW)
    ] = False,
    rotate: Annotated[
        bool,
        typer.Option(
            "--rotate/--no-rotate",
            help="Whether what was issued by the issuer in --config is exchanged there.",
            rich_help_panel=_HOW,
        ),
    ] = True,
    hook: Annotated[
        bool, typer.Option("--hook/--no-hook", help="Whether git's hooks are let scan.", rich_help_panel=_HOW)
    ] = True,
    rules: Annotated[
        list[Path] | None,
        typer.Option(help="A file with rules of your own; repeat.", dir_okay=False, rich_help_panel=COUNTS),
    ] = None,
    confidence: Annotated[
        Level, typer.Option(help="Least confidence of what is mended.", rich_help_panel=COUNTS)
    ] = Level.MEDIUM,
    baseline: BaselineOption = None,
    baseline_key: BaselineKeyOption = "",
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Mend what `tokenward scan` found, step by step: each is shown, and taken on a yes.

    The secret goes to the keyring, or to where you say; the line is rewritten to
    read it from there. What was issued here is exchanged, and the new secret goes
    straight to its place; of anything else you are told where. No secret is shown.
    Exit code 0: all is mended; 1: something is left; 2: it could not be done.

    For example:

      tokenward fix

      tokenward fix src --dry-run

      tokenward fix --report @leaks.json --finding 2 --to keyring:shop/API_KEY
    """
    if finding and not report:
        fail("--finding goes with --report")
    if not path.exists():
        fail(f"{path} is not there")
    try:
        with failures_told():
            search, here = searcher(rules or ()), ground(path)
            if report:
                leaks = list(
                    reported(
                        read_data(report, MAX_DOCUMENT + 1),
                        finding,
                        here,
                        search,
                        baseline=baseline,
                        key=baseline_key,
                    )
                )
            else:
                leaks = list(
                    scanned(
                        path, search, least=Confidence[confidence.name], baseline=baseline, key=baseline_key
                    )
                )
        if not leaks:
            out.print("nothing to mend")
            return
        renewal = (
            partial(_renewal, config) if rotate and (config.exists() or config != DEFAULT_CONFIG) else _none
        )
        desk = Desk(here, search, Places(here.root), to, name, dry_run, renewal, _Terminal(yes=yes))
        outcomes = [mend(desk, leak) for leak in leaks]
        if hook:
            afterwards(desk)
    except (ScanFailed, CannotFix, CannotKeep) as error:
        fail(str(error))
    left = sum(outcome is Outcome.LEFT for outcome in outcomes)
    err.print(f"{len(outcomes) - left} mended, {left} left", markup=False)
    if left:
        raise typer.Exit(REFUSED)


def _renewal(config: Path, leak: Leak) -> Renewal | None:
    """What the issuer of that configuration can do."""
    if leak.rule.provider != OURS:
        return None
    from tokenward.app.fix_renewal import question, recognised, renew  # noqa: PLC0415 - opens the store

    text = leak.secret.decode()
    leaked = with_foundation(config, lambda ground: recognised(ground, text))
    if leaked is None:
        return None
    return Renewal(question(leaked), lambda: with_foundation(config, lambda ground: renew(ground, leaked)))


def _none(_leak: Leak) -> None:
    """No issuer is here."""


class _Terminal:
    """Tells and asks on the terminal."""

    def __init__(self, *, yes: bool) -> None:
        self._yes = yes

    def tell(self, text: str, style: str = "") -> None:
        out.print(redact(printable(text)), style=style, markup=False)

    def diff(self, path: str, lines: Iterable[str]) -> None:
        out.print(f"--- {printable(path)}", style="bold", markup=False)
        for line in lines:
            style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
            out.print(printable(line.replace("\t", "    ")), style=style, markup=False)

    def agreed(self, question: str) -> bool:
        if self._yes:
            out.print(f"{printable(question)} yes", markup=False)
            return True
        return typer.confirm(printable(question), default=False)

    def chosen(self, question: str, default: str) -> str:
        return default if self._yes else str(typer.prompt(question, default=default))
