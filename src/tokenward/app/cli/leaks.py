"""`tokenward leaks`: credentials that got out, and what becomes of them."""

import asyncio
from typing import Annotated

import typer
from rich.table import Table

from tokenward.app.cli.console import DEFAULT_CONFIG, REFUSED, ConfigPath, date, err, fail, out, read_data
from tokenward.app.cli.opening import with_foundation
from tokenward.app.foundation import Foundation
from tokenward.app.leak_desk import Foresight, foresee, foreseen, known_incident, respond_to
from tokenward.app.leak_reporting import credential_of, report_to
from tokenward.base.problems import NOT_FOUND, Refusal
from tokenward.leaks.response.exposure import exposed_since, uses_of
from tokenward.leaks.response.reporting import MAX_DOCUMENT, CannotReport, read_sightings
from tokenward.store.leak_records import Incident, IncidentState, Leaked, Reach, Seen, Taken
from tokenward.store.records import Usage

commands = typer.Typer(no_args_is_help=True, help="Report what leaked, see it, respond, close.")

FORESEEN = 200  # incidents of each state: each is looked up in every table
Name = Annotated[str, typer.Argument(metavar="INCIDENT", help="As `tokenward leaks list` shows it.")]


@commands.command("list")
def list_incidents(
    state: Annotated[IncidentState | None, typer.Option(help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the newest.")] = 50,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Show the newest incidents.

    open: somebody has to act. responded: what leaked was ended. closed: over and done with.
    """

    async def work(ground: Foundation) -> list[Incident]:
        return await ground.store.incidents(state=state, limit=limit)

    incidents = with_foundation(config, work)
    table = Table()
    table.add_column("incident", no_wrap=True)  # whole: people copy it
    for heading in ("reported", "what", "whose", "state", "reports"):
        table.add_column(heading, overflow="fold")
    for each in incidents:
        state_of = each.state if each.state != "open" else f"open ({each.action})"
        table.add_row(
            each.incident_id,
            date(each.reported_at),
            f"{each.leaked.kind} {each.leaked.subject}",
            _whose(each.leaked),
            state_of,
            str(each.reports),
        )
    out.print(table)


@commands.command("show")
def show(incident_id: Name, config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Show one incident: where it was seen, since when, from where it was used, what was done.

    A use is shown by door: the gateway; the issuer, where tokens are got; introspection, whose address is
    that of the API that asked.

    Example: tokenward leaks show 4U9WEWqebqm
    """

    async def work(ground: Foundation) -> tuple[Incident, list[Seen], list[Taken], list[Usage]]:
        incident = await known_incident(ground, incident_id)
        seen, taken, uses = await asyncio.gather(
            ground.store.incident_evidence(incident_id),
            ground.store.incident_actions(incident_id),
            uses_of(ground.store, incident.leaked),
        )
        return incident, seen, taken, uses

    incident, seen, taken, uses = with_foundation(config, work)
    leaked = incident.leaked
    out.print(f"{leaked.kind} {leaked.subject} of {_whose(leaked)}", markup=False)
    if leaked.issued_at is not None:
        out.print(f"good since {date(leaked.issued_at)}")
    out.print(f"first reported {date(incident.reported_at)} by {incident.reporter}", markup=False)
    out.print(f"reported {incident.reports} times; {incident.state}, policy: {incident.action}")
    since = exposed_since(incident, seen)
    out.print(f"exposed since {date(since)}, as far as anybody told")
    for each in seen:
        out.print(f"  seen {_place(each)}", markup=False)
    if uses:
        out.print(_uses_table(uses, since))
    for action in taken:
        out.print(f"  {date(action.at)} {action.what}", markup=False)
    if incident.closed_at is not None:
        out.print(f"closed {date(incident.closed_at)}: {incident.note}", markup=False)


@commands.command("respond")
def respond(
    incident_id: Annotated[
        str,
        typer.Argument(
            metavar="INCIDENT", help="As `tokenward leaks list` shows it; with --dry-run, none for all."
        ),
    ] = "",
    confirm: Annotated[bool, typer.Option("--confirm", help="Do it.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would end.")] = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """End what leaked, where that waits for a person: a signing key, or what a rule keeps alive.

    For a signing key it is the same as `signing-keys remove --compromised`. A client whose secret ended gets
    a new one by `clients rotate-secret`, which shows it once.

      tokenward leaks respond 4U9WEWqebqm --dry-run

      tokenward leaks respond 4U9WEWqebqm --confirm

    Without an incident, --dry-run shows what the policy would do about every incident that is not closed, if
    it were reported now: so a policy can be tried in a copy of the configuration.

      tokenward leaks respond --dry-run --config next.yaml
    """
    if confirm and dry_run:
        fail("--confirm and --dry-run exclude each other")
    if not incident_id:
        if not dry_run:
            fail("name the incident, or give --dry-run to see what would become of all of them")
        out.print(_foreseen_table(with_foundation(config, lambda ground: foresee(ground, limit=FORESEEN))))
        return

    async def work(ground: Foundation) -> tuple[Incident, Reach, bool]:
        incident = await known_incident(ground, incident_id)
        reach = await ground.store.leak_reach(incident.leaked, at=ground.clock.time())
        if confirm:
            return await respond_to(ground, incident), reach, True
        return incident, reach, False

    incident, reach, done = with_foundation(config, work)
    if incident.responded_at is not None and not done:
        out.print(f"ended {date(incident.responded_at)}: nothing is left to end")
        return
    ends = "ended" if done else "would end"
    out.print(f"{ends}: {foreseen(incident.leaked, reach)}", markup=False)
    if done and incident.leaked.kind == "client_secret":
        err.print(f"a new secret: tokenward clients rotate-secret {incident.leaked.client_id}", markup=False)
    if not done and not dry_run:
        fail("nothing was done: give --confirm to do it", code=REFUSED)


@commands.command("close")
def close(
    incident_id: Name,
    note: Annotated[str, typer.Option(help="What came of it, for whoever reads this later.")],
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Close an incident.

    Example: tokenward leaks close 4U9WEWqebqm --note "the client has its new secret, the log shows no use"
    """
    words = note.strip()
    if not 0 < len(words) <= 1000 or not words.isprintable():
        fail("the note must have 1 to 1000 printable characters")

    async def work(ground: Foundation) -> None:
        if not await ground.store.close_incident(incident_id, words, at=ground.clock.time()):
            raise Refusal(NOT_FOUND, f"no incident {incident_id} that is not closed")

    with_foundation(config, work)
    err.print(f"closed {incident_id}", markup=False)


@commands.command("report")
def report_findings(
    source: Annotated[
        str, typer.Argument(metavar="[-|@FILE]", help="What `tokenward scan --format json` wrote.")
    ],
    to: Annotated[str, typer.Option(metavar="URL", help="The issuer's URL.")],
    client_id: Annotated[str, typer.Option(help="A client with the scope leaks:report.")] = "",
    client_secret: Annotated[
        str,
        typer.Option(
            metavar="REFERENCE",
            help="Where its secret is kept: env:, file:, cmd: or keyring:. Never the secret itself.",
        ),
    ] = "",
    client_key: Annotated[
        str,
        typer.Option(
            metavar="REFERENCE",
            help="Where its private key is kept, in PEM: for private_key_jwt, in the place of a secret.",
        ),
    ] = "",
    access_token: Annotated[
        str,
        typer.Option(
            metavar="REFERENCE",
            help="Where an access token for reports is kept, in the place of a client.",
        ),
    ] = "",
) -> None:
    """Tell the issuer what a scan found of its credentials, so that it ends them. No secret is sent.

    Prints what became of each, as far as the client may know; leaks:read lets it know more. Exit code 0: all
    was taken.

      tokenward scan --format json --output found.json

      tokenward leaks report @found.json --to https://login.example --client-id scanner
      --client-secret env:SCANNER_SECRET

      tokenward leaks report @found.json --to https://login.example --client-id scanner
      --client-key file:scanner.pem
    """
    try:
        credential = credential_of(
            client_id=client_id,
            client_secret=client_secret,
            client_key=client_key,
            access_token=access_token,
        )
        seen = read_sightings(read_data(source, MAX_DOCUMENT + 1))
        told = asyncio.run(report_to(to, seen, credential))
    except CannotReport as error:
        fail(str(error), code=REFUSED)
    except ValueError as error:
        fail(str(error))
    for each in told:
        out.print(f"{each.token_id} {each.status} {each.incident}".rstrip(), markup=False)
    err.print(f"reported {len(told)} places", markup=False)


def _foreseen_table(foresights: list[Foresight]) -> Table:
    """What the policy would do, beside what became of it."""
    table = Table()
    for heading in ("incident", "is", "policy"):
        table.add_column(heading, no_wrap=True)  # people copy the first, and compare the others
    for heading in ("what leaked", "would end"):
        table.add_column(heading, overflow="fold")
    for each in foresights:
        incident, ending = each.incident, each.ending
        leaked = incident.leaked
        table.add_row(
            incident.incident_id,
            incident.state if incident.responded_at is not None else f"{incident.state} ({incident.action})",
            f"{ending.action}, in {ending.grace:.0f} s" if ending.grace else ending.action,
            f"{leaked.kind} {leaked.subject} of {_whose(leaked)}, told by {incident.reporter}",
            each.ends and (each.ends if ending.action == "revoke" else f"on your word: {each.ends}"),
        )
    return table


def _uses_table(uses: list[Usage], since: float) -> Table:
    """From where it was used; which of that was after it was exposed is what matters."""
    table = Table()
    for heading in ("used from", "at", "times", "first", "last", "since exposed"):
        table.add_column(heading, overflow="fold")
    for each in uses:
        first, last = date(each.first_used_at), date(each.last_used_at)
        after = "no" if each.last_used_at < since else "yes" if each.first_used_at >= since else "partly"
        table.add_row(each.address, each.door, str(each.uses), first, last, after)
    return table


def _whose(leaked: Leaked) -> str:
    parts = [leaked.client_id and f"client {leaked.client_id}", leaked.user_id and f"person {leaked.user_id}"]
    return ", ".join(part for part in (*parts, leaked.owner) if part) or "the operator"


def _place(seen: Seen) -> str:
    it = seen.evidence
    where = f"{it.path}:{it.line}" if it.path and it.line else it.path
    since = "" if it.since is None else f"since {date(it.since)}"
    parts = (it.source, where, it.commit and f"commit {it.commit}", it.url, since, f"told by {it.reporter}")
    return " ".join(part for part in parts if part)
