"""Trials out of the attack table, with altered opaque tokens, and with tokens that name our own address."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from tokenward.auditor.attacks import ON_ACCESS_TOKENS, Attack, Kit, Unforgeable
from tokenward.auditor.attacks.kit import ABSENT
from tokenward.auditor.probing.firing import Trial
from tokenward.auditor.probing.issuer import TestIssuer
from tokenward.auditor.probing.token_checks import check_of, fired
from tokenward.auditor.probing.wire import Shot, Uncarriable
from tokenward.base.entropy import random_base62


def is_jwt(token: str) -> bool:
    """Whether it has the parts of a compact JWS, so that the table has something to work with."""
    try:
        kit = Kit(good=token, now=0, jwks={}, keys={}, stranger=None)  # type: ignore[arg-type]  # not signed with
        return len(kit.parts) == 3 and isinstance(kit.header(), dict) and isinstance(kit.claims(), dict)
    except ValueError:
        return False


def confirmation(token: str) -> Mapping[str, Any]:
    """What a token says that it is bound to: `cnf` (RFC 7800 §3); empty where it is no JWT, or is not."""
    if not is_jwt(token):
        return {}
    said = Kit(good=token, now=0, jwks={}, keys={}, stranger=None).claims().get("cnf")  # type: ignore[arg-type]
    return said if isinstance(said, dict) else {}


def forgeable(kit: Kit) -> tuple[list[Attack], list[Attack]]:
    """The rows that can be fired with what the kit has, and those that need the issuer's keys or a claim."""
    rows = list(filter(fired, ON_ACCESS_TOKENS))
    if kit.keys:
        return rows, []
    able: list[Attack] = []
    unable: list[Attack] = []
    for row in rows:
        try:
            same = row.forge(kit) == kit.good
        except (Unforgeable, LookupError, TypeError, ValueError, AttributeError):
            # The rows change claims of good tokens of ours; a stranger's may lack them, or have other types.
            unable.append(row)
        else:
            # White space between two members changes nothing where there is one: it would be the good token.
            (unable if same else able).append(row)
    return able, unable


def of_table(rows: Iterable[Attack], base: Shot, kit: Callable[[], Kit]) -> Iterator[Trial]:
    """A trial for each row, its token forged when it is due."""
    for row in rows:
        if row.entry == _MEMORY:
            yield _remembered(row, base, kit)
        else:
            yield _bearer(check_of(row), row.name, base, lambda row=row: _forged(row, kit()), row)  # type: ignore[misc]


_MEMORY = "X01"


def _remembered(row: Attack, base: Shot, kit: Callable[[], Kit]) -> Trial:
    """The token that it resembles is shown first, so that there is something to remember."""
    shown: list[Kit] = []

    def first() -> Shot:
        shown[:] = [kit()]
        return base.bearing(shown[0].good)

    return replace(_bearer(check_of(row), row.name, base, lambda: row.forge(shown[0]), row), first=first)


def _forged(row: Attack, kit: Kit) -> object:
    """The row's token.

    Raises:
        Uncarriable: the row changes what this issuer's tokens have not got, and leaves the good one.
    """
    token = row.forge(kit)
    if row.entry[0] in "CT" and isinstance(token, str) and token.split(".")[:2] == kit.parts[:2]:
        raise Uncarriable("they change what this issuer's tokens have not got")
    return token


def nonsense(base: Shot) -> Trial:
    """A word that is no token at all."""
    return _bearer("probe.any-token", "a random word", base, lambda: f"probe{random_base62(30)}")


def altered(base: Shot, token: Callable[[], str]) -> Iterator[Trial]:
    """What must not pass for an opaque token."""
    changes: dict[str, Callable[[str], str]] = {
        "another last character": lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"),
        "another first character": lambda text: ("A" if text[0] != "A" else "B") + text[1:],
        "without its last character": lambda text: text[:-1],
        "its first half": lambda text: text[: len(text) // 2],
        "a character more": lambda text: text + "A",
        "letters in the other case": str.swapcase,
        "a star": lambda _: "*",
        "a per cent sign": lambda _: "%",
    }
    for name, change in changes.items():
        yield _bearer("probe.altered-token", name, base, lambda change=change: change(token()))  # type: ignore[misc]


TRAPS = ("jku", "x5u", "kid", "iss", "request-uri")


def luring(base: Shot, kit: Callable[[], Kit], issuer: TestIssuer) -> Iterator[Trial]:
    """Tokens that name an address of ours: the key that is there has signed them."""
    bait = issuer.bait

    def token(claims: dict[str, object], **header: object) -> Callable[[], str]:
        def forge() -> str:
            now = kit()
            head = {"alg": bait.algorithm, "kid": bait.kid, "typ": now.header().get("typ", ABSENT)} | header
            return now.token(
                {name: value for name, value in head.items() if value is not ABSENT},
                now.claims(**claims),
                key=bait,
            )

        return forge

    forges = {
        "jku": token({}, jku=issuer.trap("jku")),
        "x5u": token({}, x5u=issuer.trap("x5u")),
        "kid": token({}, kid=issuer.trap("kid")),
        "iss": token({"iss": issuer.trap("iss")}),
    }
    for name, forge in forges.items():
        yield _bearer("probe.key-address", f"{name}: an address of ours", base, forge)
    join = "&" if "?" in base.url else "?"
    address = f"{base.url}{join}request_uri={issuer.trap('request-uri')}"
    lured = replace(base, url=address)
    yield _bearer("probe.key-address", "request_uri: an address of ours", lured, token({}))


def _bearer(
    check: str, name: str, base: Shot, forge: Callable[[], object], row: Attack | None = None
) -> Trial:
    last = [""]

    def shot() -> Shot:
        token = forge()
        last[0] = token if isinstance(token, str) else ""
        return base.bearing(token)

    def secret() -> str:
        return last[0]

    return Trial(check, name, shot, secret=secret, row=row)
