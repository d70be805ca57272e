"""`tokenward login` and `tokenward logout`: sign in once, and end it."""

import webbrowser
from dataclasses import replace
from typing import Annotated, Literal

import typer

from tokenward.app.cli.console import complain, err, fail
from tokenward.app.cli.profile_options import ProfileOption, failures_told, scopes
from tokenward.app.reports.words import printable
from tokenward.app.workstation.failing import COULD_NOT_RUN, told
from tokenward.app.workstation.profiles import (
    CLIENT,
    Profile,
    ProfileError,
    Profiles,
    default_path,
    load,
    update,
)
from tokenward.app.workstation.signing_in import signed_in, wanted_profile
from tokenward.app.workstation.sources import source_of
from tokenward.base.references import is_reference
from tokenward.client import TokenError
from tokenward.flows.device import DeviceAuthorization

_TYPED = "\nif that was the secret, it is in the shell's history now: have it rotated"
_PROGRAM = "For a program, which nobody signs in for"


def login(
    issuer: Annotated[
        str, typer.Argument(help="The issuer, such as https://login.example.com; by default the profile's.")
    ] = "",
    profile: ProfileOption = "",
    audience: Annotated[
        str, typer.Option("--audience", metavar="URL", help="The API that the tokens are for.")
    ] = "",
    scope: Annotated[list[str] | None, typer.Option(help="A scope of that API; repeat for more.")] = None,
    client_id: Annotated[
        str, typer.Option("--client-id", metavar="NAME", help=f"The client; for people, {CLIENT}.")
    ] = "",
    *,
    device: Annotated[
        bool | None,
        typer.Option(
            "--device/--browser",
            help="Sign in on another device with a code, or here. Default: here, unless over ssh or without "
            "a display.",
        ),
    ] = None,
    dpop: Annotated[
        bool,
        typer.Option(
            "--dpop", help="Bind the tokens to a key that stays here: `curl` uses them, a thief cannot."
        ),
    ] = False,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds in which somebody signs in.")] = 300,
    client_secret: Annotated[
        str,
        typer.Option(
            metavar="REFERENCE",
            help="Where its secret is kept: env:NAME, file:PATH, cmd:COMMAND or keyring:SERVICE/NAME.",
            rich_help_panel=_PROGRAM,
        ),
    ] = "",
    private_key: Annotated[
        str,
        typer.Option(
            metavar="REFERENCE", help="Where its private key is kept, likewise.", rich_help_panel=_PROGRAM
        ),
    ] = "",
    workload: Annotated[
        Literal["github", "gitlab", "kubernetes"] | None,
        typer.Option(help="The platform that it runs on, which vouches for it.", rich_help_panel=_PROGRAM),
    ] = None,
    inside_network: Annotated[
        list[str] | None,
        typer.Option(metavar="CIDR", help="A private network in which the issuer may be; repeat for more."),
    ] = None,
) -> None:
    """Sign in, and stay signed in: tokens are kept sealed, and renewed when they are needed.

    The browser opens; over ssh, or without a display, a code is shown to be
    entered on another device.

    What was said is kept as a profile, under the issuer's host and path unless
    --profile names it otherwise, and login without an issuer signs in with it
    again. There is no secret in it: those of programs are references to where they
    are kept.

    For example:

      tokenward login https://login.example.com --audience
      https://api.example.com/bank --scope accounts:read

      tokenward login https://login.example.com --client-id deploy-bot --workload
      github --audience https://api.example.com/deploy
    """
    said = {
        "client_id": client_id,
        "audience": audience,
        "scope": scopes(scope),
        "dpop": dpop,
        "client_secret": client_secret,
        "private_key": private_key,
        "workload": workload or "",
        "inside_networks": tuple(inside_network or ()),
    }
    try:
        profiles = load(default_path())
        name, wanted = wanted_profile(profiles, issuer=issuer, name=profile, device=device, said=said)
    except ProfileError as error:
        fail(str(error), code=error.code)
    except ValueError as error:
        typed = (client_secret, private_key)
        literal = any(it and not is_reference(it) for it in typed)
        fail(f"{error}{_TYPED if literal else ''}")
    former = profiles.by_name.get(name)

    def open_browser(url: str) -> None:
        _end(former)
        _open(url, wanted)

    def show_code(shown: DeviceAuthorization) -> None:
        _end(former)
        _show_code(shown)

    with failures_told(name):
        done = signed_in(wanted, open_browser=open_browser, show_code=show_code, timeout=timeout)
    if former is not None and not former.shares_tokens(done):
        with failures_told(name):
            _end(former)
    with failures_told(name):
        update(default_path(), lambda all_of_them: all_of_them.with_profile(name, done))
    err.print(f"signed in as {_who(done)}; this is profile {name}", markup=False)


