"""What people allowed clients: remembered consent, and the grants that came of it."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import bindparam

from tokenward.store.people_records import Consent
from tokenward.store.records import Grant
from tokenward.store.sql.database import Cursor
from tokenward.store.sql.family import Family
from tokenward.store.sql.person_row import hold
from tokenward.store.sql.revoking import record_each
from tokenward.store.sql.schema import codes, consents, device_codes, grants
from tokenward.store.sql.statements import insert_into
from tokenward.store.sql.token_rows import read_grant
from tokenward.store.sql.tokens import GRANT_IS_DEAD

_CONSENTED = sa.select(consents.c.scope, consents.c.given_at).where(
    consents.c.user_id == bindparam("user"),
    consents.c.client_id == bindparam("client"),
    consents.c.audience == bindparam("at_audience"),
)
_CONSENT = insert_into(consents).on_conflict_do_nothing()
_OF_USER = (
    sa.select(consents.c.client_id, consents.c.audience, consents.c.scope, consents.c.given_at)
    .where(consents.c.user_id == bindparam("user"))
    .order_by(consents.c.client_id, consents.c.audience, consents.c.scope)
)
_FORGET = (
    sa.delete(consents)
    .where(consents.c.user_id == bindparam("user"), consents.c.client_id == bindparam("client"))
    .returning(consents.c.scope)
)

_REVOKE = (
    sa.update(grants)
    .where(
        grants.c.user_id == bindparam("user"),
        grants.c.client_id == bindparam("client"),
        grants.c.revoked_at.is_(None),
    )
    .values(revoked_at=bindparam("at"))
    .returning(grants.c.grant_id)
)
_never_started = sa.or_(
    *(
        sa.exists().where(
            starter.c.grant_id == grants.c.grant_id,
            starter.c.consumed_at.is_(None),
            starter.c.expires_at <= bindparam("at"),
        )
        for starter in (codes, device_codes)
    )
)
_GRANTS = (
    sa.select(*(grants.c[name] for name in Grant.__dataclass_fields__))
    .where(
        grants.c.user_id == bindparam("user"),
        grants.c.expires_at > bindparam("at"),
        sa.not_(GRANT_IS_DEAD),
        sa.not_(_never_started),
    )
    .order_by(grants.c.created_at.desc(), grants.c.grant_id)
)


class SqlConsents(Family):
    """Of `tokenward.store.people_port.People`, what is about consent and grants."""

    async def consented_scope(self, user_id: str, client_id: str, audience: str) -> dict[str, float]:
        key = {"user": user_id, "client": client_id, "at_audience": audience}
        rows = await self._database.read(lambda cursor: cursor.all(_CONSENTED, key))
        return dict(rows)

    async def add_consent(
        self, user_id: str, client_id: str, audience: str, scope: Sequence[str], at: float
    ) -> None:
        key = {"user_id": user_id, "client_id": client_id, "audience": audience, "given_at": at}
        # In one order, so that two such units never wait for each other crosswise.
        rows = [{**key, "scope": word} for word in sorted(set(scope))]

        def unit(cursor: Cursor) -> None:
            for row in rows:
                cursor.run(_CONSENT, row)

        await self._database.write(unit)

    async def consents_of(self, user_id: str) -> list[Consent]:
        rows = await self._database.read(lambda cursor: cursor.all(_OF_USER, {"user": user_id}))
        given: dict[tuple[str, str], list[tuple[str, float]]] = {}
        for client_id, audience, scope, at in rows:
            given.setdefault((client_id, audience), []).append((scope, at))
        return [
            Consent(client_id, audience, tuple(scope for scope, _ in some), max(at for _, at in some))
            for (client_id, audience), some in given.items()
        ]

    async def withdraw_consent(self, user_id: str, client_id: str, at: float) -> bool:
        whose = {"user": user_id, "client": client_id}

        def unit(cursor: Cursor) -> bool:
            hold(cursor, user_id)  # so that a grant that rests on it is there already, or never
            forgotten = cursor.all(_FORGET, whose)
            revoked = sorted(grant_id for (grant_id,) in cursor.all(_REVOKE, {**whose, "at": at}))
            if revoked:
                record_each(cursor, "grant", revoked, at=at)
            return bool(forgotten or revoked)

        return await self._database.write(unit)

    async def grants_of(self, user_id: str, at: float) -> list[Grant]:
        rows = await self._database.read(lambda cursor: cursor.all(_GRANTS, {"user": user_id, "at": at}))
        return list(map(read_grant, rows))
