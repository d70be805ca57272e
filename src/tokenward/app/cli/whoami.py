"""`tokenward whoami`: whose tokens this user has, and how they are kept."""

import json
from typing import Annotated, Any

import typer

from tokenward.app.cli.console import REFUSED, date, out
from tokenward.app.cli.profile_options import ProfileOption, failures_told
from tokenward.app.reports.words import printable
from tokenward.app.workstation.profiles import Profile, default_path, load
from tokenward.app.workstation.sources import source_of
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.client.record import Record
from tokenward.client.vault import KEY_FILE, Vault


def whoami(
    profile: ProfileOption = "",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for scripts.")] = False,
) -> None:
    """Tell who is signed in, for which API, for how long, and where the tokens are kept. Nobody is asked.

    Exit code 0 if somebody is, 1 if not. No token is shown.

    Examples: tokenward whoami; tokenward whoami --json | jq -r .scope
    """
    with failures_told(profile):
        profiles = load(default_path())
        name, one = profiles.chosen(profile)
        record = source_of(one).held()
    others = [each for each in profiles.by_name if each != name]
    if as_json:
        typer.echo(json.dumps(_members(name, one, record, others)))
    else:
        for label, text in _lines(name, one, record):
            out.print(f"{label:<14} {printable(text)}", markup=False)
        if others:
            out.print(f"{'also there':<14} {', '.join(others)} (--profile NAME)", markup=False)
    raise typer.Exit(0 if _is_signed_in(one, record) else REFUSED)


def _is_signed_in(profile: Profile, record: Record | None) -> bool:
    """Whether there is a good token, or the next can be had without a person."""
    if not profile.is_personal or (record is not None and record.refresh_token is not None):
        return True
    return record is not None and record.token.expires_at > SYSTEM_CLOCK.time()


def _lines(name: str, profile: Profile, record: Record | None) -> list[tuple[str, str]]:
    scope = record.token.scope if record is not None else profile.scope
    lines = [
        ("profile", name),
        ("issuer", profile.issuer),
        ("client", profile.client_id),
        ("person", " ".join(filter(None, (profile.name, profile.subject and f"(sub {profile.subject})")))),
        ("for", profile.audience or "no API in particular"),
        ("scopes", " ".join(scope) or "what the issuer gives"),
        ("obtained by", profile.way),
        ("access token", _access(profile, record)),
    ]
    if profile.is_personal and record is not None:
        lines.append(("stays", _stays(record)))
    bound = (
        "to a key that stays here (DPoP)" if profile.dpop else "to nothing: whoever has a token can use it"
    )
    lines += [("bound", bound), ("kept in", _place())]
    return [(label, text) for label, text in lines if text]


def _place() -> str:
    directory = Vault().directory
    beside = (directory / KEY_FILE).exists()
    return f"{directory}, sealed; the key lies {'beside them' if beside else 'in the keyring'}"


def _access(profile: Profile, record: Record | None) -> str:
    if record is None:
        return "none: tokenward login" if profile.is_personal else "none yet; the next use gets one"
    left = record.token.expires_at - SYSTEM_CLOCK.time()
    if left > 0:
        return f"until {date(record.token.expires_at)} ({_about(left)} left)"
    renewable = record.refresh_token is not None or not profile.is_personal
    return "over; the next use gets another" if renewable else "over: tokenward login"


def _stays(record: Record) -> str:
    if record.refresh_token is None:
        return "signed in until the access token ends: there is no refresh token"
    return "signed in: there is a refresh token, whose end the issuer knows"


def _about(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def _members(name: str, profile: Profile, record: Record | None, others: list[str]) -> dict[str, Any]:
    return {
        "profile": name,
        "signed_in": _is_signed_in(profile, record),
        "issuer": profile.issuer,
        "client_id": profile.client_id,
        "subject": profile.subject,
        "name": profile.name,
        "audience": profile.audience,
        "scope": " ".join(record.token.scope if record is not None else profile.scope),
        "access_token_expires_at": int(record.token.expires_at) if record is not None else None,
        "has_refresh_token": record is not None and record.refresh_token is not None,
        "token_type": "DPoP" if profile.dpop else "Bearer",
        "kept_in": str(Vault().directory),
        "other_profiles": others,
    }