def logout(
    profile: ProfileOption = "",
    *,
    everywhere: Annotated[bool, typer.Option("--all", help="Every profile.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the profile, too.")] = False,
) -> None:
    """End a sign-in: the issuer revokes its tokens, and they are forgotten here.

    They are forgotten even where the issuer cannot be told; then the exit code is
    2, or 1 if it refuses. The profile is kept, so that `tokenward login` signs in
    again, unless --remove is said.

    Examples: tokenward logout; tokenward logout --all --remove
    """
    with failures_told(profile):
        profiles = load(default_path())
        names = list(profiles.by_name) if everywhere else [profiles.chosen(profile)[0]]
    worst = 0
    for name in names:
        one = profiles.by_name[name]
        try:
            source_of(one).end()
        except TokenError as error:
            text, code = told(error, name)
            complain(f"{text}\nits tokens are forgotten here; the issuer was not told")
            worst = max(worst, code)
        except ValueError as error:  # somebody wrote into the file by hand; the others are still signed out
            complain(f"{name}: {error}: mend it in {default_path()}")
            worst = COULD_NOT_RUN
        else:
            err.print(f"{name} is signed out", markup=False)
        with failures_told(name):
            update(default_path(), lambda now: _without(now, name, remove=remove))  # noqa: B023 - called here
    raise typer.Exit(worst)


def _without(profiles: Profiles, name: str, *, remove: bool) -> Profiles:
    if remove or name not in profiles.by_name:
        return profiles.without(name)
    left = replace(profiles.by_name[name], subject="", name="")
    return Profiles({**profiles.by_name, name: left}, profiles.default)


def _end(former: Profile | None) -> None:
    """End what a profile of the same name stood for before, as far as its issuer can be told.

    Of a person that is done before they sign in again, and once the issuer has answered: some issuers end
    with one refresh token all that the client has of that person, the newest tokens, too.
    """
    if former is None:
        return
    try:
        source_of(former).end()
    except (TokenError, ValueError) as error:
        why = error.text if isinstance(error, TokenError) else error
        told_why = printable(f"the former sign-in at {former.issuer} was not ended: {why}")
        err.print(told_why, style="dim", markup=False)


def _show_code(device: DeviceAuthorization) -> None:
    err.print(f"on any device, go to\n\n  {device.verification_uri}\n\nand enter\n", markup=False)
    err.print(f"  {device.user_code}\n", style="bold", markup=False)
    minutes = max(1, device.expires_in // 60)
    err.print(f"waiting for it, {minutes} min at most; enter no code that somebody sends you", style="dim")


def _open(url: str, profile: Profile) -> None:
    err.print("opening your browser; if nothing opens, go to this address on this machine:\n")
    err.print(f"  {url}\n", markup=False)
    if profile.client_id == CLIENT:
        err.print(f"(if it knows no {CLIENT}: register it there, or name another --client-id)", style="dim")
    webbrowser.open(url)


def _who(profile: Profile) -> str:
    if not profile.is_personal:
        return printable(profile.client_id)
    return printable(profile.name or profile.subject or "somebody whom the issuer does not name")
