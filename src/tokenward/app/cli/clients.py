"""`tokenward clients`: applications and their secrets."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from cryptography.hazmat.primitives.serialization import Encoding
from rich.table import Table
from rich.text import Text

from tokenward.app.certificate_files import read_certificates
from tokenward.app.cli.console import DEFAULT_CONFIG, REFUSED, ConfigPath, date, err, fail, out
from tokenward.app.cli.duration_option import duration_option
from tokenward.app.cli.invitations import COMMANDS as INVITATIONS
from tokenward.app.cli.opening import with_foundation
from tokenward.app.foundation import Foundation
from tokenward.app.jwk_files import jwks_text
from tokenward.app.quantities import in_words
from tokenward.app.snapshot import Snapshot
from tokenward.base.secret import Secret
from tokenward.issuer.access_jwt import exposure
from tokenward.issuer.client_auth.registration import Proving, by_keys
from tokenward.issuer.client_desk import known_client
from tokenward.issuer.client_secrets import concerns, is_over, rotate_secret
from tokenward.issuer.clients import register, set_keys
from tokenward.issuer.weakening import weaker
from tokenward.store.records import (
    AuthMethod,
    Client,
    ClientProfile,
    ClientSecret,
    ClientType,
    IntrospectionAlg,
    OpenIdAlg,
    RelyingParty,
)

commands = typer.Typer(no_args_is_help=True, help="Register applications, rotate their secrets, remove them.")
for _name, _command in INVITATIONS.items():
    commands.command(_name)(_command)

ClientId = Annotated[str, typer.Argument(help="The client_id.")]
JwksFile = Annotated[
    Path | None, typer.Option("--jwks", help="A file with its public keys, a JWK Set.", dir_okay=False)
]
CertificateFiles = Annotated[
    list[Path] | None,
    typer.Option("--certificate", help="For self_signed_tls_client_auth: a PEM file, repeat for more."),
]
JwksUri = Annotated[
    str, typer.Option("--jwks-uri", help="Where its JWK Set is; https, and not an inside address.")
]


@commands.command("add")
def add(
    name: Annotated[str, typer.Argument(help="What people call it; the consent page shows it.")],
    client_type: Annotated[
        ClientType,
        typer.Option(
            "--type",
            help="web and service prove who they are; spa and native cannot; device is a TV, a printer or a "
            "program without a browser, agent a program that acts for people who are not there, or on its "
            "own; both can if they have a key of their own.",
        ),
    ],
    scope: Annotated[
        list[str] | None, typer.Option(help="A scope that it may ask for; repeat for more.")
    ] = None,
    redirect_uri: Annotated[
        list[str] | None, typer.Option(help="Where authorization responses may go; repeat for more.")
    ] = None,
    client_id: Annotated[str | None, typer.Option("--id", help="A client_id of your choice.")] = None,
    id_token_claim: Annotated[
        list[str] | None,
        typer.Option(help="A claim that its ID tokens may tell, such as email; repeat for more."),
    ] = None,
    subject_type: Annotated[
        Literal["public", "pairwise"],
        typer.Option(help="pairwise: people have another sub here than at other applications."),
    ] = "public",
    sector: Annotated[
        str, typer.Option(help="With pairwise: the host name that stands for it; that of its addresses.")
    ] = "",
    access_token_format: Annotated[
        Literal["opaque", "jwt"],
        typer.Option(
            help="jwt: whoever holds an access token can read it; you are told what it exposes, and say why "
            "(--reason)."
        ),
    ] = "opaque",  # noqa: S107 - a form, not a token
    auth_method: Annotated[
        AuthMethod | None,
        typer.Option(help="How it proves itself: a secret for web and service, nothing for others."),
    ] = None,
    jwks: JwksFile = None,
    jwks_uri: JwksUri = "",
    tls_subject: Annotated[
        str,
        typer.Option(
            help="With tls_client_auth, what its certificate names: subject_dn:, san_dns:, san_uri:, san_ip: "
            "or san_email:, then the name."
        ),
    ] = "",
    certificate: CertificateFiles = None,
    bound_tokens: Annotated[
        Literal["", "dpop", "mtls"] | None,
        typer.Option(
            help="What all its tokens are bound by, so that a thief cannot use them: proofs of a key (dpop), "
            "or the certificate that it asked with (mtls). As type and profile say by default."
        ),
    ] = None,
    introspection_signed_response_alg: Annotated[
        IntrospectionAlg,
        typer.Option(help="What introspection responses that it asks to be signed are signed with."),
    ] = "RS256",
    authorization_details_type: Annotated[
        list[str] | None,
        typer.Option(
            help="A type of authorization details that it may ask for, such as payment; repeat for more."
        ),
    ] = None,
    profile: Annotated[
        ClientProfile,
        typer.Option(
            help="fapi2: all that the FAPI 2.0 Security Profile asks, and nothing that it forbids; for web "
            "and service, with keys or certificates."
        ),
    ] = "",
    require_pushed_authorization_requests: Annotated[
        bool,
        typer.Option(
            "--require-pushed-authorization-requests", help="Take only authorization requests that it pushes."
        ),
    ] = False,
    require_signed_request_object: Annotated[
        bool,
        typer.Option(
            "--require-signed-request-object", help="Take only authorization requests that it signs."
        ),
    ] = False,
    id_token_alg: Annotated[
        OpenIdAlg, typer.Option(help="What its ID tokens and logout tokens are signed with.")
    ] = "RS256",  # noqa: S107 - the name of an algorithm
    userinfo_claim: Annotated[
        list[str] | None, typer.Option(help="A claim that /userinfo may tell it; repeat for more.")
    ] = None,
    userinfo_alg: Annotated[
        Literal["", "RS256", "ES256"],
        typer.Option(help="What /userinfo is signed with for it; JSON without a signature otherwise."),
    ] = "",
    post_logout_redirect_uri: Annotated[
        list[str] | None, typer.Option(help="Where people may be sent after signing out; repeat for more.")
    ] = None,
    backchannel_logout_uri: Annotated[
        str, typer.Option(help="Where its server is told that somebody signed out; https.")
    ] = "",
    reason: Annotated[
        str,
        typer.Option(
            help="Why it is good enough that this client is weaker than its type; needed where it is."
        ),
    ] = "",
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Register a client. Its secret, if it has one, is printed once and kept only as a keyed hash.

    Scopes are those of the operations in tokenward.yaml and, where a person signs in, openid,
    offline_access, profile, email, address and phone.

    For example:

      tokenward clients add "Nightly report" --type service --scope accounts:read

      tokenward clients add "Payer" --type service --auth-method private_key_jwt --jwks public.json

      tokenward clients add "Billing" --type service --scope accounts:read
      --auth-method tls_client_auth --tls-subject san_dns:billing.example.com --bound-tokens mtls

      tokenward clients add "Trading desk" --type web --profile fapi2 --scope accounts:read
      --redirect-uri https://desk.example.com/cb --auth-method private_key_jwt --jwks public.json

      tokenward clients add "Desk app" --type native --redirect-uri http://127.0.0.1/cb --scope openid

      tokenward clients add "Living room TV" --type device --scope openid --scope accounts:read
    """
    own = _certificates(certificate)

    async def work(ground: Foundation) -> tuple[Client, Secret | None, int]:
        client, secret = await register(
            ground.client_desk,
            name=name,
            client_type=client_type,
            scopes=scope or [],
            redirect_uris=redirect_uri or [],
            client_id=client_id,
            subject_type=subject_type,
            sector=sector,
            id_token_claims=id_token_claim or [],
            access_token_format=access_token_format,
            proving=Proving(
                auth_method, _jwks_text(jwks), jwks_uri, tls_subject=tls_subject, certificates=own
            ),
            bound_tokens=bound_tokens,
            introspection_signed_response_alg=introspection_signed_response_alg,
            authorization_details_types=authorization_details_type or [],
            profile=profile,
            require_pushed_authorization_requests=require_pushed_authorization_requests,
            require_signed_request_object=require_signed_request_object,
            openid=RelyingParty(
                id_token_alg,
                userinfo_alg,
                tuple(userinfo_claim or ()),
                tuple(post_logout_redirect_uri or ()),
                backchannel_logout_uri,
            ),
            reason=reason,
        )
        return client, secret, ground.issuer_settings.secret_longest

    client, secret, longest = with_foundation(config, work)
    out.print(f"client_id     {client.client_id}", markup=False)
    _warn_of_exposure(client)
    if secret is not None:
        _print_secret(secret, longest)
    elif client.auth_method == "none":
        err.print(f"a {client.type} client has no secret: it runs where others can read it", style="dim")
    else:
        err.print(f"it proves itself by {client.auth_method}: there is no secret to keep", style="dim")


