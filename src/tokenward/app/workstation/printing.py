"""A token for a script: printed to a pipe, from the vault if there is a good one.

Scripts ask often, so this imports neither a parser of options nor a painter of terminals.
"""

import json
import sys
from dataclasses import dataclass

from tokenward.app.workstation.failing import REFUSED, told
from tokenward.app.workstation.profiles import default_path, load
from tokenward.app.workstation.sources import lasting_token, source_of
from tokenward.client.errors import TokenError
from tokenward.client.token import Token

ON_A_TERMINAL = (
    "a token on a terminal stays in its scrollback: pipe it, as in\n"
    "    tokenward token | some-program\n"
    "`tokenward curl` and `tokenward run` need no printing; --show prints it here all the same"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for.

    Attributes:
        profile: the profile's name, or "".
        audience: the API, or "".
        scope: less than the profile's scopes, if anything.
        as_json: with its kind and its end.
        show: even on a terminal.
    """

    profile: str = ""
    audience: str = ""
    scope: tuple[str, ...] = ()
    as_json: bool = False
    show: bool = False


class NotPrinted(Exception):  # noqa: N818 - what is the case
    """There is no token, or it may not be printed: the text and the exit code."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


def print_token(asked: Asked) -> None:
    """Print it on standard output.

    Raises:
        NotPrinted: for a reason.
        ProfileError: there is no such profile.
        ValueError: its issuer is none.
    """
    if sys.stdout.isatty() and not asked.show:
        raise NotPrinted(ON_A_TERMINAL, REFUSED)
    name, profile = load(default_path()).chosen(asked.profile, audience=asked.audience)
    try:
        token = lasting_token(source_of(profile.asking_for(asked.scope)))
    except TokenError as error:
        raise NotPrinted(*told(error, name)) from None
    if token.key is not None:
        sys.stderr.write(
            "this token is bound to a key that stays here (DPoP): an API refuses it without a proof, "
            "which `tokenward curl` makes\n"
        )
    sys.stdout.write(f"{as_json(token) if asked.as_json else token.value.reveal()}\n")
    sys.stdout.flush()


def as_json(token: Token) -> str:
    """The token with its kind, its end (seconds since the epoch) and its scopes."""
    return json.dumps(
        {
            "access_token": token.value.reveal(),
            "token_type": token.kind,
            "expires_at": int(token.expires_at),
            "scope": " ".join(token.scope),
        }
    )
