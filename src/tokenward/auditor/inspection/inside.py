"""Credentials inside a token: in its header, its claims, and the names of both."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tokenward.auditor.inspection.credential import Jwt
from tokenward.auditor.recognition import Recogniser
from tokenward.base.severity import Confidence
from tokenward.tokens.credential_guard import why_no_claim_name, why_no_claim_value

MAX_LEAVES = 2_000
HIDDEN = "…"
_END_OF_NAME = 200  # characters: a name says at its end what it is

_PRIVATE_MEMBERS = ("d", "k", "p", "q", "dp", "dq", "qi", "oth")
# What a header names in public, and what is random by nature: their values are no secrets.
_PUBLIC = frozenset({"jwk", "x5c", "epk", "x5t", "x5t#S256"})
_RANDOM = frozenset({"jti", "sid", "nonce", "at_hash", "c_hash", "s_hash", "ath", "jkt", "x5t#S256", "uti"})

Path = tuple[str, ...]


class Inside(NamedTuple):
    """A credential in a token.

    Attributes:
        path: the names that lead to it, "header" or "claims" first.
        what: in words.
        secret: its text, as far as it is known; "" where the whole value is one. Never shown.
        shown: what may be shown in its place.
        sure: that it is one.
    """

    path: Path
    what: str
    secret: str
    shown: str
    sure: Confidence

    def __repr__(self) -> str:
        return f"<Inside {self.what}>"


def leaves(jwt: Jwt) -> Iterator[tuple[Path, object]]:
    """Every value of header and claims that is no object and no array, up to `MAX_LEAVES`."""
    left = MAX_LEAVES
    for part, members in (("header", jwt.header), ("claims", jwt.claims or {})):
        for each in _walk((part,), members):
            if left == 0:
                return
            left -= 1
            yield each


def look_inside(jwt: Jwt, others: Recogniser) -> tuple[Inside, ...]:
    """The credentials in a token, each once."""
    found: dict[tuple[Path, str], Inside] = {}
    every = list(leaves(jwt))
    for path, value in every:
        for each in _by_name_and_shape(path, value):
            found.setdefault((each.path, ""), each)
    lines = "\n".join(json.dumps({path[-1]: value}, ensure_ascii=False)[1:-1] for path, value in every)
    for seen in others(lines):
        if seen.confidence is Confidence.LOW or not 1 <= seen.line <= len(every):
            continue
        path, value = every[seen.line - 1]
        if path[-1] in _RANDOM or _is_public(path):
            continue
        found[path, ""] = Inside(path, _article(seen.what), seen.secret, seen.masked, seen.confidence)
    for part, members in (("header", jwt.header), ("claims", jwt.claims or {})):
        for path in _private_keys((part,), members):
            for name in _PRIVATE_MEMBERS:
                found[(*path, name), ""] = Inside(
                    (*path, name), "a private key (JWK)", "", HIDDEN, Confidence.HIGH
                )
    present = {path for path, _ in every}
    return tuple(each for each in found.values() if each.path in present)


def masked(value: Any, path: Path, inside: Mapping[Path, Inside]) -> Any:  # noqa: ANN401 - JSON
    """A copy of a JSON value in which no credential is left."""
    if isinstance(value, dict):
        return {name: masked(member, (*path, name), inside) for name, member in value.items()}
    if isinstance(value, list):
        return [masked(member, (*path, str(number)), inside) for number, member in enumerate(value)]
    hit = inside.get(path)
    if hit is None:
        return value
    text = value if isinstance(value, str) else json.dumps(value)
    return text.replace(hit.secret, hit.shown) if hit.secret and hit.secret in text else hit.shown


def _by_name_and_shape(path: Path, value: object) -> Iterator[Inside]:
    name = next((key for key in reversed(path) if not key.isdigit()), "")
    if isinstance(value, bool) or value is None or path[-1] in _RANDOM or _is_public(path):
        return
    if path[0] == "claims" and value not in ("", 0) and (why := why_no_claim_name(name[-_END_OF_NAME:])):
        yield Inside(path, why.removeprefix("its name is that of "), "", HIDDEN, Confidence.MEDIUM)
    elif isinstance(value, str) and (why := why_no_claim_value(value)):
        yield Inside(path, why.removeprefix("its value looks like "), "", HIDDEN, Confidence.HIGH)


def _is_public(path: Path) -> bool:
    return path[0] == "header" and len(path) > 1 and path[1] in _PUBLIC


def _private_keys(path: Path, value: object) -> Iterator[Path]:
    if isinstance(value, dict):
        if "kty" in value and not value.keys().isdisjoint(_PRIVATE_MEMBERS):
            yield path
        for name, member in value.items():
            yield from _private_keys((*path, name), member)
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from _private_keys((*path, str(number)), member)


def _walk(path: Path, value: object) -> Iterator[tuple[Path, object]]:
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield from _walk((*path, name), member)
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from _walk((*path, str(number)), member)
    else:
        yield path, value


def _article(what: str) -> str:
    return f"{'an' if what[:1].lower() in 'aeiou' else 'a'} {what}"