@commands.command("list")
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
        _warn_of_exposure(client)


@commands.command("show")
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


@commands.command("rotate-secret")
def rotate(
    client_id: ClientId,
    overlap: Annotated[
        int | None,
        typer.Option(
            parser=duration_option,
            metavar="DURATION",
            help="How long the old secret stays valid, like 12h; 30d at most.",
        ),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(help="Until when the old secret stays valid, local time.")
    ] = None,
    now: Annotated[
        bool, typer.Option("--now", help="The old secret ends at once, as without any of these.")
    ] = False,
    compromised: Annotated[
        bool,
        typer.Option("--compromised", help="Also revoke all that the client was issued: the secret leaked."),
    ] = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Give a client a new secret; the old one ends at once, after the overlap, or at that time.

    Tokens that were issued with the old secret live on, unless it is compromised: then they, and the grants
    that they follow from, end with it, in one step. That takes a second, and everything is refused after it.

    For example:

      tokenward clients rotate-secret nightly-report --overlap 12h

      tokenward clients rotate-secret nightly-report --now --compromised
    """
    if sum((overlap is not None, until is not None, now)) > 1:
        fail("say one of --overlap, --until and --now")

    async def work(ground: Foundation) -> tuple[Secret, int]:
        left = until.timestamp() - ground.clock.time() if until is not None else overlap or 0
        secret = await rotate_secret(ground.client_desk, client_id, overlap=left, compromised=compromised)
        return secret, ground.issuer_settings.secret_longest

    _print_secret(*with_foundation(config, work))


@commands.command("set-keys")
def set_client_keys(
    client_id: ClientId,
    jwks: JwksFile = None,
    jwks_uri: JwksUri = "",
    certificate: CertificateFiles = None,
    compromised: Annotated[
        bool, typer.Option("--compromised", help="Also revoke all that the client was issued.")
    ] = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Let a client prove itself by these keys and no others, from now on; if it had a secret, that ends.

    Keys, or certificates of its own. For a change without a gap, give the new one beside the old one, and
    later the new one alone.

    For example:

      tokenward clients set-keys payer --jwks public.json

      tokenward clients set-keys report --certificate old.pem --certificate new.pem
    """
    own = _certificates(certificate)

    async def work(ground: Foundation) -> AuthMethod | None:
        keys = by_keys(_jwks_text(jwks), jwks_uri, own)
        await set_keys(ground.client_desk, client_id, keys, compromised=compromised)
        return keys.method

    method = with_foundation(config, work)
    what = "certificates" if own else "keys"
    err.print(f"{client_id} proves itself by {method} with these {what}", markup=False)


@commands.command("remove")
def remove(client_id: ClientId, config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Remove a client; everything that it was issued is refused within a second.

    Example: tokenward clients remove nightly-report
    """

    async def work(ground: Foundation) -> bool:
        return await ground.store.remove_client(client_id, ground.clock.time())

    if not with_foundation(config, work):
        fail(f"no client has the id {client_id}", code=REFUSED)
    err.print(f"removed {client_id}", markup=False)


def _certificates(paths: list[Path] | None) -> tuple[bytes, ...]:
    """DER."""
    try:
        return tuple(
            each.public_bytes(Encoding.DER)
            for path in paths or ()
            for each in read_certificates(path, Snapshot())
        )
    except ValueError as error:
        fail(f"--certificate: {error}", code=REFUSED)


def _jwks_text(path: Path | None) -> str:
    return "" if path is None else jwks_text(path)


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


def _warn_of_exposure(client: Client) -> None:
    lines = exposure(client)
    if lines:
        err.print(f"the access tokens of {client.client_id} are JWTs:", style="yellow", markup=False)
    for line in lines:
        err.print(f"  {line}", style="yellow", markup=False)


def _print_secret(secret: Secret, longest: int) -> None:
    out.print(f"client_secret {secret.reveal()}", markup=False)
    err.print("the secret is shown this once: put it where secrets are kept", style="dim")
    err.print(f"it ends after {in_words(longest)}: rotate it before", style="dim")
