"""Which issuer, client and API this user asks tokens for: a small file of theirs, without any secret.

It is read each time that a script asks for a token, so nothing heavy is imported here.
"""

# ruff: noqa: PLC0415 - what only writing needs is imported for writing

import json
import os
import re
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tokenward.base.references import parse
from tokenward.tokens import strict_json

PROFILE_VARIABLE = "TOKENWARD_PROFILE"
"""Names the profile where no option does."""

CLIENT, DEVICE_CLIENT = "tokenward-cli", "tokenward-cli-device"
"""The client_id that a person signs in with where no other is named: of type native, or of type device."""

WORKLOADS = ("github", "gitlab", "kubernetes")
"""Platforms that vouch for what runs on them."""

_MAX_BYTES = 262_144
_LOCK_SECONDS = 10.0
_NAME = re.compile(r"[A-Za-z0-9:][A-Za-z0-9._:-]{0,99}")


class ProfileError(ValueError):
    """There is no such profile, or the file cannot be used. The text says what to do."""

    code = 2


class NotSignedInError(ProfileError):
    """There is no profile yet, or none for this API."""

    code = 1


@dataclass(frozen=True, slots=True)
class Profile:
    """One way to get tokens.

    Attributes:
        issuer: the authorization server.
        client_id: who asks there.
        audience: the API that tokens are for (RFC 8707), or "".
        scope: what is asked for.
        dpop: whether tokens are bound to a key (RFC 9449).
        device: whether the person signs in on another device (RFC 8628), and not in a browser here.
        client_secret: a reference to the client's secret.
        private_key: a reference to its private key.
        workload: one of `WORKLOADS`, that vouches for it. With none of these three a person signs in.
        inside_networks: private networks in which the issuer may be.
        subject: who signed in (`sub`), or "".
        name: how people call them, or "".

    Raises:
        ValueError: something is no text of its kind, or a secret stands where a reference belongs; it is not
            repeated.
    """

    issuer: str
    client_id: str
    audience: str = ""
    scope: tuple[str, ...] = ()
    dpop: bool = False
    device: bool = False
    client_secret: str = ""
    private_key: str = ""
    workload: str = ""
    inside_networks: tuple[str, ...] = ()
    subject: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        for name in ("client_secret", "private_key"):
            if getattr(self, name):
                try:
                    parse(getattr(self, name))
                except ValueError as error:
                    raise ValueError(f"in {name}, {error}") from None
        if self.workload not in ("", *WORKLOADS):
            raise ValueError(f"workload must be one of {', '.join(WORKLOADS)}")
        if sum(map(bool, (self.client_secret, self.private_key, self.workload, self.device))) > 1:
            raise ValueError("say one of client_secret, private_key, workload and device")
        if not self.issuer or not self.client_id:
            raise ValueError("issuer and client_id are needed")

    @property
    def is_personal(self) -> bool:
        """Whether a person signs in, and not a program by itself."""
        return not (self.client_secret or self.private_key or self.workload)

    def asking_for(self, scope: tuple[str, ...]) -> "Profile":
        """The same, for these scopes, if any are named.

        Raises:
            ProfileError: a person has signed in for others.
        """
        if not scope or set(scope) == set(self.scope):
            return self
        if self.is_personal:
            raise ProfileError(
                f"this sign-in is for {' '.join(self.scope)}: `tokenward login --scope …`, "
                "with a --profile of its own, gets another"
            )
        return replace(self, scope=scope)

    def shares_tokens(self, other: "Profile") -> bool:
        """Whether both find the same tokens in the vault."""
        mine, others = (
            (
                it.issuer,
                it.client_id,
                it.audience,
                frozenset(it.scope),
                it.dpop,
                not it.is_personal and it.way,
            )
            for it in (self, other)
        )
        return mine == others

    @property
    def way(self) -> str:
        """How tokens are obtained, in a few words."""
        if self.is_personal:
            return "sign-in on another device" if self.device else "sign-in in the browser"
        if self.workload:
            return f"workload identity ({self.workload})"
        return f"client credentials ({'client secret' if self.client_secret else 'private key'})"


@dataclass(frozen=True, slots=True)
class Profiles:
    """All profiles of this user.

    Attributes:
        by_name: each under its name.
        default: the name of the one that is meant where none is said, or "".
    """

    by_name: Mapping[str, Profile] = field(default_factory=dict)
    default: str = ""

    def chosen(self, name: str = "", *, audience: str = "") -> tuple[str, Profile]:
        """The profile of that name, or the default one; with an audience, one whose tokens are for it.

        A program asks for whatever audience it is told; a person has signed in for one.

        Raises:
            ProfileError: there is none.
        """
        name = name or os.environ.get(PROFILE_VARIABLE, "")
        if name and name not in self.by_name:
            known = f"there are {', '.join(self.by_name)}" if self.by_name else "there is none yet"
            raise ProfileError(f"no profile is called {name}; {known}. `tokenward login` makes one")
        if not name and self.default not in self.by_name:
            raise NotSignedInError("nobody is signed in: `tokenward login https://YOUR-ISSUER` does that")
        first = name or self.default
        profile = self.by_name[first]
        if not audience or audience == profile.audience:
            return first, profile
        if not profile.is_personal:
            return first, replace(profile, audience=audience)
        others = [] if name else [key for key, one in self.by_name.items() if one.audience == audience]
        if len(others) == 1:
            return others[0], self.by_name[others[0]]
        if others:
            raise ProfileError(f"several profiles are for {audience}: say --profile {' or '.join(others)}")
        raise NotSignedInError(
            f"nobody has signed in for {audience}: "
            f"tokenward login {profile.issuer} --audience {audience} --scope …"
        )

    def for_url(self, url: str) -> tuple[str, Profile]:
        """The profile whose API has this URL, the default one first; or else the default one.

        Raises:
            ProfileError: there is none, or several are for it.
        """
        fitting = {
            name: len(one.audience)
            for name, one in self.by_name.items()
            if one.audience and f"{url}/".startswith(f"{one.audience.rstrip('/')}/")
        }
        if not fitting or self.default in fitting:
            return self.chosen()
        closest = [name for name, length in fitting.items() if length == max(fitting.values())]
        if len(closest) > 1:
            raise ProfileError(f"several profiles are for it: say --profile {' or '.join(closest)}")
        return self.chosen(closest[0])

    def with_profile(self, name: str, profile: Profile) -> "Profiles":
        """With this one too, or in its place, as the default."""
        return Profiles({**self.by_name, name: profile}, name)

    def without(self, name: str) -> "Profiles":
        """Without this one; the default, if it was, is whichever is left."""
        left = {key: one for key, one in self.by_name.items() if key != name}
        return Profiles(left, self.default if self.default in left else next(iter(left), ""))


