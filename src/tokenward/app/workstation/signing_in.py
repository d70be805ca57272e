"""From what `login` was told, and what it knew before, to a profile; and the sign-in itself."""

import os
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from tokenward.app.workstation.profiles import (
    CLIENT,
    DEVICE_CLIENT,
    Profile,
    ProfileError,
    Profiles,
    check_name,
)
from tokenward.app.workstation.sources import source_of
from tokenward.client.device_sign_in import DeviceSignIn
from tokenward.client.errors import TokenError
from tokenward.client.sign_in import SignIn
from tokenward.flows.device import DeviceAuthorization

_PROOFS = ("client_secret", "private_key", "workload")

PROTOCOL_SCOPES = ("openid", "offline_access")
"""Who it is, and staying signed in (OpenID Connect Core §3.1.2.1 and §11)."""


def wanted_profile(
    profiles: Profiles, *, issuer: str, name: str, device: bool | None, said: Mapping[str, Any]
) -> tuple[str, Profile]:
    """The profile to sign in with, and its name: host and path of the issuer, unless it is said.

    Args:
        profiles: those that there are. One of the same name and issuer gives what is not said.
        issuer: or "" for that of the profile.
        name: or "".
        device: whether the person signs in on another device; None: where no browser can be opened here.
        said: other members of `Profile` that options named; what is empty was not said.

    Raises:
        ProfileError: something is missing, or there is no such profile.
        ValueError: what was said fits no profile.
    """
    if not issuer:
        name, known = profiles.chosen(name)
    else:
        named = bool(name)
        name = check_name(name or _named_after(issuer))
        former = profiles.by_name.get(name)
        if former is not None and former.issuer != issuer and not named:
            raise ProfileError(f"profile {name} is of another issuer, {former.issuer}: say --profile NAME")
        known = former if former is not None and former.issuer == issuer else Profile(issuer, CLIENT)
    changes = {key: value for key, value in said.items() if value}
    if set(_PROOFS) & set(changes):
        changes = dict.fromkeys(_PROOFS, "") | {"device": False} | changes
    profile = replace(known, **changes)
    return name, _of_person(profile, device) if profile.is_personal else _of_program(profile)


def _named_after(issuer: str) -> str:
    """The name of its profile: host and port, and a path, since one host may have several issuers.

    Raises:
        ProfileError: it is no URL.
    """
    parts = urlsplit(issuer)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ProfileError("the issuer is a URL, such as https://login.example.com")
    path = re.sub(r"[^A-Za-z0-9._-]+", "-", parts.path.strip("/"))
    return ":".join(filter(None, (re.sub(r"[\[\]]", "", parts.netloc), path)))


def _of_person(profile: Profile, device: bool | None) -> Profile:
    if device is None:
        device = not has_browser() or (profile.device and profile.client_id not in (CLIENT, DEVICE_CLIENT))
    client_id = profile.client_id
    if client_id in (CLIENT, DEVICE_CLIENT):
        client_id = DEVICE_CLIENT if device else CLIENT
    scope = tuple(dict.fromkeys((*PROTOCOL_SCOPES, *profile.scope)))
    return replace(profile, client_id=client_id, device=device, scope=scope)


def _of_program(profile: Profile) -> Profile:
    if profile.client_id in (CLIENT, DEVICE_CLIENT):
        raise ProfileError("say which client this is: --client-id NAME")
    # What a profile of a person's had before is nothing that a program can ask for.
    return replace(profile, scope=tuple(it for it in profile.scope if it not in PROTOCOL_SCOPES))


def signed_in(
    profile: Profile,
    *,
    open_browser: Callable[[str], object],
    show_code: Callable[[DeviceAuthorization], object],
    timeout: float,
) -> Profile:
    """The profile with the person who signed in; for a program, that it gets a token was tried.

    Args:
        profile: of whom.
        open_browser: opens a URL for the person.
        show_code: shows them where to enter which code.
        timeout: seconds that they may take in the browser; a code has its own end.

    Raises:
        TokenError: nobody signed in, or the server refuses.
        ValueError: the issuer is none.
    """
    source = source_of(profile)
    if isinstance(source, SignIn):
        person = source.sign_in(open_browser=open_browser, timeout=timeout)
    elif isinstance(source, DeviceSignIn):
        person = source.sign_in(show=show_code)
    else:
        with suppress(TokenError):
            source.end()  # what is kept would prove nothing
        source.token()
        person = None
    if person is None:
        return replace(profile, subject="", name="")
    names = (person.get(claim) for claim in ("name", "preferred_username", "email"))
    return replace(
        profile, subject=person.subject, name=next((it for it in names if isinstance(it, str)), "")
    )


def has_browser() -> bool:
    """Whether a browser that is opened here can be seen by the person, and comes back to this machine."""
    if os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"):
        return False
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
