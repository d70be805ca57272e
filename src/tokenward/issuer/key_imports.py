"""API keys that others gave out: taken over by their SHA-256, so that no caller has to change at once.

Such a key has a form of somebody else's: no checksum stops a typing error, no scanner and no log filter can
recognise it. So it is marked as imported until it is rotated, which gives its caller one of ours.
"""

import csv
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import StringIO

from tokenward.base.problems import CONFLICT, INVALID_INPUT, Refusal
from tokenward.issuer.api_keys import ATTEMPTS, ApiKeyDesk, Terms, check_whose, checked
from tokenward.store.port import AlreadyExists
from tokenward.store.records import ApiKey
from tokenward.tokens import opaque

NEEDED = ("name", "owner", "sha256")
OPTIONAL = ("expires", "last_four")

_HEX = re.compile(r"(?:\\x)?([0-9A-Fa-f]{64})")  # PostgreSQL writes \x before its bytes
_TOLD = 20  # problems of one table


@dataclass(frozen=True, slots=True)
class HashedKey:
    """One key of a table.

    Attributes:
        place: where in the table, for messages, such as `line 7`.
        name: what it is for.
        owner: who answers for it.
        sha256: of the key's text as its caller sends it, in hexadecimal.
        expires: a date, or date and time, of ISO 8601, in UTC unless it says otherwise; "" for the default.
        last_four: the key's last characters, if somebody knows them.
    """

    place: str
    name: str
    owner: str
    sha256: str = field(repr=False)
    expires: str = ""
    last_four: str = ""


def read_table(text: str) -> list[HashedKey]:
    """The keys of a CSV table (RFC 4180) whose first line names its columns, in any order.

    Raises:
        Refusal: INVALID_INPUT, whose detail names the lines and what is wrong with them.
    """
    # Not by `splitlines`, to which a line separator of Unicode within a name would be the end of its row.
    reader = csv.reader(StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row]
    except csv.Error as error:
        raise Refusal(INVALID_INPUT, f"line {reader.line_num}: this is no CSV: {error}") from None
    columns = [name.lower() for name in rows[0][1]] if rows else []
    if not set(NEEDED) <= set(columns) <= {*NEEDED, *OPTIONAL} or len(set(columns)) != len(columns):
        raise Refusal(
            INVALID_INPUT,
            f"line 1 must name the columns: {', '.join(NEEDED)}, and perhaps {', '.join(OPTIONAL)}",
        )
    _refuse_any(
        f"line {line}: {len(row)} columns instead of {len(columns)}"
        for line, row in rows[1:]
        if len(row) != len(columns)
    )
    return [HashedKey(f"line {line}", **dict(zip(columns, row, strict=True))) for line, row in rows[1:]]


async def import_keys(desk: ApiKeyDesk, terms: Terms, keys: Sequence[HashedKey]) -> list[ApiKey]:
    """Take the keys over on the same terms: all of them, or none.

    Raises:
        Refusal: INVALID_INPUT, whose detail names the places and what is wrong there; CONFLICT, a key is
            there already.
    """
    terms = checked(desk.settings, terms)
    if not keys:
        raise Refusal(INVALID_INPUT, "there is no key in the table")
    _refuse_any(_problems(desk, keys))
    for _ in range(ATTEMPTS):
        ids = _fresh_ids(desk, len(keys))
        made = [_made(desk, terms, key, key_id) for key, key_id in zip(keys, ids, strict=True)]
        try:
            await desk.store.add_api_keys(made)
        except AlreadyExists:
            await _refuse_known(desk, keys, made)
        else:
            return made
    raise Refusal(CONFLICT, "fresh locators keep being taken")


def _fresh_ids(desk: ApiKeyDesk, count: int) -> Collection[str]:
    """As many locators: a large table gets so many within a millisecond that some would be the same."""
    ids: dict[str, None] = {}
    while len(ids) < count:
        ids[opaque.new("ak", prefix=desk.settings.token_prefix, clock=desk.clock).token_id] = None
    return ids


async def _refuse_known(desk: ApiKeyDesk, keys: Sequence[HashedKey], made: Sequence[ApiKey]) -> None:
    """Return only if none of them was imported before: then it was a locator that is taken."""
    known = [
        key.place
        for key, each in zip(keys, made, strict=True)
        if await desk.store.imported_api_key(each.keyed_hash)
    ]
    if known:
        raise Refusal(CONFLICT, f"imported before: {', '.join(known[:_TOLD])}; nothing was imported")


def _problems(desk: ApiKeyDesk, keys: Sequence[HashedKey]) -> Iterator[str]:
    seen: dict[str, str] = {}
    for key in keys:
        try:
            check_whose(key.name, key.owner)
            first = seen.setdefault(_digest(key).hex(), key.place)
            _end(desk, key)
            _check_last_four(key.last_four)
        except Refusal as refusal:
            yield f"{key.place}: {refusal.detail}"
        else:
            if first != key.place:
                yield f"{key.place}: the same sha256 as {first}"


def _digest(key: HashedKey) -> bytes:
    found = _HEX.fullmatch(key.sha256)
    if found is None:
        raise Refusal(INVALID_INPUT, "sha256 has not 64 hexadecimal digits")
    return bytes.fromhex(found[1])


def _end(desk: ApiKeyDesk, key: HashedKey) -> float:
    now = desk.clock.time()
    if not key.expires:
        return now + desk.settings.api_key_lifetime
    try:
        moment = datetime.fromisoformat(key.expires)
        end = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise Refusal(
            INVALID_INPUT, "expires is no date such as 2027-03-31 or 2027-03-31T12:00:00Z"
        ) from None
    if end <= now:
        raise Refusal(INVALID_INPUT, "the key has ended already: leave it out")
    if end > now + desk.settings.api_key_longest:
        last = datetime.fromtimestamp(now + desk.settings.api_key_longest, UTC)
        raise Refusal(INVALID_INPUT, f"no key lives longer than until {last:%Y-%m-%dT%H:%M:%SZ}")
    return end


def _check_last_four(text: str) -> None:
    if len(text) > 4 or not text.isprintable():
        raise Refusal(INVALID_INPUT, "last_four has more than four characters")


def _made(desk: ApiKeyDesk, terms: Terms, key: HashedKey, key_id: str) -> ApiKey:
    return ApiKey(
        key_id=key_id,
        keyed_hash=opaque.keyed_fingerprint(desk.peppers[0], _digest(key)),
        name=key.name,
        owner=key.owner,
        last_four=key.last_four,
        audience=terms.audience,
        scopes=terms.scopes,
        created_at=desk.clock.time(),
        expires_at=_end(desk, key),
        addresses=terms.addresses,
        origins=terms.origins,
        rate=terms.rate,
        imported=True,
    )


def _refuse_any(problems: Iterator[str]) -> None:
    found = list(problems)
    if found:
        more = [f"and {len(found) - _TOLD} more"] if len(found) > _TOLD else []
        raise Refusal(INVALID_INPUT, "\n".join([*found[:_TOLD], *more, "nothing was imported"]))
