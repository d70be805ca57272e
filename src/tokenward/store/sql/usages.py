"""What was used, when, and from where: a row for each credential, door and address."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects import postgresql

from tokenward.store.records import ADDRESSES_KEPT, OTHERS, Usage, UsageDoor, UsageKind
from tokenward.store.sql.database import Cursor
from tokenward.store.sql.family import Family
from tokenward.store.sql.schema import api_keys, client_secrets, credential_uses
from tokenward.store.sql.statements import Statement
from tokenward.store.usage_port import USED_AT_ONCE

DAY = 86_400.0
KEPT: dict[UsageKind, float] = {
    "access_token": DAY,
    "refresh_token": 90 * DAY,
    "api_key": 90 * DAY,
    "client_secret": 90 * DAY,
}
"""Seconds for which it is known that something was used from an address, after its last use from there.

An access token is over within minutes, and nobody can tell then what it was.
"""

_FIELDS = tuple(Usage.__dataclass_fields__)
_uses = credential_uses.c

_rows = credential_uses.alias("known")
_others: sa.ColumnElement[str] = sa.literal_column(f"'{OTHERS}'")
# Along the primary key, over no more rows than it lets come to be.
_places = (
    sa.select(sa.func.count())
    .select_from(_rows)
    .where(
        _rows.c.kind == bindparam("kind"),
        _rows.c.subject == bindparam("subject"),
        _rows.c.door == bindparam("door"),
        _rows.c.address.not_in([bindparam("address"), _others]),
    )
    .scalar_subquery()
)
_enough: sa.ColumnElement[int] = sa.literal_column(str(ADDRESSES_KEPT))
_insert = postgresql.insert(credential_uses).values(
    {column.name: bindparam(column.name) for column in credential_uses.c}
    | {"address": sa.case((_places < _enough, bindparam("address", type_=sa.Text)), else_=_others)}
)


def _wider(name: str, beyond: str) -> sa.Case[float]:
    """The row's own value, or the new one where that lies `beyond` it."""
    new, old = _insert.excluded[name], _uses[name]
    return sa.case((new.op(beyond)(old), new), else_=old)


_USED = _insert.on_conflict_do_update(
    index_elements=list(credential_uses.primary_key.columns),
    set_={
        "uses": _uses.uses + _insert.excluded.uses,
        "first_used_at": _wider("first_used_at", "<"),
        "last_used_at": _wider("last_used_at", ">"),
        "kept_until": _wider("kept_until", ">"),
    },
)


def _last_use(table: sa.Table) -> sa.Case[float]:
    at: sa.BindParameter[float] = bindparam("last_used_at")
    return sa.case((table.c.last_used_at > at, table.c.last_used_at), else_=at)


_NOTED: dict[UsageKind, Statement] = {
    "api_key": sa.update(api_keys)
    .where(api_keys.c.key_id == bindparam("subject"))
    .values(uses=api_keys.c.uses + bindparam("uses"), last_used_at=_last_use(api_keys)),
    "client_secret": sa.update(client_secrets)
    .where(client_secrets.c.secret_id == bindparam("subject"))
    .values(last_used_at=_last_use(client_secrets)),
}
"""What credentials know of their use themselves."""

_OF = (
    sa.select(*(_uses[name] for name in _FIELDS))
    .where(_uses.kind == bindparam("kind"), _uses.subject == bindparam("subject"))
    .order_by(_uses.last_used_at.desc(), _uses.door, _uses.address)
)


_Place = tuple[UsageKind, str, UsageDoor]


class SqlUsages(Family):
    """`tokenward.store.usage_port.Usages`."""

    async def record_usage(self, usages: Sequence[Usage]) -> None:
        if len(usages) > USED_AT_ONCE:
            raise ValueError(f"at most {USED_AT_ONCE} uses are written at once")

        # In one order in every process: two that held each other's next row would wait for ever.
        ordered = sorted(_together(usages), key=lambda it: (*_place(it), it.address))

        def unit(cursor: Cursor) -> None:
            for usage in ordered:
                if (noted := _NOTED.get(usage.kind)) is not None:
                    cursor.run(noted, _row(usage))
            for some in _apart(ordered):
                cursor.run_many(_USED, [_row(usage) for usage in some])

        await self._database.write(unit)

    async def usages(self, kind: UsageKind, subject: str) -> list[Usage]:
        which = {"kind": kind, "subject": subject}
        rows = await self._database.read(lambda cursor: cursor.all(_OF, which))
        return [Usage(*row) for row in rows]


def _apart(ordered: Sequence[Usage]) -> Iterator[list[Usage]]:
    """As many together as may be: of one place one alone, since a statement changes `OTHERS` only once."""
    some: list[Usage] = []
    for usage in ordered:
        if some and _place(some[-1]) == _place(usage):
            yield some
            some = []
        some.append(usage)
    yield some


def _together(usages: Iterable[Usage]) -> list[Usage]:
    """One for each place and address."""
    sums: dict[tuple[UsageKind, str, UsageDoor, str], Usage] = {}
    for usage in usages:
        key = (*_place(usage), usage.address)
        known = sums.get(key, usage)
        if known is usage:
            sums[key] = usage
            continue
        sums[key] = replace(
            known,
            uses=known.uses + usage.uses,
            first_used_at=min(known.first_used_at, usage.first_used_at),
            last_used_at=max(known.last_used_at, usage.last_used_at),
        )
    return list(sums.values())


def _place(usage: Usage) -> _Place:
    return usage.kind, usage.subject, usage.door


def _row(usage: Usage) -> dict[str, object]:
    fields: dict[str, object] = {name: getattr(usage, name) for name in _FIELDS}
    return {**fields, "kept_until": usage.last_used_at + KEPT[usage.kind]}