def check_name(name: str) -> str:
    """The name of a profile.

    Raises:
        ProfileError: it is none.
    """
    if not _NAME.fullmatch(name):
        raise ProfileError("a profile's name is up to 100 letters, digits and . _ : -")
    return name


def default_path() -> Path:
    """Where the file is, as the system has it: `~/.config/tokenward/profiles.json` on Linux.

    Raises:
        ProfileError: this user has no home.
    """
    if sys.platform == "win32":
        base = Path(os.environ.get("APPDATA", "~/AppData/Roaming"))
    elif sys.platform == "darwin":
        base = Path("~/Library/Application Support")
    else:
        base = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config")
    try:
        return base.expanduser() / "tokenward" / "profiles.json"
    except RuntimeError:  # a container may run as a user of whom nobody knows
        raise ProfileError("this user has no home directory: set HOME, or XDG_CONFIG_HOME") from None


def load(path: Path) -> Profiles:
    """What is in the file; nothing, where there is none.

    Raises:
        ProfileError: it cannot be read, holds a secret or something unknown, or others can write to it: it
            names commands that are run, and where secrets go.
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            content = file.read(_MAX_BYTES)
    except FileNotFoundError:
        return Profiles()
    except OSError as error:
        raise ProfileError(f"{path}: {error.strerror or type(error).__name__}") from None
    if os.name == "posix" and (found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o022):
        raise ProfileError(f"others can write to {path}, or own it: chmod 600, and own it")
    try:
        return _profiles(strict_json.read_object(content))
    except ValueError as error:
        raise ProfileError(f"{path}: {error}") from None


def _profiles(said: Mapping[str, Any]) -> Profiles:
    entries, default = said.get("profiles", {}), said.get("default", "")
    if not isinstance(entries, dict) or set(said) - {"default", "profiles"}:
        raise ValueError("it holds `default` and `profiles`, an object, and nothing else")
    by_name = {name: _profile(name, entry) for name, entry in entries.items()}
    if default != "" and default not in by_name:
        raise ValueError("`default` names no profile")
    return Profiles(by_name, default)


def _profile(name: str, entry: object) -> Profile:
    """One entry.

    Raises:
        ValueError: it is none; names where, and repeats no value.
    """
    if not _NAME.fullmatch(name) or not isinstance(entry, dict):
        raise ValueError("a profile is an object under a name")
    kinds: dict[str, Any] = {each: type(getattr(_EXAMPLE, each)) for each in Profile.__slots__}
    given: dict[str, Any] = {}
    for key, value in entry.items():
        if key not in kinds:
            raise ValueError(f"{name}: nothing is called {json.dumps(key[:40])} here")
        if kinds[key] is tuple and isinstance(value, list) and all(isinstance(it, str) for it in value):
            given[key] = tuple(value)
        elif type(value) is kinds[key]:
            given[key] = value
        else:
            raise ValueError(f"{name}: {key} is no {_KINDS[kinds[key]]}")
    try:
        return Profile(**{"issuer": "", "client_id": "", **given})
    except ValueError as error:
        raise ValueError(f"in {name}, {error}") from None


_EXAMPLE = Profile("https://login.example.com", "app")
_KINDS: Mapping[Any, str] = {str: "text", bool: "true or false", tuple: "list of texts"}


def update(path: Path, change: Callable[[Profiles], Profiles]) -> None:
    """Write the file anew, whole or not at all, for this user alone; one process at a time.

    Raises:
        ProfileError: it cannot be read or written.
    """
    from tokenward.client.process_lock import locked

    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(path.with_suffix(".lock"), _LOCK_SECONDS):
            _save(path, change(load(path)))
    except OSError as error:  # TimeoutError is one
        raise ProfileError(f"{path}: {error.strerror or error}") from None


def _save(path: Path, profiles: Profiles) -> None:
    from tokenward.base.files import draft, publish

    content = {
        "default": profiles.default,
        "profiles": {name: _written(profile) for name, profile in profiles.by_name.items()},
    }
    with draft(path, json.dumps(content, indent=2) + "\n", private=True) as ready:
        publish(ready, path, replace=True)


def _written(profile: Profile) -> dict[str, Any]:
    """What differs from what is meant where nothing is said."""
    shown = {name: getattr(profile, name) for name in Profile.__slots__}
    return {name: value for name, value in shown.items() if value}
