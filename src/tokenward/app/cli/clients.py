"""`tokenward clients`: applications and their secrets."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from cryptography.hazmat.primitives.serialization import Encoding

from tokenward.app.certificate_files import read_certificates
from tokenward.app.cli.client_listing import COMMANDS as LISTING
from tokenward.app.cli.client_listing import ClientId, warn_of_exposure
from tokenward.app.cli.console import DEFAULT_CONFIG, REFUSED, ConfigPath, err, fail, out
from tokenward.app.cli.duration_option import duration_option
from tokenward.app.cli.invitations import COMMANDS as INVITATIONS
from tokenward.app.cli.opening import with_foundation
from tokenward.app.foundation import Foundation
from tokenward.app.jwk_files import jwks_text
from tokenward.app.quantities import in_words
from tokenward.app.snapshot import Snapshot
from tokenward.base.secret import Secret
from tokenward.issuer.client_auth.registration import Proving, by_keys
from tokenward.issuer.client_secrets import rotate_secret
from tokenward.issuer.clients import register, set_keys
from tokenward.store.records import (
    AuthMethod,
    Client,
    ClientProfile,
    ClientType,
    IntrospectionAlg,
    OpenIdAlg,
    RelyingParty,
)

commands = typer.Typer(no_args_is_help=True, help="Register applications, rotate their secrets, remove them.")

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
        list[str] | None,
        typer.Option(help="Where answers may go, by https, or by http on this machine; repeat for more."),
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
    warn_of_exposure(client)
    if secret is not None:
        _print_secret(secret, longest)
    elif client.auth_method == "none":
        err.print(f"a {client.type} client has no secret: it runs where others can read it", style="dim")
    else:
        err.print(f"it proves itself by {client.auth_method}: there is no secret to keep", style="dim")


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


def _print_secret(secret: Secret, longest: int) -> None:
    out.print(f"client_secret {secret.reveal()}", markup=False)
    err.print("the secret is shown this once: put it where secrets are kept", style="dim")
    err.print(f"it ends after {in_words(longest)}: rotate it before", style="dim")


for _name, _command in (LISTING | INVITATIONS).items():
    commands.command(_name)(_command)
