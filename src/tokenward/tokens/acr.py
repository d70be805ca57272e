"""How a person signed in, as tokens tell it: the methods (`amr`, RFC 8176) and the level they reach (`acr`).

A level follows from what was done and from nothing else, so that no token can claim a better one than its
`amr` shows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

Level = Literal["single-factor", "two-factor", "phishing-resistant"]
"""Weakest first; each includes those before it."""

LEVELS: tuple[Level, ...] = get_args(Level)

ACR: Mapping[Level, str] = MappingProxyType(
    {
        "single-factor": "urn:tokenward:acr:single-factor",
        "two-factor": "urn:tokenward:acr:two-factor",
        "phishing-resistant": "phr",  # OpenID Connect EAP ACR Values 1.0 §2
    }
)
"""The authentication context class (OpenID Connect Core §2) of each level."""

FEDERATED = "fed"
"""No word of RFC 8176: the person signed in at an identity provider. That is a single factor, and none of
ours, whatever they did there; if it was more, other words beside it say so."""

# What each method (RFC 8176 §2) shows: something that the person knows, has or is.
_KINDS_OF_FACTORS: Mapping[str, str] = {
    **dict.fromkeys(("pwd", "pin", "kba", FEDERATED), "knows"),
    **dict.fromkeys(("otp", "hwk", "swk", "sc", "sms", "tel"), "has"),
    **dict.fromkeys(("face", "fpt", "iris", "retina", "vbm"), "is"),
}

# Keys that sign for one origin and for no look-alike of it: WebAuthn's, and smart cards in TLS.
_BOUND_TO_ORIGIN = frozenset({"hwk", "swk", "sc"})


@dataclass(frozen=True, slots=True)
class Authentication:
    """What a person did to sign in, as a token tells it.

    Attributes:
        amr: the methods (RFC 8176).
        auth_time: when the first of them was used, seconds since the epoch: none of it is older.
    """

    amr: tuple[str, ...]
    auth_time: float


def two_factors(amr: Iterable[str]) -> bool:
    """Whether somebody who did this to sign in has used two factors of different kinds."""
    amr = frozenset(amr)
    return "mfa" in amr or len({_KINDS_OF_FACTORS[each] for each in amr if each in _KINDS_OF_FACTORS}) > 1


def level_of(amr: Iterable[str]) -> Level:
    """The highest level that somebody reaches who did this to sign in."""
    amr = frozenset(amr)
    if not two_factors(amr):
        return "single-factor"
    return "two-factor" if _BOUND_TO_ORIGIN.isdisjoint(amr) else "phishing-resistant"


def reaches(amr: Iterable[str], level: Level) -> bool:
    """Whether that is `level` or higher."""
    return LEVELS.index(level_of(amr)) >= LEVELS.index(level)


def acr_of(amr: Iterable[str]) -> str:
    """The value of `acr` that goes with this `amr`."""
    return ACR[level_of(amr)]


def requested_level(acr_values: str) -> Level | None:
    """The level that a request asks for: the first value that we know, since they come by preference.

    None where there is none that we know: `acr_values` is a voluntary request (OpenID Connect Core §3.1.2.1).
    """
    by_acr = {acr: level for level, acr in ACR.items()}
    return next((by_acr[value] for value in acr_values.split(" ") if value in by_acr), None)
