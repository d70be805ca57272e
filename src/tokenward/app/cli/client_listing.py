"""`tokenward clients list` and `show`: what is registered, and what of it needs looking after."""

from collections.abc import Callable
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from tokenward.app.cli.console import DEFAULT_CONFIG, ConfigPath, date, err, out
from tokenward.app.cli.opening import with_foundation
from tokenward.app.foundation import Foundation
from tokenward.issuer.access_jwt import exposure
from tokenward.issuer.client_desk import known_client
from tokenward.issuer.client_secrets import concerns, is_over
from tokenward.issuer.weakening import weaker
from tokenward.store.records import Client, ClientSecret

ClientId = Annotated[str, typer.Argument(help="The client_id.")]


def list_clients(config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Show every client: type and method, scopes and redirect addresses, and what it is told of people.

    Secrets are not among it: only their keyed hashes are kept. What is too old, or unused for long, is said.
    """

    async def work(ground: Foundation) -> list[tuple[Client, set[str]]]:
        return [(client, await _concerns(ground, client)) for client in await ground.store.clients()]

    table = Table()
    for heading in ("client_id", "name", "type", "scopes", "redirect addresses", "is told", "since"):
        # Whole, on several lines if need be: people copy them.
        table.add_column(heading, overflow="fold", no_wrap=heading == "type")
    clients = with_foundation(config, work)
    for client, concerned in clients:
        kind = Text(f"{client.type}\n{client.auth_method}")
        for concern in sorted(concerned):
            kind.append(f"\nsecret {concern}", style="yellow")
        cells = (
            client.client_id,
            client.name,
            kind,
            "\n".join(client.scopes),
            "\n".join(client.redirect_uris),
            "\n".join(_told(client)),
            date(client.created_at),
        )
        # A name in square brackets is no markup.
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells))
    out.print(table)
    for client, _ in clients:
        warn_of_exposure(client)


def show(client_id: ClientId, config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Show how a client proves itself and, of each secret, its age, its last use and its end.

    The last use is written every few seconds.

    Example: tokenward clients show nightly-report
    """

    async def work(ground: Foundation) -> tuple[Client, list[ClientSecret], float, int]:
        client = await known_client(ground.client_desk, client_id)
        secrets = await ground.store.client_secrets(client_id)
        return client, secrets, ground.clock.time(), ground.issuer_settings.secret_longest

    client, secrets, now, longest = with_foundation(config, work)
    for name, value in (
        ("client_id", client.client_id),
        ("name", client.name),
        ("type", client.type),
        ("proves itself by", client.auth_method),
        ("its keys", client.jwks_uri or client.jwks),
        ("its certificate", client.tls_subject),
        ("introspection", f"signed with {client.introspection_signed_response_alg}"),
        ("asks exactly for", ", ".join(client.authorization_details_types)),
        ("profile", client.profile),
        ("its tokens", client.bound_tokens and f"bound by {client.bound_tokens}"),
        ("its requests", ", ".join(_ways_to_ask(client))),
        *_as_relying_party(client),
        *(("weaker", f"{means}: {_why(client)}") for means in weaker(client)),
    ):
        if value:
            out.print(f"{name:<17} {value}", markup=False)
    if not secrets:
        return
    table = Table()
    for heading in ("secret", "age", "last used", "ends", "state"):
        table.add_column(heading, overflow="fold")
    for secret in secrets:
        over = is_over(secret, at=now)
        table.add_row(
            secret.secret_id,
            f"{int((now - secret.created_at) // 86_400)} days",
            date(secret.last_used_at) if secret.last_used_at is not None else "never",
            date(secret.expires_at) if secret.expires_at is not None else Text("never", style="red"),
            "over" if over else Text("\n".join(concerns(secret, at=now, longest=longest)), style="yellow"),
            style="dim" if over else "",
        )
    out.print(table)


async def _concerns(ground: Foundation, client: Client) -> set[str]:
    """What is to be looked after of its secrets."""
    now, longest = ground.clock.time(), ground.issuer_settings.secret_longest
    secrets = await ground.store.client_secrets(client.client_id)
    return {concern for secret in secrets for concern in concerns(secret, at=now, longest=longest)}


def _as_relying_party(client: Client) -> list[tuple[str, str]]:
    """What is out of the usual of it, by what it is called."""
    openid = client.openid
    signed = openid.userinfo_signed_response_alg
    return [
        (
            "ID tokens",
            "" if client.type == "service" else f"signed with {openid.id_token_signed_response_alg}",
        ),
        ("userinfo", f"signed with {signed}" if signed else ""),
        ("after signing out", " ".join(openid.post_logout_redirect_uris)),
        ("told of logouts", openid.backchannel_logout_uri),
    ]


def _told(client: Client) -> list[str]:
    lines = [f"ID token: {', '.join(client.id_token_claims)}"] if client.id_token_claims else []
    if client.openid.userinfo_claims:
        lines.append(f"userinfo: {', '.join(client.openid.userinfo_claims)}")
    if client.sector:
        lines.append(f"pairwise subjects ({client.sector})")
    if client.access_token_format == "jwt":  # noqa: S105 - a form, not a token
        lines.append(f"readable access tokens: {_why(client)}")
    if client.bound_tokens:
        lines.append(f"access tokens bound by {client.bound_tokens}")
    if client.authorization_details_types:
        lines.append(f"authorization details: {', '.join(client.authorization_details_types)}")
    return lines or ["the minimum"]


def _why(client: Client) -> str:
    return client.reason or "nobody said why"  # registered before anybody was asked


def _ways_to_ask(client: Client) -> list[str]:
    ways = {
        "pushed": client.require_pushed_authorization_requests,
        "signed": client.require_signed_request_object,
    }
    return [way for way, needed in ways.items() if needed]


def warn_of_exposure(client: Client) -> None:
    """Tell who can read what in its access tokens, if anybody can."""
    lines = exposure(client)
    if lines:
        err.print(f"the access tokens of {client.client_id} are JWTs:", style="yellow", markup=False)
    for line in lines:
        err.print(f"  {line}", style="yellow", markup=False)


COMMANDS: dict[str, Callable[..., None]] = {"list": list_clients, "show": show}
"""Of `tokenward clients`."""
