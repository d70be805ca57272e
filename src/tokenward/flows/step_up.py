"""An API that wants a better or fresher sign-in, and says which (RFC 9470 §3)."""

import re
from dataclasses import dataclass

_MAX_HEADER = 8192
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # RFC 9110 §5.6.2
_PART = re.compile(
    rf'[\s,]*(?:(?P<name>{_WORD})\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>{_WORD}))'
    rf"|(?P<scheme>{_WORD})(?=[\s,]|$))"
)
_SHOWN_BY = frozenset({"bearer", "dpop"})
_ACR_VALUES = re.compile(r"[!-~]{1,256}( [!-~]{1,256}){0,15}")
_SECONDS = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class StepUp:
    """What sign-in is wanted.

    Attributes:
        acr_values: how good, the best first; empty if that is not said.
        max_age: how many seconds ago at most, or None.
    """

    acr_values: tuple[str, ...] = ()
    max_age: int | None = None


def read_step_up(challenge: str) -> StepUp | None:
    """What a `WWW-Authenticate` value asks for.

    Returns:
        None where it is about something else, or says nothing that a person could do.
    """
    for scheme, said in _challenges(challenge[:_MAX_HEADER]):
        if scheme in _SHOWN_BY and said.get("error") == "insufficient_user_authentication":
            levels, seconds = said.get("acr_values", ""), said.get("max_age", "")
            wanted = StepUp(
                acr_values=tuple(levels.split(" ")) if _ACR_VALUES.fullmatch(levels) else (),
                max_age=int(seconds) if _SECONDS.fullmatch(seconds) else None,
            )
            return wanted if wanted != StepUp() else None
    return None


def wants_step_up(challenge: str) -> bool:
    """Whether a `WWW-Authenticate` value is about how somebody signed in, whatever else it says."""
    return 'error="insufficient_user_authentication"' in challenge


def _challenges(text: str) -> list[tuple[str, dict[str, str]]]:
    """Scheme and parameters of each challenge (RFC 9110 §11.6.1), up to where it is none any more."""
    found: list[tuple[str, dict[str, str]]] = []
    at = 0
    while part := _PART.match(text, at):
        at = part.end()
        if part["scheme"]:
            found.append((part["scheme"].lower(), {}))
        elif found:
            value = part["plain"] or re.sub(r"\\(.)", r"\1", part["quoted"] or "")
            found[-1][1].setdefault(part["name"].lower(), value)
    return found
