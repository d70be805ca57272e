"""The rows of the table as lines of JSON, which a program of any language can read."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tokenward.auditor.attacks import KEY_SETS, ON_ACCESS_TOKENS, Attack, KeyTrap, Kit
from tokenward.auditor.attacks.claims import LEEWAY
from tokenward.auditor.attacks.kit import ALGORITHMS

ISSUER = "https://issuer.example"
AUDIENCE = "https://api.example"

Row = Attack | KeyTrap
Verdict = Literal["reject", "note", "accept"]
_WRITABLE = (str, list, dict, type(None))
ROWS: tuple[Row, ...] = (*ON_ACCESS_TOKENS, *KEY_SETS)


@dataclass(frozen=True, slots=True)
class Case:
    """One row, with a token that was made for this moment: libraries go by the machine's clock.

    Attributes:
        row: of the table.
        line: what is written, without its end.
        before: a good token, which is written first, so that whatever is remembered of it could be taken for
            the next one; "" where the row has its own keys.
        is_text: whether the token is a text; else it is no wonder if a strange exception refuses it.
    """

    row: Row
    line: str
    before: str
    is_text: bool


def cases(kit: Kit, now: int, rows: Sequence[Row] = ROWS) -> Iterator[Case]:
    """Each row that can be written down: what only Python knows, such as bytes, cannot.

    Args:
        kit: of `ISSUER` and `AUDIENCE`.
        now: when it begins, in seconds since 1970. Whoever takes long gives one row at a time.
        rows: of the table.
    """
    moment = kit.at(now)
    for row in rows:
        if isinstance(row, Attack):
            token = row.forge(moment)
            if type(token) in _WRITABLE:  # a subclass of `str` would arrive as a text like any other
                before = written(moment.jwks, ALGORITHMS, moment.good, now)
                yield Case(row, written(moment.jwks, ALGORITHMS, token, now), before, isinstance(token, str))
        else:
            jwks, text = row.make(moment)
            yield Case(row, written(jwks, row.algorithms, text, now), "", is_text=True)


def written(jwks: Mapping[str, Any], algorithms: Sequence[str], token: object, now: int) -> str:
    """A line of the protocol, without its end."""
    return json.dumps(
        {
            "token": token,
            "jwks": jwks,
            "issuer": ISSUER,
            "audience": AUDIENCE,
            "algorithms": list(algorithms),
            "leeway": LEEWAY,
            "now": now,
        }
    )


def kit_for(now: int) -> Kit:
    """Fresh keys of the issuer that the lines name."""
    return Kit.issue(issuer=ISSUER, audience=AUDIENCE, now=now)
